//! How a server's answers are read.

use serde_json::Value;

use super::super::platform_call::{CallFailure, PlatformAnswer};

/// The calls of the protocol. Metrics and logs use the last part of the name.
pub(super) const CREATE_SESSION: &str = "com.atproto.server.createSession";
pub(super) const REFRESH_SESSION: &str = "com.atproto.server.refreshSession";
pub(super) const UPLOAD_BLOB: &str = "com.atproto.repo.uploadBlob";
pub(super) const CREATE_RECORD: &str = "com.atproto.repo.createRecord";
pub(super) const GET_RECORD: &str = "com.atproto.repo.getRecord";

/// Reads an answer, which is an object; `null` is that of a record that is not there. `words` makes a server's words fit to be shown.
pub(super) fn read(
    method: &str,
    answer: &PlatformAnswer,
    words: impl Fn(&str) -> String,
) -> Result<Value, CallFailure> {
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let code = answer.status;
    if code == 200 {
        let whole = document.is_object().then_some(document);
        return whole.ok_or_else(no_server);
    }
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    let (error, message) = (text("error"), text("message"));
    let carries_image = matches!(method, UPLOAD_BLOB | CREATE_RECORD);
    let refused = |advice: &'static str| CallFailure::Unauthorized {
        code,
        advice: advice.into(),
    };
    let rejected = |reason| CallFailure::Rejected { code, reason };
    let advice = APP_PASSWORD;
    Err(match (code, error) {
        (429, _) => CallFailure::RateLimited(answer.wait),
        (400, "RecordNotFound") if method == GET_RECORD => return Ok(Value::Null),
        (413, _) | (400, "BlobTooLarge") if carries_image => CallFailure::TooLarge { code },
        (400, "InvalidRequest") if carries_image && says_too_large(message) => {
            CallFailure::TooLarge { code }
        }
        (400..=403, "AccountTakedown" | "AccountSuspended") => refused(TAKEN_DOWN),
        (400..=403, "AccountDeactivated") => refused(DEACTIVATED),
        (400..=403, "AuthFactorTokenRequired") => refused(OWN_PASSWORD),
        (401, _) if method == CREATE_SESSION => refused(advice),
        (400..=403, _) if method == REFRESH_SESSION => CallFailure::TokenRefused { code, advice },
        (401, _) | (400, "ExpiredToken" | "InvalidToken") => {
            CallFailure::TokenRefused { code, advice }
        }
        (404 | 405 | 501, _) if method == CREATE_SESSION => rejected(NO_SERVER.to_owned()),
        (400..=407 | 409..=499, _) if message.is_empty() => rejected(words(error)),
        (400..=407 | 409..=499, _) => rejected(words(message)),
        _ => CallFailure::lost(code, format!("answered {code}")),
    })
}

pub(super) fn no_server() -> CallFailure {
    CallFailure::lost(200, NO_SERVER)
}

/// Whether a server's words are about an image of too many bytes.
fn says_too_large(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.contains("too large") || message.contains("blob too big")
}

const APP_PASSWORD: &str = "the handle and the app password do not go together; make a new app password in Bluesky \
     under Settings, Privacy and security, App passwords: the account's own password is none";
const OWN_PASSWORD: &str = "the account's own password needs a code by e-mail; use an app password";
const TAKEN_DOWN: &str = "Bluesky has taken the account down; its owner can appeal in the app";
const DEACTIVATED: &str = "the account is deactivated; its owner can activate it again in the app";
const NO_SERVER: &str = "what answers at service_url is no server of Bluesky's protocol";
