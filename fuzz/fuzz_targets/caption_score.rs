//! A lexicon and a file of captions, with a line `===` between them: what is read is scored, and every number is in its
//! range.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::domain::{
    caption_history::PastCaption,
    caption_score::{CandidateScore, Lexicon, Lines, Number, best, measure},
};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (phrases, captions) = text.split_once("\n===\n").unwrap_or(("", &text));
    let own = Lexicon::parse(phrases);
    for phrase in own.iter().flat_map(Lexicon::phrases) {
        let said = phrase.phrase().replace('*', "x");
        let lexicon = own.as_ref().unwrap_or(Lexicon::built_in());
        assert!(lexicon.hits(&said) > 0, "{said}");
    }
    let lexicon = own.as_ref().unwrap_or(Lexicon::built_in());
    let lines = Lines::read(captions.as_bytes());
    let measured = measure(&lines.captions, lexicon);
    assert_eq!(measured.corpus.captions(), lines.captions.len());
    for of_some in measured.platforms.values().chain([&measured.corpus]) {
        for number in Number::ALL {
            let is_share = !matches!(number, Number::WordVariance | Number::SentenceVariance);
            let most = if is_share { 1.0 } else { f64::MAX };
            let value = of_some.value(number).unwrap_or_default();
            assert!((0.0..=most).contains(&value), "{number:?} is {value}");
        }
    }
    let texts: Vec<_> = lines.captions.iter().map(|it| it.caption.clone()).collect();
    let past = |text: &String| PastCaption {
        text: text.clone(),
        angle: None,
    };
    let past: Vec<_> = texts.iter().map(past).collect();
    assert_eq!(best(&texts, &past, lexicon).is_none(), texts.is_empty());
    if let Some(first) = texts.first() {
        let likeness = CandidateScore::of(first, &past, lexicon).likeness;
        assert!(likeness < 1e-9 || likeness > 1.0 - 1e-9, "{likeness}");
    }
});
