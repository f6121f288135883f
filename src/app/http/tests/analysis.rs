//! Analysing images.

use crate::{
    app::usecases::fixtures::standing,
    domain::{
        analysis::Analysis, caption::WrittenCaptions, ledger::Claim, platform::Platform,
        sidecar::SidecarName,
    },
    ports::{CaptionError, MockLedger},
};
use serde_json::json;

use super::{
    Service,
    harness::{post, stored},
};

fn found(mut service: Service) -> Service {
    service
        .images
        .expect_find()
        .returning(|name| Ok(stored(name.as_str())));
    service
}

/// Has one image, which is looked at once.
fn looked_at() -> Service {
    let mut service = found(Service::new().with_captions().with_image());
    service.writer.expect_analyze().times(1).returning(|_| {
        Ok(Analysis {
            description: "A knot.".to_owned(),
            tags: vec!["rope".to_owned()],
            nsfw: true,
            ..Analysis::default()
        })
    });
    service.writer.expect_write().times(1).returning(|_| {
        Ok(WrittenCaptions {
            by_platform: [(Platform::Telegram, vec!["Ahoy".to_owned()])].into(),
            sd_caption: None,
        })
    });
    service
}

#[tokio::test]
async fn an_image_is_looked_at_and_captioned() {
    let answer = looked_at().answer(post("a.jpg/analyze", "")).await;
    let expected = json!({
        "filename": "a.jpg",
        "description": "A knot.",
        "mood": null,
        "tags": ["rope"],
        "nsfw": true,
        "caption": "Ahoy",
        "sd_caption": null,
        "alt_text": null,
        "sidecar_written": true,
        "platform_captions": {"telegram": "Ahoy"},
        "platform_limits": {"telegram": 1024},
        "cached": false,
    });
    assert_eq!(answer.json(), expected);
}

#[tokio::test]
async fn a_caption_file_answers_unless_a_refresh_is_forced() {
    let known = || {
        let mut service = found(Service::new().with_captions());
        service.images.expect_read_sidecar().returning(standing(
            SidecarName::Stem,
            "\n\n# ---\n# image_file: a.jpg\n# caption: By hand\n",
        ));
        service
    };
    for query in ["", "?force_refresh=false"] {
        let answer = known().answer(post(&format!("a.jpg/analyze{query}"), ""));
        let answer = answer.await.json();
        assert_eq!(answer["platform_captions"], json!({"telegram": "By hand"}));
        assert_eq!(answer["caption"], "By hand");
        assert_eq!(answer["sidecar_written"], false);
        assert_eq!(answer["platform_limits"], json!({"telegram": 1024}));
        assert_eq!(answer["cached"], true);
        for field in ["description", "mood", "nsfw", "sd_caption", "alt_text"] {
            assert!(answer[field].is_null(), "{field}");
        }
        assert_eq!(answer["tags"], json!([]));
    }
    let request = post("a.jpg/analyze?force_refresh=true", "");
    let answer = looked_at().answer(request).await.json();
    assert_eq!(answer["caption"], "Ahoy");
    assert_eq!(answer["cached"], false);
}

#[tokio::test]
async fn without_a_flag_or_ai_it_is_forbidden() {
    let mut off = Service::new().with_captions();
    off.document["features"]["analyze_caption_enabled"] = false.into();
    let without_ai = Service::new();
    for service in [off, without_ai] {
        let answer = service.answer(post("a.jpg/analyze", "")).await;
        answer.problem(403, "feature-disabled");
    }
}

#[tokio::test]
async fn a_writer_that_fails_is_a_problem_that_speaks_of_no_publication() {
    let mut service = found(Service::new().with_captions().with_image());
    service
        .writer
        .expect_analyze()
        .times(1)
        .returning(|_| Err(CaptionError::QuotaExhausted));
    let answer = service.answer(post("a.jpg/analyze", "")).await;
    let problem = answer.problem(502, "upstream-failed");
    let detail = problem["detail"].as_str().unwrap();
    assert_eq!(
        detail,
        "The account of the tenant's API key has no credit left at the caption writer: add credit \
         there, or raise its spending limit. The image was not analyzed."
    );
}

#[tokio::test]
async fn an_image_that_somebody_works_on_is_a_conflict() {
    let mut service = found(Service::new().with_captions());
    service
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .times(1)
        .returning(|_, _| Ok(Claim::HeldByOther));
    service.ledger = Some(ledger);
    let answer = service.answer(post("a.jpg/analyze", "")).await;
    answer.problem(409, "conflict");
}

#[tokio::test]
async fn bad_fields_are_named() {
    for (path, field) in [
        ("a.gif/analyze", "filename"),
        ("a.jpg/analyze?force_refresh=maybe", "force_refresh"),
    ] {
        let answer = Service::new().answer(post(path, "")).await;
        assert_eq!(answer.bad_fields(), [field]);
    }
}

#[tokio::test]
async fn only_admins_have_images_analysed() {
    let mut request = post("a.jpg/analyze", "");
    request.headers_mut().remove("authorization");
    let answer = Service::new().open_to_viewers().answer(request).await;
    answer.problem(401, "unauthorized");
}
