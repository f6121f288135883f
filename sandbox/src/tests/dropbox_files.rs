//! The tree behind the Dropbox stand-in, without the wire.

use bytes::Bytes;

use crate::dropbox_files::{FileTree, TreeError, WriteMode, content_hash};

fn tree(paths: &[&str]) -> FileTree {
    let mut tree = FileTree::default();
    for path in paths {
        let bytes = Bytes::copy_from_slice(path.as_bytes());
        tree.write(path, bytes, &WriteMode::Add, false).unwrap();
    }
    tree
}

#[test]
fn the_content_hash_is_the_hash_of_the_block_hashes() {
    // The hash of nothing is that of no block at all.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(content_hash(b""), empty);
    let short = "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358";
    assert_eq!(content_hash(b"abc"), short);
    let two_blocks = "14a4d47f23a30177885d9820122f17d2d3a55fe63f7f5c27b95f689e0b2accd6";
    assert_eq!(content_hash(&vec![0; 4 * 1024 * 1024 + 1]), two_blocks);
}

#[test]
fn paths_are_found_in_any_letter_case_and_shown_as_written() {
    let tree = tree(&["/Photos/Été.jpg"]);
    let node = tree.file("/photos/été.JPG").unwrap();
    assert_eq!(node.metadata(true)["path_display"], "/Photos/Été.jpg");
    assert_eq!(node.metadata(true)["path_lower"], "/photos/été.jpg");
}

#[test]
fn a_listing_stays_inside_its_folder() {
    let tree = tree(&["/a/1.jpg", "/a/b/2.jpg", "/ab/3.jpg", "/a-b/4.jpg"]);
    let names = |path, recursive| -> Vec<String> {
        let list = tree.list(path, recursive).unwrap();
        list.iter()
            .map(|it| it["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/A", false), ["1.jpg", "b"]);
    assert_eq!(names("/a", true), ["1.jpg", "b", "2.jpg"]);
    assert_eq!(names("", false), ["a", "a-b", "ab"]);
    assert_eq!(
        tree.list("/a/1.jpg", false).unwrap_err(),
        TreeError::NotFolder
    );
}

#[test]
fn a_move_makes_folders_and_never_overwrites() {
    let mut tree = tree(&["/q/a.jpg", "/done/a.jpg"]);
    let taken = tree.rename("/q/a.jpg", "/done/a.jpg", false);
    assert_eq!(taken.unwrap_err(), TreeError::ConflictFile);
    let moved = tree.rename("/q/a.jpg", "/done/a.jpg", true).unwrap();
    assert_eq!(moved.name(), "a (1).jpg");
    tree.rename("/done/a.jpg", "/new/deep/b.jpg", false)
        .unwrap();
    assert_eq!(tree.paths(), ["/done/a (1).jpg", "/new/deep/b.jpg"]);
    assert!(tree.find("/new/deep").is_ok());
}

#[test]
fn a_moved_folder_takes_its_content_along() {
    let mut tree = tree(&["/a/1.jpg", "/a/b/2.jpg"]);
    tree.rename("/a", "/c", false).unwrap();
    assert_eq!(tree.paths(), ["/c/1.jpg", "/c/b/2.jpg"]);
    assert_eq!(
        tree.rename("/c", "/c/d", false).unwrap_err(),
        TreeError::Nested
    );
}

#[test]
fn an_update_needs_the_current_rev() {
    let mut tree = tree(&["/a.txt"]);
    let stale = WriteMode::Update("0".to_owned());
    let written = tree.write("/a.txt", Bytes::from_static(b"new"), &stale, false);
    assert_eq!(written.unwrap_err(), TreeError::ConflictFile);
}
