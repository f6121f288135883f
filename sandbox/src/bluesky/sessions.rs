//! Sessions of the Bluesky stand-in: logins with their rate limit, and refreshes. Used by the Bluesky stand-in.

use serde_json::{Value, json};

use super::{
    state::{Account, Logins, Session, State, input, invalid, refusal},
    tokens,
};
use crate::{record::RecordedRequest, reply::Reply};

/// The window of the rate limit in seconds.
const WINDOW: u64 = 5 * 60;

/// `com.atproto.server.createSession`.
pub(super) fn create(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let body = input(request)?;
    let text = |name: &str| {
        body[name]
            .as_str()
            .ok_or_else(|| invalid(&format!("Input/{name} must be a string")))
    };
    let (identifier, password) = (text("identifier")?, text("password")?);
    let limit = count_login(state, identifier)?;
    let account = state.account(identifier);
    let account = account.filter(|it| it.app_passwords.iter().any(|it| it == password));
    let answer = match account.map(|it| it.did.clone()) {
        Some(did) => open(state, &did),
        None => refusal(
            401,
            "AuthenticationRequired",
            "Invalid identifier or password",
        ),
    };
    Ok(with_headers(answer, limit.as_ref()))
}

/// `com.atproto.server.refreshSession`: the old refresh token ends at once.
///
/// The reference server accepts it for two hours more, in case the answer is lost. A client must not depend on that:
/// other servers do not.
pub(super) fn refresh(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let did = state.authorize_refresh(request)?;
    if !request.body.is_empty() {
        return Err(invalid(
            "A request body was provided when none was expected",
        ));
    }
    if let Some(session) = request
        .bearer()
        .and_then(|token| state.refresh.get_mut(token))
    {
        session.expired = true;
    }
    Ok(open(state, &did))
}

/// A new pair of tokens.
fn open(state: &mut State, did: &str) -> Reply {
    let session = || Session {
        did: did.to_owned(),
        expired: false,
    };
    let (access, refresh) = (tokens::access(did), tokens::refresh(did));
    state.issued.note(&access);
    state.issued.note(&refresh);
    state.access.insert(access.clone(), session());
    state.refresh.insert(refresh.clone(), session());
    let Some(account) = state.account(did) else {
        return invalid(&format!("Could not find user info for account: {did}"));
    };
    let mut document = json!({
        "accessJwt": access, "refreshJwt": refresh, "did": did, "handle": account.handle,
        "active": true,
    });
    if let Some(data_server) = &state.data_server {
        document["didDoc"] = did_document(account, data_server);
    }
    Reply::json(200, &document)
}

fn did_document(account: &Account, data_server: &str) -> Value {
    let did = &account.did;
    json!({
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "alsoKnownAs": [format!("at://{}", account.handle)],
        "verificationMethod": [{
            "id": format!("{did}#atproto"), "type": "Multikey", "controller": did,
            "publicKeyMultibase": "zQ3shXjHeiBuRCKmM36cuYnm7YEMzhGnCmCyW92sRJ9pribSF",
        }],
        "service": [{
            "id": "#atproto_pds", "type": "AtprotoPersonalDataServer",
            "serviceEndpoint": data_server,
        }],
    })
}

/// What the headers tell of the limit.
struct Limit {
    max: usize,
    remaining: usize,
    reset: u64,
}

/// Counts a login, of which those that fail count as well; 429 beyond the limit.
fn count_login(state: &mut State, identifier: &str) -> Result<Option<Limit>, Reply> {
    let Some(max) = state.max_logins else {
        return Ok(None);
    };
    let now = tokens::unix_now();
    let fresh = || Logins {
        count: 0,
        reset: now + WINDOW,
    };
    let logins = state
        .logins
        .entry(identifier.to_owned())
        .or_insert_with(fresh);
    if logins.reset <= now {
        *logins = fresh();
    }
    logins.count += 1;
    let limit = Some(Limit {
        max,
        remaining: max.saturating_sub(logins.count),
        reset: logins.reset,
    });
    if logins.count > max {
        let answer = refusal(429, "RateLimitExceeded", "Rate Limit Exceeded");
        return Err(with_headers(answer, limit.as_ref()));
    }
    Ok(limit)
}

fn with_headers(reply: Reply, limit: Option<&Limit>) -> Reply {
    let Some(limit) = limit else {
        return reply;
    };
    reply
        .with_header("ratelimit-limit", limit.max.to_string())
        .with_header("ratelimit-remaining", limit.remaining.to_string())
        .with_header("ratelimit-reset", limit.reset.to_string())
        .with_header("ratelimit-policy", format!("{};w={WINDOW}", limit.max))
}
