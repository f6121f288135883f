//! Deleting images.

use std::sync::Arc;

use publisher::{
    domain::sidecar::SidecarName,
    ports::{Folder, ImageStoreError},
};

use crate::fixture::{Fixture, awkward_names, name};

crate::expectations! {
    an_image_is_deleted_with_the_sidecars_that_are_named,
    an_image_that_is_gone_is_not_found_and_its_sidecar_stays,
    an_image_is_deleted_from_its_folder_alone,
    a_folder_is_not_deleted,
    awkward_names_are_deleted,
}

async fn an_image_is_deleted_with_the_sidecars_that_are_named(fixture: Arc<dyn Fixture>) {
    let others = ["queue/a.jpg.txt", "queue/a.png", "queue/b.jpg"];
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    fixture.write_all(&others).await;
    let store = fixture.store();
    store
        .delete(&name("a.jpg"), &[SidecarName::Stem])
        .await
        .unwrap();
    assert_eq!(fixture.paths().await, others);
    // Without any sidecar, though all are named.
    store
        .delete(&name("b.jpg"), &SidecarName::ALL)
        .await
        .unwrap();
    assert_eq!(fixture.paths().await, others[..2]);
}

async fn an_image_that_is_gone_is_not_found_and_its_sidecar_stays(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/b.txt"]).await;
    let store = fixture.store();
    store.delete(&name("a.jpg"), &[]).await.unwrap();
    for gone in ["a.jpg", "b.jpg"] {
        let again = store.delete(&name(gone), &SidecarName::ALL).await;
        assert!(matches!(again, Err(ImageStoreError::NotFound)), "{again:?}");
    }
    assert_eq!(fixture.paths().await, ["queue/b.txt"]);
}

async fn an_image_is_deleted_from_its_folder_alone(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/reject/a.jpg", "queue/reject/a.txt"])
        .await;
    let remove = fixture.store().in_folder(Folder::Remove);
    remove
        .delete(&name("a.jpg"), &SidecarName::ALL)
        .await
        .unwrap();
    assert_eq!(fixture.paths().await, ["queue/a.jpg"]);
}

async fn a_folder_is_not_deleted(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/folder.jpg/a.jpg", "queue/b.jpg", "queue/b.txt/c.jpg"])
        .await;
    let store = fixture.store();
    let deleted = store.delete(&name("folder.jpg"), &[]).await;
    assert!(
        matches!(deleted, Err(ImageStoreError::NotFound)),
        "{deleted:?}"
    );
    store
        .delete(&name("b.jpg"), &[SidecarName::Stem])
        .await
        .unwrap();
    assert_eq!(
        fixture.paths().await,
        ["queue/b.txt/c.jpg", "queue/folder.jpg/a.jpg"]
    );
}

async fn awkward_names_are_deleted(fixture: Arc<dyn Fixture>) {
    let store = fixture.store();
    for awkward in awkward_names() {
        let text = SidecarName::Stem.beside(&awkward).unwrap();
        let paths = [&awkward, &text].map(|it| format!("queue/{it}"));
        fixture.write_all(&[&paths[0], &paths[1]]).await;
        store
            .delete(&name(&awkward), &[SidecarName::Stem])
            .await
            .unwrap();
        assert_eq!(fixture.paths().await, [""; 0], "{awkward}");
    }
}
