//! `kill -9` at every step of a publish: whatever the step, the next publish sends nothing twice, and
//! the ledger tells the truth.

use std::time::Duration;

use publisher_sandbox::{DemoTenant, Fault, Hold, Sandbox, Switches};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    database::Database,
    harness::{Answer, Service},
};

/// Long enough for a slow machine; reaching it is a failure.
const PATIENCE: Duration = Duration::from_mins(3);

/// Starts a publish of an image, and ends the service as `kill -9` does once its call is held.
pub(crate) async fn kill_at(
    held: Hold,
    service: Service,
    sandbox: &Sandbox,
    who: &DemoTenant,
    image: &str,
) {
    {
        let publish = service.publish(sandbox, who, image, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = held.arrived(1) => {}
        }
    }
    service.kill().await;
    held.release();
}

/// Publishes again for as long as the server has not noticed that the process is gone.
pub(crate) async fn publish_after_crash(
    service: &Service,
    sandbox: &Sandbox,
    who: &DemoTenant,
    image: &str,
) -> Answer {
    for _ in 0..100 {
        let answer = service.publish(sandbox, who, image, json!({})).await;
        if answer.status != 409 {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the lease of a dead process is still held after 10 s");
}

async fn a_crash_during_the_call_is_unknown(database: &Database) {
    let sandbox = Sandbox::start().await.unwrap();
    let service = database.start(&sandbox).await;
    let (bob, image) = (&sandbox.tenants()[1], "north-ridge.jpg");
    let held = sandbox.telegram.switches().hold("sendPhoto");
    kill_at(held, service, &sandbox, bob, image).await;

    let service = database.start(&sandbox).await;
    let answer = publish_after_crash(&service, &sandbox, bob, image).await;
    let result = &answer.json()["results"]["telegram"];
    assert_eq!(result["outcome"], "unknown", "{answer:?}");
    assert!(result["error"].as_str().unwrap().contains("force"));
    assert_eq!(answer.json()["archived"], false);
    assert_eq!(sandbox.telegram.photos().len(), 1, "it was sent before");
    let entries = service.publications(&sandbox, bob).await;
    assert_eq!(entries[0]["outcome"], "unknown", "{entries:?}");

    let forced = service
        .publish(&sandbox, bob, image, json!({"force": true}))
        .await;
    assert_eq!(forced.json()["results"]["telegram"]["outcome"], "published");
    assert_eq!(sandbox.telegram.photos().len(), 2);
    service.kill().await;
}

#[tokio::test]
async fn a_crash_during_the_call_is_unknown_on_sqlite() {
    a_crash_during_the_call_is_unknown(&Database::sqlite().await.unwrap()).await;
}

#[tokio::test]
async fn a_crash_during_the_call_is_unknown_on_postgres() {
    if let Some(database) = Database::postgres().await {
        a_crash_during_the_call_is_unknown(&database).await;
        database.remove().await;
    }
}

/// The confirmation goes beside the rest, which does not wait for it.
async fn a_crash_during_the_confirmation_leaves_nothing_unknown(database: &Database) {
    let sandbox = Sandbox::start().await.unwrap();
    let service = database.start(&sandbox).await;
    let (alice, image) = (&sandbox.tenants()[0], "harbour-dawn.jpg");
    let confirmation = mail(&sandbox).hold_matching("DATA_END", "Tags:");
    {
        let publish = service.publish(&sandbox, alice, image, json!({}));
        tokio::pin!(publish);
        let archived = async {
            confirmation.arrived(1).await;
            dropbox(&sandbox).wait_for_calls("move_v2", 2).await;
        };
        tokio::select! {
            answer = &mut publish => panic!("it waits for the confirmation: {answer:?}"),
            () = archived => {}
        }
    }
    service.kill().await;
    confirmation.release();

    let service = database.start(&sandbox).await;
    let answer = publish_after_crash(&service, &sandbox, alice, image).await;
    for platform in ["telegram", "email"] {
        let outcome = &answer.json()["results"][platform]["outcome"];
        assert_eq!(outcome, "already_published", "{answer:?}");
    }
    let entries = service.publications(&sandbox, alice).await;
    let outcomes = entries.iter().map(|entry| entry["outcome"].clone());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["published", "published"]);
    service.kill().await;
}

#[tokio::test]
async fn a_crash_during_the_confirmation_leaves_nothing_unknown_on_sqlite() {
    let database = Database::sqlite().await.unwrap();
    a_crash_during_the_confirmation_leaves_nothing_unknown(&database).await;
}

#[tokio::test]
async fn a_crash_during_the_confirmation_leaves_nothing_unknown_on_postgres() {
    if let Some(database) = Database::postgres().await {
        a_crash_during_the_confirmation_leaves_nothing_unknown(&database).await;
        database.remove().await;
    }
}

/// Where the process is when it is killed.
pub(crate) struct Point {
    upstream: fn(&Sandbox) -> &Switches,
    operation: &'static str,
    /// What the call mentions; empty for any call. [`BOT`] stands for the reference of the bot's
    /// token.
    mentions: &'static str,
    moment: Moment,
    /// What the next publish says of Telegram and of e-mail.
    then: [&'static str; 2],
}

/// When, of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// It has arrived, and never has an effect.
    Arrived,
    /// It has had its effect, and is not answered yet.
    Done,
}
use Moment::{Arrived, Done};

fn orchestrator(sandbox: &Sandbox) -> &Switches {
    sandbox.orchestrator.switches()
}

fn dropbox(sandbox: &Sandbox) -> &Switches {
    sandbox.dropbox.switches()
}

fn openai(sandbox: &Sandbox) -> &Switches {
    sandbox.openai.switches()
}

fn telegram(sandbox: &Sandbox) -> &Switches {
    sandbox.telegram.switches()
}

fn mail(sandbox: &Sandbox) -> &Switches {
    sandbox.smtp.switches()
}

const BOT: &str = "the bot's reference";

/// Nothing had been sent.
const FRESH: [&str; 2] = ["published", "published"];
/// Both had been told, and the ledger knew it.
const KNOWN: [&str; 2] = ["already_published", "already_published"];
/// Depends on how far the other platform had come.
const ANY: &str = "any";

/// One test for each database and each point.
macro_rules! points {
    ($($name:ident: $upstream:ident $operation:literal $mentions:tt $moment:ident -> $then:expr;)+) => {
        mod killed_on_sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                kill_at_point(Database::sqlite().await, &point(stringify!($name))).await;
            })+
        }

        mod killed_on_postgres {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                kill_at_point(Database::postgres().await, &point(stringify!($name))).await;
            })+
        }

        pub(crate) fn point(name: &str) -> Point {
            match name {
                $(stringify!($name) => Point {
                    upstream: $upstream,
                    operation: $operation,
                    mentions: $mentions,
                    moment: $moment,
                    then: $then,
                },)+
                other => panic!("{other}"),
            }
        }
    };
}

points! {
    while_the_tenant_is_looked_up: orchestrator "by_host" "" Done -> FRESH;
    while_the_storage_credential_is_resolved: orchestrator "resolve" "" Done -> FRESH;
    while_an_access_token_is_granted: dropbox "token" "" Done -> FRESH;
    while_the_image_is_found: dropbox "get_metadata" ".jpg" Done -> FRESH;
    while_the_image_is_fetched: dropbox "download" ".jpg" Done -> FRESH;
    while_the_bot_token_is_resolved: orchestrator "resolve" BOT Done -> FRESH;
    before_vision: openai "vision" "" Arrived -> FRESH;
    after_vision: openai "vision" "" Done -> FRESH;
    after_the_captions: openai "caption" "" Done -> FRESH;
    before_telegram_has_the_photo: telegram "sendPhoto" "" Arrived -> ["unknown", ANY];
    after_telegram_has_the_photo: telegram "sendPhoto" "" Done -> ["unknown", ANY];
    // The session is begun while the captions are written.
    before_the_mail_server_greets: mail "connect" "" Arrived -> [ANY, ANY];
    after_the_login: mail "AUTH" "" Done -> [ANY, ANY];
    after_the_envelope: mail "RCPT" "" Done -> [ANY, "unknown"];
    before_the_mail_is_taken: mail "DATA_END" "" Arrived -> [ANY, "unknown"];
    after_the_mail_is_taken: mail "DATA_END" "" Done -> [ANY, "unknown"];
    while_the_caption_file_is_read: dropbox "download" ".txt" Done -> [ANY, ANY];
    // It is written while the ledger is told of the last platform.
    before_the_caption_file_is_written: dropbox "upload" "" Arrived -> [ANY, ANY];
    after_the_caption_file_is_written: dropbox "upload" "" Done -> [ANY, ANY];
    before_the_image_is_moved: dropbox "move_v2" ".jpg" Arrived -> KNOWN;
    after_the_image_is_moved: dropbox "move_v2" ".jpg" Done -> KNOWN;
    after_the_caption_file_is_moved: dropbox "move_v2" ".txt" Done -> KNOWN;
}

impl Point {
    /// Ends a process as `kill -9` does while it is here in publishing an image of the tenant, which `begin` has it do.
    pub(crate) async fn kill(
        &self,
        sandbox: &Sandbox,
        who: &DemoTenant,
        begin: impl AsyncFnOnce() -> Service,
    ) {
        let switches = (self.upstream)(sandbox);
        let mentions = match self.mentions {
            BOT => &who.telegram_ref,
            text => text,
        };
        if self.moment == Done {
            let held = switches.hold_matching(self.operation, mentions);
            let service = begin().await;
            timeout(PATIENCE, held.arrived(1)).await.unwrap();
            service.kill().await;
            held.release();
        } else {
            switches.always_matching(self.operation, mentions, Fault::Timeout);
            let service = begin().await;
            let called = switches.wait_for_calls(self.operation, 1);
            timeout(PATIENCE, called).await.unwrap();
            service.kill().await;
            switches.clear(self.operation);
        }
    }

    /// Checks what came of the image: each platform received it at most once; the ledger knows of it, or that it does not
    /// know; `results` says the same, and what this point leads to.
    pub(crate) async fn check(
        &self,
        service: &Service,
        sandbox: &Sandbox,
        who: &DemoTenant,
        results: &Value,
    ) {
        let received = [
            sandbox.telegram.photos().len(),
            sandbox.smtp.mails_to(who.recipient.as_ref().unwrap()).len(),
        ];
        assert!(received.iter().all(|count| *count <= 1), "{received:?}");
        let entries = service.publications(sandbox, who).await;
        for (index, platform) in ["telegram", "email"].into_iter().enumerate() {
            let (received, expected) = (received[index], self.then[index]);
            let entry = entries.iter().find(|entry| entry["platform"] == platform);
            let entry = entry.map_or("", |entry| entry["outcome"].as_str().unwrap());
            match entry {
                "published" => assert_eq!(received, 1, "{platform}"),
                "unknown" => {}
                other => panic!("{platform}: {other:?} is what no publish ends with here"),
            }
            let told = &results[platform]["outcome"];
            assert!(expected == ANY || told == expected, "{platform}: {results}");
            assert_eq!(
                told == "unknown",
                entry == "unknown",
                "{platform}: {results}"
            );
        }
    }
}

async fn kill_at_point(database: Option<Database>, point: &Point) {
    const IMAGE: &str = "harbour-dawn.jpg";
    let Some(database) = database else { return };
    let sandbox = Sandbox::start().await.unwrap();
    let alice = &sandbox.tenants()[0];
    let service = database.start(&sandbox).await;
    let path = format!("/api/images/{IMAGE}/publish");
    let request = service.request(Method::POST, &alice.host, &path);
    let request = request.bearer_auth(sandbox.web_token()).json(&json!({}));
    let begin = async move || {
        // Its answer is lost with the process.
        tokio::spawn(request.send());
        service
    };
    point.kill(&sandbox, alice, begin).await;

    let service = database.start(&sandbox).await;
    let answer = publish_after_crash(&service, &sandbox, alice, IMAGE).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    point
        .check(&service, &sandbox, alice, &answer.json()["results"])
        .await;
    service.kill().await;
    database.remove().await;
}
