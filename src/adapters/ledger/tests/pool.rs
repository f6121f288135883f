use std::{net::SocketAddr, str::FromStr as _, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    super::pool::Guarded,
    lease_of,
    postgres::{SERVER, Stage, opened, stage},
    *,
};
use crate::domain::{ledger::Claim, platform::Platform};

/// A network between the ledger and the server, which can swallow what is sent.
struct Network {
    address: SocketAddr,
    /// Which connections are alive: those that were made since the last notification.
    age: watch::Sender<u32>,
}

impl Network {
    async fn to_server() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (age, told) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut told = told.clone();
                told.borrow_and_update();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect("127.0.0.1:5432").await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => return,
                        _ = told.changed() => {}
                    }
                    // Neither end is notified, and neither is read from any more.
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { address, age }
    }

    /// From now on the connections that there are swallow everything, as a firewall does that has
    /// forgotten them. New ones work.
    fn forget_connections(&self) {
        self.age.send_modify(|age| *age += 1);
    }

    async fn ledger(&self, stage: &Stage) -> PostgresLedger {
        let options = PgConnectOptions::from_str(SERVER).unwrap();
        let options = options.port(self.address.port());
        opened(options.options([("search_path", &*stage.schema)])).await
    }
}

#[tokio::test]
async fn connections_that_are_dropped_in_silence_fail_no_operation_that_begins_later() {
    let Some(stage) = stage().await else { return };
    let network = Network::to_server().await;
    let ledger = network.ledger(&stage).await;
    let lease = lease_of("alice", "image");
    let claim = ledger.claim(&lease, &Platform::ALL).await.unwrap();
    assert!(matches!(claim, Claim::Held(_)));
    let key = ledger.session().await.unwrap();
    // Several that are idle, and the session.
    let all = (0..4).map(|_| Guarded::acquire(ledger.pool()));
    for connection in futures_util::future::join_all(all).await {
        connection.unwrap().give_back();
    }
    network.forget_connections();
    // What the service's clock cannot be asked for here is only printed.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long it takes is printed, not asserted"
    )]
    let since = tokio::time::Instant::now();
    ledger.renew(&lease).await.unwrap();
    println!(
        "renewed {:?} after all connections were lost",
        since.elapsed()
    );
    assert_ne!(ledger.session().await.unwrap(), key);
    ledger.probe().await.unwrap();
    let other = lease_of("alice", "image");
    let claim = stage.ledger.claim(&other, &Platform::ALL).await.unwrap();
    assert_eq!(claim, Claim::HeldByOther, "the lease is under the new key");
    ledger.close().await;
    stage.end().await;
}

#[tokio::test]
async fn an_operation_that_is_cut_off_in_silence_ends_and_the_next_one_works() {
    let Some(stage) = stage().await else { return };
    let network = Network::to_server().await;
    let ledger = network.ledger(&stage).await;
    let lease = lease_of("alice", "image");
    ledger.claim(&lease, &Platform::ALL).await.unwrap();
    // Another's lock, so that it waits in the middle of its transaction.
    let options = PgConnectOptions::from_str(SERVER).unwrap();
    let options = options.options([("search_path", &*stage.schema)]);
    let mut lock = options.connect().await.unwrap();
    sqlx::raw_sql("BEGIN; LOCK TABLE ledger_leases IN ACCESS EXCLUSIVE MODE")
        .execute(&mut lock)
        .await
        .unwrap();
    let waiting = async {
        let mut check = Guarded::acquire(stage.ledger.pool()).await.unwrap();
        let waiting = "SELECT count(*) > 0 FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
            WHERE NOT l.granted AND c.relnamespace::regnamespace::text = $1";
        while !sqlx::query_scalar::<_, bool>(waiting)
            .bind(&stage.schema)
            .fetch_one(&mut *check)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        check.give_back();
        network.forget_connections();
    };
    let (cut_off, ()) = tokio::join!(ledger.renew(&lease), waiting);
    let error = cut_off.unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(
        cause.as_deref(),
        Some("the database did not answer within 10 s")
    );
    lock.close().await.unwrap();
    ledger.renew(&lease).await.unwrap();
    ledger.close().await;
    stage.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_told_in_words_that_help() {
    let Some(stage) = stage().await else { return };
    let options = || PgConnectOptions::from_str(SERVER).unwrap();
    let failure = async |options: PgConnectOptions| {
        let error = PostgresLedger::new(options, 1, clock())
            .prepare()
            .await
            .unwrap_err();
        assert!(!error.is_final(), "{error:?}");
        error.cause()
    };
    let nowhere = options().port(9);
    assert!(failure(nowhere).await.contains("Connection refused"));
    let missing = options().database("there_is_none");
    assert_eq!(
        failure(missing).await,
        "the server has no such database: create it, or correct the name in the URL"
    );
    let nobody = options().username("there_is_nobody");
    assert!(
        failure(nobody)
            .await
            .contains("refuses the user or the password")
    );
    // Takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hung = options().port(silent.local_addr().unwrap().port());
    let cause = failure(hung).await;
    assert_eq!(cause, "the server did not answer within 5 s");
    stage.end().await;
}

#[tokio::test]
async fn nothing_is_done_before_the_ledger_is_open() {
    let ledger = PostgresLedger::new(PgConnectOptions::from_str(SERVER).unwrap(), 1, clock());
    ledger.keep_out("the cause".to_owned());
    let lease = lease_of("alice", "image");
    for error in [
        ledger.probe().await.unwrap_err(),
        ledger.claim(&lease, &[]).await.unwrap_err(),
        ledger.release(&lease).await.unwrap_err(),
    ] {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("the cause"));
    }
}
