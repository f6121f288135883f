//! Access and refresh tokens of the Bluesky stand-in: JWTs with the claims of a real server. Used by the Bluesky
//! stand-in.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::secrets;

/// Two hours and 90 days, as of a real server, in seconds.
const ACCESS_SECONDS: u64 = 2 * 60 * 60;
const REFRESH_SECONDS: u64 = 90 * 24 * 60 * 60;

/// A new access token of an account.
pub(super) fn access(did: &str) -> String {
    jwt("at+jwt", "com.atproto.appPass", did, ACCESS_SECONDS)
}

/// A new refresh token of an account.
pub(super) fn refresh(did: &str) -> String {
    jwt("refresh+jwt", "com.atproto.refresh", did, REFRESH_SECONDS)
}

fn jwt(kind: &str, scope: &str, did: &str, seconds: u64) -> String {
    let now = unix_now();
    let part = |document: &Value| BASE64_URL_SAFE_NO_PAD.encode(document.to_string());
    let signed = format!(
        "{}.{}",
        part(&json!({ "typ": kind, "alg": "HS256" })),
        part(&json!({
            "scope": scope, "sub": did, "aud": "did:web:pds.sandbox.localhost",
            "iat": now, "exp": now + seconds, "jti": secrets::random("jti-"),
        }))
    );
    // The stand-in knows its tokens by heart, so that any key does.
    let signature = Hmac::<Sha256>::new_from_slice(b"sandbox").map(|mut mac| {
        mac.update(signed.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    });
    format!("{signed}.{}", signature.unwrap_or_default())
}

/// The time in Unix seconds.
#[expect(
    clippy::disallowed_methods,
    reason = "callers compare it with their own clock, as with that of a real server"
)]
pub(super) fn unix_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map(|now| now.as_secs()).unwrap_or_default()
}
