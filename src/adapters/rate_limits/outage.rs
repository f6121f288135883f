//! Whether the count of all processes is asked at the moment. A database that is away must not delay each call, nor fill
//! the log.

use std::{
    error::Error as _,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use crate::ports::{Clock, LedgerError};

/// The longest wait for an answer. Beyond it, a login would be slower than people wait, and the own count decides. A
/// database that is only busy answers within that, or replicas would each allow a tenant's whole limit just when there is
/// most to do.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(4);
/// How long nothing is asked after a call that failed.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// The count was not asked, since it did not answer a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("it did not answer a moment ago")]
struct NotAsked;

/// The count did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("it did not answer within {} s", ANSWER_WITHIN.as_secs())]
struct NoAnswer;

/// The outages of a count that processes share.
pub(super) struct Outage {
    /// What is counted, for the log.
    counted: &'static str,
    clock: Arc<dyn Clock>,
    /// `None`: it answers. Otherwise the time from which on it is asked again.
    asked_again_at: Mutex<Option<Instant>>,
}

impl Outage {
    /// No outage so far, of the count of what is named.
    pub(super) fn new(counted: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self {
            counted,
            clock,
            asked_again_at: Mutex::default(),
        }
    }

    /// Asks the count, unless it did not answer a moment ago: then `call` is dropped. One call after each pause finds out
    /// whether it is back.
    ///
    /// # Errors
    /// That of the call; [`LedgerError::Unavailable`] also if it was not made, or not answered in time.
    pub(super) async fn ask<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        if !self.begin() {
            return Err(LedgerError::Unavailable(NotAsked.into()));
        }
        self.insist(call).await
    }

    /// Asks the count also if it did not answer a moment ago.
    ///
    /// # Errors
    /// That of the call; [`LedgerError::Unavailable`] also if it was not answered in time.
    pub(super) async fn insist<T>(
        &self,
        call: impl Future<Output = Result<T, LedgerError>> + Send,
    ) -> Result<T, LedgerError> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, call).await;
        let answer = answer.unwrap_or_else(|_| Err(LedgerError::Unavailable(NoAnswer.into())));
        self.end(&answer);
        answer
    }

    /// Whether the count can be asked. During an outage, no other call is made beside the one that may.
    fn begin(&self) -> bool {
        let now = self.clock.now();
        let mut asked_again_at = self.asked_again_at.lock();
        match *asked_again_at {
            Some(at) if now < at => false,
            Some(_) => {
                *asked_again_at = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// Notes what came of a call, and logs where that is news.
    fn end<T>(&self, answer: &Result<T, LedgerError>) {
        let now = self.clock.now();
        let mut asked_again_at = self.asked_again_at.lock();
        let was_away = asked_again_at.is_some();
        *asked_again_at = answer.is_err().then(|| now + PAUSE);
        drop(asked_again_at);
        match answer {
            Err(error) if !was_away => tracing::warn!(
                counted = self.counted,
                error = %error.source().map_or_else(|| error.to_string(), ToString::to_string),
                "the limits of all replicas cannot be counted in the ledger: this process goes by its own count"
            ),
            Ok(_) if was_away => tracing::info!(
                counted = self.counted,
                "the limits of all replicas are counted in the ledger again"
            ),
            Err(_) | Ok(_) => {}
        }
    }
}
