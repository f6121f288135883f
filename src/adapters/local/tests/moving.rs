//! Moves: within a file system and to another one, and finished after a crash.

use super::*;

/// A folder on another file system than temporary folders.
const OTHER_DISK: &str = "/dev/shm";

async fn move_to(
    store: &LocalImageStore,
    image: &str,
    folder: Folder,
    if_taken: IfTaken,
) -> Result<String, ImageStoreError> {
    let found = store.find(&name(image)).await?;
    let moved = store.move_to(&found, &SidecarName::ALL, folder, if_taken);
    let moved = moved.await?;
    moved.sidecar.map(|()| moved.name)
}

#[tokio::test]
async fn an_image_moves_with_its_sidecars_to_a_free_name() {
    let world = World::new();
    for round in 0..3 {
        for file in ["a.jpg", "a.txt", "a.jpg.txt", "b.jpg"] {
            world.write(file, format!("{file} {round}"));
        }
        let moved = move_to(&world.store, "a.jpg", Folder::Keep, IfTaken::Rename).await;
        let expected = ["a.jpg", "a (1).jpg", "a (2).jpg"][round];
        assert_eq!(moved.unwrap(), expected);
        let keep = world.root().join("keep/for good");
        for (file, content) in [
            (expected.to_owned(), "a.jpg"),
            (expected.replace(".jpg", ".txt"), "a.txt"),
            (format!("{expected}.txt"), "a.jpg.txt"),
        ] {
            let moved = fs::read_to_string(keep.join(&file)).unwrap();
            assert_eq!(moved, format!("{content} {round}"), "{file}");
        }
    }
    assert_eq!(world.names().await, ["b.jpg"]);
    assert_eq!(world.files().len(), 1 + 9);
}

#[tokio::test]
async fn a_refused_move_touches_nothing() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    world.write("a.txt", "words");
    fs::create_dir(world.root().join("archive")).unwrap();
    world.write("archive/a.jpg", "another");
    let before = world.files();
    let moved = move_to(&world.store, "a.jpg", Folder::Archive, IfTaken::Refuse).await;
    assert!(matches!(moved, Err(ImageStoreError::NameTaken)));
    assert_eq!(world.files(), before);
}

#[tokio::test]
async fn a_move_to_the_folder_itself_loses_nothing_by_whatever_path() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    world.write("a.txt", "words");
    let alias = world.folder.path().join("alias");
    symlink("root", &alias).unwrap();
    let paths = StoragePaths {
        archive: StoragePath::absolute(alias.to_str().unwrap()).unwrap(),
        ..paths(&world.root())
    };
    let store = LocalFolders::new(Arc::new(SystemClock)).open(&paths);
    for folder in [Folder::Root, Folder::Archive] {
        let moved = move_to(&store, "a.jpg", folder, IfTaken::Rename).await;
        assert_eq!(moved.unwrap(), "a.jpg");
        let refused = move_to(&store, "a.jpg", folder, IfTaken::Refuse).await;
        assert!(matches!(refused, Err(ImageStoreError::NameTaken)));
    }
    assert_eq!(world.files(), ["a.jpg", "a.txt"]);
}

#[tokio::test]
async fn an_image_that_was_replaced_since_it_was_found_stays() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    let found = world.store.find(&name("a.jpg")).await.unwrap();
    world.write("a.jpg", "another image, which was not published");
    let moved = world
        .store
        .move_to(&found, &[], Folder::Archive, IfTaken::Rename)
        .await;
    assert!(matches!(moved, Err(ImageStoreError::NotFound)));
    assert_eq!(world.files(), ["a.jpg"]);
}

#[tokio::test]
async fn numbered_names_fit_the_disk() {
    let world = World::new();
    let long = format!("{}é.jpg", "a".repeat(249));
    for _ in 0..2 {
        world.write(&long, JPEG);
        let moved = move_to(&world.store, &long, Folder::Keep, IfTaken::Rename).await;
        assert!(moved.unwrap().len() <= 255);
    }
    assert_eq!(world.files().len(), 2);
}

#[tokio::test]
async fn a_move_that_was_cut_off_between_two_names_of_a_file_is_finished() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    fs::create_dir(world.root().join("archive")).unwrap();
    fs::hard_link(
        world.root().join("a.jpg"),
        world.root().join("archive/a.jpg"),
    )
    .unwrap();
    let moved = move_to(&world.store, "a.jpg", Folder::Archive, IfTaken::Rename).await;
    assert_eq!(moved.unwrap(), "a.jpg");
    assert_eq!(world.files(), ["archive/a.jpg"]);
}

/// A store with its archive on another disk; `None` where this machine has none.
fn across_disks(world: &World) -> Option<(TempDir, LocalImageStore)> {
    let other = tempfile::tempdir_in(OTHER_DISK).ok()?;
    let device = |path: &Path| rustix::fs::stat(path).unwrap().st_dev;
    if device(other.path()) == device(&world.root()) {
        return None;
    }
    let archive = StoragePath::absolute(other.path().join("a/b").to_str()?)?;
    let paths = StoragePaths {
        archive,
        ..paths(&world.root())
    };
    let store = LocalFolders::new(Arc::new(SystemClock)).open(&paths);
    Some((other, store))
}

#[tokio::test]
async fn an_image_moves_to_another_disk_and_a_copy_of_an_earlier_attempt_is_taken() {
    let world = World::new();
    let Some((other, store)) = across_disks(&world) else {
        return;
    };
    let archive = other.path().join("a/b");
    world.write("a.jpg", JPEG);
    world.write("a.txt", "words");
    let written = fs::metadata(world.root().join("a.jpg")).unwrap().modified();
    let archived = move_to(&store, "a.jpg", Folder::Archive, IfTaken::Rename).await;
    assert_eq!(archived.unwrap(), "a.jpg");
    assert_eq!(fs::read(archive.join("a.jpg")).unwrap(), JPEG);
    assert_eq!(fs::read_to_string(archive.join("a.txt")).unwrap(), "words");
    let modified = fs::metadata(archive.join("a.jpg")).unwrap().modified();
    assert_eq!(modified.unwrap(), written.unwrap());
    // As a crash before the original is removed leaves it.
    world.write("a.jpg", JPEG);
    let again = move_to(&store, "a.jpg", Folder::Archive, IfTaken::Refuse).await;
    assert_eq!(again.unwrap(), "a.jpg");
    // Another image of that name is no copy.
    world.write("a.jpg", "another");
    let taken = move_to(&store, "a.jpg", Folder::Archive, IfTaken::Refuse).await;
    assert!(matches!(taken, Err(ImageStoreError::NameTaken)));
    let renamed = move_to(&store, "a.jpg", Folder::Archive, IfTaken::Rename).await;
    assert_eq!(renamed.unwrap(), "a (1).jpg");
    assert_eq!(fs::read_dir(&archive).unwrap().count(), 3);
    assert!(world.files().is_empty());
}
