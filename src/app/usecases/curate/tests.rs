//! Curation on mocked ports, with every call counted.

use bytes::Bytes;
use mockall::Sequence;

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, image_name, leases, moved, request_id, stored},
    domain::{
        content_hash::ContentHash,
        ledger::{Claim, Prior},
    },
    ports::MockLedger,
};

const PICTURE: Bytes = Bytes::from_static(b"picture");

/// A tenant who may do everything and has one image, which is looked up once.
fn with_image() -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture.document["features"]["delete_enabled"] = true.into();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|name| Ok(stored(name.as_str(), &PICTURE)));
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    fixture
}

/// A ledger that gives its lease once, and takes it back once.
fn lent_once() -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .withf(|lease, platforms| {
            lease.tenant().as_str() == "alice"
                && *lease.hashes().listed() == ContentHash::of(&PICTURE)
                && platforms.is_empty()
        })
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    ledger
}

async fn curate(
    ledger: MockLedger,
    fixture: TenantFixture,
    curation: Curation,
    preview_only: bool,
) -> Result<CurationReport, CurateImageError> {
    CurateImage::new(leases(Arc::new(ledger)))
        .run(
            fixture.build(),
            image_name(),
            curation,
            preview_only,
            request_id(),
        )
        .await
}

#[tokio::test]
async fn keep_and_remove_move_the_image_to_their_folder() {
    for (curation, folder, path) in [
        (Curation::Keep, Folder::Keep, "/photos/keep"),
        (Curation::Remove, Folder::Remove, "/photos/reject"),
    ] {
        let mut fixture = with_image();
        fixture
            .images
            .expect_move_to()
            .times(1)
            .withf(move |image, _, to, _| image.name.as_str() == "a.jpg" && *to == folder)
            .returning(|_, _, _, _| Ok(moved("a (1).jpg")));
        let report = curate(lent_once(), fixture, curation, false).await.unwrap();
        let destination = report.destination.as_ref().map(StoragePath::as_str);
        assert_eq!(destination, Some(path));
        assert_eq!(report.new_name.as_deref(), Some("a (1).jpg"));
        assert_eq!((report.curation, report.preview_only), (curation, false));
        assert!(report.warnings.is_empty());
    }
}

#[tokio::test]
async fn delete_deletes_and_names_no_folder() {
    let mut fixture = with_image();
    fixture
        .images
        .expect_delete()
        .times(1)
        .returning(|_, _| Ok(()));
    let report = curate(lent_once(), fixture, Curation::Delete, false)
        .await
        .unwrap();
    assert_eq!((report.destination, report.new_name), (None, None));
}

#[tokio::test]
async fn the_lease_is_held_from_before_the_move_until_after_it() {
    let mut order = Sequence::new();
    let mut ledger = MockLedger::new();
    let mut fixture = with_image();
    ledger
        .expect_claim()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    fixture
        .images
        .expect_move_to()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    ledger
        .expect_release()
        .times(1)
        .in_sequence(&mut order)
        .returning(|_| Ok(()));
    curate(ledger, fixture, Curation::Keep, false)
        .await
        .unwrap();
}

#[tokio::test]
async fn without_its_flag_nothing_is_called() {
    for curation in Curation::ALL {
        for preview_only in [false, true] {
            let mut fixture = TenantFixture::new();
            let flag = format!("{}_enabled", curation.as_str());
            fixture.document["features"][flag] = false.into();
            let refused = curate(MockLedger::new(), fixture, curation, preview_only).await;
            assert!(
                matches!(refused, Err(CurateImageError::Off(off)) if off == curation),
                "{refused:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_preview_tells_what_would_be_done_and_does_nothing() {
    for curation in Curation::ALL {
        let report = curate(MockLedger::new(), with_image(), curation, true)
            .await
            .unwrap();
        assert!(report.preview_only);
        assert_eq!(report.new_name, None);
        assert_eq!(report.destination.is_some(), curation != Curation::Delete);
    }
}

#[tokio::test]
async fn a_debugged_tenant_gets_previews_only() {
    let mut fixture = with_image();
    fixture.document["content"]["debug"] = true.into();
    let report = curate(MockLedger::new(), fixture, Curation::Delete, false)
        .await
        .unwrap();
    assert!(report.preview_only);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_found_in_a_preview_either() {
    for preview_only in [false, true] {
        let mut fixture = TenantFixture::new();
        fixture
            .images
            .expect_find()
            .times(1)
            .returning(|_| Err(ImageStoreError::NotFound));
        let missing = curate(MockLedger::new(), fixture, Curation::Keep, preview_only).await;
        assert!(matches!(
            missing,
            Err(CurateImageError::Storage(ImageStoreError::NotFound))
        ));
    }
}

#[tokio::test]
async fn an_image_that_somebody_works_on_stays_where_it_is() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    ledger.expect_release().never();
    let refused = curate(ledger, with_image(), Curation::Delete, false).await;
    assert!(matches!(refused, Err(CurateImageError::InProgress)));
}

#[tokio::test]
async fn nothing_moves_while_the_ledger_cannot_tell_who_works_on_the_image() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Err(LedgerError::Unavailable("the disk is full".into())));
    let refused = curate(ledger, with_image(), Curation::Keep, false).await;
    assert!(matches!(refused, Err(CurateImageError::Ledger(_))));
}

#[tokio::test]
async fn the_lease_is_given_back_when_storage_fails() {
    for curation in Curation::ALL {
        let mut fixture = with_image();
        let failed = || ImageStoreError::Unavailable("500".into());
        fixture
            .images
            .expect_move_to()
            .returning(move |_, _, _, _| Err(failed()));
        fixture
            .images
            .expect_delete()
            .returning(move |_, _| Err(failed()));
        let failed = curate(lent_once(), fixture, curation, false).await;
        assert!(matches!(
            failed,
            Err(CurateImageError::Storage(ImageStoreError::Unavailable(_)))
        ));
    }
}

#[tokio::test]
async fn a_sidecar_that_stays_behind_is_a_warning() {
    let mut fixture = with_image();
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| {
            Ok(Moved {
                name: "a.jpg".to_owned(),
                sidecar: Err(ImageStoreError::Unavailable("500".into())),
            })
        });
    let report = curate(lent_once(), fixture, Curation::Keep, false)
        .await
        .unwrap();
    assert_eq!(report.new_name.as_deref(), Some("a.jpg"));
    assert_eq!(
        report.warnings,
        ["the sidecar could not be moved: storage failed"]
    );
}

#[tokio::test]
async fn only_the_image_s_own_sidecars_go_along() {
    use crate::{app::usecases::fixtures::standing, domain::sidecar::SidecarName};
    let ours = "\n\n# ---\n# image_file: a.jpg\n# dropbox_rev: before\n";
    let of_another = "\n\n# ---\n# image_file: a.png\n";
    let (full, stem) = (SidecarName::Full, SidecarName::Stem);
    for (name, text, go_along) in [
        (stem, ours, vec![stem]),
        (full, ours, vec![full]),
        (stem, of_another, vec![]),
        (stem, "A story.", vec![]),
    ] {
        for curation in [Curation::Keep, Curation::Delete] {
            let mut fixture = TenantFixture::new();
            fixture.document["features"]["delete_enabled"] = true.into();
            fixture
                .images
                .expect_find()
                .returning(|name| Ok(stored(name.as_str(), &PICTURE)));
            fixture
                .images
                .expect_read_sidecar()
                .times(2)
                .returning(standing(name, text));
            let expected = (go_along.clone(), go_along.clone());
            fixture
                .images
                .expect_move_to()
                .withf(move |_, sidecars, _, _| *sidecars == expected.0)
                .returning(|_, _, _, _| Ok(moved("a.jpg")));
            fixture
                .images
                .expect_delete()
                .withf(move |_, sidecars| *sidecars == expected.1)
                .returning(|_, _| Ok(()));
            curate(lent_once(), fixture, curation, false).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_deletion_says_whether_a_sidecar_went_along() {
    use crate::{app::usecases::fixtures::standing, domain::sidecar::SidecarName};
    let ours = "\n\n# ---\n# image_file: a.jpg\n";
    for (text, went_along) in [(ours, true), ("A story.", false)] {
        let mut fixture = TenantFixture::new();
        fixture.document["features"]["delete_enabled"] = true.into();
        fixture
            .images
            .expect_find()
            .returning(|name| Ok(stored(name.as_str(), &PICTURE)));
        fixture
            .images
            .expect_read_sidecar()
            .returning(standing(SidecarName::Stem, text));
        fixture
            .images
            .expect_delete()
            .times(1)
            .returning(|_, _| Ok(()));
        let report = curate(lent_once(), fixture, Curation::Delete, false);
        assert_eq!(report.await.unwrap().with_sidecar, went_along);
    }
}

async fn relocate(
    ledger: MockLedger,
    fixture: TenantFixture,
    from: Folder,
    to: Folder,
) -> Result<Relocation, CurateImageError> {
    CurateImage::new(leases(Arc::new(ledger)))
        .relocate(fixture.build(), image_name(), from, to, request_id())
        .await
}

#[tokio::test]
async fn an_image_moves_out_of_the_archive_under_its_own_name_and_lease() {
    let mut fixture = TenantFixture::new();
    fixture
        .archive
        .expect_find()
        .times(1)
        .returning(|name| Ok(stored(name.as_str(), &PICTURE)));
    fixture
        .archive
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    fixture
        .archive
        .expect_move_to()
        .times(1)
        .withf(|image, sidecars, to, if_taken| {
            let is_bare = image.name.as_str() == "a.jpg" && sidecars.is_empty();
            is_bare && *to == Folder::Root && *if_taken == IfTaken::Refuse
        })
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    let moved = relocate(lent_once(), fixture, Folder::Archive, Folder::Root).await;
    assert_eq!(
        moved.unwrap(),
        Relocation {
            is_done: true,
            warnings: Vec::new()
        }
    );
}

#[tokio::test]
async fn a_taken_name_moves_nothing_and_gives_the_lease_back() {
    let mut fixture = with_image();
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Err(ImageStoreError::NameTaken));
    let refused = relocate(lent_once(), fixture, Folder::Root, Folder::Keep).await;
    assert!(matches!(
        refused,
        Err(CurateImageError::Storage(ImageStoreError::NameTaken))
    ));
}

#[tokio::test]
async fn an_image_that_is_being_published_or_whose_tenant_is_debugged_is_not_moved() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    let refused = relocate(ledger, with_image(), Folder::Root, Folder::Archive).await;
    assert!(matches!(refused, Err(CurateImageError::InProgress)));

    let mut fixture = with_image();
    fixture.document["content"]["debug"] = true.into();
    let moved = relocate(MockLedger::new(), fixture, Folder::Root, Folder::Archive).await;
    assert_eq!(moved.unwrap(), Relocation::default());
}
