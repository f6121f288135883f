//! The example of `docs/captions.md`: the requests for one picture, as they are sent.

use super::*;
use crate::domain::voice::estimated_tokens;

/// The estimated tokens that the message with the material may have.
const MOST_TOKENS: usize = 500;

/// What vision has answered for the picture of the example.
fn picture() -> Analysis {
    let text = |text: &str| Some(text.to_owned());
    let list = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    Analysis {
        description: "A woman kneels on a wooden floor with her back to the camera, her arms bound behind her in \
                      a box tie. Late light from a window on the left crosses the rope and leaves the rest of \
                      the room dark. One strand has slipped below the shoulder blade."
            .to_owned(),
        mood: "quiet, unhurried".to_owned(),
        tags: list(&[
            "rope", "box tie", "window light", "kneeling", "back", "wooden floor", "shadow", "jute",
        ]),
        nsfw: true,
        safety_labels: list(&["nudity", "bondage"]),
        subject: text("a kneeling woman, bound, seen from behind"),
        style: text("fine art nude"),
        lighting: text("hard daylight from the left, low sun, deep shadow"),
        camera: text("eye level of a kneeling person, medium distance, shallow depth of field"),
        clothing_or_accessories: text("jute rope, six millimetres, in a box tie"),
        aesthetic_terms: list(&["high contrast", "chiaroscuro", "minimal"]),
        pose: text("kneeling upright, head bowed, arms behind the back"),
        composition: text("subject right of the middle, light enters from the left edge"),
        background: text("a bare room, a window frame, dark wall"),
        color_palette: text("amber, umber, black"),
        alt_text: text("A woman kneels with her back to the camera, her arms bound with rope; window light crosses her shoulders."),
        sd_caption: text("kneeling woman seen from behind, box tie, jute rope, window light"),
        owner: OwnerNotes {
            distinctive_detail: text("one strand has slipped below the shoulder blade and nobody put it back"),
            sensory_details: list(&["the board is still warm", "jute against the elbow"]),
            mood_note: text("I let the light run out before I untied her."),
        },
    }
}

const VOICE: [&str; 5] = [
    "Third evening with the same eight metres. They have learned her by now.",
    "No plan today. The window decided.",
    "She asked for one more wrap, so there is one more wrap.",
    "Dust on the lens, left there.",
    "What you do not see: the kettle, the dog, the phone that rang.",
];

fn request() -> Value {
    let settings = settings(&json!({}), &Value::Null);
    let past = [
        (
            "The knot sits where her breath turns. I moved it twice.",
            Angle::Sensation,
        ),
        (
            "Half past four, and the wall was already orange.",
            Angle::Moment,
        ),
    ];
    let past = past.map(|(text, angle)| PastCaption {
        text: text.to_owned(),
        angle: Some(angle),
    });
    let platforms = [Platform::Telegram, Platform::Email];
    let profile = VoiceProfile::new(&VOICE).unwrap();
    let voice = profile.sample(&VoiceTags::default(), platforms, "image");
    let brief = CaptionBrief {
        analysis: picture(),
        platforms: places(&settings, &platforms, &past),
        voice,
        has_model_hashtags: false,
    };
    requests_of(&settings).captions(&brief).unwrap()
}

#[test]
fn the_documented_styles_are_the_built_in_ones() {
    let page = std::fs::read_to_string("docs/captions.md").unwrap();
    let settings = settings(&json!({}), &Value::Null);
    for platform in Platform::ALL {
        let style = settings.platforms.caption_style(platform);
        let row = format!(" | {} | {} |", style.style, style.guidance);
        assert!(page.contains(&row), "not in docs/captions.md:{row}");
    }
}

#[test]
fn the_documented_requests_are_those_that_are_sent() {
    let page = std::fs::read_to_string("docs/captions.md").unwrap();
    let request = request();
    let (user, system) = (user(&request), system(&request));
    let shown = serde_json::to_string_pretty(&user).unwrap();
    assert!(
        page.contains(&format!("```json\n{shown}\n```")),
        "not in docs/captions.md:\n{shown}"
    );
    assert!(
        page.contains(&format!("```text\n{system}\n```")),
        "not in docs/captions.md:\n{system}"
    );
    let tokens = estimated_tokens(&user.to_string());
    assert!(tokens < MOST_TOKENS, "{tokens}");
    let told = format!(
        "| estimated tokens of the message, of the instructions | 387, 631 | {tokens}, {} |",
        estimated_tokens(system)
    );
    assert!(page.contains(&told), "not in docs/captions.md:\n{told}");
}
