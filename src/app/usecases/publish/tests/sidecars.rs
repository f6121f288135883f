//! What stands beside an image when it is published.

mod edited;

use super::*;
use crate::{app::usecases::fixtures::found, ports::FoundFile};

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
        .returning(move |_, name, text, _| {
            written.lock().unwrap().written = Some((name, text_of(text)));
            Ok(())
        });
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(move |_, sidecars, _, _| {
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
    found(text.to_owned())
}

#[tokio::test]
async fn a_text_that_is_not_the_image_s_sidecar_is_left_alone() {
    use SidecarName::{Full, Stem};
    let others = "\n\n# ---\n# image_file: a.png\n# caption: of another image\n";
    for taken in [
        text("A story of many lines.\n"),
        SidecarFile::Unreadable,
        found(&b"caf\xe9"[..]),
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

/// The sidecars of other content under the name of this image: by its SHA-256, its revision, or both.
fn of_other_content() -> [SidecarFile; 3] {
    let sha256 = format!("# sha256: {}\n", "1".repeat(64));
    [
        "# dropbox_rev: rev0\n".to_owned(),
        sha256.clone(),
        format!("# dropbox_file_id: id:1\n# dropbox_rev: rev1\n{sha256}"),
    ]
    .map(|keys| {
        text(&format!(
            "of before\n\n# ---\n# image_file: a.jpg\n{keys}# sd_caption_version: 1\n\
             # caption: of before\n# caption_edited: true\n# alt_text: before\n# tags: [\"before\"]\n"
        ))
    })
}

#[tokio::test]
async fn the_sidecar_of_an_image_that_was_replaced_is_left_alone() {
    use SidecarName::{Full, Stem};
    for outdated in of_other_content() {
        let filing = published_beside(SidecarFile::Missing, outdated.clone()).await;
        let (name, sidecar) = filing.written.unwrap();
        assert_eq!((name, &*filing.archived), (Full, &[Full][..]));
        assert!(!sidecar.contains("before"), "{sidecar}");
        assert!(
            filing.warnings[0].contains("had this name before")
                && filing.warnings[0].ends_with("the sidecar is a.jpg.txt"),
            "{:?}",
            filing.warnings
        );

        let filing = published_beside(outdated.clone(), SidecarFile::Missing).await;
        assert_eq!(filing.written.unwrap().0, Stem);
        assert_eq!(filing.archived, [Stem]);

        let filing = published_beside(outdated.clone(), outdated).await;
        assert!(filing.written.is_none() && filing.archived.is_empty());
        assert!(filing.warnings[0].contains("no sidecar was written"));
    }
}

/// Publishes an image beside which these files stand in turn, one for each look at the two names, where each
/// of these outcomes of writing comes in turn.
async fn published_among(
    looks: Vec<SidecarFile>,
    outcomes: Vec<Result<(), ImageStoreError>>,
    caption: Option<&str>,
) -> (Vec<(SidecarName, FoundFile, String)>, Filing) {
    let mut fixture = if caption.is_some() {
        with_image()
    } else {
        captioned()
    };
    let request = PublicationRequest {
        caption: caption.map(str::to_owned),
        ..PublicationRequest::default()
    };
    let (count, mut looks) = (2 * looks.len(), looks.into_iter());
    let mut stem = SidecarFile::Missing;
    fixture
        .images
        .expect_read_sidecar()
        .times(count)
        .returning(move |_, name| {
            Ok(match name {
                SidecarName::Full => {
                    stem = looks.next().unwrap();
                    SidecarFile::Missing
                }
                SidecarName::Stem => stem.clone(),
            })
        });
    let filing = Arc::new(Mutex::new((Vec::new(), Filing::default())));
    let (written, archived) = (Arc::clone(&filing), Arc::clone(&filing));
    let (count, mut outcomes) = (outcomes.len(), outcomes.into_iter());
    fixture
        .images
        .expect_write_sidecar()
        .times(count)
        .returning(move |_, name, text, found| {
            let call = (name, found.clone(), text_of(text));
            written.lock().unwrap().0.push(call);
            outcomes.next().unwrap()
        });
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(move |_, sidecars, _, _| {
            archived.lock().unwrap().1.archived = sidecars.to_vec();
            Ok(moved("a.jpg"))
        });
    both_publish(&mut fixture);
    let report = publish(fixture, request).await.unwrap();
    let (written, mut filing) = std::mem::take(&mut *filing.lock().unwrap());
    filing.warnings = report.warnings;
    (written, filing)
}

const OURS: &str = "\n\n# ---\n# image_file: a.jpg\n";

#[tokio::test]
async fn what_is_written_replaces_what_was_found_and_nothing_else() {
    for (there, found) in [
        (SidecarFile::Missing, FoundFile::Nothing),
        (text(OURS), FoundFile::Revision("file1".to_owned())),
    ] {
        let (calls, filing) = published_among(vec![there], vec![Ok(())], None).await;
        assert_eq!((calls[0].0, &calls[0].1), (SidecarName::Stem, &found));
        assert_eq!(filing.archived, [SidecarName::Stem]);
        assert!(filing.warnings.is_empty(), "{:?}", filing.warnings);
    }
}

#[tokio::test]
async fn a_text_that_a_person_puts_there_while_the_image_is_sent_is_left_alone() {
    use SidecarName::{Full, Stem};
    for before in [SidecarFile::Missing, text(OURS)] {
        let looks = vec![before, text("A story, just written.")];
        let outcomes = vec![Err(ImageStoreError::SidecarChanged), Ok(())];
        let (calls, filing) = published_among(looks, outcomes, None).await;
        let names: Vec<_> = calls.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names, [Stem, Full]);
        assert_eq!(calls[1].1, FoundFile::Nothing);
        // The story is not taken along.
        assert_eq!(filing.archived, [Full]);
        assert!(filing.warnings[0].ends_with("the sidecar is a.jpg.txt"));
    }
}

#[tokio::test]
async fn what_a_person_adds_to_the_sidecar_while_the_image_is_sent_is_kept() {
    let looks = vec![text(OURS), text(&format!("{OURS}# rating: 5\nmy note\n"))];
    let outcomes = vec![Err(ImageStoreError::SidecarChanged), Ok(())];
    let (calls, filing) = published_among(looks, outcomes, None).await;
    assert!(!calls[0].2.contains("rating"));
    assert!(calls[1].2.contains("\n# rating: 5\n") && calls[1].2.ends_with("\nmy note\n"));
    assert_eq!(filing.archived, [SidecarName::Stem]);
}

#[tokio::test]
async fn a_sidecar_that_changes_again_and_again_is_not_written() {
    let changed = || Err(ImageStoreError::SidecarChanged);
    let looks = vec![text(OURS), text(OURS)];
    let (calls, filing) = published_among(looks, vec![changed(), changed()], None).await;
    assert_eq!(calls.len(), 2);
    assert_eq!(filing.archived, [SidecarName::Stem]);
    assert!(
        filing.warnings[0].contains("somebody else has written"),
        "{:?}",
        filing.warnings
    );
}

#[tokio::test]
async fn a_sidecar_that_would_be_larger_than_one_may_be_is_not_written() {
    let notes = "x".repeat(crate::domain::sidecar::MAX_SIDECAR_BYTES - OURS.len());
    let (_, filing) =
        published_among(vec![text(&format!("{OURS}{notes}"))], Vec::new(), None).await;
    assert_eq!(filing.archived, [SidecarName::Stem]);
    assert!(filing.warnings[0].contains("larger than 64 KiB"));
}

#[tokio::test]
async fn a_social_caption_never_stands_on_the_first_line() {
    let as_it_was = "By me\n\n# ---\n# image_file: a.jpg\n# caption: By me\n";
    let (calls, _) = published_among(vec![text(as_it_was)], vec![Ok(())], Some("By me")).await;
    assert!(calls[0].2.starts_with("\n\n# ---\n"), "{}", calls[0].2);
    // Other words are a person's, and stay behind the keys.
    for (as_it_was, caption) in [
        ("By me\n\n# ---\n# image_file: a.jpg\n", None),
        ("By me\n\n# ---\n# image_file: a.jpg\n", Some("Mine")),
        (
            "By me\n\n# ---\n# image_file: a.jpg\n# caption: Other\n",
            None,
        ),
    ] {
        let (calls, _) = published_among(vec![text(as_it_was)], vec![Ok(())], caption).await;
        let written = &calls[0].2;
        assert!(!written.starts_with("By me"), "{written}");
        assert_eq!(written.lines().last(), Some("By me"), "{written}");
        let again = published_among(vec![text(written)], vec![Ok(())], caption).await;
        assert_eq!(again.0[0].2.matches("By me").count(), 1);
    }
    let with_sd = "sd\n\n# ---\n# image_file: a.jpg\n# sd_caption_version: 1\n";
    let (calls, _) = published_among(vec![text(with_sd)], vec![Ok(())], Some("By me")).await;
    assert!(calls[0].2.starts_with("sd\n\n# ---\n"), "{}", calls[0].2);
}

#[tokio::test]
async fn an_archive_that_fails_is_reported_and_the_image_counts_as_published() {
    let mut fixture = with_image();
    fixture.writer.expect_analyze().returning(|_| Ok(seen()));
    fixture.writer.expect_write().returning(|_| Ok(written()));
    both_publish(&mut fixture);
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _, _| Ok(()));
    fixture
        .images
        .expect_move_to()
        .times(1)
        .returning(|_, _, _, _| Err(ImageStoreError::Unavailable("500".into())));
    let report = publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    assert!(report.any_success() && !report.archived);
    assert_eq!(report.warnings.len(), 1);
}

#[tokio::test]
async fn the_sidecar_keeps_foreign_keys_and_says_what_is_known() {
    let mut fixture = captioned();
    let existing =
        "old\n\n# ---\n# rating: 5\n# image_file: a.jpg\n# created: 2020-01-01T00:00:00Z\n";
    fixture
        .images
        .expect_read_sidecar()
        .times(2)
        .returning(standing(SidecarName::Stem, existing));
    let text = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&text);
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .withf(|_, name, _, _| *name == SidecarName::Stem)
        .returning(move |_, _, text, _| {
            *seen.lock().unwrap() = text_of(text);
            Ok(())
        });
    fixture
        .images
        .expect_move_to()
        .withf(|_, sidecars, _, _| *sidecars == [SidecarName::Stem])
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    both_publish(&mut fixture);
    publish(fixture, PublicationRequest::default())
        .await
        .unwrap();
    let text = text.lock().unwrap().clone();
    assert!(
        text.starts_with(
            "sd words\n\n# ---\n# rating: 5\n# image_file: a.jpg\n# created: 2020-01-01T00:00:00Z\n"
        ),
        "{text}"
    );
    for line in [
        "# image_file: a.jpg",
        "# storage_file_id: id:1",
        "# storage_rev: rev1",
        "# sd_caption_version: 1",
        "# model_version: gpt-4o-mini",
        "# caption: !json \"For Telegram\\n\\n#tenant\"",
        "# caption_edited: false",
        "# caption_updated_at: 1970-01-01T00:00:00Z",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
}
