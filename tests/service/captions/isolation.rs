//! What is a tenant's stays with it: no word of its voice, its persona, its styles, its images and its captions is in a
//! request that is made for another, and none is in the log.

use publisher_sandbox::{DemoTenant, Sandbox, Telegram, TenantSpec};
use reqwest::Method;
use serde_json::{Value, json};

use super::{asked, calls, image, publish, spec, start};
use crate::{
    canaries::Canaries,
    harness::{Answer, Service},
};

const BOTH: [&str; 2] = ["telegram", "email"];

/// A tenant, each of whose texts has a word that is in no other text.
struct Words<'a> {
    tenant: &'a DemoTenant,
}

/// The texts, and the operation among whose requests for their tenant each has to be.
const PLACES: [(&str, &str); 16] = [
    ("persona", "caption"),
    ("task", "caption"),
    ("sdpersona", "vision"),
    ("voice", "caption"),
    ("style", "caption"),
    ("guidance", "caption"),
    ("example", "caption"),
    ("generic", "caption"),
    ("nature", "vision"),
    ("seen", "caption"),
    ("tag", "caption"),
    ("detail", "caption"),
    ("first", "caption"),
    ("long", "condense"),
    ("short", "caption"),
    ("repeated", "caption"),
];

fn canary(place: &str, tenant: &str) -> String {
    format!("qx{place}of{tenant}")
}

fn spec_of(name: &str) -> TenantSpec {
    let word = |place: &str| canary(place, name);
    let style = json!({
        "style": word("style"), "guidance": word("guidance"), "examples": [word("example")],
    });
    let patch = json!({
        "ai": {
            "system_prompt": word("persona"), "role_prompt": word("task"),
            "sd_caption_system_prompt": word("sdpersona"),
        },
        "confirmation": { "confirmation_tags_nature": word("nature") },
        "captionfile": { "extended_metadata_enabled": true },
        "platform_captions": {
            "telegram": style, "email": style, "generic": { "style": word("generic") },
        },
    });
    let spec = spec(name, 5).email(true);
    let spec = spec.network(publisher_sandbox::Network::Mastodon);
    spec.patch(&patch)
}

impl Words<'_> {
    fn word(&self, place: &str) -> String {
        canary(place, &self.tenant.name)
    }

    fn all(&self) -> Canaries {
        let mut all = Canaries::default();
        all.add(PLACES.map(|(place, _)| self.word(place)));
        all
    }

    /// Has the models answer with words for this tenant.
    fn script(&self, sandbox: &Sandbox, caption: &str) {
        let (seen, tag, detail) = (self.word("seen"), self.word("tag"), self.word("detail"));
        let seen = json!({
            "description": format!("A {seen} lies on a table."), "mood": "calm", "nsfw": false,
            "tags": [tag], "alt_text": "A loop.", "distinctive_detail": format!("the {detail}"),
        });
        sandbox.openai.answer_vision_with(Some(&seen.to_string()));
        let text = format!("{} holds.", self.word(caption));
        let long = format!("{} is warm. ", self.word("long")).repeat(40);
        let captions = json!({ "captions": { "telegram": text, "email": long, "mastodon": text } });
        sandbox
            .openai
            .answer_captions_with(Some(&captions.to_string()));
        let short = format!("{} is warm.", self.word("short"));
        let short = json!({ "captions": { "email": short } });
        sandbox
            .openai
            .answer_condense_with(Some(&short.to_string()));
    }

    async fn store_voice(&self, service: &Service, sandbox: &Sandbox) {
        let profile = json!({ "voice_profile": [self.word("voice")] });
        let path = "/api/config/voice-profile";
        let request = service.request(Method::PUT, &self.tenant.host, path);
        let request = request.json(&profile).bearer_auth(sandbox.web_token());
        assert_eq!(Answer::to(request).await.status, 200);
    }

    /// Everything that is done with captions.
    async fn all_flows(&self, service: &Service, sandbox: &Sandbox) {
        let tenant = self.tenant;
        self.script(sandbox, "first");
        let outcomes = publish(service, sandbox, tenant, 0, &BOTH).await;
        assert_eq!(outcomes, ["published", "published"]);
        for what in ["analyze", "analyze", "analyze?force_refresh=true"] {
            let answer = service.post(sandbox, tenant, &image(1), what).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        self.script(sandbox, "repeated");
        let telegram = sandbox.telegram.switches();
        let refusal = Telegram::refusal(400, "Bad Request: chat not found");
        telegram.always("sendPhoto", refusal);
        let outcomes = publish(service, sandbox, tenant, 2, &BOTH).await;
        assert_eq!(outcomes, ["failed", "published"]);
        telegram.clear("sendPhoto");
        let before = calls(sandbox);
        let outcomes = publish(service, sandbox, tenant, 2, &BOTH).await;
        assert_eq!(outcomes, ["published", "already_published"]);
        assert_eq!(calls(sandbox), before, "a repeat is not paid for");
        let dry = json!({ "dry_run": true });
        for path in ["/api/images/03.jpg/publish", "/api/publish"] {
            let request = service.request(Method::POST, &tenant.host, path).json(&dry);
            let answer = Answer::to(request.bearer_auth(sandbox.web_token())).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
        for path in ["/api/images/random", "/api/images/01.jpg"] {
            let answer = service.get_as_admin(sandbox, &tenant.host, path).await;
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
}

/// The requests for a tenant to the models, of every operation.
fn requests(sandbox: &Sandbox, tenant: &DemoTenant) -> Vec<(&'static str, Vec<Value>)> {
    let operations = ["vision", "caption", "condense"];
    let of = |operation| (operation, asked(sandbox, operation, tenant));
    operations.map(of).into()
}

#[tokio::test]
async fn no_word_of_a_tenant_is_in_a_request_for_another_or_in_the_log() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let tenants = ["carol", "dave"].map(|name| sandbox.add_tenant(spec_of(name)));
    let service = start(&sandbox).await;
    let [carol, dave] = [0, 1].map(|index| Words {
        tenant: &tenants[index],
    });
    for words in [&carol, &dave] {
        words.store_voice(&service, &sandbox).await;
    }
    for words in [&carol, &dave] {
        words.all_flows(&service, &sandbox).await;
    }
    // Once more, with the history of both in the ledger.
    for words in [&carol, &dave] {
        words.script(&sandbox, "first");
        let everywhere = ["telegram", "email", "mastodon"];
        publish(&service, &sandbox, words.tenant, 4, &everywhere).await;
    }
    for (own, other) in [(&carol, &dave), (&dave, &carol)] {
        let foreign = other.all();
        let all = requests(&sandbox, own.tenant);
        for (operation, bodies) in &all {
            assert!(!bodies.is_empty(), "{operation}");
            for body in bodies {
                foreign.assert_not_in(operation, body.to_string().as_bytes());
            }
        }
        for (place, operation) in PLACES {
            let mut bodies = all.iter().filter(|(it, _)| *it == operation);
            let (word, bodies) = (own.word(place), &bodies.next().unwrap().1);
            let is_there = bodies.iter().any(|body| body.to_string().contains(&word));
            assert!(is_there, "{word} would be seen in no request: {operation}");
        }
        for photo in sandbox.telegram.photos_of(&own.tenant.bot_token) {
            foreign.assert_not_in("a post", photo.caption.unwrap().as_bytes());
        }
        for path in sandbox.dropbox.paths(&own.tenant.name) {
            let file = sandbox.dropbox.file(&own.tenant.name, &path).unwrap();
            foreign.assert_not_in(&path, &file);
        }
    }
    let (log, metrics) = (service.whole_log().await, service.metrics().await.text);
    assert!(log.lines().count() > 30, "too short to prove anything");
    for words in [&carol, &dave] {
        words.all().assert_not_in("the log", log.as_bytes());
        words.all().assert_not_in("the metrics", metrics.as_bytes());
    }
}
