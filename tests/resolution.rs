//! Tenants resolved over real sockets, by the real client of the orchestrator, on a clock that
//! stands still until a test moves it.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use futures_util::future::join_all;
use publisher::{
    adapters::{
        dropbox::DropboxSettings,
        http_client::ExtraRoots,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        orchestrator::{OrchestratorClient, OrchestratorSettings, ServiceToken},
        platforms,
        rate_limits::OwnRates,
        storages::{self, Storages},
    },
    app::tenancy::{
        credentials::{CredentialCacheSettings, Credentials},
        resolve_error::ResolveTenantError,
        resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
        tenant::{ProviderFactories, Tenant},
    },
    domain::{host::Host, request_id::RequestId, secret::Secret, storage::AllowedStorage},
    ports::{Clock, CredentialStore, TenantConfigSource},
};
use publisher_sandbox::{DemoTenant, Fault, Sandbox, Switches, TenantSpec};

const MINUTE: Duration = Duration::from_mins(1);

/// A clock that a test moves.
struct Hands(Mutex<(Instant, SystemTime)>);

impl Hands {
    fn new() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a stopped clock has to start somewhere"
        )]
        let start = (Instant::now(), SystemTime::now());
        Self(Mutex::new(start))
    }

    fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = (now.0 + by, now.1 + by);
    }
}

impl Clock for Hands {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().0
    }

    fn utc(&self) -> SystemTime {
        self.0.lock().unwrap().1
    }
}

struct Stage {
    sandbox: Sandbox,
    clock: Arc<Hands>,
    resolver: ResolveTenant,
}

impl Stage {
    async fn new() -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let hands = Arc::new(Hands::new());
        let clock: Arc<dyn Clock> = Arc::clone(&hands) as _;
        let roots = ExtraRoots::default();
        let url = |text: String| text.parse().unwrap();
        let client = OrchestratorClient::new(
            OrchestratorSettings {
                base_url: url(sandbox.orchestrator.server().url()),
                service_token: ServiceToken::fixed(Secret::new(
                    sandbox.orchestrator.service_token(),
                )),
                base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
                prefer_post: true,
                storage: AllowedStorage::WithCredential,
            },
            &roots,
            Arc::clone(&clock),
        );
        let client = Arc::new(client.unwrap());
        let dropbox = DropboxSettings {
            api_url: url(sandbox.dropbox.server().url()),
            content_url: url(sandbox.dropbox.server().url()),
            refresh_token_setting: None,
            app_key: sandbox.dropbox.app_key().to_owned(),
            app_secret: Secret::new(sandbox.dropbox.app_secret().to_owned()),
        };
        let openai = OpenAiSettings {
            base_url: url(sandbox.openai.server().url()),
            calls_per_minute: 20.try_into().unwrap(),
            candidates: 3,
        };
        let images = Storages::new(dropbox, false, &roots, Arc::clone(&clock));
        let rates = Arc::new(OwnRates::new(Arc::clone(&clock)));
        let captions = OpenAiCaptionWriterFactory::new(openai, &roots, Arc::clone(&clock), rates);
        let providers = ProviderFactories {
            images: Arc::new(images.unwrap()),
            content_hashes: storages::content_hash,
            takes_uploads: storages::takes_uploads,
            captions: Arc::new(captions.unwrap()),
            platforms: platforms::spec,
            publishers: Vec::new(),
        };
        let store: Arc<dyn CredentialStore> = Arc::clone(&client) as _;
        let settings = CredentialCacheSettings::default();
        let credentials = Credentials::new(store, Arc::clone(&clock), settings);
        let resolver = ResolveTenant::new(
            HostRules::TenantNames,
            client as Arc<dyn TenantConfigSource>,
            Arc::new(credentials),
            providers,
            &clock,
            TenancySettings::default(),
        );
        Self {
            sandbox,
            clock: hands,
            resolver,
        }
    }

    /// Adds a tenant whose config lives for ten minutes.
    fn tenant(&self, name: &str) -> DemoTenant {
        self.sandbox.add_tenant(TenantSpec::new(name))
    }

    async fn ask(&self, host: &str) -> Result<Arc<Tenant>, ResolveTenantError> {
        let id = RequestId::from_caller("resolution").unwrap();
        let host = Host::normalize_any(host).ok();
        self.resolver.by_host(host.as_ref(), &id).await
    }

    fn orchestrator(&self) -> &Switches {
        self.sandbox.orchestrator.switches()
    }

    fn lookups(&self) -> usize {
        self.orchestrator().calls("by_host")
    }
}

#[tokio::test]
async fn a_thousand_first_requests_cost_one_lookup_and_one_credential() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    let answers = join_all((0..1_000).map(|_| stage.ask(&alice.host))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(
        (stage.lookups(), stage.orchestrator().calls("resolve")),
        (1, 1)
    );
}

#[tokio::test]
async fn a_thousand_first_requests_in_an_outage_cost_three_calls_and_end_together() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    stage.orchestrator().always("by_host", Fault::status(503));
    let answers = join_all((0..1_000).map(|_| stage.ask(&alice.host))).await;
    let down = ResolveTenantError::Unavailable { retry_after: None };
    assert!(answers.into_iter().all(|answer| answer.err() == Some(down)));
    assert!(stage.lookups() <= 3, "{} calls", stage.lookups());
}

#[tokio::test]
async fn thirty_cold_tenants_are_looked_up_side_by_side() {
    let stage = Stage::new().await;
    let hosts: Vec<_> = (0..30)
        .map(|n| stage.tenant(&format!("cold-{n}")).host)
        .collect();
    // Nobody is answered until all have asked: in turns, the first would wait for ever.
    let lookups = stage.orchestrator().hold("by_host");
    let credentials = stage.orchestrator().hold("resolve");
    let asking = join_all(hosts.iter().map(|host| stage.ask(host)));
    let (answers, ()) = tokio::join!(asking, async {
        lookups.arrived(30).await;
        lookups.release();
        credentials.arrived(30).await;
        credentials.release();
    });
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test]
async fn an_expired_config_that_cannot_be_refreshed_is_served_until_it_can() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    assert!(stage.ask(&alice.host).await.is_ok());
    stage.orchestrator().always("by_host", Fault::Timeout);
    stage.orchestrator().always("resolve", Fault::Timeout);
    stage.clock.advance(10 * MINUTE);
    // The orchestrator says nothing at all from here on; whoever waited for it would wait 5 s.
    for (cool_down, calls) in [(0, 2), (0, 2), (4, 2)] {
        stage.clock.advance(Duration::from_secs(cool_down));
        let answers = join_all((0..100).map(|_| stage.ask(&alice.host))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(stage.lookups(), calls, "one try, and none in the cool-down");
    }
    let credentials = stage.orchestrator().calls("resolve");
    assert_eq!(credentials, 1, "a stale tenant asks for nothing");
}

#[tokio::test]
async fn recovery_is_picked_up_after_the_cool_down() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    assert!(stage.ask(&alice.host).await.is_ok());
    stage.orchestrator().always("by_host", Fault::status(403));
    stage.clock.advance(10 * MINUTE);
    assert!(stage.ask(&alice.host).await.is_ok());
    assert_eq!(stage.lookups(), 2);
    stage.orchestrator().clear("by_host");
    stage.sandbox.orchestrator.bump_config_version(&alice.host);
    stage.clock.advance(Duration::from_secs(5));
    let served = stage
        .ask(&alice.host)
        .await
        .unwrap_or_else(|error| unreachable!("{error}"));
    assert_eq!(
        served.config().version().as_str(),
        "v1",
        "the try is in the background"
    );
    stage.orchestrator().wait_for_calls("by_host", 3).await;
    // The answer is on its way; what it brings is seen as soon as it is there.
    let version = async {
        loop {
            let tenant = stage.ask(&alice.host).await;
            if tenant.is_ok_and(|tenant| tenant.config().version().as_str() == "v2") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), version)
        .await
        .unwrap();
    assert_eq!(stage.lookups(), 3);
}

#[tokio::test]
async fn a_tenant_that_is_suspended_ends_with_the_next_refresh() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    assert!(stage.ask(&alice.host).await.is_ok());
    stage.sandbox.orchestrator.suspend(&alice.host, true);
    stage.clock.advance(10 * MINUTE);
    for _ in 0..10 {
        let answer = stage.ask(&alice.host).await;
        assert_eq!(answer.err(), Some(ResolveTenantError::Unknown));
    }
    assert_eq!(stage.lookups(), 2);
}

#[tokio::test]
async fn three_thousand_made_up_hosts_evict_no_tenant_and_cost_one_call_each() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    stage.orchestrator().keep_requests(false);
    assert!(stage.ask(&alice.host).await.is_ok());
    let hosts: Vec<_> = (0..3_000)
        .map(|n| format!("made-up-{n}.sandbox.localhost"))
        .collect();
    for crowd in hosts.chunks(100) {
        for _ in 0..2 {
            let answers = join_all(crowd.iter().map(|host| stage.ask(host))).await;
            let unknown = Some(ResolveTenantError::Unknown);
            assert!(answers.into_iter().all(|answer| answer.err() == unknown));
        }
    }
    assert_eq!(stage.lookups(), 1 + 3_000);
    assert!(stage.ask(&alice.host).await.is_ok());
    assert_eq!(stage.lookups(), 1 + 3_000, "the tenant is still there");
}

#[tokio::test]
async fn a_storage_credential_that_was_rotated_is_resolved_again_in_the_same_request() {
    let stage = Stage::new().await;
    let alice = stage.tenant("alice");
    let tenant = stage
        .ask(&alice.host)
        .await
        .unwrap_or_else(|error| unreachable!("{error}"));
    stage.sandbox.dropbox.revoke(&alice.refresh_token);
    stage
        .sandbox
        .dropbox
        .add_account(&alice.name, "rotated-refresh-token");
    let rotated = publisher_sandbox::Credential::Dropbox {
        refresh_token: "rotated-refresh-token".to_owned(),
        expires_at: None,
    };
    stage
        .sandbox
        .orchestrator
        .rotate_credential(&alice.storage_ref, rotated);
    let id = RequestId::from_caller("resolution").unwrap();
    let listed = tenant.images(&id).list().await;
    assert!(listed.is_ok(), "{listed:?}");
    assert_eq!(stage.orchestrator().calls("resolve"), 2);
}
