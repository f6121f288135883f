//! Tests of the mails: which headers they have, whatever a caption says.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    adapters::sample_tenant::{config, target},
    domain::{
        image::{EncodedImage, ImageName},
        platform::Platform,
        platform_spec::Target as _,
    },
};

const IMAGE: &[u8] = b"\xFF\xD8\xFF the image \r\n.\r\n with bytes that need encoding \x00";

fn builder(patch: &Value) -> MessageBuilder {
    MessageBuilder::new(&email(patch)).unwrap()
}

fn email(patch: &Value) -> EmailTarget {
    let mut publisher = json!({ "recipient": "to@fetlife.test" });
    for (key, value) in patch.as_object().unwrap() {
        publisher[key] = value.clone();
    }
    let config = config(&json!({
        "publishers": [{ "id": "f", "type": "fetlife", "config": publisher }],
        "email_server": { "host": "mail.test", "from_email": "me@mail.test", "password_ref": "p" },
    }));
    target(&config)
}

fn post(caption: &str) -> Post {
    Post {
        name: ImageName::new("private name.jpg").unwrap(),
        image: EncodedImage::new(Bytes::from_static(IMAGE)).unwrap(),
        caption: caption.to_owned(),
        alt_text: None,
        tags: ["rope", "light\r\nBcc: x@x.test", "calm"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn publication(patch: &Value, post: &Post) -> String {
    let mail = builder(patch).publication(post, "<id@mail.test>", date());
    whole(&mail.unwrap())
}

/// The message in one piece.
fn whole(mail: &Mail) -> String {
    let bytes: Vec<_> = mail.pieces().collect();
    String::from_utf8(bytes.concat()).unwrap()
}

fn date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
}

/// The head of a message or part, unfolded: names and values.
fn head(message: &str) -> Vec<(String, String)> {
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let field = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    unfolded.split("\r\n").map(field).collect()
}

fn header(message: &str, name: &str) -> String {
    let found = head(message).into_iter().find(|(key, _)| key == name);
    decoded(&found.unwrap().1)
}

/// Decodes the encoded words of a header, base64 and quoted-printable.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut was_encoded = false;
    for word in value.split(' ') {
        let inner = word
            .strip_prefix("=?utf-8?b?")
            .and_then(|w| w.strip_suffix("?="));
        let joins = was_encoded && inner.is_some();
        if !(bytes.is_empty() || joins) {
            bytes.push(b' ');
        }
        match inner {
            Some(inner) => bytes.extend(STANDARD.decode(inner).unwrap()),
            None => bytes.extend(word.as_bytes()),
        }
        was_encoded = inner.is_some();
    }
    String::from_utf8(bytes).unwrap()
}

/// The parts between the boundary lines.
fn parts(message: &str) -> Vec<String> {
    let content_type = header(message, "Content-Type");
    let boundary = content_type.split("boundary=\"").nth(1).unwrap();
    let boundary = format!("--{}", boundary.trim_end_matches('"'));
    let body = message.split_once("\r\n\r\n").unwrap().1;
    let mut parts: Vec<String> = body.split(&boundary).map(str::to_owned).collect();
    assert_eq!(parts.pop().unwrap(), "--\r\n");
    parts.remove(0);
    parts
        .iter()
        .map(|part| part.trim_start().to_owned())
        .collect()
}

#[test]
fn a_publication_has_its_headers_its_text_and_the_image() {
    let message = publication(&json!({}), &post("A knot."));
    assert_eq!(header(&message, "From"), "me@mail.test");
    assert_eq!(header(&message, "To"), "to@fetlife.test");
    assert_eq!(header(&message, "Subject"), "A knot.");
    assert_eq!(header(&message, "Message-ID"), "<id@mail.test>");
    assert_eq!(header(&message, "Date"), "Sun, 06 Nov 1994 08:49:37 +0000");
    let parts = parts(&message);
    assert!(parts[0].contains("\r\n\r\nA knot.\r\n"), "{}", parts[0]);
    assert_eq!(header(&parts[1], "Content-Type"), "image/jpeg");
    let disposition = header(&parts[1], "Content-Disposition");
    assert_eq!(disposition, "attachment; filename=\"photo.jpg\"");
    let image: String = parts[1]
        .split_once("\r\n\r\n")
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    assert_eq!(STANDARD.decode(image).unwrap(), IMAGE);
    assert!(!message.contains("private"));
}

#[test]
fn target_and_mode_decide_the_subject() {
    for (target, mode, caption, subject) in [
        ("subject", "normal", "A knot.", "A knot."),
        ("both", "private", "A knot.", "Private: A knot."),
        ("body", "avatar", "A knot.", "Avatar: Photo upload"),
        ("body", "normal", "A knot.", "Photo upload"),
        ("subject", "private", "", "Private: Photo upload"),
        (
            "subject",
            "normal",
            "a\r\nBcc: x@x.test\n b",
            "a Bcc: x@x.test b",
        ),
        ("subject", "normal", "Nœud d’été", "Nœud d’été"),
    ] {
        let patch = json!({ "caption_target": target, "subject_mode": mode });
        let message = publication(&patch, &post(caption));
        assert_eq!(header(&message, "Subject"), subject);
        if target == "body" {
            assert!(parts(&message)[0].contains("A knot."));
        }
    }
}

#[test]
fn the_confirmation_goes_to_the_sender_with_a_few_tags() {
    let confirm = |tags| {
        let builder = builder(&json!({}));
        let to = slice::from_ref(builder.sender());
        let mail = builder.confirmation(&post("A knot."), to, tags, "<2@x>", date());
        let mail = mail.unwrap();
        assert_eq!(mail.envelope.to()[0].to_string(), "me@mail.test");
        whole(&mail)
    };
    let message = confirm(2);
    assert_eq!(header(&message, "To"), "me@mail.test");
    assert_eq!(header(&message, "Subject"), "A knot.");
    let text = &parts(&message)[0];
    assert!(
        text.contains("A knot.\r\n\r\nTags: rope, light Bcc: x@x.test\r\n"),
        "{text}"
    );
    assert!(!parts(&confirm(0))[0].contains("Tags:"));
}

#[test]
fn alt_text_describes_the_image() {
    let mut post = post("A knot.");
    post.alt_text = Some("A knot\r\nin a rope".to_owned());
    let parts = parts(&publication(&json!({}), &post));
    assert_eq!(header(&parts[1], "Content-Description"), "A knot in a rope");
}

#[test]
fn addresses_that_are_none_are_refused() {
    let good = email(&json!({}));
    let mut bad = good.clone();
    bad.server.from_email = "me".to_owned();
    let unwritable = MessageBuilder::new(&bad).unwrap_err();
    assert_eq!(unwritable.to_string(), "the sender is no e-mail address");
    bad = good;
    bad.recipient = "a@b.test>\r\nRCPT TO:<c@d.test".to_owned();
    let unwritable = MessageBuilder::new(&bad).unwrap_err();
    assert_eq!(unwritable.to_string(), "the recipient is no e-mail address");
}

proptest! {
    #[test]
    fn no_caption_adds_a_header_or_a_part(
        caption in "(\\PC|[\r\n\t\0\u{b}\u{85}\u{2028}]|\r\nBcc: a@b.c|\r\n\r\n|--|=\\?utf-8\\?b\\?|\u{1F600}){0,120}",
        alt_text in "(\\PC|[\r\n]|\r\nX: y){0,40}",
    ) {
        let mut post = post(&caption);
        post.alt_text = Some(alt_text);
        let builder = builder(&json!({}));
        let to = slice::from_ref(builder.sender());
        let mail = builder.confirmation(&post, to, 3, "<id@mail.test>", date()).unwrap();
        prop_assert!(mail.is_ascii());
        let message = whole(&mail);
        prop_assert!(message.is_ascii());
        prop_assert!(!message.replace("\r\n", "").contains(['\r', '\n']));
        let names: Vec<String> = head(&message).into_iter().map(|(name, _)| name).collect();
        prop_assert_eq!(names, ["From", "To", "Date", "Message-ID", "Subject", "MIME-Version", "Content-Type"]);
        let parts = parts(&message);
        prop_assert_eq!(parts.len(), 2);
        for part in &parts {
            for (name, _) in head(part) {
                prop_assert!(name.starts_with("Content-"), "{}", name);
            }
        }
        let image: String = parts[1].split_once("\r\n\r\n").unwrap().1.split_whitespace().collect();
        prop_assert_eq!(STANDARD.decode(image).unwrap(), IMAGE);
    }
}

/// A caption, made to fit: the subject, and the caption as an answer reports it.
fn fitted(patch: &Value, caption: &str) -> (String, String) {
    let mut publisher = json!({ "recipient": "to@fetlife.test" });
    for (key, value) in patch.as_object().unwrap() {
        publisher[key] = value.clone();
    }
    let config = config(&json!({
        "publishers": [{ "id": "f", "type": "fetlife", "config": publisher }],
        "email_server": { "host": "mail.test", "from_email": "me@mail.test", "password_ref": "p" },
    }));
    let rules = config.settings().platforms.caption_rules(Platform::Email);
    let caption = rules.fit(caption, "#tenant");
    (builder(patch).subject(&caption), caption)
}

#[test]
fn prefix_and_caption_together_are_240_characters_at_most() {
    let family = "👩‍👩‍👧‍👦";
    for (mode, prefix) in [
        ("normal", ""),
        ("private", "Private: "),
        ("avatar", "Avatar: "),
    ] {
        let patch = json!({ "subject_mode": mode });
        let room = 240 - prefix.len();
        for caption in [
            "word ".repeat(100),
            "x".repeat(400),
            "x".repeat(room),
            format!("{} end", "x".repeat(room - 4)),
            format!("{} of it", "x".repeat(room - 4)),
            family.repeat(90),
            format!("{}{family}", "word ".repeat(46)),
        ] {
            let (subject, shown) = fitted(&patch, &caption);
            assert!(subject.chars().count() <= 240, "{subject}");
            assert_eq!(subject, format!("{prefix}{shown}"));
            let kept = shown.strip_suffix("...").unwrap_or(&shown);
            assert!(caption.starts_with(kept), "{shown}");
            let families = kept.matches('👩').count();
            assert_eq!(families, 2 * kept.matches(family).count(), "{shown}");
        }
        let (subject, _) = fitted(&patch, &"x".repeat(room));
        assert_eq!(subject.chars().count(), 240);
        let (subject, _) = fitted(&patch, &"word ".repeat(100));
        assert!(subject.ends_with("word..."), "{subject}");
    }
    // In the body, the caption has all of the room.
    let patch = json!({ "subject_mode": "private", "caption_target": "body" });
    let (subject, shown) = fitted(&patch, &"x".repeat(240));
    assert_eq!(
        (subject.as_str(), shown.len()),
        ("Private: Photo upload", 240)
    );
}

#[test]
fn no_title_of_2_000_captions_is_longer_than_240_characters_whichever_prefix_it_has() {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2_000)
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let texts = prop_oneof![
        ".{0,400}",
        "([a-zé]{1,12}[ .,]){0,80}",
        "(\\PC{1,9}[ .!…]){0,60}"
    ];
    let modes = [
        ("normal", ""),
        ("private", "Private: "),
        ("avatar", "Avatar: "),
    ];
    let modes = modes.map(|(mode, prefix)| {
        let target = email(&json!({ "subject_mode": mode }));
        let rules = target.caption_rules();
        (prefix, rules, MessageBuilder::new(&target).unwrap())
    });
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&(texts, any::<bool>()), |(text, is_persons)| {
        for (prefix, rules, builder) in &modes {
            let caption = if is_persons {
                rules.fit(&text, "#tenant")
            } else {
                rules.fit_written(&text, "#tenant", &[])
            };
            let mail = builder.publication(&post(&caption), "<id@mail.test>", date());
            let subject = header(&whole(&mail.unwrap()), "Subject");
            prop_assert!(subject.chars().count() <= 240, "{}", subject);
            let title = match one_line(&caption) {
                it if it.is_empty() => PLAIN_SUBJECT.to_owned(),
                it => it,
            };
            prop_assert_eq!(subject, format!("{}{}", prefix, title));
        }
        Ok(())
    });
    result.unwrap();
}
