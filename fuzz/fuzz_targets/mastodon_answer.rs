//! What an instance of Mastodon answers: no panic, no id that is a part of an address, no address but one of the web, and
//! limits that leave room.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::adapters::mastodon::fuzzing::read_answer;

fuzz_target!(|body: &[u8]| {
    let (ids, urls, limits) = read_answer(body);
    for id in ids {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        assert!(!id.is_empty() && id.bytes().all(is_part), "{id}");
    }
    for url in urls {
        let scheme = url.split(':').next();
        assert!(matches!(scheme, Some("http" | "https")), "{url}");
    }
    assert!(limits.iter().all(|limit| *limit > 0), "{limits:?}");
});
