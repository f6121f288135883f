//! What a model answers, as an analysis and as captions: nothing is larger than it may be, and what
//! is read fits every platform.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{
    adapters::platforms,
    domain::{
        analysis::Analysis,
        caption::{
            CaptionRules, CaptionUnit, Facet, FacetFeature, HashtagPolicy, WrittenCaptions, facets,
        },
        platform::Platform,
    },
};

const LINKS_COUNT_LESS: CaptionRules = CaptionRules {
    limit: 60,
    unit: CaptionUnit::Grapheme,
    max_bytes: None,
    link_length: Some(23),
    hashtags: HashtagPolicy::TenantAndModel,
    plain_ascii_line: false,
    words: None,
};
const BYTES_ARE_LIMITED: CaptionRules = CaptionRules {
    max_bytes: Some(200),
    link_length: None,
    ..LINKS_COUNT_LESS
};

fuzz_target!(|answer: &str| {
    let (mut texts, mut tags) = (Vec::new(), Vec::new());
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
        tags = analysis.tags;
    }
    let written = WrittenCaptions::from_answer(answer);
    for candidates in written.by_platform.values() {
        assert!((1..=10).contains(&candidates.len()));
        assert!(
            candidates
                .iter()
                .all(|text| !text.trim().is_empty() && is_seen(text))
        );
    }
    texts.extend(written.by_platform.into_values().flatten());
    texts.extend(written.sd_caption);
    texts.push(answer.to_owned());
    for text in texts {
        for platform in Platform::ALL {
            let rules = platforms::spec(platform).caption;
            for hashtags in ["", "#tenant #縄", &text] {
                let fitted = rules.fit(&text, hashtags);
                assert!(rules.takes(&fitted));
                assert!(is_seen(&fitted));
                // Hashtags are not those of the next call.
                if hashtags.is_empty() {
                    assert_eq!(rules.fit(&fitted, ""), fitted);
                }
            }
        }
        for rules in [LINKS_COUNT_LESS, BYTES_ARE_LIMITED] {
            let fitted = rules.fit_written(&text, "#tenant", &tags);
            assert!(rules.takes(&fitted));
            assert!(is_seen(&fitted));
            assert_eq!(rules.fit_with_own_hashtags(&fitted, "#tenant"), fitted);
            for Facet {
                start,
                end,
                feature,
            } in facets(&fitted)
            {
                let part = &fitted[start..end];
                match feature {
                    FacetFeature::Tag(name) => assert_eq!(part, format!("#{name}")),
                    FacetFeature::Link(url) => assert_eq!(part.parse(), Ok(url)),
                }
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
