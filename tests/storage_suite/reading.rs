//! Finding and fetching an image.

use std::sync::Arc;

use bytes::Bytes;
use publisher::{domain::image::MAX_IMAGE_BYTES, ports::ImageStoreError};

use crate::fixture::{Fixture, awkward_names, image, name};

crate::expectations! {
    an_image_is_found_and_fetched_under_its_name,
    awkward_names_are_found_and_fetched,
    what_is_not_there_is_not_found,
    a_folder_is_no_image,
    a_fetch_has_the_bytes_that_its_hash_is_of,
    an_empty_file_is_fetched,
    a_file_of_many_mebibytes_is_fetched_whole,
    a_file_that_is_too_large_is_not_read,
}

async fn an_image_is_found_and_fetched_under_its_name(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/b.jpg"]).await;
    let found = fixture.found("a.jpg").await;
    assert_eq!(found.name, name("a.jpg"));
    let fetched = fixture.store().fetch(&name("a.jpg")).await.unwrap();
    assert_eq!(fetched.stored, found);
    assert_eq!(fetched.bytes, image("queue/a.jpg"));
}

async fn awkward_names_are_found_and_fetched(fixture: Arc<dyn Fixture>) {
    let store = fixture.store();
    for awkward in awkward_names() {
        let path = format!("queue/{awkward}");
        fixture.write_all(&[&path]).await;
        let found = store.find(&name(&awkward)).await.unwrap();
        assert_eq!(found.name.as_str(), awkward);
        let fetched = store.fetch(&name(&awkward)).await.unwrap();
        assert_eq!(fetched.stored, found);
        assert_eq!(fetched.bytes, image(&path), "{awkward}");
    }
}

async fn what_is_not_there_is_not_found(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&[
            "queue/a.jpg",
            "queue/archive/b.jpg",
            "c.jpg",
            "queues/d.jpg",
        ])
        .await;
    let store = fixture.store();
    for missing in ["b.jpg", "c.jpg", "d.jpg", "a.jpeg", "a.jpg.jpg"] {
        let found = store.find(&name(missing)).await;
        assert!(matches!(found, Err(ImageStoreError::NotFound)), "{found:?}");
        let fetched = store.fetch(&name(missing)).await;
        assert!(
            matches!(fetched, Err(ImageStoreError::NotFound)),
            "{fetched:?}"
        );
    }
}

async fn a_folder_is_no_image(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/folder.jpg/a.jpg"]).await;
    let found = fixture.store().find(&name("folder.jpg")).await;
    assert!(matches!(found, Err(ImageStoreError::NotFound)), "{found:?}");
    let fetched = fixture.store().fetch(&name("folder.jpg")).await;
    let error = fetched.unwrap_err();
    assert!(error.is_about_the_image(), "{error:?}");
}

async fn a_fetch_has_the_bytes_that_its_hash_is_of(fixture: Arc<dyn Fixture>) {
    let path = "queue/a.jpg";
    for content in ["one", "another"] {
        assert!(fixture.write(path, image(content)).await);
        let fetched = fixture.store().fetch(&name("a.jpg")).await.unwrap();
        assert_eq!(fetched.bytes, image(content));
        let hash = (fixture.traits().hash.of)(&fetched.bytes);
        assert_eq!(fetched.stored.content_hash, hash);
        assert_eq!(fixture.found("a.jpg").await.content_hash, hash);
    }
}

async fn an_empty_file_is_fetched(fixture: Arc<dyn Fixture>) {
    assert!(fixture.write("queue/a.jpg", Bytes::new()).await);
    let fetched = fixture.store().fetch(&name("a.jpg")).await.unwrap();
    assert_eq!((fetched.stored.size, fetched.bytes.len()), (0, 0));
}

async fn a_file_of_many_mebibytes_is_fetched_whole(fixture: Arc<dyn Fixture>) {
    // More than a block of Dropbox's hash, and no multiple of anything.
    let large: Bytes = (0..9_000_011_u32)
        .map(|it| it.to_le_bytes()[usize::try_from(it % 3).unwrap_or(0)])
        .collect();
    assert!(fixture.write("queue/a.jpg", large.clone()).await);
    let fetched = fixture.store().fetch(&name("a.jpg")).await.unwrap();
    assert!(fetched.bytes == large, "it was fetched with other bytes");
    assert_eq!(
        fetched.stored.content_hash,
        (fixture.traits().hash.of)(&large)
    );
}

async fn a_file_that_is_too_large_is_not_read(fixture: Arc<dyn Fixture>) {
    let bytes = vec![0; usize::try_from(MAX_IMAGE_BYTES).unwrap() + 1];
    assert!(fixture.write("queue/a.jpg", bytes.into()).await);
    assert_eq!(fixture.found("a.jpg").await.size, MAX_IMAGE_BYTES + 1);
    let fetched = fixture.store().fetch(&name("a.jpg")).await;
    let error = fetched.map(|it| it.stored).unwrap_err();
    assert!(matches!(error, ImageStoreError::TooLarge), "{error:?}");
}
