//! The client against the stand-in, over real sockets.

mod checking;
mod credentials;
mod hosts;
mod retries;
mod rotation;
mod usage;

use std::{
    io,
    sync::{LazyLock, Mutex, PoisonError},
};

use serde_json::json;
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

use super::*;
use crate::{
    adapters::clock::SystemClock,
    domain::{
        credential::Provider,
        secret::CredentialsRef,
        storage::AllowedStorage,
        tenant::{ConfigVersion, TenantName},
    },
};
use publisher_sandbox::{self as sandbox, Fault, Orchestrator, Sandbox, Switches, TenantRecord};

const HOST: &str = "alice.sandbox.localhost";
const BY_HOST: &str = "by_host";
const RESOLVE: &str = "resolve";

/// The stand-in with one tenant, and a client of it that waits milliseconds where it otherwise
/// waits seconds.
struct Stage {
    sandbox: Sandbox,
    client: OrchestratorClient,
}

impl Stage {
    async fn new() -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let config = json!({"features": {"publish_enabled": true}, "storage": {
            "provider": "dropbox", "credentials_ref": "ref-1", "paths": {"root": "/images"},
        }});
        let record = TenantRecord::new("alice", config);
        sandbox.orchestrator.put_tenant(HOST, record);
        let client = client(&sandbox.orchestrator, true);
        Self { sandbox, client }
    }

    fn orchestrator(&self) -> &Orchestrator {
        &self.sandbox.orchestrator
    }

    fn switches(&self) -> &Switches {
        self.orchestrator().switches()
    }

    async fn fetch(&self) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        self.client.fetch(&host(), &request_id()).await
    }

    async fn resolve(
        &self,
        reference: &str,
        provider: Provider,
    ) -> Result<Credential, CredentialError> {
        let query = CredentialQuery {
            tenant: TenantName::new("alice").unwrap(),
            config_version: ConfigVersion::new("v7"),
            reference: CredentialsRef::new(reference).unwrap(),
            provider,
            request_id: request_id(),
        };
        self.client.resolve(&query).await
    }

    /// A reference of the tenant to an API key.
    fn api_key(&self) -> String {
        let api_key = "sk-sandbox-1".to_owned();
        let credential = sandbox::Credential::OpenAi { api_key };
        self.orchestrator().add_credential("alice", credential)
    }
}

fn client(orchestrator: &Orchestrator, prefer_post: bool) -> OrchestratorClient {
    let settings = OrchestratorSettings {
        base_url: orchestrator.server().url().parse().unwrap(),
        service_token: ServiceToken::fixed(Secret::new(orchestrator.service_token())),
        base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
        prefer_post,
        storage: AllowedStorage::WithCredential,
    };
    let roots = ExtraRoots::default();
    let mut client = OrchestratorClient::new(settings, &roots, Arc::new(SystemClock)).unwrap();
    client.limits = Limits {
        attempt: Duration::from_secs(5),
        whole: Duration::from_secs(10),
        retries: RetryPolicy {
            first_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(1_500),
            ..LIMITS.retries
        },
    };
    client
}

fn host() -> Host {
    Host::normalize(HOST).unwrap()
}

fn request_id() -> RequestId {
    RequestId::from_caller("request-1").unwrap()
}

/// Everything that the current thread logs while it is there, whichever crate it is that does,
/// down to `trace`.
struct Log {
    text: Arc<Mutex<Vec<u8>>>,
    #[expect(dead_code, reason = "ends the logging when it is dropped")]
    guard: DefaultGuard,
}

struct Sink(Arc<Mutex<Vec<u8>>>);

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn start() -> Self {
        // While there is but one subscriber in the process, a line that another thread comes
        // across first is switched off for all. A second one that takes nothing prevents that.
        static SECOND: LazyLock<Dispatch> =
            LazyLock::new(|| Dispatch::new(NoSubscriber::default()));
        LazyLock::force(&SECOND);
        let text = Arc::new(Mutex::new(Vec::new()));
        let writer = Arc::clone(&text);
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_env_filter("trace")
            .with_writer(move || Sink(Arc::clone(&writer)))
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        Self { text, guard }
    }

    fn text(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(text.clone()).unwrap()
    }

    /// The lines of calls as JSON, with the message of each.
    fn calls(&self) -> Vec<serde_json::Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let is_call = |line: &serde_json::Value| !line["fields"]["latency_ms"].is_null();
        lines.filter(is_call).collect()
    }
}
