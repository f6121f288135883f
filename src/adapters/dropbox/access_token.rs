//! The short-lived token that calls are made with, got from the tenant's refresh token.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::failure::Failure;
use crate::{adapters::renewal::Renewed, domain::secret::Secret, ports::Clock};

/// A token is replaced this long before its end, or a tenth of its life if that is shorter, so
/// that it does not end during a call.
const MARGIN: Duration = Duration::from_mins(5);

/// A token is not kept longer than this, whatever was promised; Dropbox promises four hours.
const MAX_LIFE: Duration = Duration::from_hours(24);

/// A token as it was granted.
#[derive(Debug)]
pub(super) struct AccessToken {
    secret: Secret,
    replace_at: Instant,
}

impl AccessToken {
    /// Takes in a token that was asked for at `asked_at` and lives `life` from then.
    pub(super) fn new(secret: Secret, asked_at: Instant, life: Duration) -> Self {
        let life = life.min(MAX_LIFE);
        let kept = life.saturating_sub(MARGIN.min(life / 10));
        Self {
            secret,
            replace_at: asked_at + kept,
        }
    }

    /// The token itself, for the request that carries it.
    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// The token of one tenant.
#[derive(Debug, Default)]
pub(super) struct AccessTokens(Renewed<AccessToken, Failure>);

impl AccessTokens {
    /// A good token other than `rejected`, from `refresh` if there is none.
    ///
    /// # Errors
    /// The failure of the refresh, be it one's own or the one that was waited for.
    pub(super) async fn get<F, Fut>(
        &self,
        clock: &dyn Clock,
        rejected: Option<&Arc<AccessToken>>,
        refresh: F,
    ) -> Result<Arc<AccessToken>, Arc<Failure>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<AccessToken, Failure>>,
    {
        let is_good = |token: &Arc<AccessToken>| {
            let is_rejected = rejected.is_some_and(|it| Arc::ptr_eq(it, token));
            !is_rejected && clock.now() < token.replace_at
        };
        self.0.get(is_good, |_| refresh()).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;
    use crate::adapters::clock::SystemClock;

    #[derive(Default)]
    struct Tenant {
        tokens: AccessTokens,
        refreshes: AtomicUsize,
    }

    impl Tenant {
        async fn get(
            &self,
            rejected: Option<&Arc<AccessToken>>,
            life: Option<Duration>,
        ) -> Result<Arc<AccessToken>, Arc<Failure>> {
            let refresh = || async {
                self.refreshes.fetch_add(1, Ordering::Relaxed);
                let asked_at = SystemClock.now();
                tokio::time::sleep(Duration::from_secs(1)).await;
                let secret = Secret::new("token".to_owned());
                life.map(|life| AccessToken::new(secret, asked_at, life))
                    .ok_or(Failure::DeadCredential { setting: None })
            };
            self.tokens.get(&SystemClock, rejected, refresh).await
        }

        fn refreshes(&self) -> usize {
            self.refreshes.load(Ordering::Relaxed)
        }
    }

    const FOUR_HOURS: Option<Duration> = Some(Duration::from_hours(4));

    #[tokio::test(start_paused = true)]
    async fn a_token_is_kept_until_five_minutes_before_its_end() {
        let tenant = Tenant::default();
        tenant.get(None, FOUR_HOURS).await.unwrap();
        tokio::time::sleep(Duration::from_mins(234)).await;
        tenant.get(None, FOUR_HOURS).await.unwrap();
        assert_eq!(tenant.refreshes(), 1);
        tokio::time::sleep(Duration::from_mins(1)).await;
        tenant.get(None, FOUR_HOURS).await.unwrap();
        assert_eq!(tenant.refreshes(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_lived_token_is_kept_for_nine_tenths_of_its_life() {
        let tenant = Tenant::default();
        let life = Some(Duration::from_secs(100));
        tenant.get(None, life).await.unwrap();
        tokio::time::sleep(Duration::from_secs(88)).await;
        tenant.get(None, life).await.unwrap();
        assert_eq!(tenant.refreshes(), 1);
        tokio::time::sleep(Duration::from_secs(2)).await;
        tenant.get(None, life).await.unwrap();
        assert_eq!(tenant.refreshes(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_absurd_life_time_is_cut_to_a_day() {
        let tenant = Tenant::default();
        let life = Some(Duration::MAX);
        tenant.get(None, life).await.unwrap();
        tokio::time::sleep(Duration::from_hours(24)).await;
        tenant.get(None, life).await.unwrap();
        assert_eq!(tenant.refreshes(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_share_one_refresh() {
        let tenant = Tenant::default();
        let all = join_all((0..20).map(|_| tenant.get(None, FOUR_HOURS))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(tenant.refreshes(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_share_the_failure_of_a_refresh_and_the_next_tries_again() {
        let tenant = Tenant::default();
        let all = join_all((0..20).map(|_| tenant.get(None, None))).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(tenant.refreshes(), 1);
        tenant.get(None, FOUR_HOURS).await.unwrap();
        assert_eq!(tenant.refreshes(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_token_is_replaced_once_for_all_who_saw_it_rejected() {
        let tenant = Tenant::default();
        let old = tenant.get(None, FOUR_HOURS).await.unwrap();
        let all = join_all((0..20).map(|_| tenant.get(Some(&old), FOUR_HOURS))).await;
        assert!(
            all.iter()
                .all(|it| !Arc::ptr_eq(it.as_ref().unwrap(), &old))
        );
        assert_eq!(tenant.refreshes(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_who_goes_away_does_not_take_the_others_along() {
        let tenant = Tenant::default();
        let hasty = tokio::time::timeout(Duration::from_millis(500), tenant.get(None, FOUR_HOURS));
        let (hasty, patient) = tokio::join!(hasty, tenant.get(None, FOUR_HOURS));
        assert!(hasty.is_err() && patient.is_ok());
        assert_eq!(tenant.refreshes(), 2);
    }

    #[test]
    fn debug_output_does_not_show_the_token() {
        let token = AccessToken::new(
            Secret::new("s3cret".to_owned()),
            SystemClock.now(),
            Duration::ZERO,
        );
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
