//! Tests over real sockets, against the sandbox's Telegram.

mod checking;
mod echoes;

use std::slice::from_ref;

use serde_json::json;

use super::*;
use crate::{
    adapters::{
        clock::SystemClock,
        sample_tenant::{config, credential, target},
    },
    domain::{
        image::{EncodedImage, ImageName},
        publication::PostId,
        tenant_config::{Resolved, TenantConfig},
    },
};
use publisher_sandbox::{Fault, Sample, Sandbox, Switches, Telegram};

const TOKEN: &str = "123456789:AAsandbox-token-of-a-bot-0123456789";

/// A publisher for one tenant, with delays that a test can wait for.
struct Desk {
    sandbox: Sandbox,
    publisher: Arc<dyn Publisher>,
}

impl Desk {
    async fn new() -> Self {
        Self::with_timeout(Duration::from_secs(20)).await
    }

    async fn with_timeout(timeout: Duration) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        sandbox.telegram.add_bot(TOKEN);
        let mut factory = factory(&sandbox);
        factory.api.policy.first_delay = Duration::from_millis(5);
        factory.api.http = http_client::build(timeout, &ExtraRoots::default()).unwrap();
        let publisher = open(&factory, &tenant(), TOKEN);
        Self { sandbox, publisher }
    }

    fn switches(&self) -> &Switches {
        self.sandbox.telegram.switches()
    }

    /// The result of a photo that meets these faults, how often it was sent, and how often it was
    /// taken.
    async fn publish(&self, faults: &[Fault]) -> (Result<PostId, PublishError>, usize, usize) {
        self.switches().forget_calls();
        let before = self.sandbox.telegram.photos().len();
        for fault in faults {
            self.switches().inject("sendPhoto", fault.clone());
        }
        let outcome = self
            .publisher
            .publish(&post(), None)
            .await
            .map(|it| it.post.id);
        if let Err(error) = &outcome {
            let shown = format!("{error:?} {error}");
            assert!(
                !shown.contains("AAsandbox") && !shown.contains("http://"),
                "{shown}"
            );
        }
        let calls = self.switches().calls("sendPhoto");
        self.switches().clear("sendPhoto");
        (
            outcome,
            calls,
            self.sandbox.telegram.photos().len() - before,
        )
    }
}

#[tokio::test]
async fn a_post_has_an_address_where_its_chat_has_a_public_name() {
    let desk = Desk::new().await;
    let publish = async || desk.publisher.publish(&post(), None).await.unwrap().post;
    let url = publish().await.url.unwrap();
    assert_eq!(url.as_str(), "https://t.me/alice/1");
    desk.sandbox.telegram.move_chat("@alice", 7);
    assert_eq!(publish().await.url, None);
}

fn factory(sandbox: &Sandbox) -> TelegramPublisherFactory {
    let settings = TelegramApiSettings {
        api_url: sandbox.telegram.server().url().parse().unwrap(),
    };
    let clock = Arc::new(SystemClock);
    TelegramPublisherFactory::new(settings, &ExtraRoots::default(), clock).unwrap()
}

fn open(
    factory: &TelegramPublisherFactory,
    tenant: &TenantConfig<Resolved>,
    token: &str,
) -> Arc<dyn Publisher> {
    let target: TelegramTarget = target(tenant);
    factory.open(&target, credential(token), tenant.settings())
}

fn tenant() -> TenantConfig<Resolved> {
    config(&json!({ "publishers": [{
        "id": "t", "type": "telegram", "credentials_ref": "r", "config": { "channel_id": "@alice" }
    }] }))
}

fn post() -> Post {
    let sample = Sample::png("a.png", 20, 10, 1).unwrap();
    Post {
        name: ImageName::new("private name.png").unwrap(),
        image: EncodedImage::new(sample.bytes).unwrap(),
        caption: "A knot.\n\n#rope".to_owned(),
        alt_text: Some("A knot in a rope".to_owned()),
        tags: vec!["rope".to_owned()],
    }
}

fn answer(status: u16, description: &str) -> Fault {
    let body = json!({ "ok": false, "error_code": status, "description": description });
    Fault::json(status, &body)
}

fn flood(retry_after: u64) -> Fault {
    let body = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests",
        "parameters": { "retry_after": retry_after } });
    Fault::json(429, &body)
}

#[tokio::test]
async fn a_photo_arrives_with_its_caption_and_its_id_comes_back() {
    let desk = Desk::new().await;
    let (outcome, calls, _) = desk.publish(&[]).await;
    let photo = &desk.sandbox.telegram.photos_of(TOKEN)[0];
    assert_eq!(outcome.unwrap().as_str(), photo.message_id.to_string());
    assert_eq!(photo.chat_id, "@alice");
    assert_eq!(photo.caption.as_deref(), Some("A knot.\n\n#rope"));
    assert_eq!(photo.photo, post().image.bytes());
    assert_eq!(calls, 1);
    let request = &desk.switches().requests("sendPhoto")[0];
    assert!(request.mentions("filename=\"photo.png\"") && !request.mentions("private name"));
    assert!(request.header("content-length").is_some());
}

#[tokio::test]
async fn a_photo_without_a_caption_has_none() {
    let desk = Desk::new().await;
    let caption = String::new();
    desk.publisher
        .publish(&Post { caption, ..post() }, None)
        .await
        .unwrap();
    assert_eq!(desk.sandbox.telegram.photos()[0].caption, None);
}

#[tokio::test]
async fn a_dead_token_is_tried_once() {
    let desk = Desk::new().await;
    desk.sandbox.telegram.revoke_bot(TOKEN);
    let (outcome, calls, _) = desk.publish(&[]).await;
    assert!(
        matches!(outcome, Err(PublishError::Unauthorized { .. })),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_no_is_final_and_comes_with_its_reason_but_without_the_token() {
    let desk = Desk::new().await;
    desk.sandbox.telegram.restrict_bot(TOKEN, &["@bob"]);
    let (outcome, calls, _) = desk.publish(&[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason == "Bad Request: chat not found; check the \
            channel's id or @name, and add the bot to the channel as an administrator"),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
    let echo = answer(403, &format!("Forbidden:\n{TOKEN}"));
    let (outcome, calls, _) = desk.publish(&[echo]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason == "Forbidden: ***"),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
    let (outcome, ..) = desk.publish(&[Fault::text(403, "<html>")]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason == "answered 403"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_asked_unless_that_is_too_long() {
    let desk = Desk::new().await;
    let started = SystemClock.now();
    let (outcome, calls, photos) = desk.publish(&[flood(1)]).await;
    assert!(outcome.is_ok() && SystemClock.now() - started >= Duration::from_secs(1));
    assert_eq!((calls, photos), (2, 1));
    let (outcome, calls, photos) = desk.publish(&[flood(31)]).await;
    let Err(PublishError::RateLimited { retry_after }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(31)));
    assert_eq!((calls, photos), (1, 0));
}

#[tokio::test]
async fn a_photo_that_a_gateway_loses_the_answer_to_is_unknown_and_taken_once() {
    let desk = Desk::new().await;
    for status in [408, 500, 502, 503, 504, 520] {
        for fault in [
            Fault::status(status),
            Fault::text(status, "<html>Bad Gateway</html>"),
            Fault::json(status, &json!({ "message": "upstream timed out" })),
            answer(status, "Bad Gateway"),
            answer(400, "Bad Request").with_status(status),
            flood(1).with_status(status),
            answer(status, "Bad Gateway").with_status(200),
            answer(status, "Bad Gateway").with_status(400),
            Fault::text(status, "{\"ok\":false,\"error_code\":4"),
        ] {
            let fault = fault.after_processing();
            let (outcome, calls, photos) = desk.publish(&vec![fault.clone(); 3]).await;
            assert!(
                matches!(outcome, Err(PublishError::Unknown(_))),
                "{fault:?}: {outcome:?}"
            );
            assert_eq!((calls, photos), (1, 1), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_redirect_leaves_it_unknown_and_is_not_followed() {
    let desk = Desk::new().await;
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = desk.sandbox.telegram.server().url();
        let fault = Fault::status(status).with_header("location", &elsewhere);
        let (outcome, calls, photos) = desk.publish(&[fault.after_processing()]).await;
        assert!(
            matches!(outcome, Err(PublishError::Unknown(_))),
            "{outcome:?}"
        );
        assert_eq!((calls, photos), (1, 1));
    }
}

#[tokio::test]
async fn a_whole_yes_counts_whatever_its_status() {
    let desk = Desk::new().await;
    let yes = json!({ "ok": true, "result": { "message_id": 7 } });
    for status in [200, 502] {
        let (outcome, calls, _) = desk.publish(&[Fault::json(status, &yes)]).await;
        assert_eq!((outcome.unwrap().as_str(), calls), ("7", 1));
    }
}

#[tokio::test]
async fn a_malformed_token_is_a_dead_credential() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    for token in ["no-token", "1:a/../../x?y#z", "123456789:", "\u{fc}:x"] {
        let publisher = open(&factory(&sandbox), &tenant(), token);
        let outcome = publisher.publish(&post(), None).await;
        let Err(error @ PublishError::Unauthorized { .. }) = outcome else {
            panic!("{token}: {outcome:?}")
        };
        assert!(error.to_string().contains("@BotFather"), "{error}");
    }
}

#[tokio::test]
async fn a_chat_that_has_moved_is_followed_at_once_and_from_then_on() {
    let desk = Desk::new().await;
    let moved = -1_009_988_776_655;
    desk.sandbox.telegram.move_chat("@alice", moved);
    for is_followed in [true, false] {
        let warning = desk.publisher.publish(&post(), None).await.unwrap().warning;
        let is_told = warning.is_some_and(|it| it.contains(&moved.to_string()));
        assert_eq!(is_told, is_followed);
    }
    assert_eq!(desk.switches().calls("sendPhoto"), 3);
    let photos = desk.sandbox.telegram.photos();
    assert!(
        photos
            .iter()
            .all(|photo| photo.chat_id == moved.to_string())
    );
}

#[tokio::test]
async fn a_chat_that_moves_in_circles_is_refused() {
    let desk = Desk::new().await;
    desk.sandbox.telegram.move_chat("@alice", 7);
    desk.sandbox.telegram.move_chat("7", 8);
    let (outcome, calls, photos) = desk.publish(&[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason.contains("to 8")),
        "{outcome:?}"
    );
    assert_eq!((calls, photos), (2, 0));
}

#[tokio::test]
async fn an_image_that_cannot_be_processed_is_told_from_a_refused_post() {
    let desk = Desk::new().await;
    for words in [
        "Bad Request: IMAGE_PROCESS_FAILED",
        "Bad Request: PHOTO_INVALID_DIMENSIONS",
        "Bad Request: PHOTO_SAVE_FILE_INVALID",
        "Bad Request: PHOTO_EXT_INVALID",
        "Bad Request: wrong type of the web page content",
    ] {
        let (outcome, calls, _) = desk.publish(&[answer(400, words)]).await;
        assert!(
            matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason == words),
            "{outcome:?}"
        );
        assert_eq!(calls, 1);
    }
    let (outcome, ..) = desk.publish(&[Fault::text(413, "<html>")]).await;
    assert!(
        matches!(&outcome, Err(PublishError::ImageUnsuitable(reason)) if reason == "answered 413"),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn what_may_have_been_taken_is_unknown_and_never_sent_again() {
    let desk = Desk::with_timeout(Duration::from_secs(1)).await;
    for (fault, taken) in [
        (Fault::ResetBeforeRequest, 0),
        (Fault::ResetAfterRequest, 1),
        (Fault::Timeout, 0),
        (Fault::TimeoutAfterProcessing, 1),
        (Fault::MalformedBody, 1),
        (Fault::TruncatedBody, 1),
        (Fault::text(502, "<html>Bad Gateway</html>"), 0),
        (Fault::status(500), 0),
        (Fault::json(200, &json!({ "ok": true, "result": {} })), 0),
    ] {
        let (outcome, calls, photos) = desk.publish(from_ref(&fault)).await;
        assert!(
            matches!(outcome, Err(PublishError::Unknown(_))),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!((calls, photos), (1, taken), "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_has_taken_nothing() {
    let desk = Desk::new().await;
    desk.sandbox.telegram.server().stop_listening().await;
    let (outcome, calls, _) = desk.publish(&[]).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(calls, 0);
    desk.sandbox.telegram.server().listen_again().await.unwrap();
    assert!(desk.publish(&[]).await.0.is_ok());
}

#[tokio::test]
async fn a_hostile_token_leads_nowhere_else() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let factory = factory(&sandbox);
    let publisher = TelegramPublisher {
        api: factory.api.clone(),
        chat_id: Mutex::new("1".to_owned()),
        credential: credential("1:a/../../x?y#z"),
    };
    let url = publisher.method_url("sendPhoto").unwrap();
    assert_eq!(url.path(), "/bot1:a%2F..%2F..%2Fx%3Fy%23z/sendPhoto");
    assert_eq!((url.query(), url.fragment()), (None, None));
}
