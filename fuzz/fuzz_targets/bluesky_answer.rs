//! What a Bluesky server answers, read as the answer to each call, and as a session: no panic, no success that is none,
//! and no address for an account's data that is not one of https elsewhere.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::{
    adapters::bluesky::fuzzing::{read_answer, read_session},
    domain::service_url::ServiceUrl,
};

fuzz_target!(|body: &[u8]| {
    for status in [200, 204, 302, 400, 401, 403, 404, 408, 413, 429, 500, 502] {
        let succeeded = read_answer(status, body);
        match status {
            200 => {}
            400 => assert!(succeeded.iter().all(|it| it.ends_with(".getRecord"))),
            _ => assert!(succeeded.is_empty(), "{status} {succeeded:?}"),
        }
    }
    if let Some((did, server)) = read_session(body) {
        assert!(did.starts_with("did:") && !did.contains(['/', '?', '#', ' ']));
        let server = ServiceUrl::parse(&server).unwrap();
        assert!(server.expose().scheme() == "https" && !server.is_loopback());
    }
});
