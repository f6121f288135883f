//! The `Prefer` header (RFC 7240): whether the caller would rather not wait. A preference that is not known, and a header
//! that cannot be read, are ignored, as the standard has it: a preference is never a demand.

use super::raw_header::FromHeader;

/// The preference for an answer before the work is done.
pub(super) const RESPOND_ASYNC: &str = "respond-async";

/// Whether the caller prefers not to wait.
pub(super) struct Prefer {
    /// `respond-async` is among the preferences.
    pub(super) respond_async: bool,
}

impl FromHeader for Prefer {
    const NAME: &'static str = "Prefer";

    fn from_values<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        let respond_async = values.any(prefers_async);
        Self { respond_async }
    }
}

/// Whether a value of the header has `respond-async`, with or without parameters. With a value (`respond-async=x`) it is
/// another preference.
pub(super) fn prefers_async(value: &[u8]) -> bool {
    parts(value, b',').any(|preference| {
        let name = parts(preference, b';').next().unwrap_or_default();
        let mut sides = parts(name, b'=').map(<[u8]>::trim_ascii);
        let is_it = sides
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(RESPOND_ASYNC.as_bytes()));
        // An empty value is none (RFC 7240, 2).
        is_it && sides.all(|value| matches!(value, b"" | b"\"\""))
    })
}

/// The parts of a list that `separator` divides, but not within quotes.
fn parts(list: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    list.split(move |byte| {
        let was_escaped = std::mem::replace(&mut is_escaped, false);
        match byte {
            b'\\' if is_quoted && !was_escaped => is_escaped = true,
            b'"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        *byte == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_preference_is_found_in_lists_and_beside_parameters() {
        for value in [
            "respond-async",
            " Respond-Async ",
            "wait=10, respond-async",
            "respond-async, wait=10",
            "respond-async; foo=bar",
            "respond-async;foo",
            "respond-async=",
            "respond-async = \"\"",
            "foo=\"a, b\\\", c\";x, respond-async",
            ",,respond-async,",
        ] {
            assert!(prefers_async(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn anything_else_is_another_preference() {
        for value in [
            "",
            "respond",
            "respond-async-now",
            "respond_async",
            "respond-async=true",
            "return=minimal",
            "wait=10",
            "foo=\"respond-async\"",
            "foo=\"a, respond-async, b\"",
            "foo; respond-async",
            "foo=respond-async",
            "\"respond-async\"",
            "foo=\"respond-async",
        ] {
            assert!(!prefers_async(value.as_bytes()), "{value}");
        }
        assert!(!prefers_async(b"\xFF\xFE"));
    }

    proptest! {
        #[test]
        fn what_is_in_quotes_is_no_preference(text in "[a-z,;= -]{0,24}") {
            let value = format!("foo=\"{text}\"");
            prop_assert!(!prefers_async(value.as_bytes()));
            let value = format!("foo=\"{text}\", respond-async; {text}");
            let is_found = prefers_async(value.as_bytes());
            prop_assert!(is_found);
        }

        #[test]
        fn no_bytes_are_too_strange(value in proptest::collection::vec(any::<u8>(), 0..64)) {
            let has_name = value
                .to_ascii_lowercase()
                .windows(RESPOND_ASYNC.len())
                .any(|part| part == RESPOND_ASYNC.as_bytes());
            prop_assert!(has_name || !prefers_async(&value));
        }
    }
}
