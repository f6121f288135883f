//! Captions: what each platform takes, and how a text is made to fit it.
//!
//! | file | holds |
//! | --- | --- |
//! | `cleaning.rs` | lines, white space, typographic signs |
//! | `hashtags.rs` | what a hashtag is, and which of them end a text |
//! | `written.rs` | the captions in a model's answer |
//!
//! Everything here goes by graphemes, what a reader takes for one character: nothing is cut inside
//! one, and nothing that is put behind one becomes part of it.

mod cleaning;
mod hashtags;
mod written;

use std::collections::HashSet;

use unicode_segmentation::UnicodeSegmentation;

pub use self::written::WrittenCaptions;
use self::{
    cleaning::is_space,
    hashtags::{Hashtag, hashtags, swallows_what_follows},
};
use crate::domain::model_text::without_unseen;

/// Whether a reader sees nothing of a text: it is empty, or has only white space and characters that
/// are taken out before it is published.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    without_unseen(text).trim().is_empty()
}

/// What a platform takes as a caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionRules {
    /// The most that fits, in `unit`s.
    pub limit: usize,
    /// What the limit counts.
    pub unit: CaptionUnit,
    /// The tenant's hashtags stand at the end; otherwise there are none.
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
    /// The length of a text as the platform counts it.
    #[must_use]
    pub fn length(&self, text: &str) -> usize {
        match self.unit {
            CaptionUnit::Utf16 => text.encode_utf16().count(),
            CaptionUnit::Char => text.chars().count(),
        }
    }

    /// Makes a person's text fit: what is too long is cut at a word and ends with an ellipsis, and no grapheme
    /// and no hashtag is ever cut.
    ///
    /// Where the platform has hashtags, the text ends with `tenant_hashtags` and no others, whoever wrote it:
    /// those at its own end go. A `#word` inside of a sentence is a person's to set, and stays. Where the platform
    /// has none, those at the end go, and those inside become words.
    #[must_use]
    pub fn fit(&self, text: &str, tenant_hashtags: &str) -> String {
        self.fit_clean(&self.clean(text), &without_unseen(tenant_hashtags))
    }

    /// The same for a text that a model wrote: of a `#word` inside of a sentence, the word stays.
    #[must_use]
    pub fn fit_written(&self, text: &str, tenant_hashtags: &str) -> String {
        let text = self.clean(text);
        let body = without_trailing_hashtags(&text);
        self.fit_clean(&hashtags::as_words(body), &without_unseen(tenant_hashtags))
    }

    fn fit_clean(&self, text: &str, tenant_hashtags: &str) -> String {
        if !self.hashtags {
            return self.cut(text, self.limit);
        }
        let (body, _) = hashtags::split_trailing(text);
        let mut tags = hashtags(tenant_hashtags);
        self.keep_what_fits(&mut tags, self.length(body));
        let room = match self.length(&joined(&tags)) {
            0 => self.limit,
            length => self.limit.saturating_sub(length + TAG_SEPARATOR.len()),
        };
        let body = self.cut(body, room);
        // One that the text itself has is not said again.
        let inside: HashSet<String> = hashtags(&body).iter().map(Hashtag::key).collect();
        tags.retain(|tag| !inside.contains(&tag.key()));
        match (body.is_empty(), tags.is_empty()) {
            (true, _) => joined(&tags),
            (false, true) => body,
            (false, false) => format!("{body}{TAG_SEPARATOR}{}", joined(&tags)),
        }
    }

    /// What is kept of a text, of whatever length: its prefixes are what can be cut.
    ///
    /// A person's own caption keeps its signs of Markdown and HTML: they may be meant.
    fn clean(&self, text: &str) -> String {
        let text = without_unseen(text);
        let text = if self.plain_ascii_line {
            cleaning::plain_ascii_line(&text)
        } else {
            cleaning::lines(&text)
        };
        if self.hashtags {
            return text;
        }
        // Those at the end go, those within a sentence become words.
        hashtags::as_words(without_trailing_hashtags(&text))
    }

    /// Drops the hashtags that are there twice, and those that there is no room for. Next to a
    /// long text, hashtags get half of what there is.
    fn keep_what_fits(&self, tags: &mut Vec<Hashtag<'_>>, body: usize) {
        let room = match body {
            0 => self.limit,
            body => (self.limit / 2).max(self.limit.saturating_sub(body + TAG_SEPARATOR.len())),
        };
        let (mut seen, mut used) = (HashSet::new(), 0);
        tags.retain(|tag| {
            let with_tag = used + usize::from(used > 0) + self.length(tag.text);
            let fits = with_tag <= room && seen.insert(tag.key());
            if fits {
                used = with_tag;
            }
            fits
        });
    }

    /// The text, or as many of its words as fit with an ellipsis.
    fn cut(&self, text: &str, room: usize) -> String {
        if self.length(text) <= room {
            return text.to_owned();
        }
        let ellipsis = if self.plain_ascii_line { "..." } else { "…" };
        let Some(room) = room.checked_sub(self.length(ellipsis)) else {
            return String::new();
        };
        let kept = before_hashtag_cut(text, self.whole_words(text, room));
        let kept = without_loose_end(kept);
        if kept.is_empty() {
            String::new()
        } else {
            format!("{kept}{ellipsis}")
        }
    }

    /// The longest run of whole words that fits; of whole graphemes, where that would leave out a
    /// word of more than half the room.
    fn whole_words<'a>(&self, text: &'a str, room: usize) -> &'a str {
        let (mut used, mut words) = (0, None);
        for (at, grapheme) in text.grapheme_indices(true) {
            if is_space(grapheme) {
                words = Some((at, used));
            }
            used += self.length(grapheme);
            if used > room {
                return match words {
                    Some((end, length)) if length * 2 >= room => &text[..end],
                    _ => &text[..at],
                };
            }
        }
        text
    }
}

/// What stands between a text and its hashtags.
const TAG_SEPARATOR: &str = "\n\n";

fn joined(tags: &[Hashtag<'_>]) -> String {
    let texts: Vec<&str> = tags.iter().map(|tag| tag.text).collect();
    texts.join(" ")
}

/// A text without the hashtags at its end, and the dash that led to them.
fn without_trailing_hashtags(text: &str) -> &str {
    let (body, tags) = hashtags::split_trailing(text);
    if tags.is_empty() {
        return body;
    }
    let led_to = [" -", " –", " —"];
    let led_to = led_to.iter().find_map(|dash| body.strip_suffix(dash));
    led_to.map_or(body, cleaning::trim_end)
}

/// A prefix of the text, without the hashtag that its end would cut.
fn before_hashtag_cut<'a>(text: &'a str, kept: &'a str) -> &'a str {
    let cuts = |tag: &Hashtag<'_>| (tag.place.start + 1..tag.place.end).contains(&kept.len());
    match hashtags(text).iter().find(|tag| cuts(tag)) {
        Some(tag) => &text[..tag.place.start],
        None => kept,
    }
}

/// The text without what should not stand before an ellipsis: white space, punctuation, and what
/// would make the ellipsis a part of itself.
fn without_loose_end(text: &str) -> &str {
    const PUNCTUATION: [&str; 7] = [",", ";", ":", "-", "–", "—", "."];
    let is_loose = |grapheme: &str| {
        is_space(grapheme) || PUNCTUATION.contains(&grapheme) || swallows_what_follows(grapheme)
    };
    let mut from_the_end = text.grapheme_indices(true).rev();
    match from_the_end.find(|(_, grapheme)| !is_loose(grapheme)) {
        Some((at, grapheme)) => &text[..at + grapheme.len()],
        None => "",
    }
}

#[cfg(test)]
mod tests;
