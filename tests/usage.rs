//! Two replicas over one outbox, in SQLite and in PostgreSQL, and the sandbox's billing: five hundred events are debited
//! once each, and sent again only where an answer was lost.

#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{
    collections::BTreeSet,
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, SystemTime},
};

use publisher::{
    adapters::{
        clock::SystemClock,
        http_client::ExtraRoots,
        ledger::{LedgerSettings, OpenLedger},
        orchestrator::{OrchestratorClient, OrchestratorSettings, ServiceToken},
    },
    app::{runtime::usage_recorder::UsageRecorder, usecases::report_usage::ReportUsage},
    domain::{
        host::Host,
        secret::Secret,
        storage::AllowedStorage,
        tenant::TenantName,
        usage::{UsageEvent, UsageKey, UsageMetric},
    },
    ports::UsageSink as _,
};
use publisher_sandbox::{Fault, Sandbox};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const EVENTS: usize = 500;
/// Answers that are lost on the way.
const LOST: usize = 5;
const PATIENCE: Duration = Duration::from_mins(3);

/// A replica at work.
struct Replica {
    ledger: OpenLedger,
    recorder: Arc<UsageRecorder>,
    running: JoinHandle<()>,
}

impl Replica {
    fn start(sandbox: &Sandbox, ledger: OpenLedger, end: &CancellationToken) -> Self {
        let clock = Arc::new(SystemClock);
        let token = Secret::new(sandbox.orchestrator.service_token());
        let settings = OrchestratorSettings {
            base_url: sandbox.orchestrator.server().url().parse().unwrap(),
            service_token: ServiceToken::fixed(token),
            base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
            prefer_post: true,
            storage: AllowedStorage::WithCredential,
        };
        let client = OrchestratorClient::new(settings, &ExtraRoots::default(), clock.clone());
        let recorder = Arc::new(UsageRecorder::new(clock));
        recorder.attach(Arc::clone(&ledger.usage));
        let sender = ReportUsage::new(
            Arc::clone(&ledger.usage),
            Arc::new(client.unwrap()),
            Arc::clone(&recorder),
            100_000,
        );
        Self {
            running: tokio::spawn(sender.run(end.clone())),
            ledger,
            recorder,
        }
    }

    async fn record(&self, number: usize) {
        let event = UsageEvent {
            tenant: TenantName::new("alice").unwrap(),
            metric: UsageMetric::AiTokens,
            key: UsageKey::new(&format!("completion-{number}")).unwrap(),
            quantity: NonZeroU64::new(10).unwrap(),
            occurred_at: SystemTime::UNIX_EPOCH,
        };
        self.recorder.record(event).await;
    }

    async fn end(self) {
        self.running.await.unwrap();
        self.ledger.close().await;
    }
}

async fn five_hundred_events_are_debited_once_each(one: OpenLedger, other: OpenLedger) {
    let sandbox = Sandbox::start().await.unwrap();
    let end = CancellationToken::new();
    let one = Replica::start(&sandbox, one, &end);
    let other = Replica::start(&sandbox, other, &end);
    let switches = sandbox.orchestrator.switches();
    for number in 0..EVENTS {
        let replica = if number % 3 == 0 { &other } else { &one };
        replica.record(number).await;
        if number == EVENTS / 2 {
            let lost = Fault::status(502).after_processing();
            switches.inject_times("usage", LOST, lost);
        }
    }
    let all_debited = async {
        while sandbox.orchestrator.debits().len() < EVENTS
            || one.ledger.usage.state().await.unwrap().entries > 0
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_debited).await.unwrap();
    end.cancel();
    one.end().await;
    other.end().await;
    let debits = sandbox.orchestrator.debits();
    let keys: BTreeSet<_> = debits.iter().map(|debit| &debit.key).collect();
    assert_eq!((debits.len(), keys.len()), (EVENTS, EVENTS));
    assert_eq!(
        switches.calls("usage"),
        EVENTS + LOST,
        "each is sent once, but for lost answers"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_events_in_a_file_are_debited_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
    let settings = || LedgerSettings::from_url(&Secret::new(url.clone())).unwrap();
    let one = OpenLedger::open(settings(), Arc::new(SystemClock))
        .await
        .unwrap();
    let other = OpenLedger::open_beside(settings(), Arc::new(SystemClock))
        .await
        .unwrap();
    five_hundred_events_are_debited_once_each(one, other).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_events_on_a_server_are_debited_once_each() {
    use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

    let server = "postgres://postgres@127.0.0.1:5432/postgres";
    let Ok(mut admin) = PgConnection::connect(server).await else {
        println!("skipped: no PostgreSQL answers at 127.0.0.1:5432");
        return;
    };
    let schema = format!("usage_test_{}", std::process::id());
    let create = AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
    admin.execute(sqlx::raw_sql(create)).await.unwrap();
    let url = format!("{server}?options=-c%20search_path%3D{schema}");
    let settings = || LedgerSettings::from_url(&Secret::new(url.clone())).unwrap();
    let one = OpenLedger::open(settings(), Arc::new(SystemClock))
        .await
        .unwrap();
    let other = OpenLedger::open(settings(), Arc::new(SystemClock))
        .await
        .unwrap();
    let tried = tokio::spawn(five_hundred_events_are_debited_once_each(one, other)).await;
    let drop = AssertSqlSafe(format!("DROP SCHEMA {schema} CASCADE"));
    admin.execute(sqlx::raw_sql(drop)).await.unwrap();
    if let Err(error) = tried {
        panic!("{error}");
    }
}
