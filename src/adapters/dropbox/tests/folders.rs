//! Images in a folder other than the root.

use std::sync::Arc;

use super::{super::content_hash, Tenant, name};
use crate::{
    domain::sidecar::SidecarName,
    ports::{Folder, FoundFile, ImageStore, ImageStoreError, SidecarFile},
};

#[tokio::test]
async fn an_image_in_the_archive_is_found_read_and_described_there() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "in the root folder");
    tenant.put("/Done/a.jpg", "archived");
    tenant.put("/Done/b.jpg", "archived, too");
    let (a, b) = (name("a.jpg"), name("b.jpg"));
    let archive = tenant.store.in_folder(Folder::Archive);
    let root: Arc<dyn ImageStore> = tenant.store.clone();
    for (store, content) in [(root, "in the root folder"), (archive.clone(), "archived")] {
        let found = store.find(&a).await.unwrap();
        assert_eq!(found.content_hash, content_hash::of(content.as_bytes()));
        let fetched = store.fetch(&a).await.unwrap();
        assert_eq!(fetched.bytes, content);
    }
    let in_root = tenant.store.find(&b).await;
    assert!(matches!(in_root, Err(ImageStoreError::NotFound)));
    let listed = archive.list().await.unwrap();
    let listed: Vec<_> = listed.iter().map(|image| image.name.as_str()).collect();
    assert_eq!(listed, ["a.jpg", "b.jpg"]);

    archive
        .write_sidecar(&b, SidecarName::Stem, b"text", &FoundFile::Nothing)
        .await
        .unwrap();
    assert_eq!(tenant.file("/Done/b.txt").as_deref(), Some("text"));
    let sidecar = archive.read_sidecar(&b, SidecarName::Stem).await.unwrap();
    assert!(matches!(sidecar, SidecarFile::Found { bytes, .. } if bytes == "text"));
}

#[tokio::test]
async fn a_folder_that_is_not_there_has_no_image() {
    let tenant = Tenant::new().await;
    tenant.put("/Queue/a.jpg", "in the root folder");
    let archive = tenant.store.in_folder(Folder::Archive);
    let found = archive.find(&name("a.jpg")).await;
    assert!(matches!(found, Err(ImageStoreError::NotFound)));
}
