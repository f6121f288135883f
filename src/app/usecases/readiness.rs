//! Can this process serve tenants?

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use cached::BuildError;

use super::{error_chain::ErrorChain, single_flight::SingleFlight, timed_cache::TimedCache};
use crate::{
    domain::{host::Host, request_id::RequestId},
    ports::{Clock, ConfigSourceError, TenantConfigSource},
};

/// How long an answer is kept, so that probes never load an orchestrator that is down.
const KEPT_FOR: Duration = Duration::from_secs(5);
/// How long the orchestrator may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Where tenants come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// The environment; there is one.
    Standalone,
    /// The orchestrator; it is asked for `probe_host` to see whether it answers.
    Orchestrated {
        /// A host under the orchestrator's base domain that need not be a tenant's.
        probe_host: Host,
    },
}

/// Why this process cannot serve tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The orchestrator does not answer.
    #[error("the orchestrator does not answer")]
    OrchestratorUnavailable,
    /// The orchestrator refuses our service token.
    #[error("the orchestrator refuses the service token")]
    OrchestratorUnauthorized,
}

/// Tells whether this process can serve tenants.
pub struct CheckReadiness {
    mode: Mode,
    source: Arc<dyn TenantConfigSource>,
    kept: Arc<TimedCache<(), Result<(), NotReady>>>,
    flights: SingleFlight<(), Result<(), NotReady>>,
}

impl CheckReadiness {
    /// Asks `source`, if the mode has one that can be away.
    ///
    /// # Errors
    /// Never in practice: the cache has one entry.
    pub fn new(
        mode: Mode,
        source: Arc<dyn TenantConfigSource>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let kept = Arc::new(TimedCache::uncounted(NonZeroUsize::MIN, clock)?);
        Ok(Self {
            mode,
            source,
            kept,
            flights: SingleFlight::new(PROBE_LIMIT),
        })
    }

    /// Where tenants come from.
    #[must_use]
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// Whether tenants can be served; asks at most once in five seconds.
    ///
    /// # Errors
    /// [`NotReady`].
    pub async fn run(&self, request_id: &RequestId) -> Result<(), NotReady> {
        let Mode::Orchestrated { probe_host } = &self.mode else {
            return Ok(());
        };
        if let Some(kept) = self.kept.get(&()) {
            return kept;
        }
        let (source, request_id) = (Arc::clone(&self.source), request_id.clone());
        let host = probe_host.clone();
        let probe = || async move {
            source.probe(&host, &request_id).await.map_err(|error| {
                tracing::warn!(%request_id, error = %ErrorChain(&error), "not ready");
                match error {
                    ConfigSourceError::Unauthorized(_) => NotReady::OrchestratorUnauthorized,
                    _ => NotReady::OrchestratorUnavailable,
                }
            })
        };
        let answer = self
            .flights
            .run((), probe)
            .await
            .unwrap_or(Err(NotReady::OrchestratorUnavailable));
        self.kept.set((), answer, KEPT_FOR);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MockClock, MockTenantConfigSource};

    fn readiness(source: MockTenantConfigSource) -> CheckReadiness {
        let mut clock = MockClock::new();
        #[expect(
            clippy::disallowed_methods,
            reason = "the paused clock of the test runtime"
        )]
        clock
            .expect_now()
            .returning(|| tokio::time::Instant::now().into_std());
        let probe_host = Host::normalise("healthcheck.example.org").unwrap();
        let mode = Mode::Orchestrated { probe_host };
        CheckReadiness::new(mode, Arc::new(source), Arc::new(clock)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_five_seconds() {
        let mut source = MockTenantConfigSource::new();
        source
            .expect_probe()
            .times(2)
            .returning(|_, _| Err(ConfigSourceError::Unauthorized("403".into())));
        let readiness = readiness(source);
        let id = RequestId::from_caller("id").unwrap();
        for _ in 0..3 {
            assert_eq!(
                readiness.run(&id).await,
                Err(NotReady::OrchestratorUnauthorized)
            );
        }
        tokio::time::advance(KEPT_FOR).await;
        assert!(readiness.run(&id).await.is_err());
    }

    #[tokio::test]
    async fn standalone_asks_nobody() {
        let source = MockTenantConfigSource::new();
        let readiness = CheckReadiness {
            mode: Mode::Standalone,
            ..readiness(source)
        };
        assert_eq!(
            readiness.run(&RequestId::from_caller("id").unwrap()).await,
            Ok(())
        );
    }
}
