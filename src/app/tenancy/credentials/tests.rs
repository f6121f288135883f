use std::time::SystemTime;

use super::*;
use crate::{
    adapters::platforms::spec,
    app::usecases::fixtures::{clock, credential, request_id, rotating_store},
    domain::{credential::CredentialVersion, platform::Platform, tenant::ConfigVersion},
    ports::MockCredentialStore,
};

fn query(reference: &str) -> CredentialQuery {
    CredentialQuery {
        tenant: TenantName::new("alice").unwrap(),
        config_version: ConfigVersion::new("7"),
        reference: CredentialsRef::new(reference).unwrap(),
        provider: spec(Platform::Telegram).provider,
        request_id: request_id(),
    }
}

fn ttl(seconds: i64) -> ConfigTtl {
    ConfigTtl::from_seconds(Some(seconds))
}

fn credentials(store: MockCredentialStore, settings: CredentialCacheSettings) -> Credentials {
    Credentials::new(Arc::new(store), clock(), settings)
}

fn store_called(times: usize) -> MockCredentialStore {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(times)
        .returning(|query| Ok(credential(query.provider)));
    store
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_kept_no_longer_than_ten_minutes() {
    let credentials = credentials(store_called(2), CredentialCacheSettings::default());
    for wait in [0, 599, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        credentials.optional(query("a"), ttl(86_400)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_kept_no_longer_than_the_config_that_names_it() {
    let credentials = credentials(store_called(2), CredentialCacheSettings::default());
    for wait in [0, 9, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        credentials.optional(query("a"), ttl(10)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_kept_no_longer_than_it_is_good() {
    let mut store = MockCredentialStore::new();
    // The clock of the fixture says that it is 1970.
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(5);
    store
        .expect_resolve()
        .times(2)
        .returning(move |query| Ok(Credential::sample(query.provider, "s3cret", "1", Some(end))));
    let credentials = credentials(store, CredentialCacheSettings::default());
    for wait in [0, 4, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        credentials.optional(query("a"), ttl(600)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_cache_each_use_resolves() {
    let settings = CredentialCacheSettings {
        enabled: false,
        ..CredentialCacheSettings::default()
    };
    let credentials = credentials(store_called(2), settings);
    for _ in 0..2 {
        credentials.optional(query("a"), ttl(600)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_optional_credential_that_failed_is_asked_for_again_after_thirty_seconds() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(2)
        .returning(|_| Err(CredentialError::OutOfCredit));
    let credentials = credentials(store, CredentialCacheSettings::default());
    for wait in [0, 29, 1] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        let refused = credentials.optional(query("a"), ttl(600)).await;
        assert_eq!(refused.unwrap_err(), CredentialUnavailable::OutOfCredit);
    }
}

#[tokio::test(start_paused = true)]
async fn a_critical_credential_that_failed_is_asked_for_again_at_once() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(2)
        .returning(|_| Err(CredentialError::NotFound));
    let credentials = credentials(store, CredentialCacheSettings::default());
    for _ in 0..2 {
        assert!(credentials.critical(query("a"), ttl(600)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_credential_that_was_refused_is_forgotten() {
    let credentials = credentials(rotating_store(), CredentialCacheSettings::default());
    let first = credentials.optional(query("a"), ttl(600)).await.unwrap();
    let (tenant, reference) = (query("a").tenant, query("a").reference);
    credentials.forget(&tenant, &reference, &first);
    let second = credentials.optional(query("a"), ttl(600)).await.unwrap();
    assert!(!Arc::ptr_eq(&first, &second));
    credentials.forget(&tenant, &reference, &first);
    let third = credentials.optional(query("a"), ttl(600)).await.unwrap();
    assert!(
        Arc::ptr_eq(&second, &third),
        "a stale refusal must not drop the new credential"
    );
}

#[tokio::test(start_paused = true)]
async fn in_the_last_tenth_of_its_life_a_credential_is_confirmed_in_the_background() {
    let credentials = credentials(rotating_store(), CredentialCacheSettings::default());
    let first = credentials.optional(query("a"), ttl(600)).await.unwrap();
    tokio::time::advance(Duration::from_mins(9)).await;
    let second = credentials.optional(query("a"), ttl(600)).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "nobody waits for it");
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    let third = credentials.optional(query("a"), ttl(600)).await.unwrap();
    assert!(!Arc::ptr_eq(&second, &third));
}

#[tokio::test(start_paused = true)]
async fn a_credential_is_never_served_after_its_life() {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .times(1)
        .returning(|query| Ok(credential(query.provider)));
    store
        .expect_resolve()
        .returning(|_| Err(CredentialError::OutOfCredit));
    let credentials = credentials(store, CredentialCacheSettings::default());
    credentials.optional(query("a"), ttl(60)).await.unwrap();
    tokio::time::advance(Duration::from_mins(1)).await;
    let refused = credentials.optional(query("a"), ttl(60)).await;
    assert_eq!(refused.unwrap_err(), CredentialUnavailable::OutOfCredit);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_that_began_before_the_config_changed_answers_nobody_after_it() {
    let mut store = MockCredentialStore::new();
    store.expect_resolve().times(2).returning(|query| {
        let version = query.config_version.as_str();
        Ok(Credential::sample(query.provider, version, version, None))
    });
    let credentials = credentials(store, CredentialCacheSettings::default());
    let later = CredentialQuery {
        config_version: ConfigVersion::new("8"),
        ..query("a")
    };
    let before = credentials.optional(query("a"), ttl(600));
    let after = async {
        credentials.forget_tenant(&query("a").tenant);
        credentials.optional(later, ttl(600)).await
    };
    let (before, after) = tokio::join!(before, after);
    assert_eq!(*before.unwrap().version(), CredentialVersion::new("7"));
    assert_eq!(*after.unwrap().version(), CredentialVersion::new("8"));
}
