//! The stand-in for an identity provider (OpenID Connect). Used by the sandbox and by tests.
//!
//! What it checks, and the words of its errors, are those of RFC 6749 (section 5.2), RFC 7636 and OpenID Connect Core 1.0.

mod account;
mod pages;
mod parameters;
mod signing;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

pub use account::IssuerAccount;
pub use signing::Signer;

use self::{
    parameters::{Parameters, basic, refusal},
    signing::Keys,
};
use super::{
    record::RecordedRequest,
    reply::Reply,
    secrets::{self, Issued},
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// The life of an ID token in seconds, as Auth0 has it.
const TOKEN_LIFE: u64 = 36_000;

/// An identity provider. Operations: `discovery`, `keys`, `authorize`, `token`, `user_info`.
///
/// `authorize` shows a page with all accounts; with `account=<name>` added to its address it logs that one in at once, as a
/// click does, and with `account=` nobody.
pub struct Issuer {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

/// Changes what would be answered.
type Edit = Box<dyn Fn(&mut Value) + Send>;

struct State {
    url: String,
    client_id: String,
    client_secret: String,
    accounts: Vec<IssuerAccount>,
    codes: HashMap<String, Grant>,
    access_tokens: HashMap<String, String>,
    keys: Keys,
    signer: Signer,
    is_terse: bool,
    edit_discovery: Option<Edit>,
    edit_claims: Option<Edit>,
    issued: Issued,
}

/// What a code stands for.
struct Grant {
    account: String,
    redirect_uri: String,
    nonce: Option<String>,
    challenge: Option<String>,
}

impl Issuer {
    /// Starts without accounts, with a client of which [`Issuer::environment`] tells.
    ///
    /// # Errors
    /// No loopback port.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State {
            url: String::new(),
            client_id: format!("client-{}", uuid::Uuid::new_v4().simple()),
            client_secret: secrets::random("secret-"),
            accounts: Vec::new(),
            codes: HashMap::new(),
            access_tokens: HashMap::new(),
            keys: Keys::new()?,
            signer: Signer::EllipticCurve,
            is_terse: false,
            edit_discovery: None,
            edit_claims: None,
            issued: Issued::default(),
        }));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        {
            let state = &mut *state.lock();
            state.url = server.url();
            state.issued.note(&state.client_secret);
        }
        Ok(Self { server, state })
    }

    /// Its address, which is the issuer, and how to stop it.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        self.server.switches()
    }

    /// The settings that make a service log people in here.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let state = self.state.lock();
        vec![
            ("OIDC_ISSUER_URL", state.url.clone()),
            ("OIDC_CLIENT_ID", state.client_id.clone()),
            ("OIDC_CLIENT_SECRET", state.client_secret.clone()),
        ]
    }

    /// Adds an account, or replaces the one of this name.
    pub fn add_account(&self, account: IssuerAccount) {
        let accounts = &mut self.state.lock().accounts;
        accounts.retain(|it| it.name != account.name);
        accounts.push(account);
    }

    /// The accounts, in their order.
    #[must_use]
    pub fn accounts(&self) -> Vec<IssuerAccount> {
        self.state.lock().accounts.clone()
    }

    /// By what ID tokens are signed from now on. The key for RS256 is among the published ones from its first use on.
    pub fn sign_by(&self, signer: Signer) {
        let mut state = self.state.lock();
        if signer == Signer::Rsa {
            // Published from now on.
            state.keys.rsa();
        }
        state.signer = signer;
    }

    /// From now on ID tokens are signed with a new key, under a new id, and the old one is not among the keys any more.
    ///
    /// # Errors
    /// No key could be made.
    pub fn rotate_keys(&self) -> io::Result<()> {
        self.state.lock().keys.rotate()
    }

    /// Whether ID tokens leave out the e-mail address, which `user_info` tells.
    pub fn set_terse(&self, is_terse: bool) {
        self.state.lock().is_terse = is_terse;
    }

    /// Changes the claims of ID tokens before they are signed.
    pub fn edit_claims(&self, edit: impl Fn(&mut Value) + Send + 'static) {
        self.state.lock().edit_claims = Some(Box::new(edit));
    }

    /// Changes the configuration that `discovery` answers.
    pub fn edit_discovery(&self, edit: impl Fn(&mut Value) + Send + 'static) {
        self.state.lock().edit_discovery = Some(Box::new(edit));
    }

    /// Answers honestly again.
    pub fn be_honest(&self) {
        let mut state = self.state.lock();
        state.edit_claims = None;
        state.edit_discovery = None;
        state.signer = Signer::EllipticCurve;
        state.is_terse = false;
    }

    /// Client secrets, codes and tokens handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let name = match (head.method.as_str(), head.path()) {
            ("GET", "/.well-known/openid-configuration") => "discovery",
            ("GET", "/keys") => "keys",
            ("GET", "/authorize") => "authorize",
            ("POST", "/token") => "token",
            ("GET", "/userinfo") => "user_info",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let state = &mut *self.0.lock();
        match request.operation.as_str() {
            "discovery" => Reply::json(200, &state.discovery()),
            "keys" => Reply::json(200, &json!({ "keys": state.keys.published() })),
            "authorize" => state.authorize(request),
            "token" => state.tokens(request).unwrap_or_else(|refusal| refusal),
            "user_info" => state.user_info(request),
            _ => Reply::text(404, "nothing here"),
        }
    }
}

impl State {
    fn discovery(&self) -> Value {
        let url = &self.url;
        let mut configuration = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            "scopes_supported": ["openid", "email", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        });
        if let Some(edit) = &self.edit_discovery {
            edit(&mut configuration);
        }
        configuration
    }

    /// The page of the login, or where a choice on it leads to.
    fn authorize(&mut self, request: &RecordedRequest) -> Reply {
        let parameters = Parameters::of_query(request);
        let is_known = parameters.get("client_id") == Some(&self.client_id)
            && parameters
                .get("response_type")
                .is_some_and(|it| it == "code")
            && parameters
                .get("code_challenge_method")
                .is_some_and(|it| it == "S256")
            && parameters
                .get("scope")
                .is_some_and(|it| it.split(' ').any(|scope| scope == "openid"));
        let redirect = parameters
            .get("redirect_uri")
            .and_then(|it| Url::parse(it).ok());
        // As an operator registers them: the callback of a tenant.
        let redirect = redirect.filter(|it| it.path() == "/auth/callback" && it.query().is_none());
        let (Some(mut redirect), true) = (redirect, is_known) else {
            return Reply::text(400, "this login is not one of a client that is known here");
        };
        let Some(chosen) = parameters.get("account") else {
            return pages::accounts(&self.accounts, &request.path_and_query);
        };
        let account = self.accounts.iter().find(|it| it.name == *chosen);
        let mut query = vec![("iss", self.url.clone())];
        if let Some(state) = parameters.get("state") {
            query.push(("state", state.clone()));
        }
        if let Some(account) = account {
            let code = secrets::random("code-");
            self.issued.note(&code);
            query.push(("code", code.clone()));
            let grant = Grant {
                account: account.name.clone(),
                redirect_uri: redirect.to_string(),
                nonce: parameters.get("nonce").cloned(),
                challenge: parameters.get("code_challenge").cloned(),
            };
            self.codes.insert(code, grant);
        } else {
            query.push(("error", "access_denied".to_owned()));
        }
        redirect.query_pairs_mut().extend_pairs(query);
        Reply::text(302, "").with_header("location", redirect)
    }

    fn tokens(&mut self, request: &RecordedRequest) -> Result<Reply, Reply> {
        let form = Parameters::of_form(request);
        let by_header = request.header("authorization").and_then(basic);
        let by_form = form
            .get("client_id")
            .cloned()
            .zip(form.get("client_secret").cloned());
        let client = by_header.or(by_form);
        let own = (self.client_id.clone(), self.client_secret.clone());
        if client != Some(own) {
            return Err(refusal(401, "invalid_client"));
        }
        // A code is spent by its first use, whatever comes of it.
        let grant = form.get("code").and_then(|code| self.codes.remove(code));
        let grant = grant.ok_or_else(|| refusal(400, "invalid_grant"))?;
        let verifier = form
            .get("code_verifier")
            .map(|it| Sha256::digest(it.as_bytes()));
        let challenge = verifier.map(|it| URL_SAFE_NO_PAD.encode(it));
        let is_same = form.get("redirect_uri") == Some(&grant.redirect_uri)
            && challenge == grant.challenge
            && form
                .get("grant_type")
                .is_some_and(|it| it == "authorization_code");
        if !is_same {
            return Err(refusal(400, "invalid_grant"));
        }
        let id_token = self.id_token(&grant);
        let access_token = secrets::random("access-");
        for secret in [&id_token, &access_token] {
            self.issued.note(secret);
        }
        self.access_tokens
            .insert(access_token.clone(), grant.account);
        Ok(Reply::json(
            200,
            &json!({
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFE,
                "id_token": id_token,
            }),
        ))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the callers run by the clock of this machine"
    )]
    fn id_token(&self, grant: &Grant) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let mut claims = self.person(&grant.account, self.is_terse);
        claims["iss"] = json!(self.url);
        claims["aud"] = json!(self.client_id);
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + TOKEN_LIFE);
        if let Some(nonce) = &grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(edit) = &self.edit_claims {
            edit(&mut claims);
        }
        self.keys.sign(&claims, self.signer, &self.client_secret)
    }

    fn person(&self, name: &str, is_terse: bool) -> Value {
        let account = self.accounts.iter().find(|it| it.name == name);
        let mut claims = json!({ "sub": account.map(|it| &it.subject) });
        if let Some(account) = account.filter(|_| !is_terse) {
            if let Some(email) = &account.email {
                claims["email"] = json!(email);
            }
            if let Some(is_verified) = account.email_verified {
                claims["email_verified"] = json!(is_verified);
            }
            // As Auth0 tells them, of which the last is not what the standard has.
            claims["name"] = json!(account.name);
            claims["nickname"] = json!(account.name);
            claims["picture"] = json!("https://pictures.sandbox.example/person.png");
            claims["updated_at"] = json!("2026-05-04T12:00:00.123Z");
        }
        claims
    }

    fn user_info(&self, request: &RecordedRequest) -> Reply {
        let name = request
            .bearer()
            .and_then(|token| self.access_tokens.get(token));
        match name {
            Some(name) => Reply::json(200, &self.person(name, false)),
            None => refusal(401, "invalid_token"),
        }
    }
}
