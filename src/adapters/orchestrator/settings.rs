//! How the orchestrator is reached, and why a client cannot be built.

use url::Url;

use super::service_token::ServiceToken;
use crate::{
    adapters::http_client::HttpSetupError,
    domain::{host::Host, storage::AllowedStorage},
};

/// How the orchestrator is reached.
#[derive(Debug)]
pub struct OrchestratorSettings {
    /// Where it is; a path is kept as the start of every call's path.
    pub base_url: Url,
    /// What we show it. It accepts two at a time while they are rotated.
    pub service_token: ServiceToken,
    /// Hosts below it have their tenant's name as their first label.
    pub base_domain: Host,
    /// Whether hosts are looked up by POST until it says that it has no such method.
    pub prefer_post: bool,
    /// The kinds of storage that its configs may name.
    pub storage: AllowedStorage,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OrchestratorSetupError {
    /// Nothing can be added to the base URL.
    #[error("the orchestrator's base URL must be an HTTP URL")]
    BaseUrl,
    /// A header cannot carry the token.
    #[error("the service token has characters that no header can carry")]
    ServiceToken,
    /// The HTTP client could not be built.
    #[error("the HTTP client for the orchestrator could not be built")]
    Client(#[source] HttpSetupError),
}
