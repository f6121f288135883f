//! Refreshes: what stands beside an image is replaced.

use super::*;

#[tokio::test]
async fn a_refresh_looks_again_and_keeps_foreign_keys() {
    let mut fixture = with_sidecar(Some(KNOWN), 1);
    expect_analysis(&mut fixture);
    let text = expect_writing(&mut fixture);
    let report = analyze(lent_once(), fixture, true).await.unwrap();
    assert_eq!(report.description.as_deref(), Some("A knot."));
    let text = text.lock().unwrap().clone();
    assert!(text.contains("\n# rating: 5\n"), "{text}");
    assert!(text.contains("\n# caption_edited: false\n"), "{text}");
    assert!(
        text.contains("\n# caption: !json \"For Telegram\\n\\n#tenant\"\n"),
        "{text}"
    );
}

#[tokio::test]
async fn a_refresh_replaces_what_a_person_wrote() {
    const BY_ME: &str = "by me\n\n# ---\n# image_file: a.jpg\n# sd_caption_version: 1\n# caption: By me\n\
                         # caption_generated: {\"email\":\"old\",\"telegram\":\"old\"}\n\
                         # caption_edited: true\n# alt_text: by me\n# tags: [\"by me\"]\n";
    let mut fixture = with_sidecar(Some(BY_ME), 1);
    fixture.document["captionfile"] = serde_json::json!({"extended_metadata_enabled": true});
    expect_analysis(&mut fixture);
    let text = expect_writing(&mut fixture);
    analyze(lent_once(), fixture, true).await.unwrap();
    let text = text.lock().unwrap().clone();
    for line in [
        "# caption_edited: false\n",
        "# alt_text: A knot in a rope\n",
        "# tags: [\"rope\"]\n",
        "# caption_generated: {\"email\":\"For e-mail\",\"telegram\":\"For Telegram\\n\\n#tenant\"}\n",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    assert!(!text.contains("by me") && !text.contains("By me"), "{text}");
}
