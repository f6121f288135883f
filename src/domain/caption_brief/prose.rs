//! The account of an image that captions are written from: a few sentences, without lists. What an account quotes comes
//! back as the first words of captions, so it says little.

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::analysis::Analysis;

/// The longest account, in characters.
pub const MAX_PROSE: usize = 260;
/// The most topics.
pub const MAX_TOPICS: usize = 5;
/// The longest topic, in characters.
const MAX_TOPIC: usize = 30;

/// The account of an image: what it shows, then what its owner would remember of it, as far as whole sentences fit.
#[must_use]
pub fn prose(analysis: &Analysis) -> String {
    let owner = &analysis.owner;
    let mut sentences = analysis.description.unicode_sentences();
    let shown = sentences.next().or(analysis.subject.as_deref());
    let felt = owner.sensory_details.join(", ");
    let mood = owner.mood_note.as_deref().unwrap_or(&analysis.mood);
    let remembered = [
        owner.distinctive_detail.as_deref(),
        Some(&*felt),
        Some(mood),
    ];
    let parts = shown.into_iter().chain(remembered.into_iter().flatten());
    let mut prose = String::new();
    for part in parts.chain(sentences) {
        let sentence = sentence(part);
        let blank = usize::from(!prose.is_empty());
        let room = MAX_PROSE - prose.chars().count();
        if sentence.is_empty() || sentence.chars().count() + blank > room {
            if prose.is_empty() {
                prose = first_words(&sentence, MAX_PROSE);
            }
            continue;
        }
        if !prose.is_empty() {
            prose.push(' ');
        }
        prose.push_str(&sentence);
    }
    prose
}

/// The topics of an image: what its hashtags are made of.
#[must_use]
pub fn topics(analysis: &Analysis) -> Vec<&str> {
    let tags = analysis.tags.iter().map(|tag| tag.trim());
    let mut seen = HashSet::new();
    let are_short = tags.filter(|tag| !tag.is_empty() && tag.chars().count() <= MAX_TOPIC);
    let each_once = are_short.filter(|tag| seen.insert(tag.to_lowercase()));
    each_once.take(MAX_TOPICS).collect()
}

/// A part as a sentence: with a capital at its beginning, and a sign at its end.
fn sentence(part: &str) -> String {
    let part = part.trim();
    let mut letters = part.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let part: String = first.chain(letters).collect();
    let is_ended = part.ends_with(['.', '!', '?', '…', '。', '！', '？', '"', '”', '»']);
    if part.is_empty() || is_ended {
        return part;
    }
    format!("{}.", part.trim_end_matches([',', ';', ':', ' ']))
}

/// The first words of a text that fit, or where a word is longer, its first characters.
fn first_words(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let cut: String = graphemes_within(text, room);
    match cut.rfind(char::is_whitespace) {
        Some(blank) if blank > 0 => cut[..blank].trim_end().to_owned(),
        _ => cut,
    }
}

fn graphemes_within(text: &str, room: usize) -> String {
    let mut used = 0;
    let graphemes = text.graphemes(true).take_while(|grapheme| {
        used += grapheme.chars().count();
        used <= room
    });
    graphemes.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::analysis::OwnerNotes;

    fn analysis() -> Analysis {
        Analysis {
            description:
                "A woman sits on a wooden floor. Rope crosses her back. Behind her is a window."
                    .to_owned(),
            mood: "calm".to_owned(),
            tags: [
                "rope",
                "Rope",
                "evening light",
                " ",
                "a tag that is far too long to be a topic",
                "floor",
            ]
            .map(str::to_owned)
            .to_vec(),
            color_palette: Some("amber, brown".to_owned()),
            owner: OwnerNotes {
                distinctive_detail: Some("one strand has slipped from the knot".to_owned()),
                sensory_details: vec!["warm jute".to_owned(), "a creaking board".to_owned()],
                mood_note: Some("I did not want to move yet.".to_owned()),
            },
            ..Analysis::default()
        }
    }

    #[test]
    fn an_account_says_what_is_shown_and_what_its_owner_remembers() {
        assert_eq!(
            prose(&analysis()),
            "A woman sits on a wooden floor. One strand has slipped from the knot. Warm jute, a creaking \
             board. I did not want to move yet. Rope crosses her back. Behind her is a window."
        );
        let without = Analysis {
            owner: OwnerNotes::default(),
            ..analysis()
        };
        assert_eq!(
            prose(&without),
            "A woman sits on a wooden floor. Calm. Rope crosses her back. Behind her is a window."
        );
        assert_eq!(prose(&Analysis::default()), "");
    }

    #[test]
    fn topics_are_plain_and_few() {
        assert_eq!(topics(&analysis()), ["rope", "evening light", "floor"]);
    }

    #[test]
    fn a_sentence_that_is_too_long_is_cut_at_a_word() {
        let analysis = Analysis {
            description: "Word ".repeat(100),
            ..Analysis::default()
        };
        let prose = prose(&analysis);
        assert!(prose.ends_with("Word") && prose.chars().count() <= MAX_PROSE);
        assert!(prose.chars().count() > MAX_PROSE - 6);
    }

    proptest! {
        #[test]
        fn an_account_is_never_too_long(
            description in "\\PC{0,400}", detail in "\\PC{0,300}", mood in "\\PC{0,300}",
        ) {
            let analysis = Analysis {
                description,
                mood,
                owner: OwnerNotes {
                    distinctive_detail: Some(detail),
                    ..OwnerNotes::default()
                },
                ..Analysis::default()
            };
            prop_assert!(prose(&analysis).chars().count() <= MAX_PROSE);
        }
    }
}
