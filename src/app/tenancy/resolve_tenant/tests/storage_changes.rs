//! What has become of a tenant's storage counts at once, and under the host that it was said of.

use std::{collections::HashMap, sync::Mutex};

use tokio::{
    sync::Notify,
    time::{advance, sleep},
};

use super::*;
use crate::{
    app::usecases::fixtures::unvalidated_version,
    domain::{
        credential::Credential,
        tenant_config::{TenantConfig, Unvalidated},
    },
    ports::{CredentialQuery, CredentialStore},
};

const SECOND: Duration = Duration::from_secs(1);
const UNAVAILABLE: ResolveTenantError = ResolveTenantError::Unavailable { retry_after: None };

/// An orchestrator that says what a test has written down for a host, and has all credentials but
/// those that are missing.
#[derive(Default)]
struct Orchestrator {
    documents: Mutex<HashMap<String, serde_json::Value>>,
    is_down: Mutex<bool>,
    delay: Mutex<Duration>,
    missing: Mutex<Option<&'static str>>,
    /// While set, credentials come only once it is told to let them go.
    hold: Mutex<Option<Arc<Notify>>>,
}

impl Orchestrator {
    fn say(&self, host: &str, document: serde_json::Value) {
        let mut documents = self.documents.lock().unwrap();
        documents.insert(host.to_owned(), document);
    }
}

#[async_trait::async_trait]
impl TenantConfigSource for Orchestrator {
    async fn fetch(
        &self,
        host: &Host,
        _: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        let delay = *self.delay.lock().unwrap();
        sleep(delay).await;
        if *self.is_down.lock().unwrap() {
            return Err(ConfigSourceError::Unavailable {
                retry_after: None,
                cause: "down".into(),
            });
        }
        let documents = self.documents.lock().unwrap();
        let document = documents.get(host.as_str());
        let document = document.ok_or(ConfigSourceError::NotFound)?;
        // The same tenant and the same version, whatever it says.
        Ok(unvalidated_version("1", document.clone()))
    }

    async fn probe(&self, _: &Host, _: &RequestId) -> Result<(), ConfigSourceError> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl CredentialStore for Orchestrator {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        let hold = self.hold.lock().unwrap().clone();
        if let Some(hold) = hold {
            hold.notified().await;
        }
        let reference = query.reference.expose();
        if *self.missing.lock().unwrap() == Some(reference) {
            return Err(CredentialError::NotFound);
        }
        let secret = format!("secret behind {reference}");
        Ok(Credential::sample(query.provider, &secret, "1", None))
    }
}

struct Stage {
    orchestrator: Arc<Orchestrator>,
    resolver: ResolveTenant,
}

impl Stage {
    fn new() -> Self {
        let orchestrator = Arc::new(Orchestrator::default());
        let settings = CredentialCacheSettings::default();
        let store = Arc::clone(&orchestrator);
        let credentials = Arc::new(Credentials::new(store, clock(), settings));
        let source = Arc::clone(&orchestrator);
        let resolver = ResolveTenant::new(
            HostRules::TenantNames,
            source,
            credentials,
            providers(),
            &clock(),
            TenancySettings::default(),
        );
        Self {
            orchestrator,
            resolver,
        }
    }

    /// Alice has been served with `/photos` for a moment. The config lives for a minute.
    async fn served() -> Self {
        let stage = Self::new();
        stage.orchestrator.say(ALICE, full_document());
        assert_eq!(stage.root(ALICE).await, Ok("/photos".to_owned()));
        stage
    }

    async fn root(&self, name: &str) -> Result<String, ResolveTenantError> {
        let (host, id) = (host(name), request_id());
        let tenant = self.resolver.by_host(host.as_ref(), &id).await?;
        Ok(tenant.settings().storage.paths.root.as_str().to_owned())
    }
}

const ALICE: &str = "alice.example.org";
const OTHER: &str = "other.example.org";

/// The full document with one field of `storage`, or of anything, set to a value.
fn with(pointer: &str, value: serde_json::Value) -> serde_json::Value {
    let mut document = full_document();
    *document.pointer_mut(pointer).unwrap() = value;
    document
}

async fn settle() {
    for _ in 0..30 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_cannot_be_used_ends_the_one_before_at_once_and_for_as_long_as_it_lasts() {
    for (pointer, value) in [
        ("/storage/provider", json!("floppy")),
        ("/storage/provider", json!(null)),
        ("/storage/credentials_ref", json!("")),
        ("/storage/paths/root", json!("/a/../b")),
        ("/storage/paths", json!([])),
        ("/storage", json!(null)),
        ("/storage", json!("dropbox")),
        ("/storage", json!([])),
        ("/storage", json!({})),
        ("/storage/provider", json!("floppy")),
        ("/storage/provider", json!(7)),
        ("/storage/credentials_ref", json!(null)),
        ("/storage/credentials_ref", json!({"ref": "ref-storage"})),
        ("/storage/paths", json!(null)),
        ("/storage/paths/root", json!(null)),
        ("/storage/paths/root", json!("photos")),
        ("/storage/paths/root", json!(["/photos"])),
    ] {
        let stage = Stage::served().await;
        stage.orchestrator.say(ALICE, with(pointer, value.clone()));
        advance(60 * SECOND).await;
        for _ in 0..3 {
            assert_eq!(
                stage.root(ALICE).await,
                Err(UNAVAILABLE),
                "{pointer} {value}"
            );
            advance(SECOND).await;
        }
        *stage.orchestrator.is_down.lock().unwrap() = true;
        assert_eq!(
            stage.root(ALICE).await,
            Err(UNAVAILABLE),
            "{pointer} {value}"
        );
        *stage.orchestrator.is_down.lock().unwrap() = false;
        stage.orchestrator.say(ALICE, full_document());
        assert_eq!(
            stage.root(ALICE).await,
            Ok("/photos".to_owned()),
            "{pointer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_noticed_ahead_counts_from_then_on() {
    let stage = Stage::served().await;
    let changed = with("/storage/provider", json!("floppy"));
    stage.orchestrator.say(ALICE, changed);
    advance(54 * SECOND).await;
    assert!(stage.root(ALICE).await.is_ok(), "nobody knows yet");
    settle().await;
    assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE));
    let name = host(ALICE).unwrap();
    assert!(stage.resolver.cached(&name, &request_id()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_told_late_counts_once_it_is_told() {
    let stage = Stage::served().await;
    let changed = with("/storage/provider", json!("floppy"));
    stage.orchestrator.say(ALICE, changed);
    *stage.orchestrator.delay.lock().unwrap() = 3 * SECOND;
    advance(60 * SECOND).await;
    assert!(stage.root(ALICE).await.is_ok(), "no answer yet: stale");
    sleep(4 * SECOND).await;
    assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn a_new_storage_that_cannot_be_opened_is_not_made_up_for_by_the_old_one() {
    for (pointer, value) in [
        ("/storage/paths/root", json!("/other")),
        ("/storage/credentials_ref", json!("ref-other")),
    ] {
        let stage = Stage::served().await;
        stage.orchestrator.say(ALICE, with(pointer, value.clone()));
        let reference = if pointer.ends_with("ref") {
            "ref-other"
        } else {
            "ref-storage"
        };
        *stage.orchestrator.missing.lock().unwrap() = Some(reference);
        advance(60 * SECOND).await;
        for _ in 0..3 {
            assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE), "{pointer}");
        }
        // Nor later, when the new config has come of age and nobody can be asked.
        *stage.orchestrator.is_down.lock().unwrap() = true;
        advance(120 * SECOND).await;
        assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE), "{pointer}");
        *stage.orchestrator.missing.lock().unwrap() = None;
        let root = stage.root(ALICE).await.unwrap();
        assert_eq!(root == "/other", pointer.ends_with("root"), "{pointer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_value_elsewhere_leaves_the_tenant_served_as_before_unless_storage_has_changed_too() {
    let bad = with("/features/publish_enabled", json!("yes"));
    let stage = Stage::served().await;
    stage.orchestrator.say(ALICE, bad.clone());
    advance(60 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(stage.root(ALICE).await, Ok("/photos".to_owned()));
        advance(10 * SECOND).await;
    }
    let mut moved = bad;
    moved["storage"]["paths"]["root"] = json!("/other");
    stage.orchestrator.say(ALICE, moved);
    advance(60 * SECOND).await;
    assert!(
        stage.root(ALICE).await.is_ok(),
        "the next try is in the background"
    );
    settle().await;
    assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_wrong_elsewhere_and_in_storage_is_not_served_as_before() {
    for (pointer, value) in [
        ("/storage/provider", json!("floppy")),
        ("/storage/credentials_ref", json!("ref-other")),
        ("/storage/paths/root", json!("/other")),
        ("/storage", json!(null)),
    ] {
        let stage = Stage::served().await;
        let mut document = with("/features/publish_enabled", json!("yes"));
        *document.pointer_mut(pointer).unwrap() = value.clone();
        stage.orchestrator.say(ALICE, document);
        advance(60 * SECOND).await;
        assert_eq!(
            stage.root(ALICE).await,
            Err(UNAVAILABLE),
            "{pointer} {value}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn folders_beside_the_root_do_not_make_it_another_storage() {
    let stage = Stage::served().await;
    let mut document = with("/features/publish_enabled", json!("yes"));
    document["storage"]["paths"]["archive"] = json!("/elsewhere");
    stage.orchestrator.say(ALICE, document);
    advance(60 * SECOND).await;
    for _ in 0..3 {
        assert_eq!(stage.root(ALICE).await, Ok("/photos".to_owned()));
        advance(10 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_storage_block_any_more_is_not_served_as_before() {
    let stage = Stage::served().await;
    let mut document = full_document();
    document.as_object_mut().unwrap().remove("storage");
    stage.orchestrator.say(ALICE, document);
    advance(60 * SECOND).await;
    assert_eq!(stage.root(ALICE).await, Err(UNAVAILABLE));
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_for_the_new_storage_are_not_served_with_the_old_one() {
    let stage = Stage::served().await;
    stage
        .orchestrator
        .say(ALICE, with("/storage/credentials_ref", json!("ref-other")));
    let hold = Arc::new(Notify::new());
    *stage.orchestrator.hold.lock().unwrap() = Some(Arc::clone(&hold));
    *stage.orchestrator.missing.lock().unwrap() = Some("ref-other");
    advance(60 * SECOND).await;
    let waiting = join_all((0..20).map(|_| stage.root(ALICE)));
    let release = async {
        settle().await;
        *stage.orchestrator.hold.lock().unwrap() = None;
        hold.notify_waiters();
    };
    let (answers, ()) = tokio::join!(waiting, release);
    assert!(
        answers.iter().all(|answer| *answer == Err(UNAVAILABLE)),
        "{answers:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_hosts_of_one_tenant_and_version_are_each_served_as_was_said_of_them() {
    for hosts in [[ALICE, OTHER], [OTHER, ALICE]] {
        let stage = Stage::new();
        stage.orchestrator.say(ALICE, full_document());
        let other = with("/storage/paths/root", json!("/other"));
        stage.orchestrator.say(OTHER, other);
        // Both are cold, and neither is opened before both are being opened.
        let hold = Arc::new(Notify::new());
        *stage.orchestrator.hold.lock().unwrap() = Some(Arc::clone(&hold));
        let first = stage.root(hosts[0]);
        let second = stage.root(hosts[1]);
        let release = async {
            settle().await;
            *stage.orchestrator.hold.lock().unwrap() = None;
            hold.notify_waiters();
        };
        let (first, second, ()) = tokio::join!(first, second, release);
        let expected = |host| Ok(if host == ALICE { "/photos" } else { "/other" }.to_owned());
        assert_eq!(first, expected(hosts[0]));
        assert_eq!(second, expected(hosts[1]));
        // And so they are when they take turns.
        for _ in 0..3 {
            for host in hosts {
                assert_eq!(stage.root(host).await, expected(host));
                let cached = stage
                    .resolver
                    .cached(&super::host(host).unwrap(), &request_id());
                let root = cached.map(|it| it.settings().storage.paths.root.as_str().to_owned());
                assert!(root.is_none_or(|root| Ok(root) == expected(host)));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_hosts_that_say_the_same_are_opened_once() {
    let stage = Stage::new();
    stage.orchestrator.say(ALICE, full_document());
    stage.orchestrator.say(OTHER, full_document());
    let id = request_id();
    let (alice, other) = (host(ALICE), host(OTHER));
    let (first, second) = tokio::join!(
        stage.resolver.by_host(alice.as_ref(), &id),
        stage.resolver.by_host(other.as_ref(), &id),
    );
    let (Ok(first), Ok(second)) = (first, second) else {
        panic!("both are served")
    };
    assert!(Arc::ptr_eq(&first, &second));
}
