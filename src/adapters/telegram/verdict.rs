//! The meaning of an answer to a photo: above all, whether Telegram may have taken it. Used by this folder's
//! adapter.
//!
//! Only a client error is a refusal: a proxy may answer with a server error after the photo has arrived, in
//! HTML, in JSON, or in Telegram's own words.

use std::time::Duration;

use serde_json::Value;

use super::advice;
use crate::{
    adapters::upstream::MAX_WAIT,
    domain::publication::{PostUrl, PublishedPost},
};

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict<T> {
    /// Telegram did what it was asked, with this result: of a photo, its id.
    Taken(T),
    /// It may have done it.
    Unknown,
    /// It did nothing.
    Refused(Refusal),
}

/// A refusal: nothing was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The bot's token is none.
    Unauthorized { code: u16 },
    /// The next request may come after this time, if one is named.
    RateLimited(Option<Duration>),
    /// The chat has this id now.
    Moved(i64),
    /// Another file of the image may do. With Telegram's words.
    ImageUnsuitable { code: u16, description: String },
    /// The same request will never do. With Telegram's words.
    Rejected { code: u16, description: String },
}

/// What an answer to a photo means. `body` is its body, complete or not; `hint` is its `Retry-After`.
pub(super) fn of_photo(
    status: u16,
    body: Option<&[u8]>,
    hint: Option<Duration>,
) -> Verdict<PublishedPost> {
    match verdict(status, body, hint) {
        Verdict::Taken(result) => {
            let id = result["message_id"].as_i64();
            let post = |id| PublishedPost {
                url: url_of(&result["chat"], id),
                ..PublishedPost::new(id.to_string())
            };
            id.map_or(Verdict::Unknown, |id| Verdict::Taken(post(id)))
        }
        Verdict::Unknown => Verdict::Unknown,
        Verdict::Refused(refusal) => Verdict::Refused(refusal),
    }
}

/// The address of a post; `None` in a chat that not everybody can open. A user has a name too, and no public posts.
fn url_of(chat: &Value, id: i64) -> Option<PostUrl> {
    let name = chat["username"].as_str()?;
    let is_name = name
        .bytes()
        .all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let is_public = chat["type"] != "private" && !name.is_empty() && is_name;
    let url = is_public.then(|| format!("https://t.me/{name}/{id}"))?;
    PostUrl::parse(&url)
}

/// What an answer to any call means, with Telegram's result.
pub(super) fn verdict(status: u16, body: Option<&[u8]>, hint: Option<Duration>) -> Verdict<Value> {
    let document = body.and_then(|body| {
        let document: Value = serde_json::from_slice(body).ok()?;
        document["ok"].is_boolean().then_some(document)
    });
    let Some(mut document) = document else {
        return match status {
            _ if !is_refusal(status) => Verdict::Unknown,
            401 | 404 => Verdict::Refused(Refusal::Unauthorized { code: status }),
            429 => Verdict::Refused(Refusal::RateLimited(hint)),
            _ => Verdict::Refused(rejected(status, "")),
        };
    };
    if document["ok"] == true {
        return Verdict::Taken(document["result"].take());
    }
    // Telegram repeats its code as the status, and a proxy of the Bot API may answer 200 for all: the
    // one must not hide what the other says.
    let code = &document["error_code"];
    let said = code.as_u64().and_then(|code| u16::try_from(code).ok());
    let code = match (is_success(status), said) {
        (_, Some(code)) => code,
        (false, None) if code.is_null() => status,
        _ => return Verdict::Unknown,
    };
    if !is_refusal(code) || !(is_refusal(status) || is_success(status)) {
        return Verdict::Unknown;
    }
    let description = document["description"].as_str().unwrap_or_default();
    let parameters = &document["parameters"];
    Verdict::Refused(match code {
        // Telegram has no other use for 404: no bot has such a token.
        401 | 404 => Refusal::Unauthorized { code },
        429 => {
            let asked = parameters["retry_after"].as_u64();
            let asked = asked.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT));
            Refusal::RateLimited(asked.or(hint))
        }
        _ => match integer(&parameters["migrate_to_chat_id"]) {
            Some(chat) => Refusal::Moved(chat),
            None => rejected(code, description),
        },
    })
}

fn rejected(code: u16, description: &str) -> Refusal {
    let description = description.to_owned();
    if code == 413 || advice::is_about_the_image(&description) {
        return Refusal::ImageUnsuitable { code, description };
    }
    Refusal::Rejected { code, description }
}

/// Whether a code refuses the request, so that nothing was done. 408 may come from a proxy that has passed the
/// request on.
fn is_refusal(code: u16) -> bool {
    (400..500).contains(&code) && code != 408
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// Chat ids go beyond what some JSON writers take for a number.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(status: u16, document: &Value) -> Verdict<PublishedPost> {
        of_photo(status, Some(document.to_string().as_bytes()), None)
    }

    fn no(code: u16) -> Value {
        json!({ "ok": false, "error_code": code, "description": "no" })
    }

    #[test]
    fn a_complete_yes_proves_the_post_whatever_the_status() {
        for status in [200, 201, 302, 400, 404, 408, 429, 500, 502, 504] {
            let yes = json!({ "ok": true, "result": { "message_id": 7 } });
            let post = PublishedPost::new("7");
            assert_eq!(of(status, &yes), Verdict::Taken(post), "{status}");
            let half = json!({ "ok": true, "result": {} });
            assert_eq!(of(status, &half), Verdict::Unknown, "{status}");
        }
    }

    #[test]
    fn a_post_in_a_public_chat_has_an_address() {
        for (chat, url) in [
            (
                json!({ "type": "channel", "username": "Knots_1" }),
                Some("https://t.me/Knots_1/7"),
            ),
            (
                json!({ "type": "supergroup", "username": "knots" }),
                Some("https://t.me/knots/7"),
            ),
            (json!({ "type": "channel", "title": "knots" }), None),
            (json!({ "type": "private", "username": "knots" }), None),
            (json!({ "type": "channel", "username": "" }), None),
            (json!({ "type": "channel", "username": "a/../b" }), None),
            (json!({ "type": "channel", "username": "a?b#c@d" }), None),
            (json!({ "type": "channel", "username": 7 }), None),
            (json!(null), None),
        ] {
            let yes = json!({ "ok": true, "result": { "message_id": 7, "chat": chat } });
            let post = PublishedPost {
                url: url.and_then(PostUrl::parse),
                ..PublishedPost::new("7")
            };
            assert_eq!(of(200, &yes), Verdict::Taken(post), "{chat}");
        }
    }

    #[test]
    fn a_server_error_in_either_place_leaves_it_unknown() {
        for (status, code) in [
            (500, 500),
            (502, 502),
            (504, 400),
            (502, 429),
            (503, 401),
            (408, 408),
            (408, 400),
            (200, 500),
            (200, 408),
            (400, 500),
            (429, 502),
            (302, 400),
            (200, 200),
            (200, 0),
            (400, 302),
        ] {
            assert_eq!(of(status, &no(code)), Verdict::Unknown, "{status} {code}");
        }
        for code in [json!(-1), json!("400"), json!(70_000), json!(400.5)] {
            let document = json!({ "ok": false, "error_code": code });
            assert_eq!(of(200, &document), Verdict::Unknown, "{document}");
            assert_eq!(of(400, &document), Verdict::Unknown, "{document}");
        }
        assert_eq!(of(200, &json!({ "ok": false })), Verdict::Unknown);
        for status in [
            100, 200, 204, 301, 302, 303, 307, 308, 408, 500, 502, 520, 599,
        ] {
            for body in [
                None,
                Some("".as_bytes()),
                Some(b"<html>"),
                Some(b"{\"ok\":fal"),
            ] {
                assert_eq!(of_photo(status, body, None), Verdict::Unknown, "{status}");
            }
        }
    }

    #[test]
    fn a_client_error_is_a_no() {
        let text = |description: &str| description.to_owned();
        for status in [400, 200] {
            assert_eq!(
                of(status, &no(400)),
                Verdict::Refused(Refusal::Rejected {
                    code: 400,
                    description: text("no")
                })
            );
            assert_eq!(
                of(status, &no(401)),
                Verdict::Refused(Refusal::Unauthorized { code: 401 })
            );
            assert_eq!(
                of(status, &no(404)),
                Verdict::Refused(Refusal::Unauthorized { code: 404 })
            );
        }
        assert_eq!(
            of(403, &json!({ "ok": false })),
            Verdict::Refused(Refusal::Rejected {
                code: 403,
                description: text("")
            })
        );
        // A page, or JSON that breaks off.
        for body in [
            None,
            Some("<html>".as_bytes()),
            Some(b"{\"ok\":false,\"err"),
        ] {
            assert_eq!(
                of_photo(403, body, None),
                Verdict::Refused(Refusal::Rejected {
                    code: 403,
                    description: text("")
                })
            );
            assert_eq!(
                of_photo(404, body, None),
                Verdict::Refused(Refusal::Unauthorized { code: 404 })
            );
            assert_eq!(
                of_photo(413, body, None),
                Verdict::Refused(Refusal::ImageUnsuitable {
                    code: 413,
                    description: text("")
                })
            );
            assert_eq!(
                of_photo(401, body, None),
                Verdict::Refused(Refusal::Unauthorized { code: 401 })
            );
        }
    }

    #[test]
    fn a_wait_is_telegrams_own_or_the_headers_and_an_hour_at_most() {
        let flood = |wait: Value| json!({ "ok": false, "error_code": 429, "parameters": { "retry_after": wait } });
        let limited =
            |seconds| Verdict::Refused(Refusal::RateLimited(Some(Duration::from_secs(seconds))));
        let hint = Some(Duration::from_secs(9));
        let told =
            |wait: Value, hint| of_photo(429, Some(flood(wait).to_string().as_bytes()), hint);
        assert_eq!(told(json!(3), hint), limited(3));
        assert_eq!(told(json!(999_999_999), hint), limited(3600));
        for odd in [json!(null), json!(-1), json!("soon")] {
            assert_eq!(told(odd.clone(), hint), limited(9));
            assert_eq!(
                told(odd, None),
                Verdict::Refused(Refusal::RateLimited(None))
            );
        }
        assert_eq!(of_photo(429, Some(b"<html>"), hint), limited(9));
    }

    #[test]
    fn a_chat_that_has_moved_names_its_new_id() {
        for id in [json!(-1_001_234_567_890_i64), json!("-1001234567890")] {
            let moved = json!({ "ok": false, "error_code": 400, "description":
                "Bad Request: group chat was upgraded to a supergroup chat",
                "parameters": { "migrate_to_chat_id": id } });
            assert_eq!(
                of(400, &moved),
                Verdict::Refused(Refusal::Moved(-1_001_234_567_890))
            );
            assert_eq!(of(502, &moved), Verdict::Unknown);
        }
    }

    proptest! {
        /// Whatever a server error or a success carries, nothing but a complete answer says that
        /// the photo was not taken.
        #[test]
        fn no_body_of_a_server_error_makes_it_a_no(
            status in prop_oneof![Just(408_u16), 500..600_u16, 300..400_u16],
            body in prop_oneof![
                any::<Vec<u8>>(),
                (any::<bool>(), any::<i64>(), any::<String>()).prop_map(|(ok, code, text)| {
                    json!({ "ok": ok, "error_code": code, "description": text,
                        "parameters": { "retry_after": code, "migrate_to_chat_id": code } })
                    .to_string()
                    .into_bytes()
                }),
            ],
        ) {
            prop_assert_eq!(of_photo(status, Some(&body), None), Verdict::Unknown);
        }
    }
}
