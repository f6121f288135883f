//! What tenants use, from the completion or the call to storage to the orchestrator's billing; and tenants that are out
//! of credit.

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Fault, Sandbox};
use serde_json::json;

use crate::{
    database::Database,
    harness::{Service, now},
};

const USAGE: &str = "usage";

/// The key and the quantity of each debit of tokens, in the order of the keys.
fn tokens(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let debits = sandbox.orchestrator.debits().into_iter();
    let debits = debits.filter(|debit| debit.metric == "ai_tokens");
    let mut debits: Vec<_> = debits.map(|debit| (debit.key, debit.quantity)).collect();
    debits.sort();
    debits
}

/// What the provider has billed.
fn billed(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let mut billed = sandbox.openai.completions();
    billed.sort();
    billed
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let looking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let limit = Duration::from_mins(2);
    let ended = tokio::time::timeout(limit, looking).await;
    assert!(ended.is_ok(), "{what}");
}

async fn everything_is_debited(sandbox: &Sandbox) {
    until("all is debited", || tokens(sandbox) == billed(sandbox)).await;
}

fn bob(sandbox: &Sandbox) -> &DemoTenant {
    &sandbox.tenants()[1]
}

const IMAGE: &str = "north-ridge.jpg";

#[tokio::test]
async fn each_completion_is_debited_once_also_one_that_cannot_be_used() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let published = service
        .publish(&sandbox, bob(&sandbox), IMAGE, json!({}))
        .await;
    assert_eq!(published.status, 200, "{published:?}");
    let used = billed(&sandbox).len();
    assert!(used >= 2, "vision and captions");
    everything_is_debited(&sandbox).await;

    sandbox.openai.answer_vision_with(Some("no analysis"));
    let mut images = bob(&sandbox).images.iter();
    let image = images.find(|image| *image != IMAGE).unwrap();
    let failed = service
        .post(&sandbox, bob(&sandbox), image, "analyze")
        .await;
    assert_ne!(failed.status, 200, "{failed:?}");
    assert_eq!(
        billed(&sandbox).len(),
        used + 2,
        "the look, and the closer look"
    );
    everything_is_debited(&sandbox).await;
    let sent = format!(
        "publisher_usage_events_total{{outcome=\"sent\"}} {}",
        used + 2
    );
    // It is counted once the answer is read.
    let counted = async {
        while !service.metrics().await.text.contains(&sent) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let counted = tokio::time::timeout(Duration::from_mins(1), counted).await;
    assert!(counted.is_ok(), "{sent} is not among the metrics");
    service.terminate().await;
    assert!(service.ended().await.0.success());
    assert_eq!(
        sandbox.orchestrator.switches().calls(USAGE),
        used + 2,
        "once each"
    );
}

#[tokio::test]
async fn billing_that_hangs_or_fails_keeps_no_publication_waiting_and_gets_its_events_later() {
    let sandbox = Sandbox::start().await.unwrap();
    let held = sandbox.orchestrator.switches().hold(USAGE);
    let service = Service::start(&sandbox).await;
    let started = now();
    let published = service
        .publish(&sandbox, bob(&sandbox), IMAGE, json!({}))
        .await;
    assert_eq!(published.status, 200, "{published:?}");
    assert!(
        started.elapsed() < Duration::from_secs(15),
        "it would have waited"
    );
    held.arrived(1).await;
    // A process that ends does not wait for billing either.
    service.terminate().await;
    assert!(service.ended().await.0.success());
    held.release();

    let service = Service::start(&sandbox).await;
    sandbox
        .orchestrator
        .switches()
        .inject(USAGE, Fault::status(500));
    everything_is_debited(&sandbox).await;
    service.kill().await;
}

async fn what_was_read_before_a_kill_is_debited_after_it(database: &Database) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .orchestrator
        .switches()
        .always(USAGE, Fault::status(503));
    let service = database.start(&sandbox).await;
    let captions = sandbox.openai.switches().hold("caption");
    {
        let publish = service.publish(&sandbox, bob(&sandbox), IMAGE, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = captions.arrived(1) => {}
        }
    }
    // The description has been used: it is in the caption's request. The provider has billed the captions as well, but
    // nobody has read what they cost.
    let [(vision, _), (unread, _)] = &sandbox.openai.completions()[..] else {
        panic!("two completions");
    };
    service.kill().await;
    captions.release();
    sandbox.orchestrator.switches().clear(USAGE);

    let service = database.start(&sandbox).await;
    until("the first completion is debited", || {
        !tokens(&sandbox).is_empty()
    })
    .await;
    let debited = tokens(&sandbox);
    let keys: Vec<_> = debited.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [vision], "{unread} is the window that remains");
    service.kill().await;
}

#[tokio::test]
async fn what_was_read_before_a_kill_is_debited_after_it_on_sqlite() {
    what_was_read_before_a_kill_is_debited_after_it(&Database::sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn what_was_read_before_a_kill_is_debited_after_it_on_postgres() {
    if let Some(database) = Database::postgres().await {
        what_was_read_before_a_kill_is_debited_after_it(&database).await;
        database.remove().await;
    }
}

#[tokio::test]
async fn calls_to_storage_add_up_to_what_the_store_has_counted() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut tenants = sandbox.tenants().iter();
    let dana = tenants.find(|tenant| tenant.is_managed).unwrap();
    sandbox.orchestrator.edit_config(&dana.host, |config| {
        config["features"]["storage_ops_metering_enabled"] = true.into();
    });
    let store = sandbox.s3.server().switches();
    let before = store.total_calls();
    let debited = || {
        let debits = sandbox.orchestrator.debits();
        let requests = debits
            .iter()
            .filter(|it| it.metric == "storage_ops_requests");
        requests.map(|debit| debit.quantity).sum::<u64>()
    };
    let service = Service::start(&sandbox).await;
    let list = async || {
        let path = "/api/images/list";
        service.get_as_admin(&sandbox, &dana.host, path).await
    };
    let listed = list().await;
    let image = listed.json()["filenames"][0].as_str().unwrap().to_owned();
    store.inject("get", Fault::status(503));
    let published = service.publish(&sandbox, dana, &image, json!({})).await;
    assert_eq!(published.json()["archived"], true, "{published:?}");
    let used = u64::try_from(store.total_calls() - before).unwrap();
    until("those of the publication are debited", || debited() == used).await;

    let missing = service
        .publish(&sandbox, dana, "missing.jpg", json!({}))
        .await;
    assert_eq!(missing.status, 404, "{missing:?}");
    let kept = listed.json()["filenames"][1].as_str().unwrap().to_owned();
    assert_eq!(
        service.post(&sandbox, dana, &kept, "keep").await.status,
        200
    );
    service.terminate().await;
    assert!(service.ended().await.0.success());
    // The last calls are recorded at the end, and sent by the next process.
    let used = u64::try_from(store.total_calls() - before).unwrap();
    let service = Service::start(&sandbox).await;
    until("all are debited", || debited() == used).await;
    let keys = sandbox.orchestrator.debits();
    let mut keys: Vec<_> = keys.iter().map(|debit| &debit.key).collect();
    keys.dedup();
    assert!(
        keys.iter().any(|key| key.starts_with("r2ops:dana:")),
        "{keys:?}"
    );
    service.kill().await;
}

#[tokio::test]
async fn a_tenant_whose_wallet_has_run_out_gets_402() {
    let sandbox = Sandbox::start().await.unwrap();
    let bob = bob(&sandbox);
    sandbox.orchestrator.set_balance(&bob.name, 1);
    // Credentials are asked for each time, so that the wallet counts at once.
    let settings = [
        ("CREDENTIAL_CACHE_ENABLED", "false"),
        ("TENANT_SERVICE_TTL_SECONDS", "600"),
    ];
    let service = Service::start_with(sandbox.environment(), &settings).await;
    let analyzed = service.post(&sandbox, bob, IMAGE, "analyze").await;
    assert_eq!(analyzed.status, 200, "{analyzed:?}");
    until("the wallet is empty", || {
        sandbox.orchestrator.balance(&bob.name) == Some(0)
    })
    .await;

    let analyzed = service
        .post(&sandbox, bob, IMAGE, "analyze?force_refresh=true")
        .await;
    analyzed.assert_problem(402, "insufficient-balance");
    let refused = service.publish(&sandbox, bob, IMAGE, json!({})).await;
    refused.assert_problem(402, "insufficient-balance");
    assert!(sandbox.telegram.photos().is_empty(), "nothing is sent");
    // Telegram's credential is held back as well.
    let body = json!({"allow_empty_caption": true});
    let refused = service.publish(&sandbox, bob, IMAGE, body).await;
    refused.assert_problem(402, "insufficient-balance");
    service.kill().await;
}

#[tokio::test]
async fn captions_that_cannot_be_paid_for_are_402_unless_the_request_goes_without() {
    let sandbox = Sandbox::start().await.unwrap();
    let bob = bob(&sandbox);
    let reference = bob.ai_ref.clone();
    let out_of_credit = publisher_sandbox::Orchestrator::insufficient_balance;
    let resolve = sandbox.orchestrator.switches();
    resolve.always_matching("resolve", &reference, out_of_credit());
    let service = Service::start(&sandbox).await;
    let refused = service.publish(&sandbox, bob, IMAGE, json!({})).await;
    refused.assert_problem(402, "insufficient-balance");
    assert!(sandbox.telegram.photos().is_empty(), "nothing is sent");
    let analyzed = service.post(&sandbox, bob, IMAGE, "analyze").await;
    analyzed.assert_problem(402, "insufficient-balance");
    let body = json!({"allow_empty_caption": true});
    let published = service.publish(&sandbox, bob, IMAGE, body).await;
    let outcome = &published.json()["results"]["telegram"]["outcome"];
    assert_eq!(outcome, "published", "{published:?}");
    service.kill().await;
}

#[tokio::test]
async fn a_tenant_whose_storage_credential_is_held_back_is_unavailable() {
    let sandbox = Sandbox::start().await.unwrap();
    let bob = bob(&sandbox);
    sandbox.orchestrator.set_balance(&bob.name, 0);
    let service = Service::start(&sandbox).await;
    let refused = service.publish(&sandbox, bob, IMAGE, json!({})).await;
    refused.assert_problem(503, "tenant-unavailable");
    service.kill().await;
}

#[tokio::test]
async fn nothing_is_reported_where_that_is_off() {
    let sandbox = Sandbox::start().await.unwrap();
    let settings = [("USAGE_REPORTING", "false")];
    let service = Service::start_with(sandbox.environment(), &settings).await;
    let published = service
        .publish(&sandbox, bob(&sandbox), IMAGE, json!({}))
        .await;
    assert_eq!(published.status, 200, "{published:?}");
    service.terminate().await;
    assert!(service.ended().await.0.success());
    assert_eq!(sandbox.orchestrator.switches().calls(USAGE), 0);
}
