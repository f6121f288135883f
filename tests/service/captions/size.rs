//! What a request for captions holds, and how much that is.

use std::collections::{BTreeMap, BTreeSet};

use publisher::domain::{caption_brief::MAX_PROSE, voice::estimated_tokens};
use publisher_sandbox::{Network, Sandbox};
use serde_json::json;

use super::{asked, calls, last_material, publish, script, spec, start};

/// More than one request has.
const VOICE: [&str; 8] = [
    "She asked for one more turn of rope. I gave her two.",
    "Jute smells of hay when it gets warm. So did we.",
    "Second attempt. The first one was too polite.",
    "My knees hurt for two days and I would do it again tomorrow.",
    "We had the room until six. It was ten past when I took this.",
    "That knot is wrong. I kept it because her hand is right.",
    "Three candles, one draft, no heating. November.",
    "Nobody tells you how loud a rope is when it runs.",
];

#[tokio::test]
async fn four_platforms_take_one_call_of_each_kind_and_less_than_500_tokens_of_material() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = spec("carol", 3).email(true);
    let carol = carol.network(Network::Mastodon).network(Network::Bluesky);
    let patch = json!({ "content": { "voice_profile": VOICE, "hashtag_string": "#ropeart" } });
    let carol = sandbox.add_tenant(carol.patch(&patch));
    let service = start(&sandbox).await;
    let seen = json!({
        "description": "A woman kneels on a wooden floor with her hands tied behind her back. Rope crosses \
                        her chest. Behind her is a window with rain on it.",
        "mood": "calm", "nsfw": true, "tags": ["rope", "kneeling", "rain", "window", "floor", "jute"],
        "color_palette": "amber, brown, grey", "composition": "centered", "pose": "kneeling",
        "alt_text": "A woman kneels on a wooden floor.", "sd_caption": "woman, kneeling, rope",
        "distinctive_detail": "one strand has slipped from the knot",
        "sensory_detail": ["cold boards", "rain on the glass"],
        "mood_note": "I did not want to move yet.",
    });
    sandbox.openai.answer_vision_with(Some(&seen.to_string()));
    let platforms = ["telegram", "email", "mastodon", "bluesky"];
    for (index, opening) in (0..).zip(["The third strand", "Rain on old glass", "Cold boards"]) {
        let text = format!("{opening} holds out longer than I do.");
        let texts = platforms.map(|platform| (platform, text.clone()));
        let texts: BTreeMap<_, _> = texts.into();
        script(&sandbox, &json!(texts));
        publish(&service, &sandbox, &carol, index, &platforms).await;
    }
    assert_eq!(calls(&sandbox), [3, 3, 0], "one and one for each image");
    let request = asked(&sandbox, "caption", &carol).pop().unwrap();
    let text = request["messages"][1]["content"].as_str().unwrap();
    let tokens = estimated_tokens(text);
    assert!(tokens < 500, "{tokens}: {text}");

    let material = last_material(&sandbox, &carol);
    let keys: BTreeSet<_> = material.as_object().unwrap().keys().cloned().collect();
    let expected = [
        "brief",
        "candidates",
        "platforms",
        "topics",
        "voice_examples",
    ];
    assert_eq!(keys, expected.map(str::to_owned).into());
    let brief = material["brief"].as_str().unwrap();
    assert!(brief.chars().count() <= MAX_PROSE, "{brief}");
    for not_in_it in ["amber", "centered", "jute"] {
        assert!(!brief.contains(not_in_it), "{brief}");
    }
    let examples = material["voice_examples"].as_array().unwrap();
    assert!((4..=6).contains(&examples.len()), "{examples:?}");
    assert_eq!(material["topics"].as_array().unwrap().len(), 5);
    for platform in platforms {
        let not_again = &material["platforms"][platform]["not_again"];
        assert_eq!(not_again.as_array().unwrap().len(), 2, "{platform}");
    }
}
