//! For any texts.

use proptest::prelude::*;

use super::{is_close, on};
use crate::domain::{
    caption_history::PastCaption,
    caption_score::{
        CandidateScore, CaptionLine, Lexicon, Lines, Measured, MeasuredCorpus, Number, best,
        measure,
    },
};

/// Texts like captions, and texts like nothing.
fn text() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "rope",
        "jute",
        "The",
        "a",
        "of",
        "and",
        "light",
        "Coffee",
        "it's",
        "it’s",
        "timeless",
        "where",
        "meets",
        ". ",
        "! ",
        ", ",
        "\n",
        "🌊",
        "❤\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "#rope",
        "https://a.test/x",
        "縄。",
        "\u{301}",
        "*",
        "=>",
    ]);
    let like_captions = prop::collection::vec(parts, 0..14).prop_map(|parts| parts.join(" "));
    prop_oneof![3 => like_captions, 1 => any::<String>()]
}

fn corpus() -> impl Strategy<Value = Vec<CaptionLine>> {
    let platform = prop::sample::select(vec!["telegram", "email"]);
    let line = (platform, text(), text()).prop_map(|(platform, caption, analysis)| CaptionLine {
        analysis,
        ..on(platform, &caption)
    });
    prop::collection::vec(line, 0..40)
}

fn assert_in_range(corpus: &MeasuredCorpus) {
    for measured in corpus.platforms.values().chain([&corpus.corpus]) {
        for number in Number::ALL {
            let Some(value) = measured.value(number) else {
                continue;
            };
            let is_share = !matches!(number, Number::WordVariance | Number::SentenceVariance);
            assert!(value.is_finite() && value >= 0.0, "{number:?} is {value}");
            assert!(!is_share || value <= 1.0, "{number:?} is {value}");
        }
    }
}

proptest! {
    #[test]
    fn every_number_is_finite_and_in_its_range(captions in corpus()) {
        let measured = measure(&captions, Lexicon::built_in());
        assert_in_range(&measured);
        prop_assert_eq!(measured.corpus.captions(), captions.len());
        let of_platforms = measured.platforms.values().map(Measured::captions);
        prop_assert_eq!(of_platforms.sum::<usize>(), captions.len());
    }

    #[test]
    fn the_order_matters_to_likeness_alone(captions in corpus()) {
        let mut reversed = captions.clone();
        reversed.reverse();
        let (one, other) = (measure(&captions, Lexicon::built_in()), measure(&reversed, Lexicon::built_in()));
        for number in Number::ALL.into_iter().filter(|it| *it != Number::Likeness) {
            let same = match (one.corpus.value(number), other.corpus.value(number)) {
                (Some(one), Some(other)) => is_close(one, other),
                (one, other) => one == other,
            };
            prop_assert!(same, "{:?}", number);
        }
    }

    #[test]
    fn the_best_candidate_has_no_higher_score_than_another(
        candidates in prop::collection::vec(text(), 0..5),
        past in prop::collection::vec(text(), 0..40),
    ) {
        let past: Vec<_> = past.into_iter().map(|text| PastCaption { text, angle: None }).collect();
        let lexicon = Lexicon::built_in();
        let index = best(&candidates, &past, lexicon);
        prop_assert_eq!(index, best(&candidates, &past, lexicon));
        prop_assert_eq!(index.is_none(), candidates.is_empty());
        let total = |text: &String| CandidateScore::of(text, &past, lexicon).total();
        let has_words = |text: &String| measure(&[on("telegram", text)], lexicon).corpus.value(Number::Distinct1).is_some();
        for (at, other) in candidates.iter().enumerate() {
            let chosen = &candidates[index.unwrap()];
            let lower = total(other) < total(chosen) || (total(other).total_cmp(&total(chosen)).is_eq() && Some(at) < index);
            prop_assert!(!(lower && has_words(other)), "{} instead of {}", chosen, other);
        }
    }

    #[test]
    fn a_text_is_never_less_like_itself_than_another(text in text(), other in text()) {
        let past = |text: &str| [PastCaption { text: text.to_owned(), angle: None }];
        let likeness = |past: &[PastCaption]| CandidateScore::of(&text, past, Lexicon::built_in()).likeness;
        let to_itself = likeness(&past(&text));
        prop_assert!(is_close(to_itself, 0.0) || is_close(to_itself, 1.0));
        prop_assert!(likeness(&past(&other)) <= to_itself + 1e-9);
    }

    #[test]
    fn what_is_read_as_a_lexicon_finds_its_own_phrases(text in "(([a-zA-Z*’#=> ]|\n|é){0,60})|(\\PC{0,40} => \\PC{1,20})") {
        let Ok(lexicon) = Lexicon::parse(&text) else { return Ok(()) };
        for phrase in lexicon.phrases() {
            let said = phrase.phrase().replace('*', "x");
            prop_assert!(lexicon.hits(&said) > 0, "{}", said);
        }
    }

    #[test]
    fn any_file_is_read_and_each_line_is_good_or_bad(bytes in prop::collection::vec(any::<u8>(), 0..200), line in text()) {
        let good = serde_json::json!({"tenant": "a", "platform": "p", "caption": line, "analysis": {"tags": [line]}});
        let file = [&bytes[..], b"\n", good.to_string().as_bytes()].concat();
        let lines = Lines::read(&file);
        prop_assert_eq!(&lines.captions.last().unwrap().caption, &line);
        let written = file.split(|it| *it == b'\n').count();
        prop_assert!(lines.captions.len() + lines.bad.len() <= written);
        prop_assert!(lines.bad.iter().all(|bad| (1..=written).contains(&bad.line)));
        prop_assert!(lines.bad.windows(2).all(|pair| pair[0].line < pair[1].line));
    }
}
