//! Captions: what each platform takes, and how a text is made to fit it.

use std::collections::BTreeMap;

use serde_json::Value;
use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{analysis::json_object_in, platform::Platform};

/// What a platform takes as a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionRules {
    /// The most that fits, in `unit`s.
    pub limit: usize,
    /// What the limit counts.
    pub unit: CaptionUnit,
    /// Hashtags go to the end; otherwise there are none.
    pub hashtags: bool,
    /// One line, with dashes, quotes and ellipses as ASCII.
    pub plain_ascii_line: bool,
}

/// What a caption's limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionUnit {
    /// UTF-16 code units.
    Utf16,
    /// Unicode characters.
    Char,
}

impl CaptionRules {
    /// The rules of a platform.
    #[must_use]
    pub const fn of(platform: Platform) -> Self {
        match platform {
            Platform::Telegram => Self {
                limit: 1024,
                unit: CaptionUnit::Utf16,
                hashtags: true,
                plain_ascii_line: false,
            },
            Platform::Email => Self {
                limit: 240,
                unit: CaptionUnit::Char,
                hashtags: false,
                plain_ascii_line: true,
            },
        }
    }

    /// The length of a text as the platform counts it.
    #[must_use]
    pub fn length(&self, text: &str) -> usize {
        match self.unit {
            CaptionUnit::Utf16 => text.encode_utf16().count(),
            CaptionUnit::Char => text.chars().count(),
        }
    }

    /// Makes a text fit: `tenant_hashtags` and the text's own go to the end or away, the rest is
    /// cut at a word and ends with an ellipsis, and no grapheme and no hashtag is ever cut.
    #[must_use]
    pub fn fit(&self, text: &str, tenant_hashtags: &str) -> String {
        let text = if self.plain_ascii_line {
            plain_ascii_line(text)
        } else {
            clean_lines(text)
        };
        let (body, own_tags) = split_trailing_hashtags(&text);
        if !self.hashtags {
            return self.cut(&without_hash_signs(body), self.limit);
        }
        let tags = self.joined_tags(
            own_tags
                .iter()
                .copied()
                .chain(tenant_hashtags.split_whitespace()),
        );
        if tags.is_empty() {
            return self.cut(body, self.limit);
        }
        let room = self
            .limit
            .saturating_sub(self.length(&tags) + TAG_SEPARATOR.len());
        let body = self.cut(body, room);
        if body.is_empty() {
            tags
        } else {
            format!("{body}{TAG_SEPARATOR}{tags}")
        }
    }

    /// The hashtags that fit, each once.
    fn joined_tags<'a>(&self, tags: impl Iterator<Item = &'a str>) -> String {
        let mut seen: Vec<String> = Vec::new();
        let mut joined = String::new();
        for tag in tags.filter(|tag| is_hashtag(tag)) {
            let key = tag.to_lowercase();
            let separator = usize::from(!joined.is_empty());
            let length = self.length(&joined) + separator + self.length(tag);
            if seen.contains(&key) || length > self.limit {
                continue;
            }
            seen.push(key);
            if separator == 1 {
                joined.push(' ');
            }
            joined.push_str(tag);
        }
        joined
    }

    fn cut(&self, text: &str, room: usize) -> String {
        let text = text.trim();
        if self.length(text) <= room {
            return text.to_owned();
        }
        let ellipsis = if self.plain_ascii_line { "..." } else { "…" };
        let Some(room) = room.checked_sub(self.length(ellipsis)) else {
            return String::new();
        };
        let kept = self.longest_prefix(text, room);
        let at_word = match text[kept.len()..].chars().next() {
            Some(next) if !next.is_whitespace() => kept
                .rfind(char::is_whitespace)
                .map_or(kept, |end| &kept[..end]),
            _ => kept,
        };
        let trimmed =
            at_word.trim_end_matches(|c: char| c.is_whitespace() || ",;:-–—.".contains(c));
        if trimmed.is_empty() {
            String::new()
        } else {
            format!("{trimmed}{ellipsis}")
        }
    }

    /// The longest run of whole graphemes that fits.
    fn longest_prefix<'a>(&self, text: &'a str, room: usize) -> &'a str {
        let mut used = 0;
        for (start, grapheme) in text.grapheme_indices(true) {
            used += self.length(grapheme);
            if used > room {
                return &text[..start];
            }
        }
        text
    }
}

const TAG_SEPARATOR: &str = "\n\n";

/// Removes control characters and trims lines; keeps at most one empty line in a row.
fn clean_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let line: String = line
            .chars()
            .map(|c| if c == '\t' { ' ' } else { c })
            .filter(|c| !c.is_control())
            .collect();
        let line = line.trim();
        if !line.is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

/// One line, typographic signs as ASCII.
fn plain_ascii_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' => plain.push('-'),
            '‘' | '’' | '‚' | '‛' | '′' => plain.push('\''),
            '“' | '”' | '„' | '‟' | '«' | '»' | '″' => plain.push('"'),
            '…' => plain.push_str("..."),
            c if c.is_whitespace() || c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                plain.push(' ');
            }
            c => plain.push(c),
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_hashtag(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|tag| {
        tag.chars().any(char::is_alphabetic) && tag.chars().all(|c| !c.is_whitespace() && c != '#')
    })
}

/// The text without the hashtags that end it, and those.
fn split_trailing_hashtags(text: &str) -> (&str, Vec<&str>) {
    let (mut body, mut tags) = (text.trim_end(), Vec::new());
    while let Some(word) = body
        .split_whitespace()
        .next_back()
        .filter(|word| is_hashtag(word))
    {
        tags.push(word);
        body = body[..body.len() - word.len()].trim_end();
    }
    tags.reverse();
    (body, tags)
}

/// Hashtags inside a sentence become plain words.
fn without_hash_signs(text: &str) -> String {
    let plain = |word| if is_hashtag(word) { &word[1..] } else { word };
    text.split_whitespace()
        .map(plain)
        .collect::<Vec<&str>>()
        .join(" ")
}

/// What a model wrote for an image, not yet made to fit anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WrittenCaptions {
    /// A caption for each platform that got one.
    pub by_platform: BTreeMap<Platform, String>,
    /// The Stable-Diffusion caption, if one was asked for and given.
    pub sd_caption: Option<String>,
}

impl WrittenCaptions {
    /// Reads a model's answer: `{"captions": {"telegram": "…", …}, "sd_caption": "…"}`. Anything
    /// that is missing or of the wrong type is left out; an answer without JSON is empty.
    #[must_use]
    pub fn from_answer(answer: &str) -> Self {
        let Some(object) = json_object_in(answer) else {
            return Self::default();
        };
        let text = |value: Option<&Value>| {
            value
                .and_then(Value::as_str)
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        let captions = object
            .get("captions")
            .and_then(Value::as_object)
            .unwrap_or(&object);
        let caption = |platform: Platform| Some((platform, text(captions.get(platform.as_str()))?));
        Self {
            by_platform: Platform::ALL.into_iter().filter_map(caption).collect(),
            sd_caption: text(object.get("sd_caption")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TELEGRAM: CaptionRules = CaptionRules::of(Platform::Telegram);
    const EMAIL: CaptionRules = CaptionRules::of(Platform::Email);

    #[test]
    fn hashtags_go_to_the_end_for_telegram_each_once() {
        assert_eq!(
            TELEGRAM.fit("A knot. #rope", "#shibari #Rope"),
            "A knot.\n\n#rope #shibari"
        );
        assert_eq!(TELEGRAM.fit("A knot.", ""), "A knot.");
        assert_eq!(TELEGRAM.fit("", "#shibari"), "#shibari");
    }

    #[test]
    fn email_has_no_hashtags_and_plain_punctuation() {
        assert_eq!(
            EMAIL.fit("“A #rope – study…”\n#a #b", "#c"),
            "\"A rope - study...\""
        );
        assert_eq!(EMAIL.fit("We are #1", "#c"), "We are #1");
    }

    #[test]
    fn long_captions_are_cut_at_a_word_and_keep_their_hashtags() {
        let fitted = TELEGRAM.fit(&format!("{} #end", "word ".repeat(400)), "#tenant");
        assert!(TELEGRAM.length(&fitted) <= 1024);
        assert!(fitted.ends_with("word…\n\n#end #tenant"), "{fitted}");
        let fitted = EMAIL.fit(&"word ".repeat(400), "");
        assert!(
            EMAIL.length(&fitted) <= 240 && fitted.ends_with("word..."),
            "{fitted}"
        );
    }

    #[test]
    fn telegram_counts_utf16_units() {
        let fitted = TELEGRAM.fit(&"🪢".repeat(1024), "");
        assert!(fitted.encode_utf16().count() <= 1024);
        assert!(fitted.starts_with('🪢') && fitted.ends_with('…'));
    }

    #[test]
    fn hostile_answers_are_read_as_far_as_they_go() {
        let good = r#"Sure! {"captions":{"telegram":"T","email":7},"sd_caption":"S"} bye"#;
        let read = WrittenCaptions::from_answer(good);
        assert_eq!(
            read.by_platform,
            BTreeMap::from([(Platform::Telegram, "T".to_owned())])
        );
        assert_eq!(read.sd_caption.as_deref(), Some("S"));
        for answer in [
            "",
            "no",
            "[]",
            "{",
            "null",
            r#"{"captions":[1]}"#,
            r#"{"captions":{"telegram":" "}}"#,
        ] {
            assert_eq!(
                WrittenCaptions::from_answer(answer),
                WrittenCaptions::default(),
                "{answer}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_caption_fits_and_no_grapheme_is_cut(
            words in prop::collection::vec("(#[a-z]{1,20}|[a-zא-ת]{1,12}|👩‍👩‍👧|e\u{301}{1,3}|🪢{1,4})", 0..300),
            tags in "(#[a-z]{1,9} ){0,5}",
        ) {
            let text = words.join(" ");
            for rules in [TELEGRAM, EMAIL] {
                let fitted = rules.fit(&text, &tags);
                prop_assert!(rules.length(&fitted) <= rules.limit);
                let known: std::collections::HashSet<&str> = text.graphemes(true).chain(tags.graphemes(true)).collect();
                for grapheme in fitted.graphemes(true) {
                    prop_assert!(known.contains(grapheme) || "….\n ".contains(grapheme), "{grapheme:?}");
                }
            }
        }
    }
}
