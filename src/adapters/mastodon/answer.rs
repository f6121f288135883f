//! What an instance answers, read without trust. Used by this folder's adapter.

use serde_json::Value;

use super::key::is_id;
use crate::{
    adapters::platform_call::{CallFailure, PlatformAnswer},
    domain::publication::{PostId, PostUrl, PublishedPost},
};

const LEADS_ELSEWHERE: &str = "what answers there leads elsewhere: `instance_url` must be the address of the instance's \
     own server";
const NEW_TOKEN: &str = "the access token is of another instance, or no longer valid; make a new one under Preferences, \
     Development";
const SCOPES: &str = "the access token needs the scopes `write:media` and `write:statuses`, and an account that may post";

/// A status of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) post: PublishedPost,
    /// The ids of its images.
    pub(super) media: Vec<String>,
}

/// The id of an upload or of an account.
pub(super) fn id(body: &[u8]) -> Option<String> {
    id_of(&serde_json::from_slice(body).ok()?)
}

/// The status that was posted.
pub(super) fn posted(body: &[u8]) -> Option<PublishedPost> {
    let document: Value = serde_json::from_slice(body).ok()?;
    status(&document).map(|status| status.post)
}

/// The statuses of a page; what is none is left out.
pub(super) fn statuses(body: &[u8]) -> Option<Vec<Status>> {
    let document: Value = serde_json::from_slice(body).ok()?;
    Some(document.as_array()?.iter().filter_map(status).collect())
}

/// The sentence of a refusal; empty if there is none.
pub(super) fn reason(body: &[u8]) -> String {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| document[name].as_str().filter(|it| !it.trim().is_empty());
    let reason = text("error_description").or_else(|| text("error"));
    reason.unwrap_or_default().to_owned()
}

fn status(document: &Value) -> Option<Status> {
    let images = document["media_attachments"].as_array();
    Some(Status {
        post: PublishedPost {
            id: PostId::new(id_of(document)?),
            url: document["url"].as_str().and_then(PostUrl::parse),
        },
        media: images.into_iter().flatten().filter_map(id_of).collect(),
    })
}

fn id_of(document: &Value) -> Option<String> {
    let id = match &document["id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.as_u64()?.to_string(),
        _ => return None,
    };
    is_id(&id).then_some(id)
}

/// Reads the status of an answer: what it means, unless it is that of a success. `words` makes an instance's words fit to
/// be shown.
pub(super) fn check(
    answer: &PlatformAnswer,
    words: impl Fn(&str) -> String,
) -> Result<(), CallFailure> {
    let code = answer.status;
    let reason = || words(&reason(&answer.body));
    Err(match code {
        200..=299 => return Ok(()),
        300..=399 => CallFailure::lost(code, LEADS_ELSEWHERE),
        401 => CallFailure::Unauthorized {
            code,
            advice: with_advice(&reason(), NEW_TOKEN).into(),
        },
        // An instance says it of scopes, and of accounts that are suspended.
        403 => CallFailure::Rejected {
            code,
            reason: with_advice(&reason(), SCOPES),
        },
        429 => CallFailure::RateLimited(answer.wait),
        // 408 may come from a proxy that has passed the request on.
        400..=407 | 409..=499 => CallFailure::Rejected {
            code,
            reason: reason(),
        },
        _ => CallFailure::lost(code, format!("answered {code}")),
    })
}

fn with_advice(reason: &str, advice: &str) -> String {
    match reason {
        "" => advice.to_owned(),
        _ => format!("{reason}; {advice}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn bytes(document: &Value) -> Vec<u8> {
        document.to_string().into_bytes()
    }

    #[test]
    fn a_status_has_an_id_an_address_and_images() {
        let whole = json!({ "id": "1", "url": "https://a.example/@alice/1",
            "media_attachments": [{ "id": "7" }, { "id": 8 }, { "id": null }, 9] });
        let page = statuses(&bytes(&json!([whole, {}, null, { "id": "2" }]))).unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(page[0].media, ["7", "8"]);
        let url = page[0].post.url.as_ref().unwrap();
        assert_eq!(url.as_str(), "https://a.example/@alice/1");
        assert_eq!(posted(&bytes(&whole)), Some(page[0].post.clone()));
        assert_eq!(page[1].post, PublishedPost::new("2"));
    }

    #[test]
    fn an_id_that_could_lead_elsewhere_is_none() {
        for odd in [
            json!(""),
            json!("../1"),
            json!("1?x"),
            json!("é"),
            json!("1".repeat(65)),
            json!(-1),
            json!(1.5),
            json!({}),
            json!(null),
        ] {
            assert_eq!(id(&bytes(&json!({ "id": odd }))), None, "{odd}");
        }
        for url in ["javascript:alert(1)", "https://a:b@c.example/1", "", "1"] {
            let post = posted(&bytes(&json!({ "id": "1", "url": url })));
            assert_eq!(post, Some(PublishedPost::new("1")), "{url}");
        }
    }

    #[test]
    fn a_reason_is_the_instances_sentence() {
        let both = json!({ "error": "invalid_grant", "error_description": "It is too late." });
        assert_eq!(reason(&bytes(&both)), "It is too late.");
        assert_eq!(reason(&bytes(&json!({ "error": "No." }))), "No.");
        for nothing in ["", "<html>", "[]", "{\"error\":7}", "{\"error\":\" \"}"] {
            assert_eq!(reason(nothing.as_bytes()), "", "{nothing}");
        }
    }

    proptest! {
        /// No answer breaks the reading, and no id that comes of it has a part of an address in it.
        #[test]
        fn whatever_is_answered_is_read_or_left(
            noise in any::<Vec<u8>>(),
            id_text in any::<String>(),
            number in any::<u64>(),
            url in any::<String>(),
        ) {
            let media = json!([{ "id": id_text }, { "id": number }, number, null]);
            let one = json!({ "id": id_text, "url": url, "media_attachments": media });
            let other = json!({ "id": number, "url": number, "media_attachments": id_text });
            for body in [noise, bytes(&one), bytes(&json!([one, other, media, null, url]))] {
                let page = statuses(&body).unwrap_or_default();
                let ids = page.iter().flat_map(|it| it.media.iter().map(String::as_str));
                let ids = ids.chain(page.iter().map(|it| it.post.id.as_str()));
                for id in ids.chain(id(&body).as_deref()) {
                    prop_assert!(is_id(id));
                }
                posted(&body);
                reason(&body);
            }
        }
    }
}
