//! `Prefer` and `Last-Event-ID`: nothing is read of them that does not stand there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::app::http::fuzzing::{last_event_id, prefers_async};

const PREFERENCE: &[u8] = b"respond-async";

fuzz_target!(|value: &[u8]| {
    let lower = value.to_ascii_lowercase();
    let has_name = lower
        .windows(PREFERENCE.len())
        .any(|part| part == PREFERENCE);
    assert!(has_name || !prefers_async(value));
    // Without quotes, a list is what its parts are.
    if !value.contains(&b'"') {
        let parts = value.split(|byte| *byte == b',');
        assert_eq!(prefers_async(value), { parts }.any(prefers_async));
    }
    if let Some(number) = last_event_id(value) {
        assert!(value.iter().all(u8::is_ascii_digit));
        assert_eq!(last_event_id(number.to_string().as_bytes()), Some(number));
    }
});
