//! The stand-in for the orchestrator: tenants by host and their credentials. Used by the sandbox
//! and by tests.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    billing::{Billing, Debit},
    fault::Fault,
    orchestrator_answers::{Credential, State, Stored, TenantRecord, answer},
    record::RecordedRequest,
    reply::Reply,
    secrets::{self, Issued},
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// The orchestrator. Operations: `by_host` (POST and GET), `resolve`, and `usage` (billing).
pub struct Orchestrator {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

impl Orchestrator {
    /// Starts without tenants.
    pub(super) async fn start() -> io::Result<Self> {
        let mut issued = Issued::default();
        let primary = secrets::random("svc-");
        issued.note(&primary);
        let state = Arc::new(Mutex::new(State {
            primary,
            secondary: None,
            refuses_post: false,
            tenants: HashMap::new(),
            credentials: HashMap::new(),
            billing: Billing::default(),
            issued,
        }));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
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

    /// The primary service token.
    #[must_use]
    pub fn service_token(&self) -> String {
        self.state.lock().primary.clone()
    }

    /// Makes a new primary token and returns it; the old one stays valid as the secondary until
    /// [`Orchestrator::set_service_tokens`] says otherwise.
    pub fn rotate_service_token(&self) -> String {
        let token = secrets::random("svc-");
        let old = self.service_token();
        self.set_service_tokens(&token, Some(&old));
        token
    }

    /// Sets the tokens that are accepted.
    pub fn set_service_tokens(&self, primary: &str, secondary: Option<&str>) {
        let mut state = self.state.lock();
        state.issued.note(primary);
        state.issued.note(secondary.unwrap_or_default());
        primary.clone_into(&mut state.primary);
        state.secondary = secondary.map(str::to_owned);
    }

    /// Whether POST to by-host answers 405.
    pub fn refuse_post(&self, refuse: bool) {
        self.state.lock().refuses_post = refuse;
    }

    /// Adds the host's tenant or replaces it.
    pub fn put_tenant(&self, host: &str, tenant: TenantRecord) {
        self.state.lock().tenants.insert(host.to_owned(), tenant);
    }

    /// What is known of this host.
    #[must_use]
    pub fn tenant(&self, host: &str) -> Option<TenantRecord> {
        self.state.lock().tenants.get(host).cloned()
    }

    /// Changes the host's record as it is, without a new version; false if there is none.
    pub fn edit_tenant(&self, host: &str, change: impl FnOnce(&mut TenantRecord)) -> bool {
        let mut state = self.state.lock();
        state.tenants.get_mut(host).map(change).is_some()
    }

    /// Changes the host's config and counts the version up; false if there is no such host.
    pub fn edit_config(&self, host: &str, change: impl FnOnce(&mut Value)) -> bool {
        self.edit_tenant(host, |tenant| {
            change(&mut tenant.config);
            tenant.config_version += 1;
        })
    }

    /// Replaces the host's config and counts the version up; false if there is no such host.
    pub fn set_config(&self, host: &str, config: Value) -> bool {
        self.edit_config(host, |old| *old = config)
    }

    /// Counts the config version up; false if there is no such host.
    pub fn bump_config_version(&self, host: &str) -> bool {
        self.edit_config(host, |_| ())
    }

    /// Sets the life of the host's config in seconds; false if there is no such host.
    pub fn set_ttl(&self, host: &str, seconds: Option<i64>) -> bool {
        self.edit_tenant(host, |tenant| tenant.ttl_seconds = seconds)
    }

    /// Suspends the host (404) or takes it back; false if there is no such host.
    pub fn suspend(&self, host: &str, suspended: bool) -> bool {
        self.edit_tenant(host, |tenant| tenant.suspended = suspended)
    }

    /// Forgets the host; false if there was none.
    pub fn remove_tenant(&self, host: &str) -> bool {
        self.state.lock().tenants.remove(host).is_some()
    }

    /// Stores a tenant's credential under a new ref and returns the ref.
    pub fn add_credential(&self, tenant: &str, credential: Credential) -> String {
        let reference = secrets::random("cred-");
        self.put_credential(tenant, &reference, credential);
        reference
    }

    /// Stores a tenant's credential under this ref, as version 1.
    pub fn put_credential(&self, tenant: &str, reference: &str, credential: Credential) {
        let mut state = self.state.lock();
        state.issued.note(reference);
        state.note(&credential);
        let stored = Stored {
            tenant: tenant.to_owned(),
            version: 1,
            credential,
        };
        state.credentials.insert(reference.to_owned(), stored);
    }

    /// Replaces the secret behind a ref and counts its version up; false if there is no such ref.
    pub fn rotate_credential(&self, reference: &str, credential: Credential) -> bool {
        let mut state = self.state.lock();
        state.note(&credential);
        let stored = state.credentials.get_mut(reference);
        stored
            .map(|stored| {
                stored.credential = credential;
                stored.version += 1;
            })
            .is_some()
    }

    /// Forgets a ref; false if there was none.
    pub fn remove_credential(&self, reference: &str) -> bool {
        self.state.lock().credentials.remove(reference).is_some()
    }

    /// What `resolve` says of a tenant that is out of credit.
    #[must_use]
    pub fn insufficient_balance() -> Fault {
        Fault::json(403, &json!({ "error": "insufficient_balance" }))
    }

    /// Gives a tenant a wallet with this balance in tokens. Debits take from it; once nothing is left in it, `resolve`
    /// refuses the tenant's credentials. A tenant without a wallet is never out of credit.
    pub fn set_balance(&self, tenant: &str, tokens: u64) {
        self.state.lock().billing.set_balance(tenant, tokens);
    }

    /// What is left in a tenant's wallet; `None` without one.
    #[must_use]
    pub fn balance(&self, tenant: &str) -> Option<u64> {
        self.state.lock().billing.balance(tenant)
    }

    /// The debits so far, each once, in the order in which they came.
    #[must_use]
    pub fn debits(&self) -> Vec<Debit> {
        self.state.lock().billing.debits().to_vec()
    }

    /// Service tokens, refs and credentials handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let name = match head.path() {
            "/v1/runtime/by-host" => "by_host",
            "/v1/credentials/resolve" => "resolve",
            "/v1/billing/usage" => "usage",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let mut state = self.0.lock();
        let reply = answer(&mut state, request);
        reply.with_header("cache-control", "no-store")
    }
}
