//! Analysis on mocked ports, with every call counted.

mod flags;
mod refresh;

use std::sync::Mutex;

use bytes::Bytes;

use super::*;
use crate::{
    app::usecases::fixtures::*,
    domain::{
        analysis::Analysis,
        caption::WrittenCaptions,
        ledger::{Claim, Prior},
        sidecar::SidecarName,
    },
    ports::{CaptionError, FetchedImage, MockLedger, SidecarFile},
};

const KNOWN: &str = "sd words\n\n# ---\n# image_file: a.jpg\n# rating: 5\n# sd_caption_version: 1\n\
                     # caption: A knot. #tenant\n";

fn seen() -> Analysis {
    Analysis {
        description: "A knot.".to_owned(),
        mood: "calm".to_owned(),
        tags: vec!["rope".to_owned()],
        alt_text: Some("A knot in a rope".to_owned()),
        ..Analysis::default()
    }
}

fn written() -> WrittenCaptions {
    WrittenCaptions {
        by_platform: [
            (Platform::Telegram, vec!["For Telegram".to_owned()]),
            (Platform::Email, vec!["For e-mail".to_owned()]),
        ]
        .into(),
        sd_caption: Some("sd words".to_owned()),
    }
}

/// A tenant with an image and this sidecar, read so many times.
fn with_sidecar(text: Option<&'static str>, reads: usize) -> TenantFixture {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|name| Ok(stored(name.as_str(), &jpeg())));
    fixture
        .images
        .expect_read_sidecar()
        .times(2 * reads)
        .returning(move |_, name| {
            let there = text.filter(|_| name == SidecarName::Stem);
            let there = there.map(|text| Bytes::from_static(text.as_bytes()));
            Ok(there.map_or(SidecarFile::Missing, found))
        });
    fixture
}

/// One look at the image and one caption call, for the platforms that are on.
fn expect_analysis(fixture: &mut TenantFixture) {
    expect_analysis_for(fixture, &[Platform::Telegram, Platform::Email]);
}

fn expect_analysis_for(fixture: &mut TenantFixture, platforms: &'static [Platform]) {
    fixture.images.expect_fetch().times(1).returning(|name| {
        Ok(FetchedImage {
            stored: stored(name.as_str(), &jpeg()),
            bytes: jpeg(),
        })
    });
    let writer = &mut fixture.writer;
    writer.expect_analyze().times(1).returning(|_| Ok(seen()));
    writer
        .expect_write()
        .times(1)
        .withf(move |brief| brief.platforms.keys().eq(platforms))
        .returning(|_| Ok(written()));
}

/// What is written to the sidecar, which happens once.
fn expect_writing(fixture: &mut TenantFixture) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&text);
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(move |_, _, text, _| {
            *kept.lock().unwrap() = text_of(text);
            Ok(())
        });
    text
}

/// A ledger that gives its lease once, and takes it back once.
fn lent_once() -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .withf(|_, platforms| platforms.is_empty())
        .returning(|_, _| Ok(Claim::Held(Prior::default())));
    ledger.expect_release().times(1).returning(|_| Ok(()));
    ledger
}

async fn analyze(
    ledger: MockLedger,
    fixture: TenantFixture,
    force_refresh: bool,
) -> Result<AnalysisReport, AnalyzeImageError> {
    usecase(ledger)
        .run(fixture.build(), image_name(), force_refresh, request_id())
        .await
}

/// Works on one image of a tenant at a time.
fn usecase(ledger: MockLedger) -> AnalyzeImage {
    AnalyzeImage::new(image_work(Arc::new(ledger)))
}

#[tokio::test]
async fn an_image_without_a_sidecar_is_looked_at_and_gets_one() {
    let mut fixture = with_sidecar(None, 2);
    expect_analysis(&mut fixture);
    let text = expect_writing(&mut fixture);
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    let expected = AnalysisReport {
        image: image_name(),
        description: Some("A knot.".to_owned()),
        mood: Some("calm".to_owned()),
        tags: vec!["rope".to_owned()],
        nsfw: Some(false),
        caption: "For Telegram\n\n#tenant".to_owned(),
        sd_caption: Some("sd words".to_owned()),
        alt_text: Some("A knot in a rope".to_owned()),
        sidecar_written: true,
        platform_captions: [
            (Platform::Telegram, "For Telegram\n\n#tenant".to_owned()),
            (Platform::Email, "For e-mail".to_owned()),
        ]
        .into(),
        cached: false,
    };
    assert_eq!(report, expected);
    let text = text.lock().unwrap().clone();
    assert!(text.starts_with("sd words\n"), "{text}");
    assert!(
        text.contains("\n# caption: !json \"For Telegram\\n\\n#tenant\"\n"),
        "{text}"
    );
    assert!(!text.contains("description"), "not extended: {text}");
}

#[tokio::test]
async fn a_sidecar_with_a_caption_answers_without_a_call_or_a_download() {
    let fixture = with_sidecar(Some(KNOWN), 1);
    let report = analyze(MockLedger::new(), fixture, false).await.unwrap();
    let expected = AnalysisReport {
        image: image_name(),
        description: None,
        mood: None,
        tags: Vec::new(),
        nsfw: None,
        caption: "A knot. #tenant".to_owned(),
        sd_caption: Some("sd words".to_owned()),
        alt_text: None,
        sidecar_written: false,
        platform_captions: [
            (Platform::Telegram, "A knot.\n\n#tenant".to_owned()),
            (Platform::Email, "A knot.".to_owned()),
        ]
        .into(),
        cached: true,
    };
    assert_eq!(report, expected);
}

#[tokio::test]
async fn with_extended_metadata_a_later_answer_is_whole() {
    let extended = |fixture: &mut TenantFixture| {
        fixture.document["captionfile"] = serde_json::json!({"extended_metadata_enabled": true});
    };
    let mut fixture = with_sidecar(None, 2);
    extended(&mut fixture);
    expect_analysis(&mut fixture);
    let text = expect_writing(&mut fixture);
    let first = analyze(lent_once(), fixture, false).await.unwrap();
    let text: &'static str = text.lock().unwrap().clone().leak();
    let mut fixture = with_sidecar(Some(text), 1);
    extended(&mut fixture);
    let second = analyze(MockLedger::new(), fixture, false).await.unwrap();
    let told_again = AnalysisReport {
        sidecar_written: false,
        platform_captions: [
            (Platform::Telegram, "For Telegram\n\n#tenant".to_owned()),
            (Platform::Email, "For Telegram".to_owned()),
        ]
        .into(),
        cached: true,
        ..first
    };
    assert_eq!(second, told_again);
}

#[tokio::test]
async fn a_sidecar_without_a_caption_does_not_answer() {
    let mut fixture = with_sidecar(Some("\n\n# ---\n# image_file: a.jpg\n# rating: 5\n"), 2);
    expect_analysis(&mut fixture);
    expect_writing(&mut fixture);
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    assert!(report.sidecar_written);
}

#[tokio::test]
async fn a_social_caption_never_takes_the_place_of_the_sd_caption() {
    let mut fixture = with_sidecar(Some(KNOWN), 1);
    fixture.images.expect_fetch().returning(|name| {
        Ok(FetchedImage {
            stored: stored(name.as_str(), &jpeg()),
            bytes: jpeg(),
        })
    });
    fixture.writer.expect_analyze().returning(|_| Ok(seen()));
    fixture.writer.expect_write().returning(|_| {
        Ok(WrittenCaptions {
            sd_caption: None,
            ..written()
        })
    });
    let text = expect_writing(&mut fixture);
    analyze(lent_once(), fixture, true).await.unwrap();
    let text = text.lock().unwrap().clone();
    assert!(text.starts_with("sd words\n"), "{text}");
    assert!(text.contains("# sd_caption_version: 1"), "{text}");
}

#[tokio::test]
async fn without_its_flag_or_without_ai_nothing_is_called() {
    for off in ["flag", "ai"] {
        let mut fixture = TenantFixture::new();
        if off == "flag" {
            fixture.document["features"]["analyze_caption_enabled"] = false.into();
        } else {
            fixture.document["ai"] = serde_json::Value::Null;
        }
        let refused = analyze(MockLedger::new(), fixture, false).await;
        assert!(matches!(refused, Err(AnalyzeImageError::Off)), "{off}");
    }
}

#[tokio::test]
async fn without_platforms_captions_are_written_for_all_there_are() {
    let mut fixture = with_sidecar(None, 2);
    fixture.document["publishers"] = serde_json::json!([]);
    expect_analysis_for(&mut fixture, &Platform::ALL);
    expect_writing(&mut fixture);
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    assert_eq!(report.platform_captions.len(), Platform::ALL.len());
}

#[tokio::test]
async fn an_image_that_somebody_works_on_is_not_looked_at() {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    let refused = analyze(ledger, with_sidecar(None, 1), false).await;
    assert!(matches!(refused, Err(AnalyzeImageError::InProgress)));
}

#[tokio::test]
async fn a_sidecar_that_cannot_be_written_costs_nobody_the_answer() {
    let mut fixture = with_sidecar(None, 2);
    expect_analysis(&mut fixture);
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(|_, _, _, _| Err(ImageStoreError::Unavailable("500".into())));
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    assert!(!report.sidecar_written);
    assert_eq!(report.description.as_deref(), Some("A knot."));
}

#[tokio::test]
async fn a_debugged_tenant_gets_nothing_written() {
    let mut fixture = with_sidecar(None, 1);
    fixture.document["content"]["debug"] = true.into();
    expect_analysis(&mut fixture);
    fixture.images.expect_write_sidecar().never();
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    assert!(!report.sidecar_written);
}

#[tokio::test]
async fn the_lease_is_given_back_when_nothing_comes_of_it() {
    let mut fixture = with_sidecar(None, 1);
    fixture
        .images
        .expect_fetch()
        .times(1)
        .returning(|_| Err(ImageStoreError::TooLarge));
    let failed = analyze(lent_once(), fixture, false).await;
    assert!(matches!(
        failed,
        Err(AnalyzeImageError::Storage(ImageStoreError::TooLarge))
    ));

    let mut fixture = TenantFixture::new();
    let bytes = Bytes::from_static(b"<html>");
    let found = stored("a.jpg", &bytes);
    let fetched = FetchedImage {
        stored: found.clone(),
        bytes,
    };
    fixture
        .images
        .expect_find()
        .returning(move |_| Ok(found.clone()));
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_fetch()
        .times(1)
        .returning(move |_| Ok(fetched.clone()));
    let failed = analyze(lent_once(), fixture, false).await;
    assert!(matches!(
        failed,
        Err(AnalyzeImageError::Image(
            ImageProcessingError::UnknownFormat(_)
        ))
    ));
}

#[tokio::test]
async fn a_refused_credential_is_resolved_once_more() {
    let mut fixture = with_sidecar(None, 2);
    fixture.store = rotating_store();
    fixture
        .writer
        .expect_analyze()
        .times(1)
        .returning(|_| Err(CaptionError::Unauthorized("401".into())));
    expect_analysis(&mut fixture);
    expect_writing(&mut fixture);
    let report = analyze(lent_once(), fixture, false).await.unwrap();
    assert!(report.sidecar_written);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_not_found_even_if_its_sidecar_is() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_find()
        .times(1)
        .returning(|_| Err(ImageStoreError::NotFound));
    fixture.images.expect_read_sidecar().never();
    let missing = analyze(MockLedger::new(), fixture, false).await;
    assert!(matches!(
        missing,
        Err(AnalyzeImageError::Storage(ImageStoreError::NotFound))
    ));
}

#[tokio::test]
async fn analyses_count_as_publications_do_and_a_sidecar_is_told_all_the_same() {
    let analyze = usecase(MockLedger::new());
    let unseen = with_sidecar(None, 1).build();
    let _slot = analyze
        .0
        .capacity
        .publications
        .try_acquire(unseen.name())
        .unwrap();
    let refused = analyze.run(unseen, image_name(), false, request_id()).await;
    assert!(matches!(refused, Err(AnalyzeImageError::TooMany)));
    let known = with_sidecar(Some(KNOWN), 1).build();
    let told = analyze.run(known, image_name(), false, request_id()).await;
    assert_eq!(told.unwrap().caption, "A knot. #tenant");
}
