//! The gauges of the ledger, read from the ledger itself: entries that a killed process left behind are in no
//! counter of any process.

use std::{convert::Infallible, error::Error as _, future::Future, sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    open::{OpenLedger, Pool},
    pool::PoolState,
};
use crate::ports::{LedgerError, LedgerReader};

/// How often the ledger is asked and tried: one write and one count that reads an index.
const ASKED_EVERY: Duration = Duration::from_secs(30);
/// How often the pool is looked at, which asks nothing of the database.
const POOL_EVERY: Duration = Duration::from_secs(1);

impl OpenLedger {
    /// Keeps the gauges up to date until the ledger is closed. A ledger that cannot be written is
    /// counted by the errors of its operations, also where nothing is published and no probe asks.
    pub fn watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let pool = self.pool.clone();
        let reader = Arc::clone(&self.reader);
        async move {
            let watching = async {
                tokio::select! {
                    never = watch_pool(&pool) => never,
                    never = watch_entries(&*reader) => never,
                }
            };
            tokio::select! {
                () = pool.closed() => {}
                never = watching => match never {},
            }
        }
    }
}

async fn watch_pool(pool: &Pool) -> Infallible {
    let gauge = |state: &'static str| metrics::gauge!("publisher_ledger_pool_connections", "state" => state);
    let (idle_now, in_use_now, at_most) = (gauge("idle"), gauge("in_use"), gauge("max"));
    let mut times = interval(POOL_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let PoolState { idle, in_use, max } = pool.state();
        idle_now.set(number(idle));
        in_use_now.set(number(in_use));
        at_most.set(max);
    }
}

async fn watch_entries(reader: &dyn LedgerReader) -> Infallible {
    let unknown = metrics::gauge!("publisher_ledger_entries", "state" => "unknown");
    let mut times = interval(ASKED_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answers = true;
    loop {
        times.tick().await;
        let counted = reader.count_unknown().await;
        if let Ok(count) = &counted {
            unknown.set(number(*count));
        }
        let failure = counted.err().or(reader.probe().await.err());
        // Every failure is counted; the log says when it begins and when it is over.
        match &failure {
            Some(failure) if answers => report(failure),
            None if !answers => tracing::info!("the ledger can be read and written again"),
            _ => {}
        }
        answers = failure.is_none();
    }
}

fn report(failure: &LedgerError) {
    let cause = failure.source().map(ToString::to_string);
    let cause = cause.unwrap_or_default();
    tracing::warn!(error = %format_args!("{failure}: {cause}"), "the ledger cannot be read and written");
}

/// A number as a gauge takes it.
fn number<N: TryInto<u32>>(count: N) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
}
