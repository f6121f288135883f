//! Tests over real sockets, against the sandbox's Bluesky.

mod identifiers;
mod images;
mod lost_answers;
mod sessions;
mod wire;

use std::time::UNIX_EPOCH;

use publisher_sandbox::{Bluesky, BlueskyPost, Fault, Sample, Switches, app_password};

use super::{
    answer::{CREATE_SESSION, REFRESH_SESSION, read},
    key::{Did, is_tid, tid},
    session::data_server,
    target::{app_password_problem, handle_problem},
    *,
};
use crate::{
    adapters::{
        platform_call::PlatformAnswer,
        platforms,
        sample_tenant::{config, target},
        upstream_message::sanitize_upstream_message,
    },
    domain::{
        credential::{Credential, CredentialVersion, ProviderCredential as _, Secrets},
        image::ImageName,
        platform::Platform,
        publication::PublishedPost,
        secret::Secret,
    },
};

const HANDLE: &str = "alice.bsky.test";

/// A server with an account, and a factory with delays that a test can wait for.
struct Desk {
    bluesky: Bluesky,
    factory: BlueskyFactory,
    did: String,
    password: String,
}

impl Desk {
    async fn new() -> Self {
        let bluesky = Bluesky::start().await.unwrap();
        let password = app_password();
        let did = bluesky.add_account(HANDLE, &password);
        Self {
            bluesky,
            factory: factory(),
            did,
            password,
        }
    }

    fn switches(&self) -> &Switches {
        self.bluesky.switches()
    }

    /// A client of the account, as it is opened whenever the config is read.
    fn open(&self) -> Arc<dyn Publisher> {
        self.open_with(&json!({}), HANDLE, &self.password)
    }

    fn open_with(&self, more: &Value, handle: &str, password: &str) -> Arc<dyn Publisher> {
        let mut fields = json!({ "service_url": self.bluesky.server().url() });
        for (name, value) in more.as_object().unwrap() {
            fields[name] = value.clone();
        }
        let tenant = config(&entry(&fields));
        let target: BlueskyTarget = target(&tenant);
        self.factory
            .open(&target, credential(handle, password), tenant.settings())
    }

    /// Publishes under a new key, and checks that no secret and no address is in the error.
    async fn publish(&self) -> Result<PublishedPost, PublishError> {
        let result = self.open().publish(&post(), None).await;
        if let Err(error) = &result {
            self.assert_says_nothing_secret(error);
        }
        result.map(|posted| posted.post)
    }

    fn assert_says_nothing_secret(&self, error: &PublishError) {
        let shown = format!("{error:?} {error}");
        for secret in self.bluesky.secrets().iter().map(String::as_str) {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(!shown.contains("127.0.0.1"), "{shown}");
    }

    /// The one post of the account.
    fn posted(&self) -> BlueskyPost {
        let mut posts = self.bluesky.posts();
        assert_eq!(posts.len(), 1);
        posts.remove(0)
    }

    fn calls(&self) -> [usize; 5] {
        let names = REGISTRATION.upstream.1;
        let calls: Vec<_> = names.iter().map(|it| self.switches().calls(it)).collect();
        calls.try_into().unwrap()
    }
}

fn factory() -> BlueskyFactory {
    let mut factory = BlueskyFactory::new(&platforms::sample_setup()).unwrap();
    let shared = Arc::get_mut(&mut factory.shared).unwrap();
    shared.policy.first_delay = Duration::from_millis(5);
    shared.look_up_waits = [0, 50, 100, 150].map(Duration::from_millis);
    factory
}

fn entry(fields: &Value) -> Value {
    json!({ "publishers": [{ "type": "bluesky", "credentials_ref": "r", "config": fields }] })
}

fn credential(handle: &str, password: &str) -> BlueskyCredential {
    let secrets = Secrets::read(BlueskyCredential::PROVIDER, |field| {
        let value = if field.name == "handle" {
            handle
        } else {
            password
        };
        Some(field.tidied(Secret::new(value.to_owned())))
    });
    let version = CredentialVersion::new("1");
    let credential = Credential::new(secrets.unwrap(), version, None);
    BlueskyCredential::try_from(Arc::new(credential)).unwrap()
}

fn image(sample: Sample) -> EncodedImage {
    EncodedImage::new(sample.bytes).unwrap()
}

fn post() -> Post {
    Post {
        name: ImageName::new("private name.jpg").unwrap(),
        image: image(Sample::jpeg("a.jpg", 40, 30, 1).unwrap()),
        caption: "Ein Knoten 🪢, see https://a.test/b\n\n#Rope #縄".to_owned(),
        alt_text: Some("A knot in a rope".to_owned()),
        tags: vec!["rope".to_owned()],
    }
}

#[tokio::test]
async fn a_post_has_text_image_alt_text_facets_and_labels() {
    let desk = Desk::new().await;
    let published = desk.publish().await.unwrap();
    let there = desk.posted();
    assert_eq!(published.id.as_str(), there.uri);
    let url = format!("https://bsky.app/profile/{}/post/{}", desk.did, there.rkey);
    assert_eq!(published.url.unwrap().as_str(), url);
    assert_eq!(there.text, post().caption);
    let [image] = &there.images[..] else {
        panic!("{:?}", there.images);
    };
    assert_eq!(image.alt, "A knot in a rope");
    assert_eq!(image.aspect_ratio, Some((40, 30)));
    assert_eq!(image.image.bytes, *post().image.bytes());
    let facets = there.record["facets"].as_array().unwrap().iter();
    let facets = facets.map(|facet| {
        let place = |name: &str| usize::try_from(facet["index"][name].as_u64().unwrap()).unwrap();
        let feature = &facet["features"][0];
        let value = feature["tag"].as_str().or(feature["uri"].as_str());
        (
            &there.text[place("byteStart")..place("byteEnd")],
            value.unwrap(),
        )
    });
    let expected = [
        ("https://a.test/b", "https://a.test/b"),
        ("#Rope", "Rope"),
        ("#縄", "縄"),
    ];
    assert_eq!(facets.collect::<Vec<_>>(), expected);
    let labels = &there.record["labels"]["values"];
    assert_eq!(*labels, json!([{ "val": "sexual" }]));
    assert!(there.record.get("langs").is_none());
    assert_eq!(desk.calls(), [1, 0, 1, 1, 0]);
}

#[tokio::test]
async fn labels_and_alt_text_may_be_absent() {
    let desk = Desk::new().await;
    let client = desk.open_with(&json!({ "content_labels": [] }), HANDLE, &desk.password);
    let silent = Post {
        alt_text: None,
        caption: String::new(),
        ..post()
    };
    client.publish(&silent, None).await.unwrap();
    let there = desk.posted();
    assert!(there.record.get("labels").is_none());
    assert_eq!(
        (there.images[0].alt.as_str(), there.text.as_str()),
        ("", "")
    );
}

#[tokio::test]
async fn two_tenants_post_to_their_own_accounts() {
    let desk = Desk::new().await;
    let password = app_password();
    let bob = desk.bluesky.add_account("bob.bsky.test", &password);
    let theirs = desk.open_with(&json!({}), "@bob.bsky.test ", &password);
    let post = post();
    let (a, b) = tokio::join!(desk.publish(), theirs.publish(&post, None));
    assert!(a.unwrap().id.as_str().contains(&desk.did));
    assert!(b.unwrap().post.id.as_str().contains(&bob));
    assert_eq!(desk.bluesky.posts_of(&bob).len(), 1);
    assert_eq!(desk.bluesky.posts_of(&desk.did).len(), 1);
    // A key of one is none of the other's.
    let key = desk.open().stage(&post, None).await.unwrap().unwrap();
    let theirs_is_refused = theirs.publish(&post, Some(&key)).await.unwrap_err();
    assert!(matches!(
        theirs_is_refused,
        PublishError::Unavailable { .. }
    ));
    assert_eq!(theirs.look_up(&key).await.unwrap(), LookUp::Undetermined);
    let own = theirs.stage(&post, Some(&key)).await.unwrap().unwrap();
    assert!(own.as_str().contains(&bob));
}

#[test]
fn a_bad_field_turns_it_off_and_a_default_does_not() {
    let on = |fields: Value| config(&entry(&fields)).settings().has(Platform::Bluesky);
    for good in [
        json!({}),
        json!({ "service_url": "https://pds.example.org", "content_labels": ["Nudity ", "porn"] }),
        json!({ "service_url": "http://localhost:2583", "content_labels": [] }),
        json!({ "service_url": null, "content_labels": null }),
    ] {
        assert!(on(good.clone()), "{good}");
    }
    for bad in [
        json!({ "service_url": "http://pds.example.org" }),
        json!({ "service_url": "bsky.social" }),
        json!({ "service_url": 7 }),
        json!({ "content_labels": "sexual" }),
        json!({ "content_labels": ["sexual", "!no-unauthenticated"] }),
        json!({ "content_labels": [1] }),
    ] {
        assert!(!on(bad.clone()), "{bad}");
    }
    let both: BlueskyTarget = target(&config(&entry(
        &json!({ "content_labels": ["porn", "NUDITY", "porn"] }),
    )));
    assert_eq!(both.labels, ["nudity", "porn"]);
    assert_eq!(both.config()["service_url"], "https://bsky.social/");
}

#[test]
fn a_credential_is_taken_as_it_is_pasted() {
    for pasted in [
        "alice.bsky.social",
        "@alice.bsky.social",
        " @alice.bsky.social\n",
        "https://bsky.app/profile/alice.bsky.social/",
        "alice.bsky. social",
    ] {
        let credential = credential(pasted, "abcd-efgh-2345-wxyz");
        assert_eq!(
            credential.handle().expose(),
            "alice.bsky.social",
            "{pasted}"
        );
    }
    assert_eq!(handle_problem("alice.bsky.social"), None);
    assert_eq!(handle_problem("did:plc:abc"), None);
    assert!(handle_problem("alice").is_some());
    assert_eq!(app_password_problem("abcd-efgh-2345-wxyz"), None);
    for doubtful in ["hunter2", "abcd-efgh-2345", "abcd-efgh-2345-wxy!"] {
        assert!(app_password_problem(doubtful).is_some(), "{doubtful}");
    }
}

#[tokio::test]
async fn the_check_logs_in_and_says_whether_the_handle_resolves() {
    let desk = Desk::new().await;
    assert_eq!(
        desk.open().check().await.unwrap(),
        "the account can be logged in to"
    );
    assert_eq!(desk.calls(), [1, 1, 0, 0, 0]);
    assert!(desk.bluesky.posts().is_empty());
    let unresolved = json!({
        "did": desk.did, "handle": "handle.invalid", "accessJwt": "a", "refreshJwt": "b",
    });
    desk.switches()
        .always("refreshSession", Fault::json(200, &unresolved));
    let seen = desk.open().check().await.unwrap();
    assert!(seen.contains("does not resolve"), "{seen}");
    desk.switches().clear("refreshSession");
    desk.bluesky.revoke(&desk.password);
    let refused = desk.open().check().await.unwrap_err();
    assert!(refused.to_string().contains("App passwords"), "{refused}");
}
