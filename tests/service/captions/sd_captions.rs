//! The Stable-Diffusion caption is the first line of a sidecar, and nothing else is; an owner's notes are nowhere.

use publisher_sandbox::{DemoTenant, Sandbox};
use serde_json::{Value, json};

use super::{RATE, asked, image, last_material, spec, start};
use crate::{canaries::Canaries, database::Database, harness::Service};

const BY_VISION: &str = "rope loop, oak table, soft light";
const BY_CAPTIONS: &str = "rope loop, oak table, hard light";
const APART: &str = "rope loop, oak table, no light";
const NOTES: [&str; 3] = [
    "a qxdetail that only this one has",
    "the qxsense of jute",
    "I had a qxmood then.",
];

/// What vision sees, with the notes of an owner, and with a Stable-Diffusion caption or without.
fn seen(sd_caption: Option<&str>) -> Value {
    let mut seen = json!({
        "description": "A loop of rope on a table.", "mood": "calm", "nsfw": false,
        "tags": ["rope"], "alt_text": "A loop of rope.",
        "distinctive_detail": NOTES[0], "sensory_detail": [NOTES[1]], "mood_note": NOTES[2],
    });
    if let Some(sd_caption) = sd_caption {
        seen["sd_caption"] = sd_caption.into();
    }
    seen
}

fn sidecar(sandbox: &Sandbox, tenant: &DemoTenant, path: &str) -> String {
    let path = format!("{}/{path}", tenant.root);
    let bytes = sandbox.dropbox.file(&tenant.name, &path).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn the_first_line_of_a_sidecar_is_the_sd_caption_and_an_owners_notes_are_in_none() {
    let Database::Sqlite(folder) = Database::sqlite().await.unwrap() else {
        panic!("a file");
    };
    let file = folder.path().join("ledger.db");
    let url = format!("sqlite://{}", file.display());
    let sandbox = Sandbox::start_empty().await.unwrap();
    let extended = json!({ "captionfile": { "extended_metadata_enabled": true } });
    let carol = sandbox.add_tenant(spec("carol", 3).email(true).patch(&extended));
    let apart = json!({ "ai": { "sd_caption_single_call_enabled": false } });
    let dave = sandbox.add_tenant(spec("dave", 2).patch(&extended).patch(&apart));
    let off = json!({ "ai": { "sd_caption_enabled": false } });
    let erin = sandbox.add_tenant(spec("erin", 2).patch(&extended).patch(&off));
    let more = [("PUBLISH_LEDGER_URL", &*url), RATE];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let mut notes = Canaries::default();
    notes.add(["qxdetail", "qxsense", "qxmood"]);
    for (tenant, index, by_vision, by_captions, expected) in [
        (&carol, 0, Some(BY_VISION), Some(BY_CAPTIONS), BY_VISION),
        (&carol, 1, None, Some(BY_CAPTIONS), BY_CAPTIONS),
        // Neither has one: the line is empty, and no caption takes its place.
        (&carol, 2, None, None, ""),
        (&dave, 0, Some(BY_VISION), Some(APART), APART),
        // None is wanted, whatever the models write.
        (&erin, 0, Some(BY_VISION), Some(BY_CAPTIONS), ""),
    ] {
        let openai = &sandbox.openai;
        openai.answer_vision_with(Some(&seen(by_vision).to_string()));
        let mut written = json!({ "captions": {
            "telegram": "The loop holds.", "email": "It holds on oak."
        } });
        if let Some(sd_caption) = by_captions {
            written["sd_caption"] = sd_caption.into();
        }
        openai.answer_captions_with(Some(&written.to_string()));
        let analyzed = service
            .post(&sandbox, tenant, &image(index), "analyze")
            .await;
        let path = format!("/api/images/{}", image(index));
        let details = service.get_as_admin(&sandbox, &tenant.host, &path).await;
        for answer in [&analyzed, &details] {
            let sd_caption = answer.json()["sd_caption"].clone();
            let sd_caption = sd_caption.as_str().unwrap_or_default();
            assert_eq!(sd_caption, expected, "{} {index}: {answer:?}", tenant.name);
            notes.assert_not_in("an answer", answer.text.as_bytes());
        }
        let before = sidecar(&sandbox, tenant, &format!("{index:02}.txt"));
        let body = json!({ "force": true });
        let published = service.publish(&sandbox, tenant, &image(index), body).await;
        assert_eq!(published.json()["archived"], true, "{published:?}");
        notes.assert_not_in("an answer", published.text.as_bytes());
        let after = sidecar(&sandbox, tenant, &format!("archive/{index:02}.txt"));
        for text in [&before, &after] {
            assert_eq!(text.lines().next(), Some(expected), "{text}");
            assert!(text.contains("# caption: The loop holds."), "{text}");
            notes.assert_not_in("a sidecar", text.as_bytes());
        }
        // It was made for captions, and was there for them.
        let brief = if tenant.name == "dave" {
            let requests = asked(&sandbox, "caption", tenant);
            let mut all = requests.iter().map(super::material);
            all.find(|it| it["brief"].is_string()).unwrap()["brief"].clone()
        } else {
            last_material(&sandbox, tenant)["brief"].clone()
        };
        let brief = brief.as_str().unwrap().to_owned();
        assert!(
            NOTES
                .iter()
                .all(|note| brief.contains(&note.trim_end_matches('.')[1..])),
            "{brief}"
        );
    }
    let log = service.whole_log().await;
    notes.assert_not_in("the log", log.as_bytes());
    service.kill().await;
    let files = ["", "-wal"].map(|end| std::fs::read(format!("{}{end}", file.display())));
    let ledger = files.into_iter().flatten().collect::<Vec<_>>().concat();
    let caption = b"The loop holds.";
    assert!(ledger.windows(caption.len()).any(|it| it == caption));
    notes.assert_not_in("the ledger", &ledger);
}

#[tokio::test]
async fn an_sd_caption_that_vision_wrote_is_kept_where_no_caption_can_be_written() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let carol = sandbox.add_tenant(spec("carol", 1));
    let service = start(&sandbox).await;
    let openai = &sandbox.openai;
    openai.answer_vision_with(Some(&seen(Some(BY_VISION)).to_string()));
    openai.finish_with("caption", Some("length"));
    let analyzed = service.post(&sandbox, &carol, &image(0), "analyze").await;
    let analyzed = analyzed.json();
    assert_eq!(analyzed["caption"], "A loop of rope on a table.");
    assert_eq!(analyzed["sd_caption"], BY_VISION);
    let text = sidecar(&sandbox, &carol, "00.txt");
    assert_eq!(text.lines().next(), Some(BY_VISION), "{text}");
}
