use serde_json::{Value, json};

use super::*;
use crate::{
    app::{
        tenancy::tenant_cache::TenantCacheSettings,
        usecases::fixtures::{TenantFixture, clock},
    },
    ports::MockVoiceProfileStore,
};

fn profiles(store: MockVoiceProfileStore) -> Arc<VoiceProfiles> {
    let settings = TenantCacheSettings::default();
    Arc::new(VoiceProfiles::new(Arc::new(store), &clock(), settings))
}

fn profile(texts: &[&str]) -> VoiceProfile {
    VoiceProfile::new(texts).unwrap()
}

/// A tenant whose config has this profile and this flag.
fn tenant(configured: Value, flag: Value) -> Arc<Tenant> {
    let mut fixture = TenantFixture::new();
    fixture.document["content"]["voice_profile"] = configured;
    fixture.document["features"]["voice_matching_enabled"] = flag;
    fixture.build()
}

#[tokio::test]
async fn what_is_stored_is_shown_over_the_configs_and_says_whether_it_is_in_effect() {
    let none = json!(null);
    let of_config = json!(["config"]);
    for (stored, configured, flag, shown, is_on) in [
        (None, none.clone(), none.clone(), None, false),
        (None, none.clone(), json!(true), None, true),
        (
            None,
            of_config.clone(),
            none.clone(),
            Some(&["config"][..]),
            true,
        ),
        (
            None,
            of_config.clone(),
            json!(false),
            Some(&["config"]),
            false,
        ),
        (
            Some(&["stored"][..]),
            of_config.clone(),
            none.clone(),
            Some(&["stored"]),
            true,
        ),
        (
            Some(&["stored"]),
            none.clone(),
            none.clone(),
            Some(&["stored"]),
            true,
        ),
        (
            Some(&["stored"]),
            none.clone(),
            json!(false),
            Some(&["stored"]),
            false,
        ),
        (Some(&[]), of_config.clone(), none.clone(), Some(&[]), false),
    ] {
        let mut store = MockVoiceProfileStore::new();
        let found = stored.map(profile);
        store
            .expect_load()
            .times(2)
            .withf(|tenant| tenant.as_str() == "alice")
            .returning(move |_| Ok(found.clone()));
        let show = ShowVoiceProfile::new(profiles(store));
        let tenant = tenant(configured, flag.clone());
        let expected = VoiceProfileReport {
            profile: shown.map(profile),
            is_on,
        };
        let report = show.run(&tenant).await.unwrap();
        assert_eq!(report, expected, "{flag}");
        assert_eq!(show.is_on(&tenant).await, is_on, "{stored:?} {flag}");
    }
}

#[tokio::test]
async fn storing_answers_what_is_in_effect_then_and_is_seen_at_once() {
    let mut store = MockVoiceProfileStore::new();
    store
        .expect_store()
        .times(1)
        .withf(|tenant, profile| tenant.as_str() == "alice" && profile.as_slice() == ["mine"])
        .returning(|_, _| Ok(()));
    store.expect_forget().times(1).returning(|_| Ok(()));
    store.expect_load().never();
    let profiles = profiles(store);
    let show = ShowVoiceProfile::new(Arc::clone(&profiles));
    let store = StoreVoiceProfile::new(profiles, BackgroundTasks::default());
    let tenant = tenant(json!(null), json!(null));
    let mine = Some(profile(&["mine"]));
    let report = store.run(Arc::clone(&tenant), mine.clone()).await.unwrap();
    let expected = VoiceProfileReport {
        profile: mine,
        is_on: true,
    };
    assert_eq!(report, expected);
    assert!(show.is_on(&tenant).await);
    let report = store.run(Arc::clone(&tenant), None).await.unwrap();
    let expected = VoiceProfileReport {
        profile: None,
        is_on: false,
    };
    assert_eq!(report, expected);
    assert!(!show.is_on(&tenant).await);
}

#[tokio::test]
async fn a_ledger_that_is_away_is_an_error_for_admins_and_nobody_else() {
    let down = || LedgerError::Unavailable("down".into());
    let mut store = MockVoiceProfileStore::new();
    store.expect_load().times(2).returning(move |_| Err(down()));
    store
        .expect_store()
        .times(1)
        .returning(move |_, _| Err(down()));
    let profiles = profiles(store);
    let show = ShowVoiceProfile::new(Arc::clone(&profiles));
    let tenant = tenant(json!(["config"]), json!(null));
    assert!(show.run(&tenant).await.is_err());
    assert!(show.is_on(&tenant).await, "the config's is in effect");
    let store = StoreVoiceProfile::new(profiles, BackgroundTasks::default());
    let refused = store.run(tenant, Some(profile(&["mine"]))).await;
    assert!(matches!(refused, Err(StoreVoiceProfileError::Ledger(_))));
}
