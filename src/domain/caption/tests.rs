//! Tests of fitting: by example, by property, and on many generated captions.

mod dice;
mod generated;
mod models;
mod server_count;

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation as _;

use self::generated::{BLUESKY, mastodon};
use super::*;
use crate::{adapters::platforms::spec, domain::platform::Platform};

const TELEGRAM: CaptionRules = spec(Platform::Telegram).caption;
const EMAIL: CaptionRules = spec(Platform::Email).caption;

#[test]
fn hashtags_go_to_the_end_for_telegram_each_once() {
    assert_eq!(
        TELEGRAM.fit("A knot.", "#rope #shibari #Rope"),
        "A knot.\n\n#rope #shibari"
    );
    assert_eq!(TELEGRAM.fit("A knot.", ""), "A knot.");
    assert_eq!(TELEGRAM.fit("", "#shibari"), "#shibari");
}

#[test]
fn telegram_ends_with_the_tenants_hashtags_and_no_others() {
    for (text, by_person, by_model) in [
        ("A knot. #rope", "A knot.\n\n#tenant", "A knot.\n\n#tenant"),
        (
            "A knot.\n\n#rope #light",
            "A knot.\n\n#tenant",
            "A knot.\n\n#tenant",
        ),
        (
            "A #rope study. #light",
            "A #rope study.\n\n#tenant",
            "A rope study.\n\n#tenant",
        ),
        (
            "Our #tenant knot",
            "Our #tenant knot",
            "Our tenant knot\n\n#tenant",
        ),
        ("We are #1", "We are #1\n\n#tenant", "We are #1\n\n#tenant"),
        ("#rope", "#tenant", "#tenant"),
        ("", "#tenant", "#tenant"),
    ] {
        assert_eq!(TELEGRAM.fit(text, "#tenant"), by_person, "{text}");
        assert_eq!(
            TELEGRAM.fit_written(text, "#tenant", &[]),
            by_model,
            "{text}"
        );
        // What was sent can be sent again.
        for sent in [by_person, by_model] {
            assert_eq!(TELEGRAM.fit(sent, "#tenant"), sent);
        }
    }
    assert_eq!(
        EMAIL.fit_written("A #rope study. #light", "#tenant", &[]),
        "A rope study."
    );
    assert_eq!(TELEGRAM.fit_written("A knot — #rope", "", &[]), "A knot");
}

#[test]
fn email_has_plain_dashes() {
    for (text, fitted) in [
        ("rope—wall 3–4", "rope - wall 3-4"),
        ("rope — wall 3 – 4", "rope - wall 3-4"),
        ("rope  –  wall", "rope - wall"),
        ("rope —— wall — — light", "rope - wall - light"),
        ("rope ⸺wall", "rope - wall"),
        ("rope—3 walls", "rope - 3 walls"),
        ("3 walls—rope", "3 walls - rope"),
        ("“rope”—“wall”", "\"rope\" - \"wall\""),
        ("rope.—Wall", "rope. - Wall"),
        ("— rope", "- rope"),
        ("—rope", "-rope"),
        ("rope—", "rope-"),
        ("rope —", "rope -"),
        ("2019–2020, −5 °C", "2019-2020, -5 °C"),
        (
            "well‑tied, well-tied, rope - wall",
            "well-tied, well-tied, rope - wall",
        ),
        ("rope\n—\nwall", "rope - wall"),
        ("rope—#wall", "rope"),
        ("—", "-"),
    ] {
        assert_eq!(EMAIL.fit(text, ""), fitted, "{text}");
        assert_eq!(EMAIL.fit(fitted, ""), fitted);
    }
    assert_eq!(TELEGRAM.fit("rope—wall 3–4", ""), "rope—wall 3–4");
}

#[test]
fn email_has_no_hashtags_and_plain_punctuation() {
    assert_eq!(
        EMAIL.fit("“A #rope – study…”\n#a #b", "#c"),
        "\"A rope - study...\""
    );
    assert_eq!(EMAIL.fit("We are #1", "#c"), "We are #1");
}

#[test]
fn long_captions_are_cut_at_a_word_and_keep_their_hashtags() {
    let fitted = TELEGRAM.fit(&"word ".repeat(400), "#end #tenant");
    assert!(TELEGRAM.length(&fitted) <= 1024);
    assert!(fitted.ends_with("word…\n\n#end #tenant"), "{fitted}");
    let fitted = EMAIL.fit(&"word ".repeat(400), "");
    assert!(
        EMAIL.length(&fitted) <= 240 && fitted.ends_with("word..."),
        "{fitted}"
    );
}

#[test]
fn telegram_counts_utf16_units() {
    let fitted = TELEGRAM.fit(&"🪢".repeat(1024), "");
    assert!(fitted.encode_utf16().count() <= 1024);
    assert!(fitted.starts_with('🪢') && fitted.ends_with('…'));
}

#[test]
fn a_hashtag_begins_a_word_or_follows_another() {
    for (text, fitted) in [
        ("A knot. #a, #b; #c.", "A knot."),
        ("A knot. #a#b,#c", "A knot."),
        ("A knot. ##a", "A knot."),
        ("A #rope study. #Rope #light", "A #rope study."),
        ("We are #1", "We are #1"),
        ("in C# and x.test/page#part", "in C# and x.test/page#part"),
        ("press #\u{fe0f}\u{20e3}", "press #\u{fe0f}\u{20e3}"),
    ] {
        assert_eq!(TELEGRAM.fit(text, ""), fitted);
    }
    for (text, fitted) in [
        ("(#rope) “#light”, #a#b c", "(rope) \"light\", ab c"),
        ("x.test/#part #️⃣ #\u{301}a", "x.test/#part #️⃣ #\u{301}a"),
    ] {
        assert_eq!(EMAIL.fit(text, "#tenant"), fitted);
    }
}

#[test]
fn a_mark_keeps_the_space_that_carries_it() {
    for rules in [TELEGRAM, EMAIL] {
        assert_eq!(rules.fit(" \u{301}a  \u{308} ", ""), " \u{301}a  \u{308}");
        // The space before the mark is no place to cut at.
        let fitted = rules.fit(&"\u{301} ".repeat(2_000), "");
        assert!(rules.length(&fitted) <= rules.limit);
    }
}

#[test]
fn a_long_word_is_cut_but_a_long_hashtag_is_left_out() {
    let fitted = TELEGRAM.fit(&format!("A {}", "縄".repeat(2_000)), "");
    assert_eq!(TELEGRAM.length(&fitted), 1024);
    let fitted = TELEGRAM.fit(&format!("A #{} b", "縄".repeat(2_000)), "");
    assert_eq!(fitted, "A…");
    assert_eq!(TELEGRAM.fit("A", &format!("#{}", "a".repeat(2_000))), "A");
}

#[test]
fn a_text_is_not_crowded_out_by_hashtags() {
    let many: Vec<String> = (0..400).map(|index| format!("#tag{index}")).collect();
    let many = many.join(" ");
    let fitted = TELEGRAM.fit(&"word ".repeat(400), &many);
    let (body, tags) = fitted.split_once("\n\n").unwrap();
    assert!(TELEGRAM.length(body) > 490 && TELEGRAM.length(tags) > 490);
    let fitted = TELEGRAM.fit("A knot.", &many);
    assert!(TELEGRAM.length(&fitted) > 1000);
}

#[test]
fn a_text_of_any_length_is_fitted_in_linear_time() {
    // Quadratic work on these would take minutes.
    for unit in [
        "#a",
        "#a ",
        "#",
        "🇩",
        "\u{301}",
        " ",
        "a#",
        "#a,",
        "\u{301} #a",
        "a://b",
        "://",
        "https://a.co ",
        "https://a.co/(",
        ")https://a.co",
        "@a@b.co ",
    ] {
        let text = unit.repeat(20_000 / unit.len());
        for rules in [TELEGRAM, EMAIL, mastodon(500), mastodon(20_000), BLUESKY] {
            assert!(rules.takes(&rules.fit(&text, &text)), "{unit}");
            assert!(
                rules.takes(&rules.fit_with_own_hashtags(&text, &text)),
                "{unit}"
            );
        }
    }
}

#[test]
fn other_line_ends_are_line_ends() {
    let text = "a\u{85}b\u{2028}c\u{b}d\r\ne\rf\0\n\n\n\ng";
    assert_eq!(TELEGRAM.fit(text, ""), "a\nb\nc\nd\ne\nf\n\ng");
    assert_eq!(EMAIL.fit(text, ""), "a b c d e f g");
}

#[test]
fn a_persons_caption_keeps_its_signs_and_loses_what_nobody_sees() {
    let text = "**A** <b>knot</b> &amp;\u{202e} a\u{200b} rope\u{feff} 👩\u{200d}👩\u{200d}👧";
    let seen = "**A** <b>knot</b> &amp; a rope 👩\u{200d}👩\u{200d}👧";
    for rules in [TELEGRAM, EMAIL] {
        assert_eq!(rules.fit(text, ""), seen);
    }
    assert_eq!(TELEGRAM.fit("A", "#ro\u{200b}pe"), "A\n\n#rope");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_caption_fits_and_no_grapheme_is_cut(
        words in prop::collection::vec("(#[a-z]{1,20}|[a-zא-ת]{1,12}|👩‍👩‍👧|e\u{301}{1,3}|🪢{1,4})", 0..300),
        tags in "(#[a-z]{1,9} ){0,5}",
    ) {
        let text = words.join(" ");
        for rules in [TELEGRAM, EMAIL] {
            let fitted = rules.fit(&text, &tags);
            prop_assert!(rules.length(&fitted) <= rules.limit);
            let known: HashSet<&str> = text.graphemes(true).chain(tags.graphemes(true)).collect();
            for grapheme in fitted.graphemes(true) {
                prop_assert!(known.contains(grapheme) || "….\n ".contains(grapheme), "{grapheme:?}");
            }
        }
    }
}
