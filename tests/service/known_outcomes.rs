//! What platforms have answered reaches the ledger, however long its server was away.

use std::time::Duration;

use futures_util::future::join_all;
use publisher_sandbox::{Sample, Sandbox, TenantSpec};
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::{
    harness::Service,
    own_postgres::{OwnServer, PASSWORD, Stop},
};

const IMAGES: usize = 40;
const DEFERRED: &str = "could not be recorded in the ledger; retrying in the background";

/// An image of its own for each number.
fn image(number: usize) -> Sample {
    let mut bytes = Vec::new();
    let picture = image::RgbImage::from_pixel(32, 24, image::Rgb([90, 120, 150]));
    picture
        .write_to(
            &mut std::io::Cursor::new(&mut bytes),
            image::ImageFormat::Jpeg,
        )
        .unwrap();
    // Behind the end of the picture, where no decoder looks.
    bytes.extend_from_slice(&number.to_be_bytes());
    Sample::new(&format!("image-{number}.jpg"), bytes)
}

/// How many entries are in each state.
async fn states(server: &OwnServer) -> Vec<(String, i64)> {
    let mut connection = server.connect().await;
    let rows = sqlx::query("SELECT state, COUNT(*) AS n FROM ledger_entries GROUP BY 1 ORDER BY 1");
    let rows = rows.fetch_all(&mut connection).await.unwrap();
    rows.iter()
        .map(|row| (row.get("state"), row.get("n")))
        .collect()
}

#[expect(clippy::print_stdout, reason = "the figures are to be seen")]
async fn nothing_is_unknown_after(stop: Stop, away: Duration) -> Option<String> {
    let mut server = OwnServer::create()?;
    server.start(20).await;
    let sandbox = Sandbox::start_empty().await.unwrap();
    let spec = TenantSpec::new("carol").email(false);
    let carol = sandbox.add_tenant(spec.images((0..IMAGES).map(image)));
    let settings = [
        ("PUBLISH_LEDGER_URL", &*server.url("postgres", PASSWORD)),
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "50"),
        ("AI_RATE_PER_MINUTE", "1000"),
    ];
    let service = Service::start_with(sandbox.environment(), &settings).await;
    let held = sandbox.telegram.switches().hold("sendPhoto");
    let publishes = (0..IMAGES).map(|number| {
        let name = format!("image-{number}.jpg");
        let (service, sandbox, carol) = (&service, &sandbox, &carol);
        async move { service.publish(sandbox, carol, &name, json!({})).await }
    });
    let outage = async {
        let arrived = held.arrived(IMAGES);
        let arrived = tokio::time::timeout(Duration::from_mins(1), arrived).await;
        assert!(arrived.is_ok(), "not all were sent: {}", service.log());
        server.stop(stop);
        held.release();
        tokio::time::sleep(away).await;
        server.start(20).await;
    };
    let (answers, ()) = tokio::join!(join_all(publishes), outage);
    for answer in &answers {
        let outcome = &answer.json()["results"]["telegram"]["outcome"];
        assert_eq!(outcome, "published", "{answer:?}");
    }
    let recorded = async {
        while states(&server).await != [("published".to_owned(), 40)] {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let recorded = tokio::time::timeout(Duration::from_mins(2), recorded).await;
    let states = states(&server).await;
    assert!(recorded.is_ok(), "{states:?}\n{}", service.log());
    println!("{IMAGES} publishes, PostgreSQL away for {away:?}: {states:?}");
    assert_eq!(sandbox.telegram.photos().len(), IMAGES);

    // The leases are given back with the outcomes, and nothing is sent a second time.
    let free = async {
        loop {
            let again = service
                .publish(&sandbox, &carol, "image-0.jpg", json!({}))
                .await;
            if again.status != 409 {
                return again.json();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let again: Value = tokio::time::timeout(Duration::from_secs(30), free)
        .await
        .unwrap();
    let outcome = &again["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "already_published", "{again}");
    assert_eq!(sandbox.telegram.photos().len(), IMAGES);
    let log = service.whole_log().await;
    service.kill().await;
    Some(log)
}

#[tokio::test]
async fn a_server_that_was_stopped_for_15_s_in_mid_send_leaves_nothing_unknown() {
    nothing_is_unknown_after(Stop::Fast, Duration::from_secs(15)).await;
}

#[tokio::test]
async fn a_server_that_crashed_in_mid_send_leaves_nothing_unknown() {
    // Longer than the attempts that the caller waits for.
    let log = nothing_is_unknown_after(Stop::Immediate, Duration::from_secs(35)).await;
    assert!(log.is_none_or(|log| log.contains(DEFERRED)));
}
