//! The `Last-Event-ID` of a request. What no stream of this service can have sent is no reason to refuse a caller, which
//! could not do anything about it: it is told that it has missed something.

use crate::{
    app::{http::raw_header::FromHeader, runtime::event_hub::Begin},
    domain::job::JobEventNumber,
};

/// Where the caller's stream begins.
pub(super) struct LastEventId(pub(super) Begin);

impl FromHeader for LastEventId {
    const NAME: &'static str = "Last-Event-ID";

    fn from_values<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(values.next().map_or(Begin::Now, begin_after))
    }
}

/// Where a stream begins whose caller has sent this id.
pub(in crate::app::http) fn begin_after(id: &[u8]) -> Begin {
    let number = str::from_utf8(id).ok().and_then(|text| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number)
    });
    number.map_or(Begin::Reset, |number| Begin::After(JobEventNumber(number)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_where_to_go_on_and_anything_else_is_a_gap() {
        for (id, number) in [
            ("0", 0),
            ("41", 41),
            ("0041", 41),
            ("9223372036854775807", i64::MAX),
        ] {
            let expected = Begin::After(JobEventNumber(number));
            assert_eq!(begin_after(id.as_bytes()), expected, "{id}");
        }
        for id in ["", " 41", "+41", "-1", "4.1", "x", "9223372036854775808"] {
            assert_eq!(begin_after(id.as_bytes()), Begin::Reset, "{id}");
        }
    }

    proptest! {
        #[test]
        fn only_digits_are_a_number(id in proptest::collection::vec(any::<u8>(), 0..24)) {
            let is_digits = id.iter().all(u8::is_ascii_digit);
            prop_assert!(is_digits || begin_after(&id) == Begin::Reset);
        }

        #[test]
        fn every_number_that_was_sent_is_read_again(number in 0..=i64::MAX) {
            let begin = begin_after(number.to_string().as_bytes());
            prop_assert_eq!(begin, Begin::After(JobEventNumber(number)));
        }
    }
}
