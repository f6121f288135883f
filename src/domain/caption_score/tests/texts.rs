use crate::domain::caption_score::{Shape, text::Text};

fn words(text: &str) -> Vec<String> {
    let text = Text::of(text);
    text.words().into_iter().map(str::to_owned).collect()
}

#[test]
fn words_are_told_in_any_script_and_without_case() {
    assert_eq!(
        words("She’s HERE, at last—barely."),
        ["she's", "here", "at", "last", "barely"]
    );
    assert_eq!(
        words("Die Schäferin hält still."),
        ["die", "schäferin", "hält", "still"]
    );
    assert_eq!(words("Она молчит"), ["она", "молчит"]);
    // The same word, composed and not.
    assert_eq!(words("cafe\u{301}"), words("caf\u{e9}"));
    assert!(words("… — !").is_empty());
}

#[test]
fn hashtags_links_and_emoji_are_no_words() {
    let text = "Dry jute 🌊 today. #shibari #rope,#knots (#studio) https://example.org/a?b 🎉";
    assert_eq!(words(text), ["dry", "jute", "today"]);
    assert_eq!(words("Room #12 is ours"), ["room", "is", "ours"]);
    assert_eq!(words("C# and 1️⃣ and 🇩🇪"), ["c", "and", "and"]);
}

#[test]
fn content_words_are_those_that_say_something() {
    let text = Text::of("It's the rope's end, and 35 of a B in THE barn.");
    let content: Vec<_> = text.content_words().into_iter().collect();
    assert_eq!(content, ["barn", "end", "rope"]);
}

#[test]
fn bigrams_skip_stop_words_and_stay_in_their_sentence() {
    let text = Text::of("The rope across her shoulder. Dust, and the barn.");
    assert_eq!(
        text.content_bigrams(),
        [("rope", "shoulder"), ("dust", "barn")]
    );
}

#[test]
fn an_opening_has_three_words_and_a_closing_too() {
    let text = Text::of("🌊 Cold, cold. Water all the way! #sea");
    assert_eq!(text.opening(), ["cold", "cold", "water"]);
    assert_eq!(text.closing(), ["all", "the", "way"]);
    let short = Text::of("Still here.");
    assert_eq!(
        (short.opening(), short.closing()),
        (vec!["still", "here"], vec!["still", "here"])
    );
    assert!(Text::of("🌊").opening().is_empty());
}

#[test]
fn the_shape_says_how_many_sentences_and_whether_emoji_end_them() {
    for (text, shape) in [
        ("", "S0"),
        ("🌊", "S0E"),
        ("One", "S1"),
        ("One. Two.", "S2"),
        ("One. Two. 🌊", "S2E"),
        ("One. Two 🌊✨ #sea #sky", "S2E"),
        ("One. Two ❤️.", "S2E"),
        ("One! 🌊 Two?", "S2"),
        ("One\nTwo\nThree", "S3"),
        ("First. Second. Third.", "S3"),
        ("At 5.30 it was 3.5 degrees", "S1"),
        ("一つ。二つ。", "S2"),
        ("One. Two ©", "S2"),
    ] {
        assert_eq!(Shape::of(text).to_string(), shape, "{text}");
    }
    assert_eq!(Shape::of("Yes. No. 🌊"), Shape::STOCK);
}
