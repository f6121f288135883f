//! Putting images.

use std::sync::Arc;

use publisher::ports::{Folder, ImageStoreError, PutMode};

use crate::fixture::{Fixture, awkward_names, encoded, image, name};

crate::expectations! {
    an_image_is_put_and_found,
    an_image_is_put_into_a_folder_that_does_not_exist_yet,
    a_taken_name_is_not_overwritten_by_a_put,
    an_image_is_replaced_where_that_is_asked_for,
    the_same_image_put_again_changes_nothing,
    a_folder_is_not_replaced,
    awkward_names_are_put,
    a_large_image_is_put_whole,
}

async fn an_image_is_put_and_found(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    for mode in [PutMode::New, PutMode::Replace] {
        let it = name(&format!("{mode:?}.jpg"));
        let store = fixture.store();
        store.put(&it, &encoded("words"), mode).await.unwrap();
        let path = format!("queue/{it}");
        assert_eq!(fixture.read(&path).await.unwrap(), image("words"));
        let found = store.find(&it).await.unwrap();
        let bytes = image("words");
        assert_eq!(found.content_hash, (fixture.traits().hash.of)(&bytes));
        assert_eq!(found.size, bytes.len() as u64);
        let fetched = store.fetch(&it).await.unwrap();
        assert_eq!((fetched.stored, fetched.bytes), (found, bytes));
    }
    assert_eq!(fixture.names().await, ["New.jpg", "Replace.jpg"]);
}

async fn an_image_is_put_into_a_folder_that_does_not_exist_yet(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    let keep = fixture.store().in_folder(Folder::Keep);
    keep.put(&name("a.jpg"), &encoded("a"), PutMode::New)
        .await
        .unwrap();
    assert_eq!(fixture.paths().await, ["queue/keep/a.jpg"]);
}

async fn a_taken_name_is_not_overwritten_by_a_put(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    let put = fixture
        .store()
        .put(&name("a.jpg"), &encoded("ours"), PutMode::New)
        .await;
    assert!(matches!(put, Err(ImageStoreError::NameTaken)), "{put:?}");
    let there = fixture.read("queue/a.jpg").await;
    assert_eq!(there.unwrap(), image("queue/a.jpg"));
}

async fn an_image_is_replaced_where_that_is_asked_for(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    let before = fixture.found("a.jpg").await;
    let put = fixture
        .store()
        .put(&name("a.jpg"), &encoded("ours"), PutMode::Replace)
        .await;
    put.unwrap();
    assert_eq!(fixture.read("queue/a.jpg").await.unwrap(), image("ours"));
    assert_eq!(
        fixture.read("queue/a.txt").await.unwrap(),
        image("queue/a.txt")
    );
    let after = fixture.found("a.jpg").await;
    assert_ne!(after.content_hash, before.content_hash);
    assert_ne!(after.revision, before.revision);
}

async fn the_same_image_put_again_changes_nothing(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    let (store, it) = (fixture.store(), name("a.jpg"));
    store.put(&it, &encoded("a"), PutMode::New).await.unwrap();
    // A kind may see that its name is taken by the very same content.
    let again = store.put(&it, &encoded("a"), PutMode::New).await;
    assert!(
        matches!(again, Ok(()) | Err(ImageStoreError::NameTaken)),
        "{again:?}"
    );
    assert_eq!(fixture.read("queue/a.jpg").await.unwrap(), image("a"));
    assert_eq!(fixture.names().await, ["a.jpg"]);
}

async fn a_folder_is_not_replaced(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/folder.jpg/a.jpg"]).await;
    let before = fixture.files().await;
    let store = fixture.store();
    for mode in [PutMode::New, PutMode::Replace] {
        let put = store.put(&name("folder.jpg"), &encoded("ours"), mode).await;
        assert!(put.is_err() || !fixture.traits().has_folders);
        for (path, bytes) in &before {
            assert_eq!(fixture.read(path).await.as_ref(), Some(bytes));
        }
    }
}

async fn awkward_names_are_put(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    let store = fixture.store();
    let mut names = awkward_names();
    for awkward in &names {
        let it = name(awkward);
        store
            .put(&it, &encoded(awkward), PutMode::New)
            .await
            .unwrap();
        let there = fixture.read(&format!("queue/{awkward}")).await;
        assert_eq!(there.unwrap(), image(awkward));
        let taken = store.put(&it, &encoded("another"), PutMode::New).await;
        assert!(
            matches!(taken, Err(ImageStoreError::NameTaken)),
            "{awkward}: {taken:?}"
        );
    }
    names.sort_unstable();
    assert_eq!(fixture.names().await, names);
}

async fn a_large_image_is_put_whole(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    let large = "0123456789abc".repeat(700_000);
    let store = fixture.store();
    let put = store
        .put(&name("a.jpg"), &encoded(&large), PutMode::New)
        .await;
    put.unwrap();
    let there = fixture.read("queue/a.jpg").await.unwrap();
    assert!(there == image(&large), "other bytes were put");
    let found = fixture.found("a.jpg").await;
    assert_eq!(
        found.content_hash,
        (fixture.traits().hash.of)(&image(&large))
    );
}
