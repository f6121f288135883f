//! Whether a line has anything in it that a secret could be known by. Most have not, and need no
//! closer look. Used by `redact`.

use std::{cell::RefCell, sync::LazyLock};

use aho_corasick::packed;

use super::scan::{BOT_TOKEN, is_word};

/// What stands in each shape, in lower case: a part of every name, of every scheme and of every
/// prefix, and what ends the scheme of a URL.
const SIGNS: [&str; 13] = [
    "key",
    "pass",
    "authorization",
    "cookie",
    "ref",
    "pv2",
    "secret",
    "token",
    "bearer",
    "basic",
    "sk-",
    "sl.",
    "://",
];
/// What begins a query, and what anything can be escaped by.
const MARKS: [u8; 3] = [b'?', b'\\', b'%'];

/// `None` where the machine has nothing to search with: every line is looked at closely then.
static SEARCHER: LazyLock<Option<packed::Searcher>> =
    LazyLock::new(|| packed::Searcher::new(SIGNS));

/// How much memory is kept for the next look, in bytes.
const KEPT: usize = 64 * 1024;

/// Whether nothing could be masked in a line, or in any of several. May be wrong in one direction
/// only.
#[must_use]
pub fn is_innocent(line: &[u8]) -> bool {
    // Kept from line to line, for its memory.
    thread_local! {
        static LOWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let Some(searcher) = &*SEARCHER else {
        return false;
    };
    let [one, two, three] = MARKS;
    if memchr::memchr3(one, two, three, line).is_some() || has_bot_token(line) {
        return false;
    }
    LOWER.with_borrow_mut(|lower| {
        lower.clear();
        lower.extend_from_slice(line);
        lower.make_ascii_lowercase();
        let is_innocent = searcher.find(&*lower).is_none();
        lower.clear();
        lower.shrink_to(KEPT);
        is_innocent
    })
}

/// Telegram's tokens have a colon after a digit, and letters or digits after that. Most times and
/// addresses do not: theirs have fewer before the next sign.
fn has_bot_token(line: &[u8]) -> bool {
    // Most lines have none, which is fastest to see without a branch for each colon: three places
    // after those of a time stands another sign.
    let places = line
        .iter()
        .zip(line.iter().skip(1))
        .zip(line.iter().skip(4));
    let may_begin = |((before, colon), after): ((&u8, &u8), &u8)| {
        u8::from(before.is_ascii_digit()) & u8::from(*colon == b':') & u8::from(is_word(*after))
    };
    if places.fold(0, |any, place| any | may_begin(place)) == 0 {
        return false;
    }
    let shortest = BOT_TOKEN.0;
    memchr::memchr_iter(b':', line).any(|at| {
        let before = at.checked_sub(1).and_then(|at| line.get(at));
        let after = line.get(at + 1..at + 1 + shortest);
        before.is_some_and(u8::is_ascii_digit)
            && after.is_some_and(|after| after.iter().copied().all(is_word))
    })
}

#[cfg(test)]
mod tests {
    use super::{super::NAMES, *};

    #[test]
    fn every_name_has_a_sign_in_it() {
        for name in NAMES {
            assert!(!is_innocent(name));
            assert!(!is_innocent(&name.to_ascii_uppercase()));
        }
    }

    #[test]
    fn an_ordinary_line_needs_no_closer_look() {
        let line = br#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO",
            "target":"publisher::app::http::middleware::observe","message":"request ended",
            "status":200,"latency_ms":12,"request_id":"0190d9f2-7d3c-7b1a-9c55-1f2e3d4c5b6a",
            "method":"GET","route":"/api/images/{filename}/thumbnail","tenant":"alice"}"#;
        assert!(is_innocent(line));
    }
}
