//! The stand-in for Dropbox: accounts with their files, tokens, and both of its hosts (API and
//! content) on one port. Used by the sandbox and by tests.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    dropbox_arguments::auth_error,
    dropbox_content,
    dropbox_files::{FileTree, WriteMode},
    dropbox_rpc,
    fault::Fault,
    record::RecordedRequest,
    reply::Reply,
    secrets::{self, Issued},
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// Dropbox. Operations: `token`, `list_folder`, `list_folder/continue`, `get_metadata`,
/// `get_temporary_link`, `move_v2`, `create_folder_v2`, `delete_v2`, `download`, `upload`,
/// `get_thumbnail_v2`, `temporary_link` (a GET of such a link).
///
/// An account has a name (the tenant's), a tree of its own, and any number of refresh tokens.
pub struct Dropbox {
    server: HttpServer,
    state: Arc<Mutex<State>>,
    app_key: String,
    app_secret: String,
}

impl Dropbox {
    /// Starts without accounts.
    pub(super) async fn start() -> io::Result<Self> {
        let app_key = secrets::random("app-");
        let app_secret = secrets::random("app-secret-");
        let mut state = State {
            app_key: app_key.clone(),
            app_secret: app_secret.clone(),
            expires_in: 14_400,
            page_size: 2000,
            ..State::default()
        };
        state.issued.note(&app_secret);
        let state = Arc::new(Mutex::new(state));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        Ok(Self {
            server,
            state,
            app_key,
            app_secret,
        })
    }

    /// Its address (of API and content), and how to stop it.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        self.server.switches()
    }

    /// The app's key (`client_id`), which is no secret.
    #[must_use]
    pub fn app_key(&self) -> &str {
        &self.app_key
    }

    /// The app's secret (`client_secret`).
    #[must_use]
    pub fn app_secret(&self) -> &str {
        &self.app_secret
    }

    /// Adds an account, or another refresh token for it.
    pub fn add_account(&self, account: &str, refresh_token: &str) {
        let mut state = self.state.lock();
        state.issued.note(refresh_token);
        state.trees.entry(account.to_owned()).or_default();
        let owner = account.to_owned();
        state.refresh_tokens.insert(refresh_token.to_owned(), owner);
    }

    /// From now on this refresh token is answered with `invalid_grant`, and the account's access
    /// tokens with `invalid_access_token`.
    pub fn revoke(&self, refresh_token: &str) {
        let mut state = self.state.lock();
        if let Some(account) = state.refresh_tokens.remove(refresh_token) {
            state.access_tokens.retain(|_, it| it.account != account);
        }
    }

    /// Every access token issued so far is answered with `expired_access_token`.
    pub fn expire_access_tokens(&self) {
        for token in self.state.lock().access_tokens.values_mut() {
            token.expired = true;
        }
    }

    /// The `expires_in` of new access tokens in seconds. They do not end by themselves.
    pub fn set_expires_in(&self, seconds: i64) {
        self.state.lock().expires_in = seconds;
    }

    /// The most entries in one answer of `list_folder`, whatever the caller asks for.
    pub fn set_page_size(&self, entries: usize) {
        self.state.lock().page_size = entries.max(1);
    }

    /// From now on every cursor handed out so far is answered with `reset`.
    pub fn reset_cursors(&self) {
        self.state.lock().cursors.clear();
    }

    /// Moves a file or folder; false if there is none, or the new name is taken.
    pub fn rename(&self, account: &str, from: &str, to: &str) -> bool {
        let mut state = self.state.lock();
        let tree = state.trees.get_mut(account);
        tree.is_some_and(|tree| tree.rename(from, to, false).is_ok())
    }

    /// The paths of all files of an account, sorted by lower-case path.
    #[must_use]
    pub fn paths(&self, account: &str) -> Vec<String> {
        let state = self.state.lock();
        state
            .trees
            .get(account)
            .map(FileTree::paths)
            .unwrap_or_default()
    }

    /// A file's content.
    #[must_use]
    pub fn file(&self, account: &str, path: &str) -> Option<Bytes> {
        let state = self.state.lock();
        let node = state.trees.get(account)?.file(path).ok()?;
        node.bytes().cloned()
    }

    /// A file's or folder's metadata as Dropbox sends it.
    #[must_use]
    pub fn metadata(&self, account: &str, path: &str) -> Option<Value> {
        let state = self.state.lock();
        let node = state.trees.get(account)?.find(path).ok()?;
        Some(node.metadata(true))
    }

    /// Writes a file, over an older one if need be; false if there is no such account or a
    /// folder is in the way.
    pub fn put(&self, account: &str, path: &str, bytes: impl Into<Bytes>) -> bool {
        let mut state = self.state.lock();
        let tree = state.trees.get_mut(account);
        tree.is_some_and(|tree| {
            tree.write(path, bytes.into(), &WriteMode::Overwrite, false)
                .is_ok()
        })
    }

    /// Makes a folder; false if there is no such account or the name is taken.
    pub fn make_folder(&self, account: &str, path: &str) -> bool {
        let mut state = self.state.lock();
        let tree = state.trees.get_mut(account);
        !path.is_empty() && tree.is_some_and(|tree| tree.make_folder(path, false).is_ok())
    }

    /// Removes a file or folder; false if there is none.
    pub fn remove(&self, account: &str, path: &str) -> bool {
        let mut state = self.state.lock();
        let tree = state.trees.get_mut(account);
        tree.is_some_and(|tree| tree.delete(path).is_ok())
    }

    /// App secret, refresh tokens, access tokens and temporary links handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }

    /// The answer to too many requests.
    #[must_use]
    pub fn rate_limited(retry_after_seconds: u64) -> Fault {
        let body = json!({
            "error_summary": "too_many_requests/..",
            "error": {
                "reason": { ".tag": "too_many_requests" },
                "retry_after": retry_after_seconds,
            },
        });
        Fault::json(429, &body).with_header("retry-after", &retry_after_seconds.to_string())
    }

    /// The answer to a call that takes a permission which the app lacks.
    #[must_use]
    pub fn missing_scope(scope: &str) -> Fault {
        let body = json!({
            "error_summary": "missing_scope/..",
            "error": { ".tag": "missing_scope", "required_scope": scope },
        });
        Fault::json(401, &body)
    }

    /// A 409 of an endpoint with these tags, such as `path`, `not_found`; `reset` alone is what
    /// `list_folder/continue` says about a cursor that is no longer good.
    #[must_use]
    pub fn endpoint_error(tags: &[&str]) -> Fault {
        let reply = super::dropbox_arguments::tagged_error(tags);
        Fault::Status {
            status: reply.status,
            headers: reply.headers,
            body: reply.body,
        }
    }
}

/// Everything that the stand-in knows.
#[derive(Default)]
pub(super) struct State {
    app_key: String,
    app_secret: String,
    expires_in: i64,
    pub(super) page_size: usize,
    /// Account name by refresh token.
    refresh_tokens: HashMap<String, String>,
    access_tokens: HashMap<String, AccessToken>,
    trees: HashMap<String, FileTree>,
    /// Places in listings and in what has changed since, by cursor.
    pub(super) cursors: HashMap<String, Cursor>,
    /// Account and file id by the last part of the link.
    pub(super) links: HashMap<String, (String, String)>,
    pub(super) issued: Issued,
}

struct AccessToken {
    account: String,
    expired: bool,
}

/// A place in a listing, and then in what has changed in the folder since.
#[derive(Clone)]
pub(super) struct Cursor {
    pub(super) account: String,
    pub(super) folder: String,
    pub(super) recursive: bool,
    /// What is listed now.
    pub(super) entries: Arc<Vec<Value>>,
    /// How many of them have been told.
    pub(super) told: usize,
    /// How many changes there had been when they were gathered.
    pub(super) changes: usize,
    pub(super) limit: usize,
}

impl State {
    /// An account's tree; it exists for every account that has a token.
    pub(super) fn tree(&mut self, account: &str) -> &mut FileTree {
        self.trees.entry(account.to_owned()).or_default()
    }

    fn account_of(&self, request: &RecordedRequest) -> Result<String, Reply> {
        let token = request
            .bearer()
            .and_then(|token| self.access_tokens.get(token))
            .ok_or_else(|| auth_error("invalid_access_token"))?;
        if token.expired {
            return Err(auth_error("expired_access_token"));
        }
        Ok(token.account.clone())
    }

    fn token(&mut self, request: &RecordedRequest) -> Reply {
        let form: HashMap<_, _> = form_urlencoded::parse(&request.body).into_owned().collect();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        if field("grant_type") != "refresh_token" {
            return oauth_error(
                "unsupported_grant_type",
                "the grant type must be refresh_token",
            );
        }
        if field("client_id") != self.app_key || field("client_secret") != self.app_secret {
            return oauth_error("invalid_client", "Invalid client_id or client_secret");
        }
        let Some(account) = self.refresh_tokens.get(field("refresh_token")).cloned() else {
            return oauth_error("invalid_grant", "refresh token is invalid or revoked");
        };
        let token = secrets::random("sl.");
        self.issued.note(&token);
        let stored = AccessToken {
            account,
            expired: false,
        };
        self.access_tokens.insert(token.clone(), stored);
        Reply::json(
            200,
            &json!({
                "access_token": token, "token_type": "bearer", "expires_in": self.expires_in
            }),
        )
    }
}

fn oauth_error(code: &str, description: &str) -> Reply {
    Reply::json(
        400,
        &json!({ "error": code, "error_description": description }),
    )
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let path = head.path();
        let name = match path {
            "/oauth2/token" => "token",
            _ if path.starts_with(dropbox_rpc::LINKS) => "temporary_link",
            _ => path.strip_prefix("/2/files/").unwrap_or("unknown"),
        };
        name.to_owned()
    }

    fn is_heavy(&self, operation: &str) -> bool {
        operation == "get_thumbnail_v2"
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        match request.operation.as_str() {
            "token" => self.0.lock().token(request),
            "temporary_link" => dropbox_content::linked_file(&mut self.0.lock(), request),
            operation => {
                if request.method != "POST" {
                    return Reply::text(405, "only POST is supported here")
                        .with_header("allow", "POST");
                }
                let account = self.0.lock().account_of(request);
                account
                    .and_then(|account| match operation {
                        "download" | "upload" | "get_thumbnail_v2" => {
                            dropbox_content::answer(&self.0, &account, request)
                        }
                        _ => dropbox_rpc::answer(&mut self.0.lock(), &account, request),
                    })
                    .unwrap_or_else(|refusal| refusal)
            }
        }
    }
}
