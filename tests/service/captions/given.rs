//! Captions that came with the request: no model is called, and the sidecar gives what else a platform has a place for.

use publisher_sandbox::{Network, Sandbox};
use serde_json::{Value, json};

use super::{calls, image, spec, start};

#[tokio::test]
async fn given_captions_cost_nothing_and_come_with_the_alt_text_and_the_tags_of_the_sidecar() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let spec = spec("carol", 1).email(true);
    let spec = spec.network(Network::Mastodon).network(Network::Bluesky);
    let patch = json!({ "captionfile": { "extended_metadata_enabled": true } });
    let carol = sandbox.add_tenant(spec.patch(&patch));
    let service = start(&sandbox).await;
    let seen = json!({
        "description": "A loop of rope on a table.", "mood": "calm", "nsfw": false,
        "tags": ["slack rope", "oak table"], "alt_text": "A loop of rope on an oak table.",
    });
    let openai = &sandbox.openai;
    openai.answer_vision_with(Some(&seen.to_string()));
    let analyzed = service.post(&sandbox, &carol, &image(0), "analyze").await;
    assert_eq!(analyzed.json()["sidecar_written"], true, "{analyzed:?}");
    let before = calls(&sandbox);
    assert_eq!(before, [1, 1, 0]);

    let captions = json!({
        "telegram": "By me, to the channel.", "email": "By me, as a title.",
        "mastodon": "By me, to the instance.", "bluesky": "By me, to the sky.",
    });
    let body = json!({ "captions": captions });
    let answer = service.publish(&sandbox, &carol, &image(0), body).await;
    let answer = answer.json();
    for (platform, caption) in captions.as_object().unwrap() {
        let result = &answer["results"][platform];
        assert_eq!(result["outcome"], "published", "{answer}");
        assert_eq!(&result["caption"], caption);
    }
    assert_eq!(calls(&sandbox), before);

    let alt_text = seen["alt_text"].as_str().unwrap();
    let status = sandbox.mastodon.statuses().remove(0);
    assert_eq!(status.text, "By me, to the instance.");
    assert_eq!(status.images[0].description.as_deref(), Some(alt_text));
    let post = sandbox.bluesky.posts().remove(0);
    assert_eq!(
        (&*post.text, &*post.images[0].alt),
        ("By me, to the sky.", alt_text)
    );
    let caption = super::last_photo(&sandbox, &carol);
    assert_eq!(caption, "By me, to the channel.");
    // What follows a publication has ended with the process.
    service.terminate().await;
    service.ended().await;
    let mails = sandbox.smtp.mails();
    assert_eq!(mails.len(), 2);
    for mail in &mails {
        assert_eq!(
            mail.header("subject").as_deref(),
            Some("By me, as a title.")
        );
        let described = format!("Content-Description: {alt_text}");
        assert!(mail.text().contains(&described), "{}", mail.text());
    }
    let tags = "Tags: slack rope, oak table";
    let with_tags = mails.iter().filter(|mail| mail.text().contains(tags));
    let to: Vec<_> = with_tags.map(|mail| mail.to.clone()).collect();
    assert_eq!(to, [[carol.sender.clone()]], "the confirmation alone");

    // The sidecar has what the person wrote, and what it had.
    let place = format!("{}/archive/00.txt", carol.root);
    let sidecar = sandbox.dropbox.file(&carol.name, &place).unwrap();
    let sidecar = String::from_utf8(sidecar.to_vec()).unwrap();
    let line = |start: &str| sidecar.lines().find_map(|line| line.strip_prefix(start));
    let sent = line("# caption_submitted: ").unwrap();
    assert_eq!(serde_json::from_str::<Value>(sent).unwrap(), captions);
    assert_eq!(line("# caption_edited: "), Some("true"));
    assert_eq!(line("# alt_text: "), Some(alt_text));
}
