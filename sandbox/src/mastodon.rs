//! The stand-in for a Mastodon instance. Used by the sandbox and by tests.
//!
//! What it checks, and the words of its errors, are those of Mastodon 4.5 (`app/services/post_status_service.rb`,
//! `app/models/media_attachment.rb` and `app/validators/status_length_validator.rb` of mastodon/mastodon).

mod length;
mod media;
mod state;
mod statuses;

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use state::{OnRepeat, Processing};
pub use statuses::{PostedImage, PostedStatus};

use self::state::{Account, State, Token, refusal};
use super::{
    fault::Fault,
    record::RecordedRequest,
    reply::Reply,
    server::{HttpServer, StandIn},
    switches::Switches,
};

const MEDIA: &str = "/api/v1/media/";
const ACCOUNTS: &str = "/api/v1/accounts/";

/// Mastodon. Operations: `instance`, `verify_credentials`, `upload_media`, `get_media`, `post_status`,
/// `list_statuses`.
///
/// [`Mastodon::edit_instance`] changes the limits that it tells of and keeps to. A status and an image count
/// once the request has been processed, whatever the caller gets to see of it.
pub struct Mastodon {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

impl Mastodon {
    /// Starts an instance without accounts.
    ///
    /// # Errors
    /// No loopback port.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new()));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        state.lock().base_url = server.url();
        Ok(Self { server, state })
    }

    /// Its address, and how to stop it.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        self.server.switches()
    }

    /// Adds an account with this access token, or another token for it, which may read and write. Returns the
    /// account's id.
    pub fn add_account(&self, name: &str, token: &str) -> String {
        let mut state = self.state.lock();
        state.issued.note(token);
        let known = state.tokens.values().find(|it| it.account.name == name);
        let known = known.map(|it| it.account.id.clone());
        let id = known.unwrap_or_else(|| state.next_id());
        let account = Account {
            id: id.clone(),
            name: name.to_owned(),
        };
        let scopes = ["read", "write"].map(str::to_owned).to_vec();
        let stored = Token {
            account,
            scopes,
            revoked: false,
        };
        state.tokens.insert(token.to_owned(), stored);
        id
    }

    /// Limits a token to these scopes, such as `write` or `write:statuses`: what takes another is answered with 403.
    pub fn set_scopes(&self, token: &str, scopes: &[&str]) {
        if let Some(token) = self.state.lock().tokens.get_mut(token) {
            token.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        }
    }

    /// From now on this token is answered with 401.
    pub fn revoke(&self, token: &str) {
        if let Some(token) = self.state.lock().tokens.get_mut(token) {
            token.revoked = true;
        }
    }

    /// Changes the answer of `/api/v2/instance`, whose limits hold at once; one that is removed is the usual one.
    pub fn edit_instance(&self, change: impl FnOnce(&mut Value)) {
        change(&mut self.state.lock().instance);
    }

    /// How new uploads are processed.
    pub fn set_processing(&self, processing: Processing) {
        self.state.lock().processing = processing;
    }

    /// What a second post under one `Idempotency-Key` does.
    pub fn set_on_repeat(&self, on_repeat: OnRepeat) {
        self.state.lock().on_repeat = on_repeat;
    }

    /// Forgets every `Idempotency-Key`, as an instance does after an hour.
    pub fn forget_idempotency_keys(&self) {
        self.state.lock().keys.clear();
    }

    /// From now on a post is taken and answered with 504 while the instance is still at work on it, until
    /// [`Mastodon::finish_posts`].
    pub fn postpone_posts(&self) {
        self.state.lock().postponed.get_or_insert_default();
    }

    /// Does what was postponed, and returns how many statuses came of it. Later posts are done at once.
    pub fn finish_posts(&self) -> usize {
        let mut state = self.state.lock();
        let waiting = state.postponed.take().unwrap_or_default();
        let before = state.statuses.len();
        for request in &waiting {
            // A refusal has no effect, and whom it would tell has gone away.
            let _ = statuses::create(&mut state, request);
        }
        state.statuses.len() - before
    }

    /// All statuses in the order of their posting.
    #[must_use]
    pub fn statuses(&self) -> Vec<PostedStatus> {
        self.state.lock().statuses.clone()
    }

    /// The statuses of one account.
    #[must_use]
    pub fn statuses_of(&self, account: &str) -> Vec<PostedStatus> {
        let mut statuses = self.statuses();
        statuses.retain(|status| status.account == account);
        statuses
    }

    /// All uploads in their order, attached or not.
    #[must_use]
    pub fn uploads(&self) -> Vec<PostedImage> {
        let state = self.state.lock();
        let image = |media: &media::Media| PostedImage {
            id: media.id.clone(),
            description: media.description.clone(),
            image: media.image.clone(),
        };
        state.media.iter().map(image).collect()
    }

    /// Removes an upload or a status, as its owner or the instance's sweeper may.
    pub fn remove(&self, id: &str) {
        let mut state = self.state.lock();
        state.media.retain(|media| media.id != id);
        state.statuses.retain(|status| status.id != id);
    }

    /// Access tokens handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }

    /// The answer to too many requests until this time in Unix seconds.
    #[must_use]
    pub fn rate_limited(reset_unix_seconds: i64) -> Fault {
        let reset = OffsetDateTime::from_unix_timestamp(reset_unix_seconds);
        let reset = reset.ok().and_then(|reset| reset.format(&Rfc3339).ok());
        let reset = reset.unwrap_or_default().replace('Z', ".000000Z");
        Self::refusal(429, "Too many requests")
            .with_header("x-ratelimit-limit", "300")
            .with_header("x-ratelimit-remaining", "0")
            .with_header("x-ratelimit-reset", &reset)
    }

    /// An answer that says why not.
    #[must_use]
    pub fn refusal(status: u16, error: &str) -> Fault {
        Fault::json(status, &json!({ "error": error }))
    }
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let name = match (head.method.as_str(), head.path()) {
            ("GET", "/api/v2/instance") => "instance",
            ("GET", "/api/v1/accounts/verify_credentials") => "verify_credentials",
            ("POST", "/api/v2/media") => "upload_media",
            ("POST", "/api/v1/statuses") => "post_status",
            ("GET", path) if path.starts_with(MEDIA) => "get_media",
            ("GET", path) if account_of(path).is_some() => "list_statuses",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let state = &mut self.0.lock();
        let answer = match request.operation.as_str() {
            "instance" => Ok(Reply::json(200, &state.instance)),
            "verify_credentials" => verify(state, request),
            "upload_media" => media::upload(state, request),
            "get_media" => {
                let id = request.path().strip_prefix(MEDIA).unwrap_or_default();
                media::show(state, request, id)
            }
            "post_status" => statuses::create(state, request),
            "list_statuses" => {
                let id = account_of(request.path()).unwrap_or_default();
                statuses::list(state, request, id)
            }
            _ => Err(refusal(404, "The page you are looking for isn't here.")),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}

/// `profile` is a scope of its own, and the narrowest that does.
fn verify(state: &State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let account = state
        .authorize(request, "profile")
        .or_else(|_| state.authorize(request, "read:accounts"))?;
    Ok(Reply::json(200, &state.account(&account)))
}

/// The id in `/api/v1/accounts/:id/statuses`.
fn account_of(path: &str) -> Option<&str> {
    path.strip_prefix(ACCOUNTS)?.strip_suffix("/statuses")
}
