//! Storage that does not say what is there: nothing is written then, and nothing is taken for absent.

use std::sync::Arc;

use publisher::{
    domain::sidecar::SidecarName,
    ports::{Folder, FoundFile, IfTaken, ImageStoreError, PutMode},
};

use crate::fixture::{Failing, Fixture, encoded, name};

crate::expectations! {
    nothing_is_written_while_storage_refuses,
    nothing_is_written_while_storage_fails,
    nothing_is_written_while_storage_does_not_answer,
}

async fn nothing_is_written_while_storage_refuses(fixture: Arc<dyn Fixture>) {
    nothing_is_written(&*fixture, Failing::Status(403)).await;
}

async fn nothing_is_written_while_storage_fails(fixture: Arc<dyn Fixture>) {
    nothing_is_written(&*fixture, Failing::Status(503)).await;
}

async fn nothing_is_written_while_storage_does_not_answer(fixture: Arc<dyn Fixture>) {
    nothing_is_written(&*fixture, Failing::NoAnswer).await;
}

async fn nothing_is_written(fixture: &dyn Fixture, failing: Failing) {
    fixture
        .write_all(&["queue/a.jpg", "queue/a.txt", "queue/keep/a.jpg"])
        .await;
    let store = fixture.store();
    let found = fixture.found("a.jpg").await;
    let before = fixture.files().await;
    fixture.fail(Some(failing));
    let image = encoded("ours");
    let (there, free) = (name("a.jpg"), name("b.jpg"));
    let stem = SidecarName::Stem;
    let errors = [
        store.put(&there, &image, PutMode::New).await.err(),
        store.put(&free, &image, PutMode::New).await.err(),
        store
            .write_sidecar(&there, stem, b"ours", &FoundFile::Nothing)
            .await
            .err(),
        store.read_sidecar(&there, stem).await.err(),
        store.find(&free).await.err(),
        store.fetch(&free).await.err(),
        store.list().await.err(),
        store.in_folder(Folder::Keep).list().await.err(),
        store
            .move_to(&found, &[stem], Folder::Keep, IfTaken::Refuse)
            .await
            .err(),
        store
            .move_to(&found, &[stem], Folder::Keep, IfTaken::Rename)
            .await
            .err(),
        store.delete(&there, &[stem]).await.err(),
    ];
    fixture.fail(None);
    for (index, error) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("call {index} has succeeded"));
        // Not that something is there, nor that it is not.
        let is_undecided = match error {
            ImageStoreError::NotFound
            | ImageStoreError::NameTaken
            | ImageStoreError::SidecarChanged => false,
            _ => !error.is_about_the_image(),
        };
        assert!(is_undecided, "call {index}: {error:?}");
    }
    assert_eq!(fixture.files().await, before);
}
