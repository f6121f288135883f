//! Tests over real sockets, against the sandbox's Mastodon.

mod checking;
mod limits;
mod losing;
mod staging;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

use super::*;
use crate::{
    adapters::{
        clock::SystemClock,
        sample_tenant::{config, target},
    },
    domain::{
        credential::{Credential, CredentialVersion, ProviderCredential as _, Secrets},
        image::{EncodedImage, ImageName},
        publication::PublishedPost,
        secret::Secret,
        tenant_config::{Resolved, TenantConfig},
    },
};
use publisher_sandbox::{Fault, Mastodon, PostedStatus, Sample, Switches, mastodon_token};

/// Waits that a test can wait for.
const QUICK: Duration = Duration::from_millis(5);

/// An instance, and a publisher for one of its accounts, with delays that a test can wait for.
struct Desk {
    mastodon: Mastodon,
    token: String,
    publisher: Arc<dyn Publisher>,
}

impl Desk {
    async fn new() -> Self {
        Self::with(&json!({}), |_| {}).await
    }

    async fn with(fields: &Value, change: impl FnOnce(&mut Pace)) -> Self {
        let mastodon = Mastodon::start().await.unwrap();
        let token = mastodon_token();
        mastodon.add_account("alice", &token);
        let mut factory =
            MastodonPublisherFactory::new(&ExtraRoots::default(), Arc::new(SystemClock)).unwrap();
        factory.pace = quick();
        change(&mut factory.pace);
        let publisher = open(&factory, fields, &mastodon.server().url(), &token);
        Self {
            mastodon,
            token,
            publisher,
        }
    }

    fn switches(&self) -> &Switches {
        self.mastodon.switches()
    }

    fn statuses(&self) -> Vec<PostedStatus> {
        self.mastodon.statuses()
    }

    async fn stage(&self) -> LookupKey {
        let key = self.publisher.stage(&post(), None).await.unwrap();
        key.unwrap()
    }

    /// The result of a post that meets these faults, and how often it was sent.
    async fn publish(&self, faults: &[Fault]) -> (Result<PublishedPost, PublishError>, usize) {
        let key = self.stage().await;
        for fault in faults {
            self.switches().inject("post_status", fault.clone());
        }
        self.switches().forget_calls();
        let outcome = self.publisher.publish(&post(), Some(&key)).await;
        self.switches().clear("post_status");
        if let Err(error) = &outcome {
            self.assert_discreet(error);
        }
        let calls = self.switches().calls("post_status");
        (outcome.map(|posted| posted.post), calls)
    }

    /// No error tells the token, or where the instance is.
    fn assert_discreet(&self, error: &PublishError) {
        let shown = format!("{error:?} {error}");
        let is_discreet = !shown.contains(&self.token)
            && !shown.contains("127.0.0.1")
            && !shown.contains("http://");
        assert!(is_discreet, "{shown}");
    }

    /// The only status that there is.
    fn only_status(&self) -> PostedStatus {
        let mut statuses = self.statuses();
        assert_eq!(statuses.len(), 1);
        statuses.remove(0)
    }
}

fn quick() -> Pace {
    let mut pace = Pace {
        look_ups: [Duration::ZERO, QUICK, QUICK, QUICK],
        ..Pace::USUAL
    };
    pace.policy.first_delay = QUICK;
    pace.look.first_delay = QUICK;
    pace
}

fn tenant(fields: &Value) -> TenantConfig<Resolved> {
    config(&json!({ "publishers": [
        { "type": "mastodon", "credentials_ref": "r", "config": fields },
    ] }))
}

fn credential(url: &str, token: &str) -> MastodonCredential {
    let secrets = Secrets::read(MastodonCredential::PROVIDER, |field| {
        let secret = match field.name {
            "instance_url" => url,
            _ => token,
        };
        Some(Secret::new(secret.to_owned()))
    });
    let credential = Credential::new(secrets.unwrap(), CredentialVersion::new("1"), None);
    Arc::new(credential).try_into().unwrap()
}

fn open(
    factory: &MastodonPublisherFactory,
    fields: &Value,
    url: &str,
    token: &str,
) -> Arc<dyn Publisher> {
    let tenant = tenant(fields);
    let target: MastodonTarget = target(&tenant);
    factory.open(&target, credential(url, token), tenant.settings())
}

fn post() -> Post {
    let sample = Sample::png("a.png", 20, 10, 1).unwrap();
    Post {
        name: ImageName::new("private name.png").unwrap(),
        image: EncodedImage::new(sample.bytes).unwrap(),
        caption: "A knot.\n\n#rope".to_owned(),
        alt_text: Some(" A knot in a rope ".to_owned()),
        tags: vec!["rope".to_owned()],
    }
}

#[tokio::test]
async fn a_status_arrives_with_its_image_and_its_address_comes_back() {
    let desk = Desk::new().await;
    let (outcome, calls) = desk.publish(&[]).await;
    let (outcome, status) = (outcome.unwrap(), desk.only_status());
    assert_eq!(outcome.id.as_str(), status.id);
    assert_eq!(outcome.url.unwrap().as_str(), status.url);
    assert_eq!(calls, 1);
    assert_eq!(status.text, "A knot.\n\n#rope");
    assert_eq!((&*status.visibility, status.sensitive), ("unlisted", true));
    assert_eq!(status.spoiler_text, "NSFW");
    let image = &status.images[0];
    assert_eq!(image.image.bytes, post().image.bytes());
    assert_eq!(image.description.as_deref(), Some("A knot in a rope"));
    let request = &desk.mastodon.switches().requests("post_status")[0];
    assert!(!request.mentions("private name"));
}

#[tokio::test]
async fn the_file_name_stays_here() {
    let desk = Desk::new().await;
    desk.stage().await;
    let request = &desk.switches().requests("upload_media")[0];
    assert!(request.mentions("filename=\"image.png\"") && !request.mentions("private name"));
    assert!(request.header("content-length").is_some());
}

#[tokio::test]
async fn a_status_appears_as_the_config_says() {
    let fields = json!({ "visibility": "private", "sensitive": false, "language": "de" });
    let desk = Desk::with(&fields, |_| {}).await;
    desk.publish(&[]).await.0.unwrap();
    let status = desk.only_status();
    assert_eq!((&*status.visibility, status.sensitive), ("private", false));
    assert_eq!((&*status.spoiler_text, &*status.language), ("", "de"));
    let fields = json!({ "visibility": "public", "spoiler_text": "Rope" });
    let desk = Desk::with(&fields, |_| {}).await;
    desk.publish(&[]).await.0.unwrap();
    let status = desk.only_status();
    assert_eq!((&*status.visibility, status.sensitive), ("public", true));
    assert_eq!(status.spoiler_text, "Rope");
}

#[tokio::test]
async fn a_post_that_was_not_staged_is_uploaded_first() {
    let desk = Desk::new().await;
    let posted = desk.publisher.publish(&post(), None).await.unwrap();
    assert_eq!(posted.post.id.as_str(), desk.only_status().id);
    let key = LookupKey::new("not mine");
    let outcome = desk.publisher.publish(&post(), Some(&key)).await;
    assert!(
        matches!(outcome, Err(PublishError::Unavailable { .. })),
        "{outcome:?}"
    );
    assert_eq!(desk.statuses().len(), 1);
}

#[tokio::test]
async fn a_dead_token_is_tried_once() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    desk.mastodon.revoke(&desk.token);
    for outcome in [
        desk.publisher.stage(&post(), None).await.map(|_| ()),
        desk.publisher
            .publish(&post(), Some(&key))
            .await
            .map(|_| ()),
        desk.publisher.look_up(&key).await.map(|_| ()),
        desk.publisher.check().await.map(|_| ()),
    ] {
        let Err(error @ PublishError::Unauthorized { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(error.to_string().contains("Development"), "{error}");
        desk.assert_discreet(&error);
    }
    assert_eq!(desk.switches().calls("post_status"), 1);
}

#[tokio::test]
async fn a_refusal_is_final_and_comes_with_its_reason_but_without_the_token() {
    let desk = Desk::new().await;
    let echo = format!("No:\n{} at 127.0.0.1", desk.token);
    for (status, error, shown) in [
        (
            422,
            "Validation failed: Too bad",
            "Validation failed: Too bad",
        ),
        (422, &*echo, "No: *** at ***"),
        (400, "Bad", "Bad"),
        (404, "Record not found", "Record not found"),
    ] {
        let fault = Mastodon::refusal(status, error);
        let (outcome, calls) = desk.publish(&[fault]).await;
        assert!(
            matches!(&outcome, Err(PublishError::Rejected(reason)) if reason == shown),
            "{outcome:?}"
        );
        assert_eq!(calls, 1);
    }
    assert_eq!(desk.statuses().len(), 0);
    desk.mastodon.set_scopes(&desk.token, &["write:media"]);
    let (outcome, calls) = desk.publish(&[]).await;
    assert!(
        matches!(&outcome, Err(PublishError::Rejected(reason)) if reason.contains("`write:statuses`")),
        "{outcome:?}"
    );
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_asked_unless_that_is_too_long() {
    let desk = Desk::new().await;
    let now = SystemClock
        .utc()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let reset = |seconds| Mastodon::rate_limited(i64::try_from(now.as_secs()).unwrap() + seconds);
    let (outcome, calls) = desk.publish(&[reset(2)]).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!((calls, desk.statuses().len()), (2, 1));
    let (outcome, calls) = desk.publish(&[reset(600)]).await;
    let Err(PublishError::RateLimited { retry_after }) = outcome else {
        panic!("{outcome:?}")
    };
    let wait = retry_after.unwrap().as_secs();
    assert!((500..=600).contains(&wait), "{wait}");
    assert_eq!((calls, desk.statuses().len()), (1, 1));
}

#[tokio::test]
async fn an_instance_that_cannot_be_reached_has_taken_nothing() {
    let desk = Desk::new().await;
    let key = desk.stage().await;
    desk.mastodon.server().stop_listening().await;
    for outcome in [
        desk.publisher
            .publish(&post(), Some(&key))
            .await
            .map(|_| ()),
        desk.publisher.stage(&post(), None).await.map(|_| ()),
        desk.publisher.look_up(&key).await.map(|_| ()),
        desk.publisher.check().await.map(|_| ()),
    ] {
        let Err(error @ PublishError::Unavailable { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        desk.assert_discreet(&error);
    }
    desk.mastodon.server().listen_again().await.unwrap();
    let outcome = desk.publisher.publish(&post(), Some(&key)).await;
    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn an_address_that_cannot_be_one_is_not_called() {
    let factory =
        MastodonPublisherFactory::new(&ExtraRoots::default(), Arc::new(SystemClock)).unwrap();
    for url in ["http://mastodon.example", "https://a:b@c.example", "no"] {
        let publisher = open(&factory, &json!({}), url, "token");
        let outcome = publisher.publish(&post(), None).await;
        let Err(error @ PublishError::Unauthorized { .. }) = outcome else {
            panic!("{outcome:?}")
        };
        let shown = error.to_string();
        assert!(
            shown.contains("instance_url") && !shown.contains("example"),
            "{shown}"
        );
    }
}
