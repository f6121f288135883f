//! The calls of the port on real folders.

mod hostile;
mod moving;
mod reading;

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::*;
use crate::{
    adapters::clock::SystemClock,
    domain::{
        image::{EncodedImage, ImageName, StoredImage},
        sidecar::SidecarName,
        tenant_config::StoragePath,
    },
    ports::{FoundFile, IfTaken, ImageStore, ImageStoreError, PutMode, SidecarFile},
};

/// The bytes of what passes for a JPEG.
const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0 not much of an image";

/// A folder with images, and a store of it. Beside it is another one, which nothing may reach.
struct World {
    folder: TempDir,
    store: LocalImageStore,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        fs::write(folder.path().join("outside/secret.jpg"), "secret").unwrap();
        let store = store(&folder.path().join("root"));
        Self { folder, store }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.root().join(name), bytes).unwrap();
    }

    async fn names(&self) -> Vec<String> {
        let listed = self.store.list().await.unwrap();
        listed.iter().map(|it| it.name.to_string()).collect()
    }

    /// All files below the root, by their paths in it.
    fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(&self.root(), &self.root(), &mut found);
        found.sort();
        found
    }
}

fn walk(root: &Path, at: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            walk(root, &path, found);
        } else {
            let below = path.strip_prefix(root).unwrap();
            found.push(below.to_str().unwrap().to_owned());
        }
    }
}

fn paths(root: &Path) -> StoragePaths {
    let root = StoragePath::absolute(root.to_str().unwrap()).unwrap();
    let below = |name| root.resolve(name).unwrap();
    StoragePaths {
        archive: below("archive"),
        keep: below("keep/for good"),
        remove: below("reject"),
        root,
    }
}

fn store(root: &Path) -> LocalImageStore {
    LocalFolders::new(Arc::new(SystemClock)).open(&paths(root))
}

fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

fn image(bytes: &[u8]) -> EncodedImage {
    EncodedImage::new(Vec::from(bytes).into()).unwrap()
}

#[tokio::test]
async fn a_folder_is_listed_by_name_with_the_hashes_of_its_images_alone() {
    let world = World::new();
    for file in ["b.JPG", "a.webp", "notes.txt", "c.jpg.txt", "movie.mp4"] {
        world.write(file, file);
    }
    fs::create_dir(world.root().join("folder.jpg")).unwrap();
    fs::create_dir(world.root().join("deeper")).unwrap();
    world.write("deeper/d.jpg", "d");
    let listed = world.store.list().await.unwrap();
    let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a.webp", "b.JPG"]);
    for image in &listed {
        let bytes = image.name.as_str().as_bytes();
        assert_eq!(image.content_hash, (REGISTRATION.content_hash.of)(bytes));
        assert_eq!(image.size, bytes.len() as u64);
        let file = fs::metadata(world.root().join(image.name.as_str())).unwrap();
        assert_eq!(image.last_modified, file.modified().ok());
        assert_eq!(world.store.find(&image.name).await.unwrap(), *image);
        let fetched = world.store.fetch(&image.name).await.unwrap();
        assert_eq!((fetched.stored, &*fetched.bytes), (image.clone(), bytes));
    }
}

#[tokio::test]
async fn an_image_that_is_rewritten_is_another_at_once() {
    let world = World::new();
    for content in ["first", "other", "third"] {
        // The same size, and perhaps the same tick of the clock.
        world.write("a.jpg", content);
        let hash = (REGISTRATION.content_hash.of)(content.as_bytes());
        assert_eq!(world.store.list().await.unwrap()[0].content_hash, hash);
        let found = world.store.find(&name("a.jpg")).await.unwrap();
        assert_eq!(found.content_hash, hash);
    }
}

#[tokio::test]
async fn folders_that_do_not_exist_have_no_images_and_a_missing_root_says_what_to_do() {
    let world = World::new();
    for folder in [Folder::Archive, Folder::Keep, Folder::Remove] {
        let store = world.store.in_folder(folder);
        assert!(store.list().await.unwrap().is_empty());
        let missing = store.find(&name("a.jpg")).await;
        assert!(matches!(missing, Err(ImageStoreError::NotFound)));
    }
    fs::remove_dir(world.root()).unwrap();
    let root = world.root();
    let put = world
        .store
        .put(&name("a.jpg"), &image(JPEG), PutMode::New)
        .await;
    for error in [world.store.list().await.unwrap_err(), put.unwrap_err()] {
        let ImageStoreError::Misconfigured { problem, detail } = error else {
            panic!("{error:?}")
        };
        assert!(problem.contains("does not exist"), "{problem}");
        assert!(!problem.contains(root.to_str().unwrap()), "{problem}");
        assert!(detail.contains(root.to_str().unwrap()), "{detail}");
    }
    assert!(!root.exists());
}

#[tokio::test]
async fn a_sidecar_replaces_what_was_found_and_nothing_else() {
    let world = World::new();
    world.write("a.jpg", JPEG);
    let image = name("a.jpg");
    let write = async |text: &str, found: &FoundFile| {
        let written = world
            .store
            .write_sidecar(&image, SidecarName::Stem, text.as_bytes(), found);
        written.await
    };
    let read = async || {
        let read = world.store.read_sidecar(&image, SidecarName::Stem).await;
        match read.unwrap() {
            SidecarFile::Found { bytes, revision } => (bytes, FoundFile::Revision(revision)),
            other => panic!("{other:?}"),
        }
    };
    let missing = world.store.read_sidecar(&image, SidecarName::Stem).await;
    assert_eq!(missing.unwrap(), SidecarFile::Missing);
    write("one", &FoundFile::Nothing).await.unwrap();
    let again = write("two", &FoundFile::Nothing).await;
    assert!(matches!(again, Err(ImageStoreError::SidecarChanged)));
    let (bytes, one) = read().await;
    assert_eq!(&*bytes, b"one");
    write("two", &one).await.unwrap();
    let stale = write("three", &one).await;
    assert!(matches!(stale, Err(ImageStoreError::SidecarChanged)));
    assert_eq!(&*read().await.0, b"two");
    fs::remove_file(world.root().join("a.txt")).unwrap();
    let gone = write("three", &read_revision("two")).await;
    assert!(matches!(gone, Err(ImageStoreError::SidecarChanged)));
    assert_eq!(world.files(), ["a.jpg"]);
}

fn read_revision(text: &str) -> FoundFile {
    FoundFile::Revision((REGISTRATION.content_hash.of)(text.as_bytes()).to_string())
}

#[tokio::test]
async fn what_can_be_no_sidecar_is_unreadable() {
    let world = World::new();
    fs::create_dir(world.root().join("a.txt")).unwrap();
    world.write("b.txt", vec![b'x'; 64 * 1024 + 1]);
    symlink("b.txt", world.root().join("c.txt")).unwrap();
    for image in ["a.jpg", "b.jpg", "c.jpg"] {
        let name = name(image);
        let read = world.store.read_sidecar(&name, SidecarName::Stem);
        assert_eq!(read.await.unwrap(), SidecarFile::Unreadable, "{image}");
    }
}

#[tokio::test]
async fn a_put_takes_a_free_name_or_replaces_the_image() {
    let world = World::new();
    let put = async |bytes: &[u8], mode| {
        let (name, image) = (name("a.jpg"), image(bytes));
        world.store.put(&name, &image, mode).await
    };
    put(JPEG, PutMode::New).await.unwrap();
    let taken = put(b"\xFF\xD8\xFFother", PutMode::New).await;
    assert!(matches!(taken, Err(ImageStoreError::NameTaken)));
    assert_eq!(fs::read(world.root().join("a.jpg")).unwrap(), JPEG);
    put(b"\xFF\xD8\xFFother", PutMode::Replace).await.unwrap();
    assert_eq!(
        fs::read(world.root().join("a.jpg")).unwrap(),
        b"\xFF\xD8\xFFother"
    );
    assert_eq!(world.files(), ["a.jpg"]);
}

#[tokio::test]
async fn an_image_is_deleted_with_its_sidecars_and_nothing_else() {
    let world = World::new();
    for file in ["a.jpg", "a.txt", "a.jpg.txt", "b.jpg", "b.txt"] {
        world.write(file, file);
    }
    let image = name("a.jpg");
    let deleted = world.store.delete(&image, &SidecarName::ALL).await;
    deleted.unwrap();
    assert_eq!(world.files(), ["b.jpg", "b.txt"]);
    let again = world.store.delete(&name("a.jpg"), &SidecarName::ALL).await;
    assert!(matches!(again, Err(ImageStoreError::NotFound)));
}

#[tokio::test]
async fn what_an_interrupted_write_has_left_is_not_listed_and_goes_after_an_hour() {
    let world = World::new();
    let (old, new) = (".publisher-1.part", ".publisher-2.part");
    for file in [old, new, ".other-1.part"] {
        world.write(file, JPEG);
        let file = fs::File::options()
            .write(true)
            .open(world.root().join(file))
            .unwrap();
        let age = std::time::Duration::from_secs(3_601);
        file.set_modified(file.metadata().unwrap().modified().unwrap() - age)
            .unwrap();
    }
    world.write(new, JPEG);
    assert!(world.names().await.is_empty());
    assert_eq!(world.files(), [".other-1.part", new]);
}
