use crate::domain::caption_score::{Lexicon, LexiconError};

fn lexicon(text: &str) -> Lexicon {
    Lexicon::parse(text).unwrap()
}

#[test]
fn our_file_is_read_to_its_last_line() {
    let strict = lexicon(include_str!("../stock_phrases.txt"));
    let ours: Vec<_> = Lexicon::built_in().phrases().collect();
    assert_eq!(strict.phrases().collect::<Vec<_>>(), ours);
    assert!((100..=250).contains(&ours.len()), "{}", ours.len());
    for phrase in ours {
        let text = phrase.phrase().replace('*', "every word");
        assert!(Lexicon::built_in().hits(&text) > 0, "{text}");
    }
    // Models are told each advice once.
    let advice = Lexicon::built_in().by_advice();
    assert!(advice.len() <= 20, "{}", advice.len());
    let told: usize = advice.iter().map(|(_, phrases)| phrases.len()).sum();
    assert_eq!(told, Lexicon::built_in().phrases().len());
}

#[test]
fn phrases_are_found_in_any_case_and_punctuation_and_as_whole_words_only() {
    let lexicon = lexicon("nature's canvas => x\ndance of light => x");
    for text in [
        "nature's canvas",
        "NATURE’S Canvas!",
        "This is nature’s — canvas.",
        "A dance, of\nlight 🌊",
    ] {
        assert_eq!(lexicon.hits(text), 1, "{text}");
    }
    for text in [
        "",
        "natures canvas",
        "dances of light",
        "dance of lights",
        "#dance of light",
    ] {
        assert_eq!(lexicon.hits(text), 0, "{text}");
    }
    assert_eq!(lexicon.hits("dance of light, dance of light"), 2);
}

#[test]
fn a_wildcard_stands_for_one_to_four_words() {
    let lexicon = lexicon("where * meets => x\nevery * tells a * story => x");
    for text in [
        "Where rope meets skin",
        "where one two three four meets five",
        "Every knot tells a long story",
    ] {
        assert_eq!(lexicon.hits(text), 1, "{text}");
    }
    for text in [
        "where meets",
        "where one two three four five meets",
        "every tells a story",
    ] {
        assert_eq!(lexicon.hits(text), 0, "{text}");
    }
}

#[test]
fn the_longest_of_several_phrases_counts_and_none_inside_of_it() {
    let lexicon = lexicon("light and shadow => a\ndance of light and shadow => b\ndance of => c");
    let found = lexicon.found("A dance of light and shadow, a dance of joy.");
    let phrases: Vec<_> = found.iter().map(|it| it.phrase()).collect();
    assert_eq!(phrases, ["dance of light and shadow", "dance of"]);
    assert_eq!(found[0].instead(), "b");
}

#[test]
fn comments_and_blank_lines_are_left_out_and_the_order_stays() {
    let lexicon = lexicon("\u{feff}# a comment\n\n  B c =>  write d  \r\na=>e\nf => write d\n");
    let all: Vec<_> = lexicon
        .phrases()
        .map(|it| (it.phrase(), it.instead()))
        .collect();
    assert_eq!(all, [("B c", "write d"), ("a", "e"), ("f", "write d")]);
    assert_eq!(
        lexicon.by_advice(),
        [("write d", vec!["B c", "f"]), ("e", vec!["a"])]
    );
}

#[test]
fn a_file_that_is_no_lexicon_is_refused_by_its_line() {
    for (text, line) in [
        ("", 1),
        ("# nothing\n#\n", 2),
        ("a => b\nno arrow", 2),
        ("a => b\n=> c", 2),
        ("a =>", 1),
        ("… => c", 1),
        ("* a => b", 1),
        ("a * => b", 1),
        ("a * * b => c", 1),
        ("a*b => c", 1),
        ("a => b\n\nA! => c", 3),
        ("a b c d e f g h i j k l m => n", 1),
    ] {
        let error: LexiconError = Lexicon::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}");
        assert!(error.to_string().starts_with(&format!("line {line}: ")));
    }
}
