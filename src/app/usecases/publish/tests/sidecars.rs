//! What stands beside an image when it is published.

use super::*;

/// Publishes an image beside which these files stand, and tells where the sidecar was written, which were taken
/// along, and what people are told.
async fn published_beside(full: SidecarFile, stem: SidecarFile) -> Filing {
    let mut fixture = captioned();
    fixture
        .images
        .expect_read_sidecar()
        .times(2)
        .returning(move |_, name| {
            Ok(match name {
                SidecarName::Full => full.clone(),
                SidecarName::Stem => stem.clone(),
            })
        });
    let filing = Arc::new(Mutex::new(Filing::default()));
    let (written, archived) = (Arc::clone(&filing), Arc::clone(&filing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(move |_, name, text| {
            written.lock().unwrap().written = Some((name, text.to_owned()));
            Ok(())
        });
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(move |_, sidecars, _| {
            archived.lock().unwrap().archived = sidecars.to_vec();
            Ok(moved("a.jpg"))
        });
    both_publish(&mut fixture);
    let report = publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert!(report.archived);
    let mut filing = std::mem::take(&mut *filing.lock().unwrap());
    filing.warnings = report.warnings;
    filing
}

#[derive(Debug, Default)]
struct Filing {
    written: Option<(SidecarName, String)>,
    archived: Vec<SidecarName>,
    warnings: Vec<String>,
}

fn text(text: &str) -> SidecarFile {
    SidecarFile::Found(Bytes::copy_from_slice(text.as_bytes()))
}

#[tokio::test]
async fn a_text_that_is_not_the_image_s_sidecar_is_left_alone() {
    use SidecarName::{Full, Stem};
    let others = "\n\n# ---\n# image_file: a.png\n# caption: of another image\n";
    for taken in [
        text("A story of many lines.\n"),
        SidecarFile::TooLarge,
        SidecarFile::Found(Bytes::from_static(b"caf\xe9")),
        text(""),
        text(others),
    ] {
        let filing = published_beside(SidecarFile::Missing, taken.clone()).await;
        let (name, sidecar) = filing.written.unwrap();
        assert_eq!((name, &*filing.archived), (Full, &[Full][..]), "{taken:?}");
        assert!(!sidecar.contains("another image"), "{sidecar}");
        assert!(
            filing.warnings[0].ends_with("the sidecar is a.jpg.txt"),
            "{:?}",
            filing.warnings
        );

        let ours = text("\n\n# ---\n# image_file: a.jpg\n# rating: 5\n");
        let filing = published_beside(ours.clone(), taken.clone()).await;
        assert!(filing.written.unwrap().1.contains("# rating: 5"));
        assert_eq!(filing.archived, [Full]);

        let filing = published_beside(taken.clone(), taken.clone()).await;
        assert!(
            filing.written.is_none() && filing.archived.is_empty(),
            "{taken:?}"
        );
        assert!(filing.warnings[0].contains("no sidecar was written"));

        let filing = published_beside(taken, SidecarFile::Missing).await;
        assert_eq!(filing.written.unwrap().0, Stem);
        assert_eq!(filing.archived, [Stem]);
    }
}

#[tokio::test]
async fn the_sidecar_of_an_image_that_was_replaced_is_written_anew_with_what_is_not_ours_in_it() {
    let outdated = text(
        "of before\n\n# ---\n# image_file: a.jpg\n# dropbox_rev: rev0\n# sd_caption_version: 1\n\
         # caption: of before\n# artist_alias: before\n# rating: 5\n",
    );
    let filing = published_beside(SidecarFile::Missing, outdated).await;
    let (name, sidecar) = filing.written.unwrap();
    assert_eq!(
        (name, &*filing.archived),
        (SidecarName::Stem, &[SidecarName::Stem][..])
    );
    assert!(
        sidecar.contains("# rating: 5") && !sidecar.contains("before"),
        "{sidecar}"
    );
    assert!(filing.warnings.is_empty(), "{:?}", filing.warnings);
}
