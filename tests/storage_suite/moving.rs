//! Moving images between folders.

use std::sync::Arc;

use publisher::{
    domain::sidecar::SidecarName,
    ports::{Folder, IfTaken, ImageStoreError, Moved},
};

use crate::fixture::{Fixture, awkward_names, image, name};

crate::expectations! {
    an_image_moves_with_its_sidecar_to_a_folder_that_is_made,
    only_the_sidecars_that_are_named_move,
    an_image_moves_from_any_folder_to_any_other,
    a_taken_name_is_not_overwritten_and_another_one_is_taken,
    a_taken_name_is_refused_before_anything_is_touched,
    a_taken_name_of_a_sidecar_is_not_overwritten,
    a_move_to_where_the_image_is_loses_nothing,
    an_image_that_is_gone_does_not_move,
    an_image_that_has_taken_the_name_of_another_does_not_move_for_it,
    awkward_names_move,
}

async fn moved(
    fixture: &dyn Fixture,
    folder: Folder,
    if_taken: IfTaken,
) -> Result<Moved, ImageStoreError> {
    let image = fixture.found("a.jpg").await;
    let store = fixture.store();
    store
        .move_to(&image, &[SidecarName::Stem], folder, if_taken)
        .await
}

async fn an_image_moves_with_its_sidecar_to_a_folder_that_is_made(fixture: Arc<dyn Fixture>) {
    for (if_taken, folder, place) in [
        (IfTaken::Rename, Folder::Archive, "archive"),
        (IfTaken::Refuse, Folder::Keep, "keep"),
        (IfTaken::Refuse, Folder::Remove, "reject"),
    ] {
        fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
        let moved = moved(&*fixture, folder, if_taken).await.unwrap();
        assert_eq!(moved.name, "a.jpg");
        moved.sidecar.unwrap();
        let bytes = fixture.read(&format!("queue/{place}/a.jpg")).await;
        assert_eq!(bytes.unwrap(), image("queue/a.jpg"));
        let text = fixture.read(&format!("queue/{place}/a.txt")).await;
        assert_eq!(text.unwrap(), image("queue/a.txt"));
        assert_eq!(fixture.read("queue/a.jpg").await, None);
        assert_eq!(fixture.read("queue/a.txt").await, None);
        let archive = fixture.store().in_folder(folder);
        let there = archive.find(&name("a.jpg")).await.unwrap();
        assert_eq!(
            there.content_hash,
            (fixture.traits().hash.of)(&image("queue/a.jpg"))
        );
    }
}

async fn only_the_sidecars_that_are_named_move(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&[
            "queue/a.jpg",
            "queue/a.txt",
            "queue/a.jpg.txt",
            "queue/b.txt",
        ])
        .await;
    let moved = moved(&*fixture, Folder::Archive, IfTaken::Rename)
        .await
        .unwrap();
    moved.sidecar.unwrap();
    let paths = fixture.paths().await;
    let expected = [
        "queue/a.jpg.txt",
        "queue/archive/a.jpg",
        "queue/archive/a.txt",
        "queue/b.txt",
    ];
    assert_eq!(paths, expected);
}

async fn an_image_moves_from_any_folder_to_any_other(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    let mut from = Folder::Root;
    for (folder, place) in [
        (Folder::Archive, "queue/archive"),
        (Folder::Keep, "queue/keep"),
        (Folder::Remove, "queue/reject"),
        (Folder::Root, "queue"),
    ] {
        let store = fixture.store().in_folder(from);
        let image = store.find(&name("a.jpg")).await.unwrap();
        let sidecars = &[SidecarName::Stem];
        let moved = store
            .move_to(&image, sidecars, folder, IfTaken::Refuse)
            .await;
        moved.unwrap().sidecar.unwrap();
        let paths = fixture.paths().await;
        assert_eq!(paths, [format!("{place}/a.jpg"), format!("{place}/a.txt")]);
        from = folder;
    }
}

async fn a_taken_name_is_not_overwritten_and_another_one_is_taken(fixture: Arc<dyn Fixture>) {
    let others = ["queue/archive/a.jpg", "queue/archive/a.txt"];
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    fixture.write_all(&others).await;
    let moved = moved(&*fixture, Folder::Archive, IfTaken::Rename)
        .await
        .unwrap();
    assert_ne!(moved.name, "a.jpg");
    moved.sidecar.unwrap();
    for other in others {
        assert_eq!(fixture.read(other).await.unwrap(), image(other));
    }
    let at = |name: &str| format!("queue/archive/{name}");
    let bytes = fixture.read(&at(&moved.name)).await.unwrap();
    assert_eq!(bytes, image("queue/a.jpg"));
    let text = SidecarName::Stem.beside(&moved.name).unwrap();
    let text = fixture.read(&at(&text)).await.unwrap();
    assert_eq!(
        text,
        image("queue/a.txt"),
        "the sidecar has the image's new name"
    );
    assert_eq!(fixture.paths().await.len(), 4);
}

async fn a_taken_name_is_refused_before_anything_is_touched(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/a.txt", "queue/archive/a.jpg"])
        .await;
    let before = fixture.files().await;
    let refused = moved(&*fixture, Folder::Archive, IfTaken::Refuse).await;
    assert!(
        matches!(refused, Err(ImageStoreError::NameTaken)),
        "{refused:?}"
    );
    assert_eq!(fixture.files().await, before);
}

async fn a_taken_name_of_a_sidecar_is_not_overwritten(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/a.txt", "queue/archive/a.txt"])
        .await;
    let moved = moved(&*fixture, Folder::Archive, IfTaken::Rename)
        .await
        .unwrap();
    assert_eq!(moved.name, "a.jpg");
    let files = fixture.files().await;
    assert_eq!(files["queue/archive/a.txt"], image("queue/archive/a.txt"));
    assert_eq!(files["queue/archive/a.jpg"], image("queue/a.jpg"));
    let text = image("queue/a.txt");
    let kept = files.values().filter(|bytes| **bytes == text).count();
    assert_eq!(kept, 1, "the sidecar is somewhere: {:?}", files.keys());
}

async fn a_move_to_where_the_image_is_loses_nothing(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    for if_taken in [IfTaken::Refuse, IfTaken::Rename] {
        let before = fixture.files().await;
        // Callers do not ask for it. Whatever comes of it, the image and its sidecar are there afterwards.
        let _ = moved(&*fixture, Folder::Root, if_taken).await;
        let after = fixture.files().await;
        let contents = |files: &std::collections::BTreeMap<_, bytes::Bytes>| {
            let mut contents: Vec<_> = files.values().cloned().collect();
            contents.sort_unstable();
            contents
        };
        assert_eq!(contents(&after), contents(&before), "{:?}", after.keys());
    }
}

async fn an_image_that_is_gone_does_not_move(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/a.txt", "queue/b.jpg"])
        .await;
    let image = fixture.found("a.jpg").await;
    let sidecars = &[SidecarName::Stem];
    let store = fixture.store();
    store.delete(&name("a.jpg"), &[]).await.unwrap();
    let before = fixture.files().await;
    for if_taken in [IfTaken::Rename, IfTaken::Refuse] {
        let gone = store
            .move_to(&image, sidecars, Folder::Keep, if_taken)
            .await;
        assert!(matches!(gone, Err(ImageStoreError::NotFound)), "{gone:?}");
    }
    assert_eq!(fixture.files().await, before);
}

async fn awkward_names_move(fixture: Arc<dyn Fixture>) {
    let store = fixture.store();
    for awkward in awkward_names() {
        let path = format!("queue/{awkward}");
        fixture.write_all(&[&path]).await;
        let found = store.find(&name(&awkward)).await.unwrap();
        let moved = store.move_to(&found, &SidecarName::ALL, Folder::Keep, IfTaken::Refuse);
        let moved = moved.await.unwrap();
        moved.sidecar.unwrap();
        assert_eq!(moved.name, awkward);
        let there = fixture.read(&format!("queue/keep/{awkward}")).await;
        assert_eq!(there.unwrap(), image(&path), "{awkward}");
    }
    assert_eq!(fixture.names().await, [""; 0]);
}

async fn an_image_that_has_taken_the_name_of_another_does_not_move_for_it(
    fixture: Arc<dyn Fixture>,
) {
    for deletes_first in [false, true] {
        fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
        let found = fixture.found("a.jpg").await;
        let store = fixture.store();
        if deletes_first {
            store.delete(&name("a.jpg"), &[]).await.unwrap();
        }
        let other = format!("another, after a deletion: {deletes_first}");
        assert!(fixture.write("queue/a.jpg", image(&other)).await);
        let before = fixture.files().await;
        for if_taken in [IfTaken::Rename, IfTaken::Refuse] {
            let sidecars = &[SidecarName::Stem];
            let refused = store.move_to(&found, sidecars, Folder::Archive, if_taken);
            let refused = refused.await;
            assert!(
                matches!(refused, Err(ImageStoreError::NotFound)),
                "{refused:?}"
            );
        }
        assert_eq!(fixture.files().await, before);
    }
}
