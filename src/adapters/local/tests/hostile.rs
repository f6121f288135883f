//! What others may put into a folder, and names that callers may give.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, time::Duration};

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode};

use super::*;

#[tokio::test]
async fn links_are_not_followed_wherever_they_lead() {
    let world = World::new();
    world.write("real.jpg", JPEG);
    let root = world.root();
    for (to, link) in [
        ("real.jpg", "inside.jpg"),
        ("../outside/secret.jpg", "outside.jpg"),
        ("/etc/passwd", "absolute.jpg"),
        ("loop.jpg", "loop.jpg"),
        ("../outside", "folder.jpg"),
        ("nowhere.jpg", "nowhere-else.jpg"),
    ] {
        symlink(to, root.join(link)).unwrap();
        let name = name(link);
        let store = &world.store;
        let stored = StoredImage {
            name: name.clone(),
            ..store.find(&super::name("real.jpg")).await.unwrap()
        };
        let moved = store.move_to(&stored, &[], Folder::Keep, IfTaken::Rename);
        for outcome in [
            store.find(&name).await.map(|_| ()),
            store.fetch(&name).await.map(|_| ()),
            moved.await.map(|_| ()),
            store.delete(&name, &SidecarName::ALL).await,
        ] {
            let is_missing = matches!(outcome, Err(ImageStoreError::NotFound));
            assert!(is_missing, "{link}: {outcome:?}");
        }
        for mode in [PutMode::New, PutMode::Replace] {
            let put = store.put(&name, &image(JPEG), mode).await;
            assert!(matches!(put, Err(ImageStoreError::NameTaken)), "{link}");
        }
        assert!(root.join(link).is_symlink());
    }
    assert_eq!(world.names().await, ["real.jpg"]);
}

#[tokio::test]
async fn a_link_in_the_place_of_a_folder_below_the_root_is_refused() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    symlink("../outside", world.root().join("archive")).unwrap();
    let archive = world.store.in_folder(Folder::Archive);
    let found = world.store.find(&name("a.jpg")).await.unwrap();
    let moved = world
        .store
        .move_to(&found, &[], Folder::Archive, IfTaken::Rename)
        .await;
    for error in [
        archive.list().await.unwrap_err(),
        archive.fetch(&name("secret.jpg")).await.unwrap_err(),
        moved.unwrap_err(),
    ] {
        let is_refused = matches!(error, ImageStoreError::Misconfigured { .. });
        assert!(is_refused, "{error:?}");
    }
    assert!(world.root().join("a.jpg").exists());
}

#[tokio::test]
async fn what_is_no_file_is_neither_opened_nor_waited_for() {
    let world = World::new();
    let fifo = world.root().join("fifo.jpg");
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    rustix::fs::mknodat(
        CWD,
        world.root().join("b.txt"),
        FileType::Fifo,
        Mode::RWXU,
        0,
    )
    .unwrap();
    std::os::unix::net::UnixListener::bind(world.root().join("socket.jpg")).unwrap();
    fs::create_dir(world.root().join("folder.jpg")).unwrap();
    let at_once = async {
        assert!(world.names().await.is_empty());
        for file in ["fifo.jpg", "socket.jpg", "folder.jpg"] {
            let fetched = world.store.fetch(&name(file)).await;
            assert!(matches!(fetched, Err(ImageStoreError::NotFound)), "{file}");
        }
        let image = name("b.jpg");
        let read = world.store.read_sidecar(&image, SidecarName::Stem);
        assert_eq!(read.await.unwrap(), SidecarFile::Unreadable);
    };
    tokio::time::timeout(Duration::from_secs(30), at_once)
        .await
        .expect("nothing waits for a FIFO");
}

#[tokio::test]
async fn names_that_are_no_text_and_files_too_large_hide_no_others() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    fs::write(world.root().join(OsStr::from_bytes(b"b\xFF.jpg")), JPEG).unwrap();
    let huge = fs::File::create(world.root().join("huge.jpg")).unwrap();
    huge.set_len(1 << 40).unwrap();
    assert_eq!(world.names().await, ["a.jpg"]);
    let huge = name("huge.jpg");
    for outcome in [
        world.store.find(&huge).await.map(|_| ()),
        world.store.fetch(&huge).await.map(|_| ()),
    ] {
        assert!(matches!(outcome, Err(ImageStoreError::TooLarge)));
    }
}

#[tokio::test]
async fn files_and_folders_without_permission_are_told_apart() {
    if rustix::process::geteuid().is_root() {
        // Nothing is forbidden to it.
        return;
    }
    let world = World::new();
    world.write("a.jpg", JPEG);
    world.write("b.jpg", JPEG);
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&world.root().join("a.jpg"), 0o000);
    assert_eq!(world.names().await, ["b.jpg"]);
    let fetched = world.store.fetch(&name("a.jpg")).await;
    assert!(matches!(fetched, Err(ImageStoreError::Restricted { .. })));
    mode(&world.root(), 0o555);
    let put = world
        .store
        .put(&name("c.jpg"), &image(JPEG), PutMode::New)
        .await;
    let deleted = world.store.delete(&name("b.jpg"), &[]).await;
    mode(&world.root(), 0o000);
    let listed = world.store.list().await.map(|_| ());
    mode(&world.root(), 0o755);
    for outcome in [put, deleted, listed] {
        let is_refused = matches!(outcome, Err(ImageStoreError::Misconfigured { .. }));
        assert!(is_refused, "{outcome:?}");
    }
}

/// Names that callers may try, and parts of them.
fn hostile_name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("..".to_owned()),
        Just("/".to_owned()),
        Just("../outside/secret".to_owned()),
        Just("%2e%2e%2f".to_owned()),
        Just("\u{202e}".to_owned()),
        Just(".publisher-1.part".to_owned()),
        "\\PC{0,5}",
        "[a-z.~$'\" -]{0,260}",
    ];
    let ending = prop_oneof![Just(".jpg"), Just(".PNG"), Just(".webp"), Just("")];
    (prop::collection::vec(part, 0..4), ending).prop_map(|(parts, end)| parts.concat() + end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_the_name_nothing_outside_the_folder_is_read_or_written(text in hostile_name()) {
        let Ok(name) = ImageName::new(&text) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let outside = || {
                let mut names: Vec<_> = fs::read_dir(world.folder.path()).unwrap()
                    .chain(fs::read_dir(world.folder.path().join("outside")).unwrap())
                    .map(|entry| entry.unwrap().path()).collect();
                names.sort();
                names
            };
            let before = outside();
            if world.store.put(&name, &image(JPEG), PutMode::New).await.is_ok() {
                let found = world.store.find(&name).await.unwrap();
                assert_eq!(&*world.store.fetch(&name).await.unwrap().bytes, JPEG);
                for which in SidecarName::ALL {
                    let written = world.store
                        .write_sidecar(&name, which, b"words", &FoundFile::Nothing).await;
                    assert_eq!(written.is_ok(), which.beside(name.as_str()).is_some());
                }
                let moved = world.store
                    .move_to(&found, &SidecarName::ALL, Folder::Keep, IfTaken::Rename).await.unwrap();
                assert_eq!(moved.name, name.as_str());
                moved.sidecar.unwrap();
                let keep = world.store.in_folder(Folder::Keep);
                keep.delete(&name, &SidecarName::ALL).await.unwrap();
            }
            assert!(world.files().is_empty(), "{:?}", world.files());
            assert_eq!(outside(), before);
            assert_eq!(fs::read(world.folder.path().join("outside/secret.jpg")).unwrap(), b"secret");
        });
    }
}
