//! How often something is done, counted by several processes on one server.

use sqlx::Row as _;

use super::{
    super::pool::Guarded,
    postgres::{SERVER, Stage, opened, stage},
    *,
};
use crate::{
    adapters::ledger::{rates, retention},
    ports::{RateKey, RateLimit, SharedRates, TooLate},
};

const CALLS: RateLimit = RateLimit {
    name: "calls",
    turns: 3,
    window: Duration::from_mins(1),
    longest_wait: Duration::from_secs(30),
};
const FAILURES: RateLimit = RateLimit {
    name: "failures",
    longest_wait: Duration::ZERO,
    ..CALLS
};

fn key(name: &str, who: Option<&str>) -> RateKey {
    RateKey {
        tenant: tenant(name),
        who: who.map(str::to_owned),
    }
}

async fn take(ledger: &PostgresLedger, limit: &RateLimit, key: &RateKey) -> Option<Duration> {
    SharedRates::take(ledger, limit, key).await.unwrap().ok()
}

async fn look(ledger: &PostgresLedger, limit: &RateLimit, key: &RateKey) -> Result<(), TooLate> {
    SharedRates::look(ledger, limit, key).await.unwrap()
}

/// Lets time pass for all turns.
async fn pass(ledger: &PostgresLedger, time: Duration) {
    let millis = time.as_millis();
    ledger
        .run(&format!(
            "UPDATE ledger_rates SET evict_at = evict_at - {millis},
                turns = ARRAY(SELECT turn - {millis} FROM unnest(turns) AS turn ORDER BY turn)"
        ))
        .await;
}

/// Runs a test on a server, if there is one, and leaves nothing behind.
async fn on_stage(test: impl AsyncFnOnce(&Stage)) {
    let Some(stage) = stage().await else { return };
    let ended = run_to_the_end(test(&stage)).await;
    stage.end().await;
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

/// Another process on the same server.
async fn another(stage: &Stage) -> PostgresLedger {
    let options: sqlx::postgres::PgConnectOptions = SERVER.parse().unwrap();
    opened(options.options([("search_path", &stage.schema)])).await
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_beyond_the_limit_are_given_ahead_of_their_time_or_not_at_all() {
    on_stage(async |stage| {
        let (ledger, alice) = (&stage.ledger, key("alice", None));
        for _ in 0..3 {
            assert_eq!(take(ledger, &CALLS, &alice).await, Some(Duration::ZERO));
        }
        let refused = look(ledger, &CALLS, &alice).await.unwrap_err();
        assert!(refused.wait > Duration::from_secs(50), "{refused:?}");
        assert_eq!(take(ledger, &CALLS, &alice).await, None);
        // Each limit and each key has its own turns.
        for other in [key("bob", None), key("alice", Some("198.51.100.7"))] {
            look(ledger, &CALLS, &other).await.unwrap();
            assert_eq!(take(ledger, &CALLS, &other).await, Some(Duration::ZERO));
        }
        look(ledger, &FAILURES, &alice).await.unwrap();
        // Half a minute later, a turn is near enough, but for those that were given meanwhile.
        pass(ledger, Duration::from_secs(35)).await;
        look(ledger, &CALLS, &alice).await.unwrap();
        for _ in 0..3 {
            let wait = take(ledger, &CALLS, &alice).await.unwrap();
            assert!(wait > Duration::from_secs(20), "{wait:?}");
            assert!(wait <= Duration::from_secs(25), "{wait:?}");
        }
        assert_eq!(take(ledger, &CALLS, &alice).await, None);
        // At their time they count: the next is a minute after the first of them.
        pass(ledger, Duration::from_secs(26)).await;
        assert_eq!(take(ledger, &CALLS, &alice).await, None);
        pass(ledger, Duration::from_mins(1)).await;
        assert_eq!(take(ledger, &CALLS, &alice).await, Some(Duration::ZERO));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_that_are_forgotten_are_free() {
    on_stage(async |stage| {
        let (ledger, mallory) = (&stage.ledger, key("alice", Some("mallory")));
        for _ in 0..3 {
            take(ledger, &FAILURES, &mallory).await.unwrap();
        }
        assert_eq!(take(ledger, &FAILURES, &mallory).await, None);
        look(ledger, &FAILURES, &mallory).await.unwrap_err();
        SharedRates::forget(ledger, &FAILURES, &mallory)
            .await
            .unwrap();
        look(ledger, &FAILURES, &mallory).await.unwrap();
        assert!(take(ledger, &FAILURES, &mallory).await.is_some());
        let none = RateLimit {
            turns: 0,
            ..FAILURES
        };
        assert_eq!(take(ledger, &none, &mallory).await, None);
    })
    .await;
}

/// In no window there are more turns than there may be, whoever takes them.
#[tokio::test(flavor = "multi_thread")]
async fn three_processes_keep_one_limit() {
    const LIMIT: RateLimit = RateLimit {
        name: "calls",
        turns: 5,
        window: Duration::from_millis(100),
        longest_wait: Duration::from_hours(1),
    };
    on_stage(async |stage| {
        let processes = [another(stage).await, another(stage).await];
        let alice = key("alice", None);
        let takers = (0..120).map(|number| {
            let ledger = match number % 3 {
                0 => &stage.ledger,
                other => &processes[other - 1],
            };
            let alice = &alice;
            async move {
                // A server that two tests share may be slower than the caller waits for.
                while SharedRates::take(ledger, &LIMIT, alice).await.is_err() {}
            }
        });
        // The turns that count are the last ones only: keep them all.
        stage
            .ledger
            .run(
                "CREATE TABLE taken (at BIGINT);
                 CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
                    'BEGIN INSERT INTO taken VALUES (NEW.next_at); RETURN NEW; END';
                 CREATE TRIGGER note AFTER INSERT OR UPDATE ON ledger_rates
                    FOR EACH ROW EXECUTE FUNCTION note()",
            )
            .await;
        futures_util::future::join_all(takers).await;
        let mut connection = Guarded::acquire(stage.ledger.pool()).await.unwrap();
        let rows = sqlx::query("SELECT at FROM taken ORDER BY at")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        connection.give_back();
        let turns: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert!(turns.len() >= 120);
        for six in turns.windows(6) {
            assert!(six[5] - six[0] >= 100, "{six:?}");
        }
        // None is left out: each is as soon as it can be, or now.
        let took = turns[turns.len() - 1] - turns[0];
        let turns = i64::try_from(turns.len()).unwrap();
        assert!(took >= (turns / 5 - 1) * 100, "{took} ms for {turns}");
        for process in processes {
            process.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_matter_any_more_is_swept() {
    on_stage(async |stage| {
        let ledger = &stage.ledger;
        for number in 0..600 {
            let who = number.to_string();
            take(ledger, &FAILURES, &key("alice", Some(&who)))
                .await
                .unwrap();
        }
        ledger.sweep(kept_for(None)).await.unwrap();
        let count = "SELECT count(*) FROM ledger_rates";
        assert_eq!(ledger.number(count).await, 600);
        pass(ledger, Duration::from_hours(2)).await;
        take(ledger, &FAILURES, &key("alice", Some("7")))
            .await
            .unwrap();
        ledger.sweep(kept_for(None)).await.unwrap();
        assert_eq!(ledger.number(count).await, 1, "who was there again");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_locked_is_waited_for_three_seconds() {
    on_stage(async |stage| {
        let (ledger, alice) = (&stage.ledger, key("alice", None));
        take(ledger, &CALLS, &alice).await.unwrap();
        let (mut frozen, _) = ledger.begin_patiently(Durability::Volatile).await.unwrap();
        sqlx::query("SELECT * FROM ledger_rates FOR UPDATE")
            .fetch_all(&mut *frozen)
            .await
            .unwrap();
        let failed = SharedRates::take(ledger, &CALLS, &alice).await.unwrap_err();
        let LedgerError::Unavailable(cause) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(cause.to_string(), "the database did not answer within 3 s");
        look(ledger, &CALLS, &alice).await.unwrap();
        frozen.roll_back().await.unwrap();
        assert!(take(ledger, &CALLS, &alice).await.is_some());
    })
    .await;
}

#[tokio::test]
async fn turns_are_found_by_their_key() {
    on_stage(async |stage| {
        let ledger = &stage.ledger;
        ledger
            .run(
                "INSERT INTO ledger_rates SELECT 'calls', decode(md5(i::text), 'hex'), ARRAY[i], i, i, i
                    FROM generate_series(1, 20000) AS i; ANALYZE ledger_rates",
            )
            .await;
        for (statement, parameters, index) in [
            (rates::LOOK, "('calls', '\\x00', 3, 60000)", "ledger_rates_pkey"),
            (rates::FORGET, "('calls', '\\x00')", "ledger_rates_pkey"),
            (retention::DROP_RATES, "(10, 500)", "ledger_rates_evict"),
        ] {
            let plan = job_plans::plan(ledger, statement, parameters).await;
            assert!(plan.contains(index), "{statement}: {plan}");
        }
    })
    .await;
}
