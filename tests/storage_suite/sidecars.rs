//! Reading and writing the files where sidecars can be.

use std::sync::Arc;

use bytes::Bytes;
use publisher::{
    domain::sidecar::{MAX_SIDECAR_BYTES, SidecarName},
    ports::{FoundFile, ImageStoreError, SidecarFile},
};

use crate::fixture::{Fixture, awkward_names, name};

crate::expectations! {
    a_missing_sidecar_is_missing,
    a_sidecar_is_read_with_whatever_bytes_it_has,
    a_sidecar_is_written_where_nothing_is,
    a_sidecar_replaces_the_revision_that_was_found,
    a_sidecar_that_has_changed_meanwhile_is_left_as_it_is,
    a_sidecar_that_has_appeared_meanwhile_is_left_as_it_is,
    both_names_of_a_sidecar_are_files_of_their_own,
    sidecars_of_awkward_names_are_written_and_read,
    a_file_too_large_for_a_sidecar_is_unreadable,
    a_folder_in_the_place_of_a_sidecar_is_unreadable,
}

async fn read(fixture: &dyn Fixture, which: SidecarName) -> SidecarFile {
    let read = fixture.store().read_sidecar(&name("a.jpg"), which).await;
    read.unwrap()
}

/// The content and the revision of a sidecar that is there.
async fn found(fixture: &dyn Fixture) -> (Bytes, FoundFile) {
    match read(fixture, SidecarName::Stem).await {
        SidecarFile::Found { bytes, revision } => (bytes, FoundFile::Revision(revision)),
        other => panic!("{other:?}"),
    }
}

async fn write(
    fixture: &dyn Fixture,
    content: &[u8],
    found: &FoundFile,
) -> Result<(), ImageStoreError> {
    let store = fixture.store();
    let image = name("a.jpg");
    store
        .write_sidecar(&image, SidecarName::Stem, content, found)
        .await
}

async fn a_missing_sidecar_is_missing(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/archive/a.txt"])
        .await;
    for which in SidecarName::ALL {
        assert_eq!(read(&*fixture, which).await, SidecarFile::Missing);
    }
    let long = name(&format!("{}.jpg", "n".repeat(251)));
    let read = fixture.store().read_sidecar(&long, SidecarName::Full).await;
    assert_eq!(
        read.unwrap(),
        SidecarFile::Missing,
        "no file can have its name"
    );
}

async fn a_sidecar_is_read_with_whatever_bytes_it_has(fixture: Arc<dyn Fixture>) {
    let longest = vec![b'x'; MAX_SIDECAR_BYTES];
    for content in [&b"words"[..], b"", b"\xFF\xFE\0\r\n", &longest] {
        let content = Bytes::copy_from_slice(content);
        assert!(fixture.write("queue/a.txt", content.clone()).await);
        assert_eq!(found(&*fixture).await.0, content);
    }
}

async fn a_sidecar_is_written_where_nothing_is(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    for content in [&b"first"[..], b"\xFF not UTF-8 \0"] {
        let there = match read(&*fixture, SidecarName::Stem).await {
            SidecarFile::Found { revision, .. } => FoundFile::Revision(revision),
            _ => FoundFile::Nothing,
        };
        write(&*fixture, content, &there).await.unwrap();
        assert_eq!(fixture.read("queue/a.txt").await.unwrap(), content);
        assert_eq!(found(&*fixture).await.0, content);
    }
}

async fn a_sidecar_replaces_the_revision_that_was_found(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    let (_, before) = found(&*fixture).await;
    write(&*fixture, b"new", &before).await.unwrap();
    let (content, after) = found(&*fixture).await;
    assert_eq!(content, &b"new"[..]);
    assert_ne!(after, before);
}

async fn a_sidecar_that_has_changed_meanwhile_is_left_as_it_is(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/a.txt"]).await;
    let (_, before) = found(&*fixture).await;
    assert!(fixture.write("queue/a.txt", "a person's".into()).await);
    let written = write(&*fixture, b"ours", &before).await;
    assert!(
        matches!(written, Err(ImageStoreError::SidecarChanged)),
        "{written:?}"
    );
    assert_eq!(found(&*fixture).await.0, "a person's");
}

async fn a_sidecar_that_has_appeared_meanwhile_is_left_as_it_is(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    assert!(fixture.write("queue/a.txt", "a person's".into()).await);
    let written = write(&*fixture, b"ours", &FoundFile::Nothing).await;
    assert!(
        matches!(written, Err(ImageStoreError::SidecarChanged)),
        "{written:?}"
    );
    assert_eq!(found(&*fixture).await.0, "a person's");
}

async fn both_names_of_a_sidecar_are_files_of_their_own(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    let (store, image) = (fixture.store(), name("a.jpg"));
    for (which, content) in [(SidecarName::Full, "full"), (SidecarName::Stem, "stem")] {
        let nothing = FoundFile::Nothing;
        let written = store.write_sidecar(&image, which, content.as_bytes(), &nothing);
        written.await.unwrap();
    }
    let texts = [
        fixture.read("queue/a.jpg.txt").await,
        fixture.read("queue/a.txt").await,
    ];
    assert_eq!(texts.map(Option::unwrap), ["full", "stem"]);
}

async fn sidecars_of_awkward_names_are_written_and_read(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    let store = fixture.store();
    for awkward in awkward_names() {
        let image = name(&awkward);
        let stem = SidecarName::Stem;
        let written = store.write_sidecar(&image, stem, b"words", &FoundFile::Nothing);
        written.await.unwrap();
        let path = format!("queue/{}", stem.beside(&awkward).unwrap());
        assert_eq!(fixture.read(&path).await.unwrap(), "words", "{path}");
        let read = store.read_sidecar(&image, stem).await.unwrap();
        assert!(matches!(read, SidecarFile::Found { bytes, .. } if bytes == "words"));
    }
}

async fn a_file_too_large_for_a_sidecar_is_unreadable(fixture: Arc<dyn Fixture>) {
    let large = Bytes::from(vec![b'x'; MAX_SIDECAR_BYTES + 1]);
    assert!(fixture.write("queue/a.txt", large).await);
    assert_eq!(
        read(&*fixture, SidecarName::Stem).await,
        SidecarFile::Unreadable
    );
}

async fn a_folder_in_the_place_of_a_sidecar_is_unreadable(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&["queue/a.jpg", "queue/a.txt/file.jpg"])
        .await;
    let expected = if fixture.traits().has_folders {
        SidecarFile::Unreadable
    } else {
        SidecarFile::Missing
    };
    assert_eq!(read(&*fixture, SidecarName::Stem).await, expected);
}
