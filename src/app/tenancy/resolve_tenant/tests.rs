mod ageing;
mod services;
mod storage_changes;

use std::{sync::LazyLock, time::Duration};

use futures_util::future::join_all;
use serde_json::json;

use super::*;
use crate::{
    app::{
        tenancy::credentials::CredentialCacheSettings,
        usecases::fixtures::{
            clock, credential, full_document, generous_store, providers, request_id, unvalidated,
        },
    },
    domain::credential::Provider,
    ports::{ConfigSourceError, CredentialError, MockCredentialStore, MockTenantConfigSource},
};

/// Whose requests most tests are about.
fn alice() -> Option<&'static Host> {
    static ALICE: LazyLock<Option<Host>> = LazyLock::new(|| host("alice.example.org"));
    ALICE.as_ref()
}

/// What a `Host` header names.
fn host(raw: &str) -> Option<Host> {
    Host::normalize_any(raw).ok()
}

fn resolver(source: MockTenantConfigSource, store: MockCredentialStore) -> ResolveTenant {
    under(HostRules::TenantNames, Arc::new(source), store)
}

fn under(
    rules: HostRules,
    source: Arc<dyn TenantConfigSource>,
    store: MockCredentialStore,
) -> ResolveTenant {
    let settings = CredentialCacheSettings::default();
    let credentials = Arc::new(Credentials::new(Arc::new(store), clock(), settings));
    let cache = TenancySettings::default();
    ResolveTenant::new(rules, source, credentials, providers(), &clock(), cache)
}

fn source_of(document: serde_json::Value, calls: usize) -> MockTenantConfigSource {
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(calls)
        .returning(move |_, _| Ok(unvalidated(document.clone())));
    source
}

#[tokio::test(start_paused = true)]
async fn a_thousand_first_requests_cause_one_lookup_and_one_credential() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(1)
        .returning(|query| Ok(credential(query.provider)));
    let resolver = resolver(source_of(full_document(), 1), store);
    let id = request_id();
    let answers = join_all((0..1_000).map(|_| resolver.by_host(alice(), &id))).await;
    assert!(answers.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_can_be_no_tenants_is_unknown_without_a_call() {
    let mut source = MockTenantConfigSource::new();
    source.expect_fetch().never();
    let resolver = resolver(source, MockCredentialStore::new());
    for raw in [
        None,
        Some(""),
        Some("localhost"),
        Some("127.0.0.1"),
        Some("www.example.org"),
    ] {
        let host = raw.and_then(host);
        let answer = resolver.by_host(host.as_ref(), &request_id()).await;
        assert_eq!(answer.err(), Some(ResolveTenantError::Unknown), "{raw:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_host_is_asked_for_again_after_thirty_seconds() {
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(2)
        .returning(|_, _| Err(ConfigSourceError::NotFound));
    let resolver = resolver(source, MockCredentialStore::new());
    for wait in [0, 29, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let answer = resolver.by_host(alice(), &request_id()).await;
        assert_eq!(answer.err(), Some(ResolveTenantError::Unknown));
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_told_and_not_kept() {
    let mut source = MockTenantConfigSource::new();
    let wait = Some(Duration::from_secs(7));
    source.expect_fetch().times(1).returning(move |_, _| {
        Err(ConfigSourceError::Unavailable {
            retry_after: wait,
            cause: "down".into(),
        })
    });
    source
        .expect_fetch()
        .times(1)
        .returning(|_, _| Ok(unvalidated(full_document())));
    let resolver = resolver(source, generous_store());
    let answer = resolver.by_host(alice(), &request_id()).await;
    assert_eq!(
        answer.err(),
        Some(ResolveTenantError::Unavailable { retry_after: wait })
    );
    assert!(resolver.by_host(alice(), &request_id()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_config_that_does_not_validate_makes_the_tenant_unavailable() {
    let mut store = MockCredentialStore::new();
    store.expect_resolve().never();
    let resolver = resolver(source_of(json!({"features": {}}), 1), store);
    let answer = resolver.by_host(alice(), &request_id()).await;
    assert_eq!(
        answer.err(),
        Some(ResolveTenantError::Unavailable { retry_after: None })
    );
}

#[tokio::test(start_paused = true)]
async fn without_its_storage_credential_a_tenant_is_unavailable() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(1)
        .returning(|_| Err(CredentialError::NotFound));
    let resolver = resolver(source_of(full_document(), 1), store);
    let answer = resolver.by_host(alice(), &request_id()).await;
    assert_eq!(
        answer.err(),
        Some(ResolveTenantError::Unavailable { retry_after: None })
    );
}

#[tokio::test(start_paused = true)]
async fn only_storage_is_resolved_before_it_is_needed() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(1)
        .withf(|query| query.provider == Provider::DROPBOX)
        .returning(|query| Ok(credential(query.provider)));
    let resolver = resolver(source_of(full_document(), 1), store);
    assert!(resolver.by_host(alice(), &request_id()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_single_tenant_with_a_host_of_its_own_is_served_under_no_other() {
    let own = Host::normalize_any("localhost").unwrap();
    let resolver = under(
        HostRules::Only(own),
        Arc::new(source_of(full_document(), 1)),
        generous_store(),
    );
    let own = host("localhost:8080");
    let answer = resolver.by_host(own.as_ref(), &request_id()).await;
    assert!(answer.is_ok());
    let other = resolver.by_host(alice(), &request_id()).await;
    assert_eq!(other.err(), Some(ResolveTenantError::Unknown));
}

#[tokio::test(start_paused = true)]
async fn a_single_tenant_without_a_host_of_its_own_is_served_under_any() {
    let source = source_of(full_document(), 3);
    let resolver = under(HostRules::Any, Arc::new(source), generous_store());
    for raw in ["localhost", "127.0.0.1:8080", "www.example.org"] {
        let answer = resolver.by_host(host(raw).as_ref(), &request_id()).await;
        assert!(answer.is_ok(), "{raw}");
    }
    for nothing in [None, host(""), host("a..b")] {
        let answer = resolver.by_host(nothing.as_ref(), &request_id()).await;
        assert_eq!(answer.err(), Some(ResolveTenantError::Unknown));
    }
}
