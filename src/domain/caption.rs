//! Captions: the rules of each platform, and how a text is made to fit them.
//!
//! | file | holds |
//! | --- | --- |
//! | `cleaning.rs` | lines, white space, typographic signs |
//! | `cutting.rs` | where a text is cut |
//! | `facets.rs` | where the hashtags and links of a text are, in bytes |
//! | `hashtags.rs` | what a hashtag is, and which of them end a text |
//! | `links.rs` | what a link is |
//! | `model_hashtags.rs` | the hashtags that a model's tags make |
//! | `rules.rs` | what a platform takes as a caption |
//! | `size.rs` | the length of a text, and its bytes |
//! | `written.rs` | the captions in a model's answer |
//!
//! Everything here works on graphemes, which a reader sees as one character: no text is cut inside of one, and nothing
//! that is appended becomes part of one.

mod cleaning;
mod cutting;
mod facets;
mod hashtags;
mod links;
mod model_hashtags;
mod rules;
mod size;
mod written;

use std::{collections::HashSet, iter};

pub use self::{
    facets::{Facet, FacetFeature, facets},
    rules::{CaptionRules, CaptionUnit, HashtagPolicy, PlatformRules, WrittenLength},
    written::WrittenCaptions,
};
use self::{
    hashtags::{Hashtag, hashtags},
    model_hashtags::{MAX_HASHTAGS, model_hashtags},
    size::Size,
};
use crate::domain::model_text::without_unseen;

/// Whether a character is white space, as in the patterns of the API's document (ECMA-262).
#[must_use]
pub fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{FEFF}'
}

/// Whether a text is empty, or has only white space and characters that are removed before it is published.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    without_unseen(text).trim().is_empty()
}

impl CaptionRules {
    /// The length of a text as the platform counts it, or more where that is uncertain.
    #[must_use]
    pub fn length(&self, text: &str) -> usize {
        self.size(text).units
    }

    /// Whether a text is within the limits.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        self.size(text).fits(self.room())
    }

    /// A text with no hashtags but the tenant's at its end, cut to fit: at a word, with an ellipsis, and never inside of a
    /// grapheme, a hashtag or a link.
    ///
    /// Where the platform has hashtags, the text ends with `tenant_hashtags` instead of its own, and a `#word` inside of
    /// a sentence stays. Where it has none, those at the end are removed, and those inside become words.
    #[must_use]
    pub fn fit(&self, text: &str, tenant_hashtags: &str) -> String {
        let tenant_hashtags = without_unseen(tenant_hashtags);
        let cut = |text: &str, room| self.cut(text, room);
        self.fit_clean(&self.clean(text), &tenant_hashtags, iter::empty(), cut)
            .caption
    }

    /// A model's text, cut to fit: at the end of a sentence, or else as by [`fit`](Self::fit). A `#word` inside of a
    /// sentence becomes a word on every platform. Where the platform has hashtags of a model, at most five of those that
    /// `tags` make follow the tenant's, as far as there is room for them beside the whole text.
    #[must_use]
    pub fn fit_written(&self, text: &str, tenant_hashtags: &str, tags: &[String]) -> String {
        self.written(text, tenant_hashtags, tags).caption
    }

    /// Whether [`fit_written`](Self::fit_written) leaves a model's text whole.
    #[must_use]
    pub fn holds_written(&self, text: &str, tenant_hashtags: &str) -> bool {
        self.written(text, tenant_hashtags, &[]).is_whole
    }

    fn written(&self, text: &str, tenant_hashtags: &str, tags: &[String]) -> Fitted {
        let text = self.clean(text);
        let body = hashtags::as_words(without_trailing_hashtags(&text));
        let tenant_hashtags = without_unseen(tenant_hashtags);
        let cut = |text: &str, room| self.cut_at_sentence(text, room);
        self.fit_clean(&body, &tenant_hashtags, model_hashtags(tags), cut)
    }

    /// A text whose own hashtags are wanted, cut to fit as by [`fit`](Self::fit): a person's, or one that
    /// [`fit_written`](Self::fit_written) has made. Those at its end follow the tenant's where the platform has others
    /// than these, as far as there is room for them beside the text.
    #[must_use]
    pub fn fit_with_own_hashtags(&self, text: &str, tenant_hashtags: &str) -> String {
        let text = self.clean(text);
        let (_, trailing) = hashtags::split_trailing(&text);
        let trailing = trailing.into_iter().map(|tag| tag.text.to_owned());
        let cut = |text: &str, room| self.cut(text, room);
        self.fit_clean(&text, &without_unseen(tenant_hashtags), trailing, cut)
            .caption
    }

    /// The room for a text beside the tenant's hashtags, where it takes all that it may.
    fn room_beside(&self, tenant_hashtags: &str) -> Size {
        if self.hashtags == HashtagPolicy::None {
            return self.room();
        }
        let tenant_hashtags = without_unseen(tenant_hashtags);
        let mut tags = hashtags(&tenant_hashtags);
        self.keep_what_fits(&mut tags, self.room());
        self.room() - self.size_of_ending(&tags)
    }

    /// The size of hashtags behind a text.
    fn size_of_ending(&self, tags: &[Hashtag<'_>]) -> Size {
        if tags.is_empty() {
            Size::default()
        } else {
            self.size(&joined(tags)) + self.size(TAG_SEPARATOR)
        }
    }

    fn fit_clean(
        &self,
        text: &str,
        tenant_hashtags: &str,
        model_hashtags: impl Iterator<Item = String>,
        cut: impl Fn(&str, Size) -> String,
    ) -> Fitted {
        if self.hashtags == HashtagPolicy::None {
            let caption = cut(text, self.room());
            return Fitted {
                is_whole: caption == text,
                caption,
            };
        }
        let (whole, _) = hashtags::split_trailing(text);
        let mut tags = hashtags(tenant_hashtags);
        let mut has_room = self.keep_what_fits(&mut tags, self.size(whole));
        let body = cut(whole, self.room() - self.size_of_ending(&tags));
        let is_whole = body == whole;
        has_room &= is_whole;
        // A hashtag that the text has is not repeated.
        let mut seen: HashSet<String> = hashtags(&body).iter().map(Hashtag::key).collect();
        tags.retain(|tag| seen.insert(tag.key()));
        let mut caption = match (body.is_empty(), tags.is_empty()) {
            (true, _) => joined(&tags),
            (false, true) => body,
            (false, false) => format!("{body}{TAG_SEPARATOR}{}", joined(&tags)),
        };
        if has_room && self.hashtags == HashtagPolicy::TenantAndModel {
            let others = model_hashtags.filter(|tag| seen.insert(tag.to_lowercase()));
            self.append(&mut caption, !tags.is_empty(), others);
        }
        Fitted { caption, is_whole }
    }

    /// Appends those of a model's hashtags that fit.
    fn append(
        &self,
        caption: &mut String,
        mut has_hashtags: bool,
        hashtags: impl Iterator<Item = String>,
    ) {
        let mut used = self.size(caption);
        for hashtag in hashtags.take(MAX_HASHTAGS) {
            let separator = match (caption.is_empty(), has_hashtags) {
                (true, _) => "",
                (false, true) => " ",
                (false, false) => TAG_SEPARATOR,
            };
            let longer = used + self.size(separator) + self.size(&hashtag);
            if longer.fits(self.room()) {
                caption.push_str(separator);
                caption.push_str(&hashtag);
                (used, has_hashtags) = (longer, true);
            }
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
        if self.hashtags != HashtagPolicy::None {
            return text;
        }
        hashtags::as_words(without_trailing_hashtags(&text))
    }

    /// Drops duplicate hashtags, and those that do not fit; returns whether all fit. Next to a long text, hashtags get
    /// half of the room.
    fn keep_what_fits(&self, tags: &mut Vec<Hashtag<'_>>, body: Size) -> bool {
        let room = if body.units == 0 {
            self.room()
        } else {
            let beside = self.room() - (body + self.size(TAG_SEPARATOR));
            self.room().half().max(beside)
        };
        let (space, mut seen, mut used) = (self.size(" "), HashSet::new(), Size::default());
        let mut all_fit = true;
        tags.retain(|tag| {
            if !seen.insert(tag.key()) {
                return false;
            }
            let before = if used.units > 0 { used + space } else { used };
            let with_tag = before + self.size(tag.text);
            let fits = with_tag.fits(room);
            if fits {
                used = with_tag;
            }
            all_fit &= fits;
            fits
        });
        all_fit
    }
}

/// A caption that was made to fit.
struct Fitted {
    caption: String,
    /// Whether nothing of the text was cut off.
    is_whole: bool,
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

#[cfg(test)]
mod tests;
