//! Captions that are too long: shortened by one call for all of them, and cut only where that fails.

use publisher_sandbox::{DemoTenant, Fault, Sandbox};
use serde_json::{Value, json};

use super::{asked, calls, last_photo, last_subject, material, publish, script, spec, start};
use crate::harness::Service;

const BOTH: [&str; 2] = ["telegram", "email"];
const SENTENCE: &str = "She holds the third loop until it is warm.";

/// A text of so many sentences.
fn long(sentences: usize) -> String {
    vec![SENTENCE; sentences].join(" ")
}

/// What neither Telegram (1,024) nor FetLife (240) takes.
fn both_too_long() -> Value {
    json!({ "telegram": long(30), "email": long(9) })
}

async fn carol(sandbox: &Sandbox, images: u8) -> (DemoTenant, Service) {
    let patch = json!({ "content": { "hashtag_string": "#ropeart" } });
    let spec = spec("carol", images).email(true).patch(&patch);
    let carol = sandbox.add_tenant(spec);
    let service = start(sandbox).await;
    (carol, service)
}

/// Publishes an image on both platforms, and returns what was sent.
async fn sent(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant, index: u8) -> [String; 2] {
    let outcomes = publish(service, sandbox, tenant, index, &BOTH).await;
    assert_eq!(outcomes, ["published", "published"]);
    [last_photo(sandbox, tenant), last_subject(sandbox, tenant)]
}

/// Checks that both captions are whole sentences of the text, as many as fit.
fn assert_cut_at_a_sentence([telegram, email]: [String; 2], why: &str) {
    let telegram = telegram.strip_suffix("\n\n#ropeart").unwrap();
    for (caption, room) in [(telegram, 1_024 - "\n\n#ropeart".len()), (&*email, 240)] {
        let sentences = (room + 1) / (SENTENCE.len() + 1);
        assert_eq!(caption, long(sentences), "{why}");
    }
}

#[tokio::test]
async fn all_that_is_too_long_is_shortened_by_one_call() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let (carol, service) = carol(&sandbox, 4).await;
    script(&sandbox, &both_too_long());
    let shorter = json!({ "captions": {
        "telegram": "The third loop is warm.", "email": ["Warm by the third loop.", "Another."],
        "mastodon": "Nobody asked for it."
    } });
    let openai = &sandbox.openai;
    openai.answer_condense_with(Some(&shorter.to_string()));
    let captions = sent(&service, &sandbox, &carol, 0).await;
    let expected = [
        "The third loop is warm.\n\n#ropeart",
        "Warm by the third loop.",
    ];
    assert_eq!(captions, expected);
    assert_eq!(calls(&sandbox), [1, 1, 1]);
    let room = 1_024 - "\n\n#ropeart".len();
    let expected = json!({
        "telegram": { "text": long(30), "max_characters": room },
        "email": { "text": long(9), "words": "30 to 35" },
    });
    let request = asked(&sandbox, "condense", &carol).remove(0);
    assert_eq!(material(&request), expected);

    // What fits is no part of it, and where all fit there is none.
    script(
        &sandbox,
        &json!({ "telegram": "It fits.", "email": long(9) }),
    );
    let captions = sent(&service, &sandbox, &carol, 1).await;
    assert_eq!(
        captions,
        ["It fits.\n\n#ropeart", "Warm by the third loop."]
    );
    assert_eq!(calls(&sandbox), [2, 2, 2]);
    let request = asked(&sandbox, "condense", &carol).remove(1);
    let texts = material(&request);
    assert_eq!(texts.as_object().unwrap().len(), 1, "{texts}");
    script(&sandbox, &json!({ "telegram": "It fits.", "email": "So." }));
    assert_eq!(
        sent(&service, &sandbox, &carol, 2).await,
        ["It fits.\n\n#ropeart", "So."]
    );
    assert_eq!(calls(&sandbox), [3, 3, 2]);

    // A model that does as it is told shortens to what fits.
    script(&sandbox, &both_too_long());
    openai.answer_condense_with(None);
    let [telegram, email] = sent(&service, &sandbox, &carol, 3).await;
    assert!(
        telegram.ends_with(".\n\n#ropeart") && telegram.len() > 900,
        "{telegram}"
    );
    assert_eq!(email.split(' ').count(), 35, "{email}");
    assert_eq!(calls(&sandbox), [4, 4, 3]);
}

#[tokio::test]
async fn what_cannot_be_shortened_is_cut_at_the_end_of_a_sentence() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let (carol, service) = carol(&sandbox, 4).await;
    script(&sandbox, &both_too_long());
    let openai = &sandbox.openai;
    let too_long_still = json!({ "captions": both_too_long() }).to_string();
    let empty = json!({ "captions": { "telegram": "N/A", "email": " " } }).to_string();
    let answers = ["no JSON at all", &too_long_still, &empty];
    for (index, answer) in (0..).zip(answers) {
        openai.answer_condense_with(Some(answer));
        let captions = sent(&service, &sandbox, &carol, index).await;
        assert_cut_at_a_sentence(captions, answer);
    }
    assert_eq!(calls(&sandbox), [3, 3, 3]);
    openai.refuse_with("condense", Some("I cannot help with that."));
    let captions = sent(&service, &sandbox, &carol, 3).await;
    assert_cut_at_a_sentence(captions, "refused");
    assert_eq!(calls(&sandbox), [4, 4, 4]);
    assert_silent(&service).await;
}

/// No caption is in the log.
async fn assert_silent(service: &Service) {
    let log = service.whole_log().await;
    assert!(!log.contains("third loop"), "a caption is in the log");
}

#[tokio::test]
async fn nor_is_more_than_the_length_lost_where_the_model_is_down() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let (carol, service) = carol(&sandbox, 1).await;
    script(&sandbox, &both_too_long());
    let switches = sandbox.openai.switches();
    let down = Fault::status(500).with_header("retry-after", "0");
    switches.always("condense", down);
    let captions = sent(&service, &sandbox, &carol, 0).await;
    assert_cut_at_a_sentence(captions, "500");
    // One call, repeated as any other.
    assert_eq!(calls(&sandbox), [1, 1, 3]);
    let warning = "captions that are too long could not be shortened; they are cut";
    assert_eq!(service.lines(warning).await.len(), 1);
    assert_silent(&service).await;
}
