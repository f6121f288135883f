//! Writing sidecars where another writer may write, too.

use super::{Tenant, name};
use crate::{
    domain::sidecar::SidecarName,
    ports::{FoundFile, ImageStoreError, SidecarFile},
};

#[tokio::test]
async fn what_is_there_instead_of_what_was_found_is_not_overwritten() {
    let tenant = Tenant::new().await;
    let write = async |found: &FoundFile| {
        let (image, which) = (name("a.jpg"), SidecarName::Stem);
        tenant
            .store
            .write_sidecar(&image, which, b"ours", found)
            .await
    };
    tenant.put("/Queue/a.txt", "ours, as it was");
    let SidecarFile::Found { revision, .. } = tenant
        .store
        .read_sidecar(&name("a.jpg"), SidecarName::Stem)
        .await
        .unwrap()
    else {
        panic!("no file")
    };
    let story = "A story. ".repeat(8_000);
    tenant.put("/Queue/a.txt", &story);
    for found in [FoundFile::Nothing, FoundFile::Revision(revision)] {
        let written = write(&found).await;
        assert!(
            matches!(written, Err(ImageStoreError::SidecarChanged)),
            "{written:?}"
        );
        assert_eq!(tenant.file("/Queue/a.txt").as_ref(), Some(&story));
    }
    assert_eq!(tenant.paths(), ["/Queue/a.txt"]);
    assert_eq!(tenant.calls("upload"), 2);
}
