//! The prefilter of `redact`: a fast search for what every secret contains. Most lines contain nothing of it, and
//! are not scanned.

use std::{cell::RefCell, sync::LazyLock};

use aho_corasick::packed;

use super::scan::{BOT_TOKEN, is_word};

/// The markers of secrets, in lower case: a part of every name, scheme and prefix, and the end of the scheme of a
/// URL.
const MARKERS: [&str; 13] = [
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
/// The start of a query, and the characters that begin an escape.
const ESCAPES: [u8; 3] = [b'?', b'\\', b'%'];

/// `None` where the CPU has no vector instructions for it: every line is scanned then.
static SEARCHER: LazyLock<Option<packed::Searcher>> =
    LazyLock::new(|| packed::Searcher::new(MARKERS));

/// The memory that is kept for the next line, in bytes.
const KEPT: usize = 64 * 1024;

/// Whether a line, or any of several, may contain a secret. `false` is certain.
pub(super) fn may_contain_secret(line: &[u8]) -> bool {
    // Kept from line to line, for its memory.
    thread_local! {
        static LOWER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let Some(searcher) = &*SEARCHER else {
        return true;
    };
    let [one, two, three] = ESCAPES;
    if memchr::memchr3(one, two, three, line).is_some() || has_bot_token(line) {
        return true;
    }
    LOWER.with_borrow_mut(|lower| {
        lower.clear();
        lower.extend_from_slice(line);
        lower.make_ascii_lowercase();
        let is_found = searcher.find(&*lower).is_some();
        lower.clear();
        lower.shrink_to(KEPT);
        is_found
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
    fn every_name_has_a_marker_in_it() {
        for name in NAMES {
            assert!(may_contain_secret(name));
            assert!(may_contain_secret(&name.to_ascii_uppercase()));
        }
    }

    #[test]
    fn an_ordinary_line_is_not_scanned() {
        let line = br#"{"timestamp":"2026-01-02T03:04:05.678901Z","level":"INFO",
            "target":"publisher::app::http::middleware::observe","message":"request ended",
            "status":200,"latency_ms":12,"request_id":"0190d9f2-7d3c-7b1a-9c55-1f2e3d4c5b6a",
            "method":"GET","route":"/api/images/{filename}/thumbnail","tenant":"alice"}"#;
        assert!(!may_contain_secret(line));
    }
}
