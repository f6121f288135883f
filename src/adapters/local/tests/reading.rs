//! What is kept of files that were read, and reading in parts.

use std::time::{Duration, Instant, SystemTime};

use futures_util::TryStreamExt as _;

use super::*;
use crate::{
    adapters::local::folder::OpenFolder,
    domain::image::ImageFormat,
    ports::{Clock, ImageContents},
};

/// The clock of the system, some seconds later.
struct Later(u64);

impl Clock for Later {
    fn now(&self) -> Instant {
        SystemClock.now()
    }

    fn utc(&self) -> SystemTime {
        SystemClock.utc() + Duration::from_secs(self.0)
    }
}

#[tokio::test]
async fn a_digest_is_kept_of_each_state_of_a_file_that_did_not_change_a_moment_ago() {
    for (age, is_kept) in [(0, false), (10, true)] {
        let world = World::new();
        let store = LocalFolders::new(Arc::new(Later(age))).open(&paths(&world.root()));
        world.write("a.jpg", "first");
        store.list().await.unwrap();
        let state = || {
            let folder = OpenFolder::at_path(&world.root()).unwrap();
            folder.state("a.jpg").unwrap().unwrap()
        };
        let first = state();
        assert_eq!(store.shared.digests.get(&first).is_some(), is_kept);
        // The same size and time, in the same file: only the system's own time tells.
        let modified = fs::metadata(world.root().join("a.jpg")).unwrap().modified();
        world.write("a.jpg", "other");
        let file = fs::File::options()
            .write(true)
            .open(world.root().join("a.jpg"));
        file.unwrap().set_modified(modified.unwrap()).unwrap();
        let listed = store.list().await.unwrap();
        assert_eq!(
            listed[0].content_hash,
            (REGISTRATION.content_hash.of)(b"other")
        );
        assert_eq!(listed[0].revision, first.revision());
    }
}

#[tokio::test]
async fn an_image_is_read_in_small_pieces_and_as_it_was_opened() {
    let world = World::new();
    let bytes: Vec<u8> = JPEG.iter().copied().cycle().take(200_000).collect();
    world.write("a.jpg", &bytes);
    let opened = world.store.open(&name("a.jpg")).await.unwrap();
    assert_eq!(opened.format, Some(ImageFormat::Jpeg));
    assert_eq!(
        opened.stored,
        world.store.find(&name("a.jpg")).await.unwrap()
    );
    fs::remove_file(world.root().join("a.jpg")).unwrap();
    world.write("a.jpg", "another");
    let pieces: Vec<_> = opened.content.read(3..180_000).try_collect().await.unwrap();
    assert!(pieces.iter().all(|piece| piece.len() <= 64 * 1024));
    assert_eq!(pieces.concat(), bytes[3..180_000]);
    let other = world.store.open(&name("a.jpg")).await.unwrap();
    assert_eq!(other.format, None);
    let file = fs::File::options()
        .write(true)
        .open(world.root().join("a.jpg"));
    file.unwrap().set_len(3).unwrap();
    let cut: Result<Vec<_>, _> = other.content.read(0..7).try_collect().await;
    assert!(cut.is_err(), "a body that ends too early is an error");
    let missing = world.store.open(&name("b.jpg")).await;
    assert!(matches!(missing, Err(ImageStoreError::NotFound)));
}
