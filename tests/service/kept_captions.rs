//! Captions that the ledger keeps: a repeat sends the same words, whatever has become of the sidecar.

use publisher_sandbox::{DemoTenant, Sandbox, Telegram};
use serde_json::{Value, json};

use crate::{database::Database, harness::Service};

const IMAGE: &str = "harbour-dawn.jpg";
const FIRST: &str = "First light over the harbour";
const LATER: &str = "Never these words";

/// Has the model write these words for both platforms.
fn script(sandbox: &Sandbox, words: &str) {
    let captions = json!({"captions": {"telegram": words, "email": words}});
    let content = captions.to_string();
    sandbox.openai.answer_captions_with(Some(&content));
}

async fn publish(
    service: &Service,
    sandbox: &Sandbox,
    tenant: &DemoTenant,
    body: Value,
) -> (Value, [String; 2]) {
    let answer = service.publish(sandbox, tenant, IMAGE, body).await.json();
    let outcome = |platform: &str| {
        let outcome = answer["results"][platform]["outcome"].as_str();
        outcome.unwrap_or_default().to_owned()
    };
    let outcomes = ["telegram", "email"].map(outcome);
    (answer, outcomes)
}

async fn a_repeat_sends_the_words_of_the_first_run(database: Database) {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = sandbox.tenants()[0].clone();
    let service = database.start(&sandbox).await;
    script(&sandbox, FIRST);
    let telegram = sandbox.telegram.switches();
    let refusal = Telegram::refusal(400, "Bad Request: chat not found");
    telegram.always("sendPhoto", refusal);
    let (first, outcomes) = publish(&service, &sandbox, &alice, json!({})).await;
    assert_eq!(outcomes, ["failed", "published"], "{first}");
    let calls = sandbox.openai.switches().total_calls();
    assert!(calls > 0);

    // Neither the process nor the sidecar has to be there any more.
    service.kill().await;
    script(&sandbox, LATER);
    let sidecar = format!("{}/archive/harbour-dawn.txt", alice.root);
    assert!(sandbox.dropbox.remove(&alice.name, &sidecar));
    let service = database.start(&sandbox).await;
    let (again, outcomes) = publish(&service, &sandbox, &alice, json!({})).await;
    assert_eq!(outcomes, ["failed", "already_published"], "{again}");
    assert!(sandbox.dropbox.remove(&alice.name, &sidecar));
    telegram.clear("sendPhoto");
    let (second, outcomes) = publish(&service, &sandbox, &alice, json!({})).await;
    assert_eq!(outcomes, ["published", "already_published"], "{second}");
    let photos = sandbox.telegram.photos();
    let caption = photos[0].caption.as_deref().unwrap();
    assert!(caption.starts_with(FIRST), "{caption}");
    assert_eq!(sandbox.openai.switches().total_calls(), calls);
    let written = sandbox.dropbox.file(&alice.name, &sidecar).unwrap();
    let written = String::from_utf8(written.to_vec()).unwrap();
    assert!(written.contains(FIRST), "{written}");

    // By force, new words are written and paid for.
    let (forced, outcomes) = publish(&service, &sandbox, &alice, json!({"force": true})).await;
    assert_eq!(outcomes, ["published", "published"], "{forced}");
    let photos = sandbox.telegram.photos();
    let caption = photos[1].caption.as_deref().unwrap();
    assert!(caption.starts_with(LATER), "{caption}");
    assert!(sandbox.openai.switches().total_calls() > calls);
    let log = service.whole_log().await;
    for words in [FIRST, LATER] {
        assert!(!log.contains(words), "a caption is in the log");
    }
    service.kill().await;
    database.remove().await;
}

#[tokio::test]
async fn a_repeat_sends_the_words_of_the_first_run_on_sqlite() {
    let database = Database::sqlite().await.unwrap();
    a_repeat_sends_the_words_of_the_first_run(database).await;
}

#[tokio::test]
async fn a_repeat_sends_the_words_of_the_first_run_on_postgres() {
    if let Some(database) = Database::postgres().await {
        a_repeat_sends_the_words_of_the_first_run(database).await;
    }
}

#[tokio::test]
async fn what_a_person_has_written_into_the_sidecar_since_is_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = sandbox.tenants()[0].clone();
    let service = Service::start(&sandbox).await;
    script(&sandbox, FIRST);
    let telegram = sandbox.telegram.switches();
    let refusal = Telegram::refusal(400, "Bad Request: chat not found");
    telegram.always("sendPhoto", refusal);
    let (first, outcomes) = publish(&service, &sandbox, &alice, json!({})).await;
    assert_eq!(outcomes, ["failed", "published"], "{first}");
    let calls = sandbox.openai.switches().total_calls();
    let sidecar = format!("{}/archive/harbour-dawn.txt", alice.root);
    let written = sandbox.dropbox.file(&alice.name, &sidecar).unwrap();
    let written = String::from_utf8(written.to_vec()).unwrap();
    let lines = written.lines().map(|line| {
        if line.starts_with("# caption: ") {
            "# caption: Written by hand"
        } else {
            line
        }
    });
    let by_hand = lines.collect::<Vec<_>>().join("\n");
    assert_ne!(by_hand, written);
    sandbox.dropbox.put(&alice.name, &sidecar, by_hand);
    telegram.clear("sendPhoto");
    let (second, outcomes) = publish(&service, &sandbox, &alice, json!({})).await;
    assert_eq!(outcomes, ["published", "already_published"], "{second}");
    let photos = sandbox.telegram.photos();
    let caption = photos[0].caption.as_deref().unwrap();
    assert!(caption.starts_with("Written by hand"), "{caption}");
    assert_eq!(sandbox.openai.switches().total_calls(), calls);
    service.kill().await;
}
