//! Hashtags in a text, and those at its end.
//!
//! A hashtag is a `#` at the beginning of a word, or behind another hashtag, with letters, digits and `_` of any script,
//! at least one of them a letter. A `#` inside of another grapheme, such as a keycap, begins none, nor does one inside of
//! a link.

use std::{iter::once, ops::Range};

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::{
    cleaning::{swallows_what_follows, trim_end},
    links::links,
};

/// The separators between and behind the hashtags at the end of a text.
const SEPARATORS: [&str; 3] = [",", ";", "."];

/// A hashtag in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hashtag<'a> {
    /// The text from its last `#` on.
    pub(super) text: &'a str,
    /// Its place in the text, with all its `#`.
    pub(super) place: Range<usize>,
}

impl Hashtag<'_> {
    /// A key that is the same in every case.
    pub(super) fn key(&self) -> String {
        self.text.to_lowercase()
    }
}

/// All hashtags of a text.
pub(super) fn hashtags(text: &str) -> Vec<Hashtag<'_>> {
    let mut found = Vec::new();
    let mut seen = 0;
    while let Some(sign) = text[seen..].find('#').map(|at| seen + at) {
        let before = &text[seen..sign];
        let start = match before.rfind(char::is_whitespace) {
            Some(space) => seen + space + before[space..].chars().next().map_or(0, char::len_utf8),
            None => seen,
        };
        let rest = &text[sign..];
        let end = sign + rest.find(char::is_whitespace).unwrap_or(rest.len());
        let before = found.len();
        find_in_word(text, start..end, &mut found);
        if found.len() > before && text[start..end].contains("://") {
            leave_out_parts_of_links(text, start..end, &mut found, before);
        }
        seen = end;
    }
    found
}

fn find_in_word<'a>(text: &'a str, word: Range<usize>, found: &mut Vec<Hashtag<'a>>) {
    // The start of a run of `#` that may begin a hashtag, and the start of the name after it.
    let mut signs: Option<usize> = None;
    let mut name: Option<(usize, bool)> = None;
    let mut before_is_word = false;
    let offset = word.start;
    let graphemes = text[word].grapheme_indices(true);
    let mut graphemes = graphemes.map(|(at, it)| (offset + at, it)).peekable();
    while let Some((at, grapheme)) = graphemes.next() {
        let end = at + grapheme.len();
        if grapheme == "#" {
            if !before_is_word {
                signs.get_or_insert(at);
            }
            continue;
        }
        if !is_word(grapheme) {
            (signs, before_is_word) = (None, grapheme == "/");
            continue;
        }
        before_is_word = true;
        if signs.is_none() {
            continue;
        }
        let (start, has_letter) = name.unwrap_or((at, false));
        let has_letter = has_letter || grapheme.chars().any(char::is_alphabetic);
        let goes_on = graphemes.peek().is_some_and(|(_, next)| is_word(next));
        name = Some((start, has_letter)).filter(|_| goes_on);
        if goes_on {
            continue;
        }
        let is_whole = has_letter && !swallows_what_follows(grapheme);
        if let Some(first_sign) = signs.take().filter(|_| is_whole) {
            found.push(Hashtag {
                text: &text[start - 1..end],
                place: first_sign..end,
            });
            // Another may follow at once.
            before_is_word = false;
        }
    }
}

/// Removes those hashtags of a word that begin inside of a link. They are behind the first `before`.
fn leave_out_parts_of_links(
    text: &str,
    word: Range<usize>,
    found: &mut Vec<Hashtag<'_>>,
    before: usize,
) {
    let links = links(&text[word.clone()]);
    let mut links = links.iter().peekable();
    let tags = found.split_off(before);
    found.extend(tags.into_iter().filter(|tag| {
        let at = tag.place.start - word.start;
        while links.next_if(|link| link.place.end <= at).is_some() {}
        links.peek().is_none_or(|link| at < link.place.start)
    }));
}

fn is_word(grapheme: &str) -> bool {
    // Some letters form one grapheme with the sign that follows.
    grapheme.starts_with(|c: char| c == '_' || c.is_alphanumeric()) && !grapheme.contains('#')
}

/// The text without the hashtags at its end, and these hashtags.
pub(super) fn split_trailing(text: &str) -> (&str, Vec<Hashtag<'_>>) {
    let mut body = trim_end(text);
    let mut trailing = Vec::new();
    loop {
        let word = last_word(body);
        let found = hashtags(word);
        if found.is_empty() || !is_all_hashtags(word, &found) {
            break;
        }
        body = trim_end(&body[..body.len() - word.len()]);
        trailing.extend(found.into_iter().rev());
    }
    trailing.reverse();
    (body, trailing)
}

/// The text behind the last space. The search is by characters: by graphemes, a long row of flags takes quadratic
/// time.
fn last_word(text: &str) -> &str {
    let mut spaces = text.rmatch_indices(char::is_whitespace);
    let after = |(at, space): (usize, &str)| {
        let mut cursor = GraphemeCursor::new(at, text.len(), true);
        let is_start = cursor.is_boundary(text, 0) == Ok(true);
        let is_space = text[at..].graphemes(true).next() == Some(space);
        (is_start && is_space).then_some(at + space.len())
    };
    let start = spaces.find_map(after).unwrap_or(0);
    &text[start..]
}

fn is_all_hashtags(word: &str, hashtags: &[Hashtag<'_>]) -> bool {
    let starts = hashtags.iter().map(|tag| tag.place.start);
    let ends = hashtags.iter().map(|tag| tag.place.end);
    let mut between = once(0).chain(ends).zip(starts.chain(once(word.len())));
    between.all(|(end, start)| {
        let mut graphemes = word[end..start].graphemes(true);
        graphemes.all(|it| SEPARATORS.contains(&it))
    })
}

/// The text with its hashtags as words.
pub(super) fn as_words(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut copied = 0;
    for Hashtag { text: tag, place } in hashtags(text) {
        plain.push_str(&text[copied..place.start]);
        plain.push_str(&tag[1..]);
        copied = place.end;
    }
    plain.push_str(&text[copied..]);
    plain
}
