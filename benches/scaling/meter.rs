//! Counters of the service, the database and the stand-ins, and what they have counted between two moments.

use std::{collections::BTreeMap, time::Instant};

use publisher_sandbox::Sandbox;
use serde_json::{Value, json};

use crate::{database::Database, service::Serving, stage::switches};

/// All counters at one moment.
pub(crate) struct Reading {
    at: Instant,
    counters: BTreeMap<String, f64>,
}

impl Reading {
    pub(crate) async fn take(
        sandbox: &Sandbox,
        database: &mut Database,
        serving: &Serving,
    ) -> Self {
        let mut counters = BTreeMap::new();
        let mut add = |name: &str, value: f64| {
            *counters.entry(name.to_owned()).or_default() += value;
        };
        add("cpu_ms", serving.processor_time().as_secs_f64() * 1e3);
        add("database_cpu_ms", database.processor_time() * 1e3);
        add("memory_kb", serving.memory() / 1e3);
        for (kind, calls, milliseconds, wal) in database.statements().await {
            add("statements", calls);
            add("statement_ms", milliseconds);
            add("wal_bytes", wal);
            add(&format!("statements_{kind}"), calls);
            add(&format!("statement_ms_{kind}"), milliseconds);
        }
        let [orchestrator, dropbox, openai, telegram] = switches(sandbox);
        for operation in ["by_host", "resolve", "usage"] {
            add(operation, calls(orchestrator.calls(operation)));
        }
        add("orchestrator", calls(orchestrator.total_calls()));
        add("dropbox", calls(dropbox.total_calls()));
        add("openai", calls(openai.total_calls()));
        add("telegram", calls(telegram.total_calls()));
        Self {
            at: Instant::now(),
            counters,
        }
    }

    /// What was counted since an earlier reading, for each of so many; and the seconds between.
    pub(crate) fn since(&self, before: &Self, each_of: u32) -> Value {
        let seconds = self.at.duration_since(before.at).as_secs_f64();
        let mut figures = json!({"seconds": rounded(seconds), "count": each_of});
        for (name, value) in &self.counters {
            let before = before.counters.get(name).copied().unwrap_or_default();
            figures[name] = rounded((value - before) / f64::from(each_of)).into();
        }
        figures
    }

    /// A counter as it was.
    pub(crate) fn value(&self, name: &str) -> f64 {
        self.counters.get(name).copied().unwrap_or_default()
    }
}

fn calls(count: usize) -> f64 {
    f64::from(u32::try_from(count).expect("no billions of calls"))
}

/// To the ten thousandth: no counter is exacter.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
