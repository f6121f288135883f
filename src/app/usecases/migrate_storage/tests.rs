//! Migrations between mocked storages, with every call counted: what is not expected fails.

mod published;
mod sidecars;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use parking_lot::Mutex;

use super::*;
use crate::{
    adapters::storages,
    app::usecases::fixtures,
    domain::{
        content_hash::{ContentHash, ContentHashKind},
        image_memory::ImageMemory,
        sidecar::SidecarName,
        storage::{HashKind, StorageKind},
    },
    ports::{FetchedImage, FoundFile, MockImageStore, PutMode, SidecarFile},
};

const SHA256: ContentHashKind = ContentHashKind::SHA256;

fn dropbox_hash() -> ContentHashKind {
    storages::content_hash(StorageKind::Dropbox)
}

fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

/// Bytes that pass for a JPEG, different for each text.
fn image(text: &str) -> Bytes {
    [b"\xFF\xD8\xFF\xE0", text.as_bytes()].concat().into()
}

fn stored(image: &str, bytes: &Bytes, hash: ContentHashKind) -> StoredImage {
    StoredImage {
        name: name(image),
        file_id: String::new(),
        revision: String::new(),
        content_hash: (hash.of)(bytes),
        size: bytes.len() as u64,
        last_modified: None,
    }
}

fn fetched(image: &str, bytes: &Bytes, hash: ContentHashKind) -> FetchedImage {
    FetchedImage {
        stored: stored(image, bytes, hash),
        bytes: bytes.clone(),
    }
}

/// A root folder that lists this once.
fn listing(images: Vec<StoredImage>) -> MockImageStore {
    let mut mock = MockImageStore::new();
    mock.expect_list().times(1).return_once(move || Ok(images));
    mock
}

/// Without sidecars.
fn without_sidecars(mut mock: MockImageStore) -> MockImageStore {
    mock.expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    mock
}

/// A storage with this root folder. The others are empty, and listed at the source alone.
fn side(root: MockImageStore, lists_others: usize) -> Side {
    let root = Mutex::new(Some(root));
    let mut all = MockImageStore::new();
    all.expect_in_folder().times(..=4).returning(move |folder| {
        if folder == Folder::Root {
            return Arc::new(root.lock().take().unwrap());
        }
        let mut other = MockImageStore::new();
        other
            .expect_list()
            .times(lists_others)
            .returning(|| Ok(Vec::new()));
        Arc::new(other)
    });
    Side {
        storage: OpenedStorage::without_previews(Arc::new(all)),
    }
}

fn migration(source: MockImageStore, target: MockImageStore) -> MigrateStorage {
    MigrateStorage {
        tenant: TenantName::new("alice").unwrap(),
        source: side(source, 1),
        target: side(target, 0),
        hash_kinds: storages::hash_kinds().into(),
        ledger: None,
        memory: MemoryBudget::for_one_tenant(ImageMemory::default()),
        dry_run: false,
        limit: None,
    }
}

/// The outcomes by name, and the summary.
async fn run(migration: &MigrateStorage) -> (BTreeMap<String, Outcome>, Summary) {
    let seen = Mutex::new(BTreeMap::new());
    let say = |event: &Event| {
        if let Event::File { name, outcome, .. } = event {
            let before = seen.lock().insert(name.clone(), outcome.clone());
            assert_eq!(before, None, "{name} has one outcome");
        }
    };
    let summary = migration.run(&say).await.unwrap();
    (seen.into_inner(), summary)
}

/// A source with one image, which is fetched so often.
fn source_of(bytes: &Bytes, fetches: usize) -> MockImageStore {
    let mut source = listing(vec![stored("a.jpg", bytes, dropbox_hash())]);
    let bytes = bytes.clone();
    source
        .expect_fetch()
        .times(fetches)
        .returning(move |_| Ok(fetched("a.jpg", &bytes, dropbox_hash())));
    source
}

/// A target without images, to which one image is put and of which this is then found.
fn target_taking(found: StoredImage) -> MockImageStore {
    let mut target = listing(Vec::new());
    target
        .expect_put()
        .withf(|_, _, mode| *mode == PutMode::New)
        .times(1)
        .returning(|_, _, _| Ok(()));
    target
        .expect_find()
        .times(1)
        .returning(move |_| Ok(found.clone()));
    target
}

fn copied(bytes: &[u8]) -> Outcome {
    Outcome::Copied {
        bytes: bytes.len() as u64,
    }
}

#[tokio::test]
async fn an_image_is_copied_with_its_sidecar_byte_for_byte_and_checked() {
    let bytes = image("a");
    let text = Bytes::from_static(b"\xFF not UTF-8");
    let mut source = source_of(&bytes, 1);
    let found = text.clone();
    source
        .expect_read_sidecar()
        .times(2)
        .returning(move |_, which| {
            Ok(match which {
                SidecarName::Full => SidecarFile::Missing,
                SidecarName::Stem => fixtures::found(found.clone()),
            })
        });
    let mut target = target_taking(stored("a.jpg", &bytes, SHA256));
    let written: Arc<Mutex<Option<Vec<u8>>>> = Arc::default();
    let there = Arc::clone(&written);
    target
        .expect_read_sidecar()
        .times(2)
        .returning(move |_, _| {
            Ok(there
                .lock()
                .clone()
                .map_or(SidecarFile::Missing, fixtures::found))
        });
    let writes = Arc::clone(&written);
    target
        .expect_write_sidecar()
        .withf(|_, which, _, found| *which == SidecarName::Stem && *found == FoundFile::Nothing)
        .times(1)
        .returning(move |_, _, content, _| {
            *writes.lock() = Some(content.to_vec());
            Ok(())
        });
    let (outcomes, summary) = run(&migration(source, target)).await;
    assert_eq!(outcomes["a.jpg"], copied(&bytes));
    assert_eq!(outcomes["a.txt"], copied(&text));
    assert_eq!(written.lock().as_deref(), Some(&text[..]));
    assert_eq!(summary.bytes, (bytes.len() + text.len()) as u64);
    assert!(summary.is_complete());
}

#[tokio::test]
async fn what_is_at_the_target_is_neither_fetched_nor_put_where_hashes_are_of_one_kind() {
    let bytes = image("a");
    let source = without_sidecars(source_of(&bytes, 0));
    let target = listing(vec![stored("a.jpg", &bytes, dropbox_hash())]);
    let (outcomes, summary) = run(&migration(source, target)).await;
    assert_eq!(outcomes["a.jpg"], Outcome::Present);
    assert_eq!(summary.images.present, 1);
}

#[tokio::test]
async fn hashes_of_two_kinds_are_compared_by_the_bytes_of_the_source() {
    let bytes = image("a");
    for (there, expected) in [("a", Outcome::Present), ("b", Outcome::Different)] {
        let source = without_sidecars(source_of(&bytes, 1));
        let target = listing(vec![stored("a.jpg", &image(there), SHA256)]);
        let (outcomes, summary) = run(&migration(source, target)).await;
        assert_eq!(outcomes["a.jpg"], expected);
        assert_eq!(summary.is_complete(), expected == Outcome::Present);
    }
}

#[tokio::test]
async fn a_file_of_another_size_is_different_without_a_fetch() {
    let source = source_of(&image("a"), 0);
    let target = listing(vec![stored("a.jpg", &image("longer"), SHA256)]);
    let (outcomes, _) = run(&migration(source, target)).await;
    assert_eq!(outcomes["a.jpg"], Outcome::Different);
}

#[tokio::test]
async fn a_hash_that_does_not_follow_from_the_bytes_has_the_copy_read_back() {
    let bytes = image("a");
    for (there, expected) in [("a", true), ("b", false)] {
        let source = without_sidecars(source_of(&bytes, 1));
        let parts = ContentHash::new(HashKind::Etag, "\"abc-2\"").unwrap();
        let found = StoredImage {
            content_hash: parts,
            ..stored("a.jpg", &bytes, SHA256)
        };
        let mut target = target_taking(found);
        let back = image(there);
        target
            .expect_fetch()
            .times(1)
            .returning(move |_| Ok(fetched("a.jpg", &back, SHA256)));
        let (outcomes, _) = run(&migration(source, target)).await;
        assert_eq!(
            outcomes["a.jpg"] == copied(&bytes),
            expected,
            "{outcomes:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_copied_is_counted_and_the_rest_goes_on() {
    let (good, gif) = (image("a"), Bytes::from_static(b"GIF89a"));
    let lied = image("what storage says");
    let listed = |name, bytes| stored(name, bytes, dropbox_hash());
    let mut source = listing(vec![
        listed("gif.jpg", &gif),
        listed("damaged.jpg", &lied),
        listed("gone.jpg", &good),
        StoredImage {
            size: u64::MAX,
            ..listed("huge.jpg", &good)
        },
        listed("a.jpg", &good),
    ]);
    let good_bytes = good.clone();
    source
        .expect_fetch()
        .times(4)
        .returning(move |image| match image.as_str() {
            "gif.jpg" => Ok(fetched("gif.jpg", &gif, dropbox_hash())),
            "damaged.jpg" => Ok(FetchedImage {
                bytes: good_bytes.clone(),
                ..fetched("damaged.jpg", &lied, dropbox_hash())
            }),
            "gone.jpg" => Err(ImageStoreError::NotFound),
            other => Ok(fetched(other, &good_bytes, dropbox_hash())),
        });
    let target = target_taking(stored("a.jpg", &good, SHA256));
    let (outcomes, summary) = run(&migration(without_sidecars(source), target)).await;
    for (name, why) in [
        ("gif.jpg", "no image that can be published"),
        ("damaged.jpg", "damaged"),
        ("gone.jpg", "no such image"),
        ("huge.jpg", "larger than"),
    ] {
        assert!(
            matches!(&outcomes[name], Outcome::Failed(text) if text.contains(why)),
            "{outcomes:?}"
        );
    }
    assert_eq!(outcomes["a.jpg"], copied(&good));
    assert_eq!((summary.images.copied, summary.images.failed), (1, 4));
    assert!(!summary.is_complete());
}

#[tokio::test]
async fn a_name_that_is_taken_meanwhile_is_compared_and_not_overwritten() {
    let bytes = image("a");
    for (there, expected) in [("a", Outcome::Present), ("b", Outcome::Different)] {
        let source = without_sidecars(source_of(&bytes, 1));
        let mut target = listing(Vec::new());
        target
            .expect_put()
            .times(1)
            .returning(|_, _, _| Err(ImageStoreError::NameTaken));
        let found = stored("a.jpg", &image(there), SHA256);
        target
            .expect_find()
            .times(1)
            .returning(move |_| Ok(found.clone()));
        let (outcomes, _) = run(&migration(source, target)).await;
        assert_eq!(outcomes["a.jpg"], expected);
    }
}

#[tokio::test]
async fn a_storage_that_fails_stops_the_run() {
    let bytes = image("a");
    let source = without_sidecars(source_of(&bytes, 1));
    let mut target = listing(Vec::new());
    target
        .expect_put()
        .times(1)
        .returning(|_, _, _| Err(ImageStoreError::Undecided("503".into())));
    let migration = migration(source, target);
    let stopped = migration.run(&|_| {}).await.unwrap_err();
    assert!(matches!(
        stopped,
        Stopped::Target(ImageStoreError::Undecided(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_requests_is_waited_for() {
    let bytes = image("a");
    let mut source = listing(vec![stored("a.jpg", &bytes, dropbox_hash())]);
    let mut limits = 2;
    let back = bytes.clone();
    source.expect_fetch().times(3).returning(move |_| {
        if limits == 0 {
            return Ok(fetched("a.jpg", &back, dropbox_hash()));
        }
        limits -= 1;
        Err(ImageStoreError::RateLimited {
            retry_after: Some(Duration::from_mins(1)),
        })
    });
    let target = target_taking(stored("a.jpg", &bytes, SHA256));
    let (outcomes, _) = run(&migration(without_sidecars(source), target)).await;
    assert_eq!(outcomes["a.jpg"], copied(&bytes));
}

#[tokio::test]
async fn a_dry_run_reads_no_image_and_writes_nothing() {
    let bytes = image("a");
    let mut source = source_of(&bytes, 0);
    source
        .expect_read_sidecar()
        .times(2)
        .returning(|_, _| Ok(fixtures::found("words")));
    let target = without_sidecars(listing(Vec::new()));
    let migration = MigrateStorage {
        dry_run: true,
        ..migration(source, target)
    };
    let (outcomes, summary) = run(&migration).await;
    assert_eq!(outcomes["a.jpg"], copied(&bytes));
    assert_eq!(outcomes["a.txt"], copied(b"words"));
    assert_eq!((summary.images.copied, summary.sidecars.copied), (1, 2));
}

#[tokio::test]
async fn no_more_images_are_copied_than_the_limit_says() {
    let bytes = image("a");
    let listed = ["a.jpg", "b.jpg"].map(|name| stored(name, &bytes, dropbox_hash()));
    let mut source = listing(listed.into());
    let back = bytes.clone();
    source
        .expect_fetch()
        .times(1)
        .returning(move |name| Ok(fetched(name.as_str(), &back, dropbox_hash())));
    let target = target_taking(stored("a.jpg", &bytes, SHA256));
    let migration = MigrateStorage {
        limit: Some(1),
        ..migration(without_sidecars(source), target)
    };
    let (_, summary) = run(&migration).await;
    assert_eq!((summary.images.copied, summary.images.left), (1, 1));
    assert!(summary.is_complete());
}
