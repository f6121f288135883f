//! What a tenant is served with: opened once, confirmed, renewed when its credential is dead.

use std::sync::Mutex;

use tokio::time::advance;

use super::*;
use crate::{
    app::usecases::fixtures::{TenantFixture, unvalidated_version},
    domain::credential::Credential,
    ports::ImageStoreError,
};

const SECOND: Duration = Duration::from_secs(1);

fn version(number: &str) -> Credential {
    let secret = format!("secret of version {number}");
    Credential::sample(Provider::DROPBOX, &secret, number, None)
}

/// A store that gives these versions of the storage credential, one after the other.
fn store_of(versions: &[&'static str]) -> MockCredentialStore {
    let versions = Mutex::new(
        versions
            .iter()
            .copied()
            .collect::<std::collections::VecDeque<_>>(),
    );
    let mut store = MockCredentialStore::new();
    store.expect_resolve().returning(move |_| {
        let next = versions.lock().unwrap().pop_front();
        next.map(version).ok_or(CredentialError::NotFound)
    });
    store
}

async fn ask(resolver: &ResolveTenant) -> Arc<Tenant> {
    resolver
        .by_host(alice(), &request_id())
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_opened_once_while_config_and_credential_stay_the_same() {
    let resolver = resolver(source_of(full_document(), 2), store_of(&["1", "1"]));
    let first = ask(&resolver).await;
    advance(60 * SECOND).await;
    assert!(
        Arc::ptr_eq(&first, &ask(&resolver).await),
        "confirmed, not opened again"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_credential_opens_the_tenant_again() {
    let resolver = resolver(source_of(full_document(), 2), store_of(&["1", "2"]));
    let first = ask(&resolver).await;
    advance(60 * SECOND).await;
    assert!(!Arc::ptr_eq(&first, &ask(&resolver).await));
}

#[tokio::test(start_paused = true)]
async fn a_new_config_version_drops_credentials_and_opens_the_tenant_again() {
    let mut source = MockTenantConfigSource::new();
    let mut versions = ["1", "2"].into_iter();
    source.expect_fetch().times(2).returning(move |_, _| {
        Ok(unvalidated_version(
            versions.next().unwrap(),
            full_document(),
        ))
    });
    let resolver = resolver(source, store_of(&["1", "1"]));
    let first = ask(&resolver).await;
    advance(60 * SECOND).await;
    let second = ask(&resolver).await;
    assert!(!Arc::ptr_eq(&first, &second));
    assert_eq!(second.config().version().as_str(), "2");
}

#[tokio::test(start_paused = true)]
async fn without_its_storage_credential_a_fresh_config_is_not_served() {
    let resolver = resolver(source_of(full_document(), 2), store_of(&["1"]));
    ask(&resolver).await;
    advance(60 * SECOND).await;
    let answer = resolver.by_host(alice(), &request_id()).await;
    assert_eq!(
        answer.err(),
        Some(ResolveTenantError::Unavailable { retry_after: None })
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_storage_credential_is_resolved_once_more_in_the_same_request() {
    let mut fixture = TenantFixture::new();
    fixture.store = store_of(&["2"]);
    let mut order = mockall::Sequence::new();
    let dead = || Err::<Vec<_>, _>(unauthorized());
    fixture
        .images
        .expect_list()
        .times(1)
        .in_sequence(&mut order)
        .returning(dead);
    fixture
        .images
        .expect_list()
        .times(1)
        .in_sequence(&mut order)
        .returning(|| Ok(Vec::new()));
    let tenant = fixture.build();
    assert!(tenant.images(&request_id()).list().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_storage_credential_that_stays_dead_is_not_tried_twice() {
    let mut fixture = TenantFixture::new();
    fixture
        .images
        .expect_list()
        .times(1)
        .returning(|| Err(unauthorized()));
    let tenant = fixture.build();
    let answer = tenant.images(&request_id()).list().await;
    assert!(matches!(answer, Err(ImageStoreError::Unauthorized { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_has_ended_leaves_no_credential_behind() {
    let mut source = MockTenantConfigSource::new();
    source
        .expect_fetch()
        .times(1)
        .returning(|_, _| Ok(unvalidated(full_document())));
    source
        .expect_fetch()
        .times(1)
        .returning(|_, _| Err(ConfigSourceError::NotFound));
    source
        .expect_fetch()
        .times(1)
        .returning(|_, _| Ok(unvalidated(full_document())));
    let resolver = resolver(source, store_of(&["1", "1"]));
    let first = ask(&resolver).await;
    advance(60 * SECOND).await;
    assert!(resolver.by_host(alice(), &request_id()).await.is_err());
    advance(30 * SECOND).await;
    assert!(
        !Arc::ptr_eq(&first, &ask(&resolver).await),
        "it starts afresh"
    );
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_credential_was_missing_a_moment_ago_is_not_served_with_the_old_one() {
    let resolver = resolver(source_of(full_document(), 2), store_of(&["1"]));
    ask(&resolver).await;
    advance(60 * SECOND).await;
    for _ in 0..3 {
        let answer = resolver.by_host(alice(), &request_id()).await;
        assert_eq!(
            answer.err(),
            Some(ResolveTenantError::Unavailable { retry_after: None })
        );
    }
}

fn unauthorized() -> ImageStoreError {
    ImageStoreError::Unauthorized {
        setting: None,
        cause: "invalid_grant".into(),
    }
}
