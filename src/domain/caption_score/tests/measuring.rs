use super::{is_close, line, measured, on};
use crate::domain::caption_score::{
    Bar, CaptionLine, FEW, LAST, Lexicon, MeasuredCorpus, Number, Verdict, measure,
};

fn value(corpus: &MeasuredCorpus, number: Number) -> f64 {
    corpus.corpus.value(number).unwrap()
}

fn assert_value(captions: &[&str], number: Number, expected: f64) {
    let value = value(&measured(captions), number);
    assert!(
        is_close(value, expected),
        "{number:?}: {value} is not {expected}"
    );
}

#[test]
fn captions_share_edges_whatever_their_emoji_and_hashtags() {
    let captions = [
        "Once upon a knot.",
        "🌊 Once, upon a time! #sea",
        "The barn is far away from here.",
        "We stay away from here #rope",
    ];
    assert_value(&captions, Number::Edges, 1.0);
    // A beginning is not an end.
    assert_value(
        &["One two three", "We are one two three four", "🌊", "🌊"],
        Number::Edges,
        0.0,
    );
}

#[test]
fn a_caption_counts_once_for_all_its_stock_phrases() {
    let captions = [
        "A timeless testament to timeless light",
        "Jute.",
        "Hemp.",
        "Silk.",
    ];
    assert_value(&captions, Number::StockPhrases, 0.25);
}

#[test]
fn likeness_is_to_those_before_of_the_same_tenant_and_platform() {
    assert_value(
        &["Cold coffee", "Cold coffee", "Warm barn", "cold coffee"],
        Number::Likeness,
        0.5,
    );
    let elsewhere = [
        on("telegram", "Cold coffee"),
        on("email", "Cold coffee"),
        CaptionLine {
            tenant: "bob".to_owned(),
            ..on("email", "Cold coffee")
        },
    ];
    let corpus = measure(&elsewhere, Lexicon::built_in());
    assert!(is_close(value(&corpus, Number::Likeness), 0.0));
    // The one before the last thirty is forgotten.
    let mut captions = vec!["Cold coffee"];
    captions.extend(vec!["Door"; LAST]);
    captions.push("Cold coffee");
    assert_value(&captions, Number::Likeness, 0.0);
}

#[test]
fn overlap_is_the_share_of_content_words_that_the_analysis_has() {
    let with = |caption: &str, analysis: &str| CaptionLine {
        analysis: analysis.to_owned(),
        ..line(caption)
    };
    let lines = [
        with("The rope and her coffee", "A ROPE\non the wall"),
        with("Dust", "rope"),
        with("Nothing to hold this against", ""),
        with("🌊", "rope"),
    ];
    let corpus = measure(&lines, Lexicon::built_in());
    assert!(is_close(value(&corpus, Number::Overlap), 0.25));
    assert_eq!(measured(&["A rope"]).corpus.value(Number::Overlap), None);
}

#[test]
fn distinct_words_and_pairs_are_shares_of_all() {
    assert_value(&["a b a b", "a c"], Number::Distinct1, 0.5);
    // (a b) twice, (b a), (a c).
    assert_value(&["a b a b", "a c"], Number::Distinct2, 0.75);
}

#[test]
fn variances_are_those_of_a_population() {
    let captions = ["One two.", "One two three four. Five. Six."];
    assert_value(&captions, Number::WordVariance, 4.0);
    assert_value(&captions, Number::SentenceVariance, 1.0);
}

#[test]
fn shapes_and_frequent_words_are_shares_of_captions() {
    let captions = [
        "A barn. A barn. 🌊",
        "A barn 🌊",
        "Dust. Dust. Dust. 🌊",
        "Dust.",
    ];
    assert_value(&captions, Number::Shape, 0.25);
    assert_value(&captions, Number::FrequentWord, 0.5);
    assert_value(&["Barn", "Dust"], Number::FrequentWord, 0.0);
}

#[test]
fn nothing_and_next_to_nothing_have_no_number_that_is_none() {
    let empty = measured(&[]);
    assert!(
        Number::ALL
            .iter()
            .all(|it| empty.corpus.value(*it).is_none())
    );
    assert!(empty.platforms.is_empty() && empty.is_within());
    for captions in [&[""][..], &["🌊"], &["Still."], &["", ""]] {
        let corpus = measured(captions);
        for number in Number::ALL {
            let value = corpus.corpus.value(number);
            assert!(
                value.is_none_or(f64::is_finite),
                "{number:?} of {captions:?}"
            );
        }
    }
    let one = measured(&["Still here."]).corpus;
    assert_eq!(one.verdict(Number::WordVariance), Verdict::NotJudged);
    assert_eq!(one.value(Number::FrequentWord), Some(0.0));
}

#[test]
fn platforms_are_measured_apart_and_judged_from_ten_captions_on() {
    let lines = |count: usize| -> Vec<CaptionLine> {
        let email = (0..count).map(|_| on("email", "A timeless barn"));
        email.chain([on("telegram", "Dust")]).collect()
    };
    for (count, verdict) in [(FEW - 1, Verdict::NotJudged), (FEW, Verdict::Missed)] {
        let corpus = measure(&lines(count), Lexicon::built_in());
        let names: Vec<_> = corpus.platforms.keys().collect();
        assert_eq!(names, ["email", "telegram"]);
        let email = &corpus.platforms["email"];
        assert_eq!(email.captions(), count);
        assert_eq!(email.value(Number::StockPhrases), Some(1.0));
        assert_eq!(email.verdict(Number::StockPhrases), verdict);
        assert_eq!(corpus.corpus.verdict(Number::StockPhrases), Verdict::Missed);
        assert_eq!(
            corpus.platforms["telegram"].verdict(Number::Shape),
            Verdict::NotJudged
        );
    }
}

#[test]
fn a_number_on_its_bar_is_within() {
    for number in Number::ALL {
        let (on, beyond) = match number.bar() {
            Bar::AtMost(bar) => (bar, bar + 0.0001),
            Bar::AtLeast(bar) => (bar, bar - 0.0001),
        };
        assert!(number.bar().takes(on) && !number.bar().takes(beyond));
    }
    let mut captions = vec!["Dust"; 2];
    let others = [
        "Barn", "Door", "Jute", "Hemp", "Silk", "Salt", "Rain", "Moss",
    ];
    captions.extend(others);
    captions.extend([
        "Fern", "Clay", "Iron", "Wool", "Sand", "Wind", "Coal", "Lime", "Rust", "Tar",
    ]);
    let corpus = measured(&captions).corpus;
    assert_eq!(corpus.captions(), 20);
    assert_eq!(corpus.verdict(Number::FrequentWord), Verdict::Within);
}

#[test]
fn the_worst_of_several_runs_has_the_worse_of_each_number() {
    let runs = [
        measured(&[
            "A timeless barn.",
            "Dust. Dust.",
            "Coal and tar on the door",
        ]),
        measured(&["Salt", "Salt, and salt again", "Salt. Salt. Salt. Salt."]),
        measure(&[on("email", "Rain")], Lexicon::built_in()),
    ];
    let worst = MeasuredCorpus::worst(&runs[..2]).unwrap();
    let (one, other) = (&runs[0], &runs[1]);
    for (number, run) in [
        (Number::StockPhrases, one),
        (Number::WordVariance, other),
        (Number::Distinct1, other),
        (Number::FrequentWord, other),
        (Number::SentenceVariance, one),
    ] {
        let other = if run == one { other } else { one };
        let bar = number.bar();
        assert!(
            is_close(value(&worst, number), value(run, number)),
            "{number:?}"
        );
        assert!(!bar.takes(value(run, number)) || bar.takes(value(other, number)));
    }
    // What is measured in one run only is taken from it.
    let worst = MeasuredCorpus::worst(&runs).unwrap();
    assert_eq!(
        worst.platforms.keys().collect::<Vec<_>>(),
        ["email", "telegram"]
    );
    assert_eq!(worst.corpus.captions(), 1);
    assert_eq!(
        worst.corpus.value(Number::WordVariance),
        MeasuredCorpus::worst(&runs[..2])
            .unwrap()
            .corpus
            .value(Number::WordVariance)
    );
    assert_eq!(MeasuredCorpus::worst(&runs[2..]).unwrap(), runs[2]);
    assert_eq!(MeasuredCorpus::worst(&[]), None);
}
