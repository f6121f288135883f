//! What the Mastodon stand-in knows, and who may do what. Used by the files of this folder.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{media::Media, statuses::PostedStatus};
use crate::{record::RecordedRequest, reply::Reply, secrets::Issued};

/// Everything that the stand-in knows.
pub(super) struct State {
    /// The address under which the instance shows itself.
    pub(super) base_url: String,
    /// The answer of `/api/v2/instance`; its limits are those that are kept to.
    pub(super) instance: Value,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) media: Vec<Media>,
    pub(super) processing: Processing,
    pub(super) statuses: Vec<PostedStatus>,
    /// Status id by account id and key.
    pub(super) keys: HashMap<(String, String), String>,
    pub(super) on_repeat: OnRepeat,
    /// Posts that are taken and not yet done, while they are postponed.
    pub(super) postponed: Option<Vec<RecordedRequest>>,
    pub(super) issued: Issued,
    last_id: u64,
}

/// An access token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) account: Account,
    pub(super) scopes: Vec<String>,
    pub(super) revoked: bool,
}

/// An account of the instance.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
}

/// How long an instance works on an uploaded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processing {
    /// The upload answers 200: the image is ready.
    Immediate,
    /// The upload answers 202, and this many requests for the image answer 206 before one answers 200.
    After(usize),
    /// The upload answers 202, and requests for the image answer 422.
    Fails,
}

/// What an instance does with a second post under one `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRepeat {
    /// It answers the status of the first one: the documented behavior.
    SameStatus,
    /// It posts again, as it does while the first request is still at work, because the key is stored only at its
    /// end (mastodon/mastodon#21840). The image moves to the later status.
    PostAgain,
    /// It answers 500 (mastodon/mastodon#40399).
    Fail,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            base_url: String::new(),
            instance: instance(),
            tokens: HashMap::new(),
            media: Vec::new(),
            processing: Processing::Immediate,
            statuses: Vec::new(),
            keys: HashMap::new(),
            on_repeat: OnRepeat::SameStatus,
            postponed: None,
            issued: Issued::default(),
            last_id: 115_600_000_000_000_000,
        }
    }

    /// The next id: a number beyond 2^53, as text.
    pub(super) fn next_id(&mut self) -> String {
        self.last_id += 1;
        self.last_id.to_string()
    }

    /// A limit of the instance, such as `statuses/max_characters`.
    pub(super) fn limit(&self, name: &str, otherwise: usize) -> usize {
        let limit = self.instance.pointer(&format!("/configuration/{name}"));
        let limit = limit.and_then(Value::as_u64);
        limit.map_or(otherwise, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        })
    }

    /// The account of the request's token, which must have the scope or the wider one that holds it
    /// (`write` holds `write:media`).
    pub(super) fn authorize(
        &self,
        request: &RecordedRequest,
        scope: &str,
    ) -> Result<Account, Reply> {
        let token = request.bearer().and_then(|token| self.tokens.get(token));
        let token = token.ok_or_else(|| unauthorized("The access token is invalid"))?;
        if token.revoked {
            return Err(unauthorized("The access token was revoked"));
        }
        let wider = scope.split(':').next();
        let allows = |it: &String| it == scope || Some(it.as_str()) == wider;
        if token.scopes.iter().any(allows) {
            Ok(token.account.clone())
        } else {
            Err(refusal(403, "This action is outside the authorized scopes"))
        }
    }

    /// The account as the API shows it.
    pub(super) fn account(&self, account: &Account) -> Value {
        let (id, name) = (&account.id, &account.name);
        json!({
            "id": id, "username": name, "acct": name, "display_name": name,
            "url": format!("{}/@{name}", self.base_url),
            "locked": false, "bot": false, "created_at": "2026-01-01T00:00:00.000Z",
        })
    }
}

/// An error as the API words it.
pub(super) fn refusal(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error }))
}

fn unauthorized(error: &str) -> Reply {
    let challenge = format!(
        "Bearer realm=\"Doorkeeper\", error=\"invalid_token\", error_description=\"{error}\""
    );
    refusal(401, error).with_header("www-authenticate", challenge)
}

/// An instance with the limits of Mastodon 4.5.
fn instance() -> Value {
    json!({
        "domain": "mastodon.sandbox.localhost",
        "title": "Sandbox",
        "version": "4.5.0",
        "source_url": "https://github.com/mastodon/mastodon",
        "languages": ["en"],
        "configuration": {
            "statuses": {
                "max_characters": 500,
                "max_media_attachments": 4,
                "characters_reserved_per_url": 23,
            },
            "media_attachments": {
                "description_limit": 1500,
                "image_matrix_limit": 33_177_600,
                "image_size_limit": 16_777_216,
                "supported_mime_types": [
                    "image/jpeg", "image/png", "image/gif", "image/heic", "image/heif", "image/webp",
                    "image/avif", "video/webm", "video/mp4", "video/quicktime",
                ],
                "video_frame_rate_limit": 120,
                "video_matrix_limit": 8_294_400,
                "video_size_limit": 103_809_024,
            },
        },
        "registrations": { "enabled": false, "approval_required": false, "message": null },
        "api_versions": { "mastodon": 7 },
        "rules": [],
    })
}
