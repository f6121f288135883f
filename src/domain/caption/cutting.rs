//! Cutting a text to fit: at a word, with an ellipsis, and never inside of a grapheme, a hashtag or a link.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    cleaning::{is_space, swallows_what_follows, trim_end},
    hashtags::{Hashtag, hashtags, split_trailing},
    links::{Link, links},
    rules::CaptionRules,
    size::Size,
};

/// How many ends of sentences are looked at, from the last one that fits.
const MOST_ENDS: usize = 50;
/// The fewest letters of the word before a full stop: fewer may be short for something, as in "Dr. No".
const FEWEST_LETTERS: usize = 3;

impl CaptionRules {
    /// The text, or the words of it that fit with an ellipsis.
    pub(super) fn cut(&self, text: &str, room: Size) -> String {
        if self.size(text).fits(room) {
            return text.to_owned();
        }
        let ellipsis = if self.plain_ascii_line { "..." } else { "…" };
        let of_ellipsis = self.size_of_plain(ellipsis);
        if !of_ellipsis.fits(room) {
            return String::new();
        }
        let room = room - of_ellipsis;
        let (links, tags) = (links(text), hashtags(text));
        let whole = |kept| without_loose_end(before_hashtag_cut(text, &tags, kept), &links);
        let mut kept = whole(self.whole_words(text, &links, room));
        while let Some(link) = links.iter().rev().find(|it| it.place.end == kept.len()) {
            // Platforms take an ellipsis at its end for a part of the link.
            if (self.size(kept) + self.size_of_plain(" ")).fits(room) {
                return format!("{kept} {ellipsis}");
            }
            kept = whole(&text[..link.place.start]);
        }
        if kept.is_empty() {
            String::new()
        } else {
            format!("{kept}{ellipsis}")
        }
    }

    /// The text, or the sentences of it that fit; where not even the first does, its words as by [`cut`](Self::cut).
    pub(super) fn cut_at_sentence(&self, text: &str, room: Size) -> String {
        if self.size(text).fits(room) {
            return text.to_owned();
        }
        let links = links(text);
        let is_inside = |end: usize| {
            links
                .iter()
                .any(|it| it.place.start < end && end < it.place.end)
        };
        let ends = text.split_sentence_bound_indices().map(|(end, _)| end);
        let ends: Vec<usize> = ends.filter(|end| !is_inside(*end)).collect();
        let fits = |end: &usize| self.size(trim_end(&text[..*end])).fits(room);
        let fitting = &ends[..ends.partition_point(fits)];
        let kept = fitting.iter().rev().take(MOST_ENDS).find(|end| {
            let kept = trim_end(&text[..**end]);
            // Hashtags at its end would be taken for those of the caption.
            fits(end) && ends_sentence(&text[..**end]) && split_trailing(kept).1.is_empty()
        });
        match kept {
            Some(end) => trim_end(&text[..*end]).to_owned(),
            None => self.cut(text, room),
        }
    }

    /// The longest prefix of whole words that fits, or of whole graphemes where a long word would leave less than half
    /// of the room used. It holds links whole.
    fn whole_words<'a>(&self, text: &'a str, links: &[Link], room: Size) -> &'a str {
        let (mut used, mut words) = (Size::default(), None);
        let (mut links, mut end_of_link) = (links.iter().peekable(), 0);
        for (at, grapheme) in text.grapheme_indices(true) {
            if at < end_of_link {
                continue;
            }
            if is_space(grapheme) {
                words = Some((at, used));
            }
            let link = links.next_if(|link| link.place.start == at);
            used = used
                + match link {
                    Some(link) => self.size_of_link(&text[link.place.clone()], link.is_web),
                    None => self.size_of_plain(grapheme),
                };
            end_of_link = link.map_or(0, |link| link.place.end);
            if !used.fits(room) {
                return match words {
                    Some((end, before)) if link.is_some() || before.is_half_of(room) => {
                        &text[..end]
                    }
                    _ => &text[..at],
                };
            }
        }
        text
    }
}

/// Whether a text ends as a sentence does, or a line: not with "Mr.", "e.g." or "2.".
fn ends_sentence(text: &str) -> bool {
    let is_closing =
        |c: char| c.is_whitespace() || matches!(c, '"' | '”' | '»' | '’' | '\'' | ')' | ']');
    let before_full_stop = text.trim_end_matches(is_closing).strip_suffix('.');
    let Some(body) = before_full_stop.filter(|_| !text.ends_with('\n')) else {
        // A line, or a sign that is behind no abbreviation.
        return text.contains(char::is_alphanumeric);
    };
    let word = body.rsplit(char::is_whitespace).next().unwrap_or_default();
    let letters = word.chars().filter(|c| c.is_alphabetic());
    let is_foreign = word.chars().any(|c| c.is_alphabetic() && !c.is_ascii());
    !word.contains('.') && (is_foreign || letters.count() >= FEWEST_LETTERS)
}

/// A prefix of the text, without the hashtag that its end would cut.
fn before_hashtag_cut<'a>(text: &'a str, tags: &[Hashtag<'_>], kept: &'a str) -> &'a str {
    let cuts = |tag: &&Hashtag<'_>| (tag.place.start + 1..tag.place.end).contains(&kept.len());
    match tags.iter().find(cuts) {
        Some(tag) => &text[..tag.place.start],
        None => kept,
    }
}

/// The text without white space, punctuation, and graphemes that an ellipsis would become part of, at its end; links
/// stay whole.
fn without_loose_end<'a>(text: &'a str, links: &[Link]) -> &'a str {
    const PUNCTUATION: [&str; 7] = [",", ";", ":", "-", "–", "—", "."];
    let is_loose = |grapheme: &str| {
        is_space(grapheme) || PUNCTUATION.contains(&grapheme) || swallows_what_follows(grapheme)
    };
    let mut ends = links.iter().rev().map(|link| link.place.end);
    let linked = ends.find(|end| *end <= text.len()).unwrap_or(0);
    let mut from_the_end = text[linked..].grapheme_indices(true).rev();
    match from_the_end.find(|(_, grapheme)| !is_loose(grapheme)) {
        Some((at, grapheme)) => &text[..linked + at + grapheme.len()],
        None => &text[..linked],
    }
}
