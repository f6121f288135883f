//! The session that an account's server grants.

use serde_json::Value;

use super::{super::platform_call::CallFailure, answer::no_server, key::Did};
use crate::domain::{secret::Secret, service_url::ServiceUrl};

/// A session, as the server granted it.
pub(super) struct Session {
    pub(super) did: Did,
    pub(super) handle_resolves: bool,
    /// Where the account's data is.
    pub(super) server: ServiceUrl,
    pub(super) access: Secret,
    pub(super) refresh: Secret,
}

impl Session {
    /// Reads a session that `asked` has granted.
    pub(super) fn read(answer: &Value, asked: &ServiceUrl) -> Result<Self, CallFailure> {
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        // What a header can carry.
        let is_token = |it: &&str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_graphic());
        let token = |name: &str| {
            let token = Some(text(name)).filter(is_token)?;
            Some(Secret::new(token.to_owned()))
        };
        let (Some(did), Some(access), Some(refresh)) = (
            Did::parse(text("did")),
            token("accessJwt"),
            token("refreshJwt"),
        ) else {
            return Err(no_server());
        };
        Ok(Self {
            did,
            handle_resolves: text("handle") != "handle.invalid",
            server: data_server(&answer["didDoc"], asked)?,
            access,
            refresh,
        })
    }
}

/// Where an account's data is, by its document; without one, where it was asked for. Held to the rule of the config,
/// and this machine is named by a server of this machine alone.
pub(super) fn data_server(document: &Value, asked: &ServiceUrl) -> Result<ServiceUrl, CallFailure> {
    let mut services = document["service"].as_array().into_iter().flatten();
    let Some(service) = services.find(|it| it["type"] == "AtprotoPersonalDataServer") else {
        return Ok(asked.clone());
    };
    let server = ServiceUrl::parse(service["serviceEndpoint"].as_str().unwrap_or_default()).ok();
    let server = server.filter(|server| asked.is_loopback() || !server.is_loopback());
    let reason = "the address that the account names for its data is not one of https".to_owned();
    server.ok_or(CallFailure::Rejected { code: 200, reason })
}
