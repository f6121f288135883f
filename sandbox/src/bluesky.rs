//! The stand-in for a Bluesky server, a personal data server of the AT Protocol. Used by the sandbox and by tests.
//!
//! What it checks, and the words of its errors, are those of the reference server (`packages/pds` and `lexicons` of
//! bluesky-social/atproto).

mod identifiers;
mod post;
mod repo;
mod sessions;
mod state;
mod tokens;

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

pub use state::LargeBlobs;

use self::state::{Account, Record, State, refusal};
use super::{
    fault::Fault,
    received_image::ReceivedImage,
    record::RecordedRequest,
    reply::Reply,
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// Bluesky. Operations: `createSession`, `refreshSession`, `uploadBlob`, `createRecord`, `getRecord`.
///
/// Logins are limited to 30 in five minutes for each identifier, images to 2,000,000 bytes. A post counts once the
/// request has been processed, whatever the caller gets to see of it.
pub struct Bluesky {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

/// A post as it was made.
#[derive(Clone, Debug)]
pub struct BlueskyPost {
    /// Its `at://` URI.
    pub uri: String,
    /// The account that made it.
    pub did: String,
    /// Its key.
    pub rkey: String,
    /// Its text.
    pub text: String,
    /// The whole record.
    pub record: Value,
    /// The images in their order.
    pub images: Vec<BlueskyImage>,
}

/// An image of a post.
#[derive(Clone, Debug)]
pub struct BlueskyImage {
    /// The alternative text.
    pub alt: String,
    /// Width and height, if the post says them.
    pub aspect_ratio: Option<(u64, u64)>,
    /// The image as it was uploaded.
    pub image: ReceivedImage,
}

impl Bluesky {
    /// Starts a server without accounts, which says of itself that it is where their data is.
    ///
    /// # Errors
    /// No loopback port.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::new()));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        state.lock().data_server = Some(server.url());
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

    /// Adds an account with this app password, or another app password for it. Returns the account's DID, which
    /// follows from the handle.
    pub fn add_account(&self, handle: &str, app_password: &str) -> String {
        let mut state = self.state.lock();
        state.issued.note(app_password);
        let did = identifiers::did(&handle.to_lowercase());
        let password = app_password.to_owned();
        match state.accounts.iter_mut().find(|it| it.did == did) {
            Some(account) => account.app_passwords.push(password),
            None => state.accounts.push(Account {
                did: did.clone(),
                handle: handle.to_owned(),
                app_passwords: vec![password],
            }),
        }
        did
    }

    /// From now on this app password is refused, and so are all refresh tokens of its account. Access tokens last
    /// until they expire, as on a real server.
    pub fn revoke(&self, app_password: &str) {
        let mut state = self.state.lock();
        let mut ended = Vec::new();
        for account in &mut state.accounts {
            let before = account.app_passwords.len();
            account.app_passwords.retain(|it| it != app_password);
            if account.app_passwords.len() < before {
                ended.push(account.did.clone());
            }
        }
        let sessions = state.refresh.values_mut();
        for session in sessions.filter(|session| ended.contains(&session.did)) {
            session.expired = true;
        }
    }

    /// Every access token issued so far is answered with `ExpiredToken`.
    pub fn expire_access_tokens(&self) {
        for session in self.state.lock().access.values_mut() {
            session.expired = true;
        }
    }

    /// Every refresh token issued so far is answered with `ExpiredToken`.
    pub fn expire_refresh_tokens(&self) {
        for session in self.state.lock().refresh.values_mut() {
            session.expired = true;
        }
    }

    /// The status of `ExpiredToken`: 400 on the reference server, 401 on others.
    pub fn set_expired_status(&self, status: u16) {
        self.state.lock().expired_status = status;
    }

    /// The most logins in five minutes for each identifier; `None` does not count them. Forgets those so far.
    pub fn limit_logins(&self, max: Option<usize>) {
        let mut state = self.state.lock();
        state.max_logins = max;
        state.logins.clear();
    }

    /// Opens another port with the same accounts, sessions and records, and says from now on that it is where
    /// accounts' data is, as bsky.social does of its data servers.
    ///
    /// # Errors
    /// No loopback port.
    pub async fn start_data_server(&self) -> io::Result<HttpServer> {
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&self.state)))).await?;
        self.set_data_server(Some(&server.url()));
        Ok(server)
    }

    /// Where accounts' data is, as `didDoc` says; `None` leaves the document out.
    pub fn set_data_server(&self, url: Option<&str>) {
        self.state.lock().data_server = url.map(str::to_owned);
    }

    /// The most bytes of an image, and where a larger one is refused.
    pub fn set_blob_limit(&self, bytes: usize, refused: LargeBlobs) {
        self.state.lock().blob_limit = (bytes, refused);
    }

    /// All posts in the order of their making.
    #[must_use]
    pub fn posts(&self) -> Vec<BlueskyPost> {
        let state = self.state.lock();
        state.records.iter().map(|it| posted(&state, it)).collect()
    }

    /// The posts of one account.
    #[must_use]
    pub fn posts_of(&self, did: &str) -> Vec<BlueskyPost> {
        let mut posts = self.posts();
        posts.retain(|post| post.did == did);
        posts
    }

    /// Removes a post, as its owner may.
    pub fn remove(&self, uri: &str) {
        self.state.lock().records.retain(|it| it.uri != uri);
    }

    /// App passwords, access and refresh tokens handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }

    /// The answer to too many requests until this time in Unix seconds.
    #[must_use]
    pub fn rate_limited(reset_unix_seconds: u64) -> Fault {
        Self::refusal(429, "RateLimitExceeded", "Rate Limit Exceeded")
            .with_header("ratelimit-limit", "3000")
            .with_header("ratelimit-remaining", "0")
            .with_header("ratelimit-reset", &reset_unix_seconds.to_string())
            .with_header("ratelimit-policy", "3000;w=300")
    }

    /// An answer that says why not, such as 401 `AuthenticationRequired`.
    #[must_use]
    pub fn refusal(status: u16, error: &str, message: &str) -> Fault {
        Fault::json(status, &json!({ "error": error, "message": message }))
    }
}

fn posted(state: &State, record: &Record) -> BlueskyPost {
    let images = post::check(&record.value).unwrap_or_default();
    let images = images.into_iter().filter_map(|image| {
        let blob = state.blobs.get(&(record.did.clone(), image.cid))?;
        Some(BlueskyImage {
            alt: image.alt,
            aspect_ratio: image.aspect_ratio,
            image: blob.image.clone()?,
        })
    });
    BlueskyPost {
        uri: record.uri.clone(),
        did: record.did.clone(),
        rkey: record.rkey.clone(),
        text: record.value["text"].as_str().unwrap_or_default().to_owned(),
        images: images.collect(),
        record: record.value.clone(),
    }
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let name = match (head.method.as_str(), head.path()) {
            ("POST", "/xrpc/com.atproto.server.createSession") => "createSession",
            ("POST", "/xrpc/com.atproto.server.refreshSession") => "refreshSession",
            ("POST", "/xrpc/com.atproto.repo.uploadBlob") => "uploadBlob",
            ("POST", "/xrpc/com.atproto.repo.createRecord") => "createRecord",
            ("GET", "/xrpc/com.atproto.repo.getRecord") => "getRecord",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let state = &mut self.0.lock();
        let answer = match request.operation.as_str() {
            "createSession" => sessions::create(state, request),
            "refreshSession" => sessions::refresh(state, request),
            "uploadBlob" => repo::upload(state, request),
            "createRecord" => repo::create(state, request),
            "getRecord" => repo::get(state, request),
            _ => Err(refusal(
                501,
                "MethodNotImplemented",
                "Method Not Implemented",
            )),
        };
        answer.unwrap_or_else(|refusal| refusal)
    }
}
