//! The whole way from what a model wrote to plain text: by example, by property.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation as _;

use super::*;

#[test]
fn what_models_put_around_a_text_goes_in_any_order() {
    for text in [
        "**Caption:** \"A knot.\"",
        "\"Caption: A knot.\"",
        "<p><b>Caption:</b> A knot.</p>",
        "```\nCaption: A knot.\n```",
        "<think>short</think># A knot.",
        "&lt;b&gt;A knot.&lt;/b&gt;",
        "&amp;lt;think&amp;gt;hm&amp;lt;/think&amp;gt;A knot.",
        "*_**A knot.**_*",
        "[**A knot.**](https://x.test)",
        "> *“A knot.”*",
        "A\u{200b} kn\u{202e}ot\u{202c}.\u{feff}",
    ] {
        assert_eq!(plain(text), "A knot.", "{text}");
    }
}

#[test]
fn innocent_text_stays_as_it_is() {
    for text in [
        "3 < 5 and AT&T",
        "snake_case, * alone, 2 * 3 * 4, 2*3*4",
        "#tag #rope_work :) <3 >_< *_*",
        "First line\n\nSecond line 🪢",
        "\"A\" and \"B\"",
        "👩\u{200d}👩\u{200d}👧 می\u{200c}خواهم 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "¯\\_(ツ)_/¯",
        "R&B; 100 % – “quoted” words inside",
        "- one\n- two",
    ] {
        assert_eq!(plain(text), text, "{text}");
    }
}

#[test]
fn mark_up_without_end_comes_to_an_end() {
    for text in [
        "&".to_owned() + &"amp;".repeat(2_000) + "lt;b>",
        "*_".repeat(2_000) + "x" + &"_*".repeat(2_000),
        "[".repeat(4_000) + "x" + &"](y)".repeat(1_000),
        "<b>".repeat(2_000),
        "\\".repeat(4_000),
        "\"".repeat(4_000),
        "Caption: ".repeat(800),
    ] {
        let once = plain(&text);
        assert_eq!(plain(&once), once);
    }
}

const NEVER: &str =
    "\0\u{7}\u{1b}\u{7f}\u{ad}\u{200b}\u{200e}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\u{fffd}";

proptest! {
    #[test]
    fn any_text_becomes_plain_once_and_for_all(
        pieces in prop::collection::vec(
            r#"[a-z]{1,6}|[*_~`#>\[\]()\\"'&;:<=/-]{1,3}|<b>|</b>|<think>|</think>|&amp;|&lt;|&#39;|\*\*|\n|  | |Caption: |[🪢👩❤]|\x{200d}|[\x{200b}\x{202e}\x{feff}\x{fffd}\x{ad}\x00\x07\x{fe0f}]"#,
            0..40,
        ),
    ) {
        let text = pieces.concat();
        let once = plain(&text);
        prop_assert_eq!(&plain(&once), &once, "{:?}", text);
        prop_assert!(!once.contains(|c| NEVER.contains(c)), "{:?}", once);
    }

    #[test]
    fn words_and_graphemes_stay_whole(
        words in prop::collection::vec("[a-z]{1,8}|👩\u{200d}👩\u{200d}👧|e\u{301}|🇩🇪|👍🏽|縄", 0..30),
    ) {
        let text = words.join(" ");
        prop_assert_eq!(plain(&text), text.clone());
        let marked: Vec<String> = words.iter().map(|word| format!("**{word}**")).collect();
        let unmarked = plain(&marked.join(" "));
        let graphemes = |text: &str| text.graphemes(true).map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(graphemes(&unmarked), graphemes(&text));
    }

    #[test]
    fn no_text_breaks_it(text in any::<String>()) {
        let once = plain(&text);
        prop_assert_eq!(&plain(&once), &once);
    }
}
