use super::is_close;
use crate::domain::{
    caption_history::PastCaption,
    caption_score::{CandidateScore, LAST, Lexicon, best},
};

fn past(texts: &[&str]) -> Vec<PastCaption> {
    let caption = |text: &&str| PastCaption {
        text: (*text).to_owned(),
        angle: None,
    };
    texts.iter().map(caption).collect()
}

fn score(candidate: &str, texts: &[&str]) -> CandidateScore {
    CandidateScore::of(candidate, &past(texts), Lexicon::built_in())
}

fn chosen(candidates: &[&str], texts: &[&str]) -> Option<usize> {
    best(candidates, &past(texts), Lexicon::built_in())
}

#[test]
fn a_score_is_twice_the_stock_phrases_and_likeness_and_recurring_words() {
    let own = score("A timeless testament: jute, dry jute.", &[]);
    assert_eq!(
        (own.stock_phrases, own.likeness, own.recurring),
        (1, 0.0, 0.0)
    );
    assert!(is_close(own.total(), 2.0));
    // The same bigrams as one of them; one word of three is in two of them.
    let like = score(
        "Cold coffee steams.",
        &["Cold coffee steams.", "More coffee."],
    );
    assert!(is_close(like.likeness, 1.0));
    assert!(is_close(like.recurring, 1.0 / 3.0));
    assert!(is_close(like.total(), 1.0 + 1.0 / 3.0));
}

#[test]
fn a_common_bigram_weighs_less_the_more_captions_have_it() {
    let rare = score(
        "Cold coffee, warm barn.",
        &["Cold coffee, blue door.", "Red sand, wide river."],
    );
    let common = score(
        "Cold coffee, warm barn.",
        &["Cold coffee, blue door.", "Cold coffee, wide river."],
    );
    assert!(0.0 < common.likeness && common.likeness < rare.likeness && rare.likeness < 1.0);
}

#[test]
fn the_one_without_stock_phrases_is_chosen_then_the_one_unlike_the_last() {
    let candidates = [
        "A timeless dance of light.",
        "Cold coffee on the sill again.",
        "Her thumb stays under the wrap.",
    ];
    assert_eq!(
        chosen(&candidates, &["Cold coffee on the sill.", "A dog."]),
        Some(2)
    );
    assert_eq!(
        chosen(&candidates, &["Her thumb stays put.", "A dog."]),
        Some(1)
    );
    assert_eq!(chosen(&candidates, &[]), Some(1));
}

#[test]
fn the_first_wins_a_tie_and_a_candidate_without_words_loses_to_any() {
    assert_eq!(chosen(&["Blue door.", "Red door."], &[]), Some(0));
    assert_eq!(
        chosen(&["🌊", "A timeless testament to light."], &[]),
        Some(1)
    );
    assert_eq!(chosen(&["", "🌊"], &[]), Some(0));
    assert_eq!(chosen(&[], &["Blue door."]), None);
}

#[test]
fn a_word_recurs_if_two_have_it_and_a_tenth() {
    let with = |having: usize, all: usize| {
        let texts: Vec<_> = (0..all)
            .map(|it| if it < having { "Barn" } else { "Door" })
            .collect();
        score("Barn", &texts).recurring
    };
    assert!(is_close(with(1, 2), 0.0));
    assert!(is_close(with(2, 3), 1.0));
    assert!(is_close(with(2, 30), 0.0));
    assert!(is_close(with(3, 30), 1.0));
}

#[test]
fn only_the_last_thirty_count() {
    let mut texts = vec!["Door"; LAST];
    texts.push("Cold coffee steams");
    assert!(is_close(score("Cold coffee steams", &texts).likeness, 0.0));
    texts.remove(0);
    assert!(is_close(score("Cold coffee steams", &texts).likeness, 1.0));
}
