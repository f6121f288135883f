//! Flags that change what a model is asked, and what of its answer is used.

use serde_json::json;

use super::*;

const WITH_ALT_TEXT: &str = "sd words\n\n# ---\n# image_file: a.jpg\n# sd_caption_version: 1\n\
                             # caption: A knot. #tenant\n# alt_text: By me\n";

#[tokio::test]
async fn without_alt_text_none_is_answered_or_written_whatever_the_model_says() {
    for (is_on, before) in [
        (true, None),
        (false, None),
        (true, Some(WITH_ALT_TEXT)),
        (false, Some(WITH_ALT_TEXT)),
    ] {
        let is_refresh = before.is_some();
        let mut fixture = with_sidecar(before, if is_refresh { 1 } else { 2 });
        fixture.document["features"]["alt_text_enabled"] = is_on.into();
        fixture.document["captionfile"] = json!({"extended_metadata_enabled": true});
        expect_analysis(&mut fixture);
        let text = expect_writing(&mut fixture);
        let report = analyze(lent_once(), fixture, is_refresh).await.unwrap();
        assert_eq!(report.alt_text.is_some(), is_on);
        let text = text.lock().unwrap().clone();
        let is_written = text.contains("# alt_text: A knot in a rope\n");
        assert_eq!(is_written, is_on, "{text}");
        assert_eq!(text.contains("alt_text"), is_on, "{text}");
        assert!(text.contains("# description: A knot.\n"), "{text}");
    }
}

#[tokio::test]
async fn without_alt_text_that_of_a_sidecar_is_not_answered() {
    for is_on in [true, false] {
        let mut fixture = with_sidecar(Some(WITH_ALT_TEXT), 1);
        fixture.document["features"]["alt_text_enabled"] = is_on.into();
        let report = analyze(MockLedger::new(), fixture, false).await.unwrap();
        assert_eq!(report.alt_text.as_deref(), is_on.then_some("By me"));
    }
}

#[tokio::test]
async fn without_voice_matching_no_example_reaches_the_model() {
    for (flag, examples) in [(json!(null), 2), (json!(true), 2), (json!(false), 0)] {
        let mut fixture = with_sidecar(None, 2);
        fixture.document["features"]["voice_matching_enabled"] = flag.clone();
        fixture.document["content"]["voice_profile"] = json!(["one", "two", "three"]);
        fixture.document["content"]["voice_profile_tags"] =
            json!({"telegram": ["three"], "email": ["one"]});
        fixture.images.expect_fetch().times(1).returning(|name| {
            Ok(FetchedImage {
                stored: stored(name.as_str(), &jpeg()),
                bytes: jpeg(),
            })
        });
        expect_writing(&mut fixture);
        let writer = &mut fixture.writer;
        writer.expect_analyze().times(1).returning(|_| Ok(seen()));
        writer
            .expect_write()
            .times(1)
            .withf(move |brief| {
                let texts: &[&str] = if examples == 2 {
                    &["one", "three"]
                } else {
                    &[]
                };
                brief.voice.texts() == texts
            })
            .returning(|_| Ok(written()));
        let report = analyze(lent_once(), fixture, false).await;
        assert!(report.is_ok(), "{flag}");
    }
}
