use proptest::prelude::*;

use super::*;

#[test]
fn everything_that_models_put_around_a_caption_goes() {
    for text in [
        "<think>Let me see… {\"a\": 1}</think>\n\n**Caption:** \"A knot &amp; a rope.\"",
        "```\nA knot &amp; a rope.\n```",
        "<p>A <b>knot</b> &amp;amp; a rope.</p>",
        "Here's the caption: “A **knot** & a *rope*.”",
        "\u{feff}A knot\u{200b} & a\u{202e} rope.",
        "&lt;b&gt;A knot&lt;/b&gt; &amp; a rope.",
        "# A knot & a rope.",
        "> A knot & a rope.",
    ] {
        assert_eq!(plain(text), "A knot & a rope.", "{text}");
    }
}

#[test]
fn a_text_that_is_plain_stays_as_it_is() {
    for text in [
        "3 < 5, AT&T, snake_case, 2 * 3 * 4, #tag and <3 :)",
        "Evening light.\n\nNobody speaks. 👩🏽\u{200d}🚀 می\u{200c}خواهم",
        "5'10\", \"very\" tall",
        "É così — sì… «no» e basta",
    ] {
        assert_eq!(plain(text), text, "{text}");
    }
}

proptest! {
    #[test]
    fn the_second_time_nothing_changes_and_nothing_hidden_is_left(
        text in "(<think>|</think>|</?b>|<br>|&amp;|&lt;|&gt;|&#39;|Caption: |[*_`~#>\\[\\]()!\\\\<&;\"' \n-]|[a-c ]|[0-9]\\. |\u{200b}|\u{202e}|\0|🏴|\u{200d}){0,40}"
    ) {
        let once = plain(&text);
        prop_assert_eq!(&plain(&once), &once, "{:?}", text);
        let hidden = |c: char| matches!(c, '\u{200b}' | '\u{202e}' | '\0');
        prop_assert!(!once.contains(hidden));
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC{0,200}") {
        let _ = plain(&text);
        let _ = is_refusal(&text);
    }
}
