//! What a model answers, as an analysis and as captions: nothing is larger than it may be, and what
//! is read fits every platform.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{
    adapters::platforms,
    domain::{analysis::Analysis, caption::WrittenCaptions, platform::Platform},
};

fuzz_target!(|answer: &str| {
    let mut texts = Vec::new();
    if let Ok(analysis) = Analysis::from_answer(answer) {
        assert!(!(analysis.description.is_empty() && analysis.tags.is_empty()));
        for list in [
            &analysis.tags,
            &analysis.safety_labels,
            &analysis.aesthetic_terms,
        ] {
            assert!(list.len() <= 50);
            assert!(list.iter().all(|entry| !entry.is_empty() && is_line(entry)));
        }
        assert!(is_line(&analysis.description) && is_line(&analysis.mood));
        assert!(analysis.alt_text.as_deref().is_none_or(is_line));
        assert!(is_seen(&analysis.description) && analysis.tags.iter().all(|tag| is_seen(tag)));
        texts.push(analysis.description);
    }
    let written = WrittenCaptions::from_answer(answer);
    assert!(
        written
            .by_platform
            .values()
            .all(|text| !text.trim().is_empty())
    );
    assert!(written.by_platform.values().all(|text| is_seen(text)));
    texts.extend(written.by_platform.into_values());
    texts.extend(written.sd_caption);
    texts.push(answer.to_owned());
    for text in texts {
        for platform in Platform::ALL {
            let rules = platforms::spec(platform).caption;
            for hashtags in ["", "#tenant #縄", &text] {
                let fitted = rules.fit(&text, hashtags);
                assert!(rules.length(&fitted) <= rules.limit);
                assert!(is_seen(&fitted));
                assert_eq!(rules.fit(&fitted, ""), fitted);
            }
        }
    }
});

fn is_line(text: &str) -> bool {
    text.chars().count() <= 4_000 && !text.contains(char::is_control)
}

/// Nothing in it hides or turns text.
fn is_seen(text: &str) -> bool {
    !text.contains(|c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
    })
}
