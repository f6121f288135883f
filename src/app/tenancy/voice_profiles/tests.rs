use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::time::{advance, sleep};

use super::*;
use crate::{app::usecases::fixtures::clock, ports::MockVoiceProfileStore};

const SECOND: Duration = Duration::from_secs(1);

fn alice() -> TenantName {
    TenantName::new("alice").unwrap()
}

fn profile(text: &str) -> VoiceProfile {
    VoiceProfile::new(&[text]).unwrap()
}

fn profiles(store: impl VoiceProfileStore + 'static) -> VoiceProfiles {
    VoiceProfiles::new(Arc::new(store), &clock(), TenantCacheSettings::default())
}

async fn known(profiles: &VoiceProfiles) -> Option<String> {
    let stored = profiles.known(&alice()).await;
    stored.map(|profile| profile.as_slice().concat())
}

#[tokio::test(start_paused = true)]
async fn a_profile_is_read_once_and_again_after_the_life_of_an_opened_tenant() {
    let mut store = MockVoiceProfileStore::new();
    let reads = AtomicUsize::new(0);
    store.expect_load().times(2).returning(move |_| {
        let number = reads.fetch_add(1, Ordering::SeqCst);
        Ok(Some(profile(&number.to_string())))
    });
    let profiles = profiles(store);
    for _ in 0..3 {
        assert_eq!(known(&profiles).await.as_deref(), Some("0"));
    }
    advance(TenantCacheSettings::default().ttl).await;
    assert_eq!(known(&profiles).await.as_deref(), Some("1"));
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_is_in_effect_at_once() {
    let mut store = MockVoiceProfileStore::new();
    store.expect_load().times(1).returning(|_| Ok(None));
    store.expect_store().times(1).returning(|_, _| Ok(()));
    store.expect_forget().times(1).returning(|_| Ok(()));
    let profiles = profiles(store);
    assert_eq!(known(&profiles).await, None);
    let stored = Some(Arc::new(profile("new")));
    profiles.write(&alice(), stored).await.unwrap();
    assert_eq!(known(&profiles).await.as_deref(), Some("new"));
    profiles.write(&alice(), None).await.unwrap();
    assert_eq!(known(&profiles).await, None);
}

/// Answers after a second with what was stored when it was asked.
struct Slow(parking_lot::Mutex<Option<VoiceProfile>>);

#[async_trait::async_trait]
impl VoiceProfileStore for Slow {
    async fn load(&self, _: &TenantName) -> Result<Option<VoiceProfile>, LedgerError> {
        let found = self.0.lock().clone();
        sleep(SECOND).await;
        Ok(found)
    }

    async fn store(&self, _: &TenantName, profile: &VoiceProfile) -> Result<(), LedgerError> {
        *self.0.lock() = Some(profile.clone());
        Ok(())
    }

    async fn forget(&self, _: &TenantName) -> Result<(), LedgerError> {
        *self.0.lock() = None;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_that_began_before_is_not_kept_over_what_was_stored_meanwhile() {
    let profiles = Arc::new(profiles(Slow(Some(profile("old")).into())));
    let reading = Arc::clone(&profiles);
    let reading = tokio::spawn(async move { known(&reading).await });
    sleep(SECOND / 2).await;
    let stored = Some(Arc::new(profile("new")));
    profiles.write(&alice(), stored).await.unwrap();
    assert_eq!(reading.await.unwrap().as_deref(), Some("old"));
    assert_eq!(known(&profiles).await.as_deref(), Some("new"));
    sleep(10 * SECOND).await;
    assert_eq!(known(&profiles).await.as_deref(), Some("new"));
}

fn down() -> LedgerError {
    LedgerError::Unavailable("down".into())
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_is_away_what_is_known_is_used() {
    let mut store = MockVoiceProfileStore::new();
    let is_down = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&is_down);
    store.expect_load().returning(move |_| {
        if state.load(Ordering::SeqCst) {
            Err(down())
        } else {
            Ok(Some(profile("known")))
        }
    });
    let profiles = profiles(store);
    assert_eq!(known(&profiles).await, None, "nothing is known");
    is_down.store(false, Ordering::SeqCst);
    assert_eq!(known(&profiles).await.as_deref(), Some("known"));
    is_down.store(true, Ordering::SeqCst);
    advance(TenantCacheSettings::default().ttl * 2).await;
    assert_eq!(known(&profiles).await.as_deref(), Some("known"));
    assert!(profiles.read(&alice()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_first_read_that_hangs_holds_nobody_up_for_long() {
    struct Hung;

    #[async_trait::async_trait]
    impl VoiceProfileStore for Hung {
        async fn load(&self, _: &TenantName) -> Result<Option<VoiceProfile>, LedgerError> {
            std::future::pending().await
        }

        async fn store(&self, _: &TenantName, _: &VoiceProfile) -> Result<(), LedgerError> {
            Err(down())
        }

        async fn forget(&self, _: &TenantName) -> Result<(), LedgerError> {
            Err(down())
        }
    }

    let profiles = profiles(Hung);
    let (clock, started) = (clock(), clock().now());
    assert_eq!(known(&profiles).await, None);
    assert_eq!(clock.now() - started, FIRST_WAIT);
}

#[tokio::test(start_paused = true)]
async fn after_a_write_that_failed_the_profile_is_read_again() {
    let mut store = MockVoiceProfileStore::new();
    let reads = AtomicUsize::new(0);
    store.expect_load().times(2).returning(move |_| {
        let number = reads.fetch_add(1, Ordering::SeqCst);
        Ok(Some(profile(&number.to_string())))
    });
    store.expect_store().times(1).returning(|_, _| Err(down()));
    let profiles = profiles(store);
    assert_eq!(known(&profiles).await.as_deref(), Some("0"));
    let stored = Some(Arc::new(profile("perhaps")));
    assert!(profiles.write(&alice(), stored).await.is_err());
    assert_eq!(known(&profiles).await.as_deref(), Some("1"));
}
