//! Captions: the rules of each platform, and how a text is made to fit them.
//!
//! | file | holds |
//! | --- | --- |
//! | `cleaning.rs` | lines, white space, typographic signs |
//! | `hashtags.rs` | what a hashtag is, and which of them end a text |
//! | `written.rs` | the captions in a model's answer |
//!
//! Everything here works on graphemes, which a reader sees as one character: no text is cut inside of one, and nothing
//! that is appended becomes part of one.

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

/// Whether a text is empty, or has only white space and characters that are removed before it is published.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    without_unseen(text).trim().is_empty()
}

/// The rules of a platform for captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionRules {
    /// The longest caption, in `unit`s.
    pub limit: usize,
    /// The unit of the limit.
    pub unit: CaptionUnit,
    /// Whether the caption ends with the tenant's hashtags; otherwise it has none.
    pub hashtags: bool,
    /// Whether the caption is one line, with dashes, quotes and ellipses as ASCII.
    pub plain_ascii_line: bool,
}

/// The unit of a caption's limit.
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

    /// A person's text, cut to fit: at a word, with an ellipsis, and never inside of a grapheme or a hashtag.
    ///
    /// Where the platform has hashtags, the text ends with `tenant_hashtags` instead of its own, and a `#word` inside of
    /// a sentence stays. Where it has none, those at the end are removed, and those inside become words.
    #[must_use]
    pub fn fit(&self, text: &str, tenant_hashtags: &str) -> String {
        self.fit_clean(&self.clean(text), &without_unseen(tenant_hashtags))
    }

    /// A model's text, cut to fit. A `#word` inside of a sentence becomes a word on every platform.
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
        // A hashtag that the text has is not repeated.
        let inside: HashSet<String> = hashtags(&body).iter().map(Hashtag::key).collect();
        tags.retain(|tag| !inside.contains(&tag.key()));
        match (body.is_empty(), tags.is_empty()) {
            (true, _) => joined(&tags),
            (false, true) => body,
            (false, false) => format!("{body}{TAG_SEPARATOR}{}", joined(&tags)),
        }
    }

    /// The text before it is cut. Signs of Markdown and HTML stay: a person may mean them.
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
        hashtags::as_words(without_trailing_hashtags(&text))
    }

    /// Drops duplicate hashtags, and those that do not fit. Next to a long text, hashtags get half of the limit.
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

    /// The text, or the words of it that fit with an ellipsis.
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

    /// The longest prefix of whole words that fits, or of whole graphemes where a long word would leave less than half
    /// of the room used.
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

/// The separator between a text and its hashtags.
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

/// The text without white space, punctuation, and graphemes that an ellipsis would become part of, at its end.
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
