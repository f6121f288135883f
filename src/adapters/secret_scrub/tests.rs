use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use proptest::prelude::*;

use super::*;

const TOKEN: &str = "7654321098:AAHk3v-Qz_Xw9LrT5mNpB2cDfGhJkSuYx1o";

fn percent(text: &str, upper: bool) -> String {
    let encoded = |byte: u8| {
        if upper {
            format!("%{byte:02X}")
        } else {
            format!("%{byte:02x}")
        }
    };
    each(text.bytes(), encoded)
}

fn each<T>(parts: impl Iterator<Item = T>, written: impl Fn(T) -> String) -> String {
    parts.map(written).collect::<Vec<_>>().concat()
}

fn json_escaped(text: &str) -> String {
    each(text.encode_utf16(), |unit| format!("\\u{unit:04x}"))
}

fn spread(text: &str, with: &str) -> String {
    let chars: Vec<String> = text.chars().map(String::from).collect();
    chars.join(with)
}

/// Every form that is known of a secret, with a name to tell a failure by.
fn encoded(secret: &str) -> Vec<(String, String)> {
    let mut forms = vec![
        ("plain".to_owned(), secret.to_owned()),
        ("lower".to_owned(), secret.to_lowercase()),
        ("upper".to_owned(), secret.to_uppercase()),
        ("URL, upper".to_owned(), percent(secret, true)),
        ("URL, lower".to_owned(), percent(secret, false)),
        (
            "URL, twice".to_owned(),
            percent(&percent(secret, true), false),
        ),
        ("hex".to_owned(), forms::hex(secret.as_bytes())),
        (
            "HEX".to_owned(),
            forms::hex(secret.as_bytes()).to_uppercase(),
        ),
        ("JSON".to_owned(), json_escaped(secret)),
        (
            "JSON in JSON".to_owned(),
            json_escaped(secret).replace('\\', "\\\\"),
        ),
        ("blanks".to_owned(), spread(secret, " ")),
        ("lines".to_owned(), spread(secret, "\r\n")),
        ("broken lines".to_owned(), spread(secret, "=\r\n")),
        ("zero width".to_owned(), spread(secret, "\u{200b}")),
        (
            "entities".to_owned(),
            each(secret.chars(), |c| format!("&#{};", u32::from(c))),
        ),
    ];
    for (name, engine) in [
        ("standard", &STANDARD),
        ("standard, unpadded", &STANDARD_NO_PAD),
        ("URL", &URL_SAFE),
        ("URL, unpadded", &URL_SAFE_NO_PAD),
    ] {
        for before in ["", "u", "us", "user\0"] {
            for after in ["", ";", ";;"] {
                let text = format!("{before}{secret}{after}");
                let name = format!("Base64 {name} of {before:?} and {after:?}");
                let line = engine.encode(&text);
                forms.push((format!("{name}, blanks"), spread(&line, " ")));
                forms.push((name, line));
            }
        }
    }
    forms
}

/// The longest run that two texts share, in characters that are seen, whatever their case.
fn longest_shared(one: &str, other: &str) -> usize {
    let (one, other) = (folded(one), folded(other));
    let mut longest = 0;
    let mut before = vec![0; other.len() + 1];
    for a in &one {
        let mut row = vec![0; other.len() + 1];
        for (at, b) in other.iter().enumerate() {
            if a == b {
                row[at + 1] = before[at] + 1;
                longest = longest.max(row[at + 1]);
            }
        }
        before = row;
    }
    longest
}

#[test]
fn no_form_of_a_secret_is_left() {
    for secret in [
        TOKEN,
        "sk-proj-T3BlbkFJx9_abc-DEF456ghi789JKL",
        "hunter2-secret",
        "abcd efgh ijkl mnop",
        "Pässwörd-Übung-ß",
        "p\"a'ss\\w0rd&<>/=%+",
    ] {
        let scrub = SecretScrub::default().with(secret);
        for (name, form) in encoded(secret) {
            let clean = scrub.scrub(&format!("550 no: {form}, sorry"));
            // Around it in Base64 stand the characters of what was encoded with it.
            let (start, end) = (clean.starts_with("550 no: "), clean.ends_with(", sorry"));
            assert!(start && end, "{secret} as {name}: {clean}");
            assert!(clean.contains("***"), "{secret} as {name}: {clean}");
            let shared = longest_shared(&clean, &form);
            assert!(shared < 8, "{secret} as {name}: {clean}");
        }
    }
}

#[test]
fn a_part_of_a_secret_is_marked_as_soon_as_it_is_long_enough() {
    let scrub = SecretScrub::default().with(TOKEN);
    let (id, key) = TOKEN.split_once(':').unwrap();
    let half = &key[..key.len() / 2];
    for part in [id, key, half, "AAHk3v-Q", "aahk3v-q"] {
        let clean = scrub.scrub(&format!("token {part} is wrong"));
        assert_eq!(clean, "token *** is wrong", "{part}");
    }
    for part in ["AAHk3v-", "7654321"] {
        let text = format!("token {part} is wrong");
        assert_eq!(scrub.scrub(&text), text);
    }
}

#[test]
fn half_of_a_short_secret_is_marked_and_less_is_not() {
    for (secret, marked, left) in [
        ("hunter2", "hunt", "hun"),
        ("hunter2-seQ", "nter2", "nter"),
        ("tQ7z", "tq7z", "tq7"),
    ] {
        let scrub = SecretScrub::default().with(secret);
        assert_eq!(scrub.scrub(&format!("x{marked}x")), "x***x", "{secret}");
        let text = format!("x{left}x");
        assert_eq!(scrub.scrub(&text), text, "{secret}");
    }
}

#[test]
fn what_an_upstream_really_says_is_left_as_it_is() {
    let scrub = SecretScrub::default()
        .with(TOKEN)
        .with("sk-proj-T3BlbkFJx9_abc-DEF456ghi789JKL")
        .with("sl.u.AFc7QkXb29-vLq")
        .with("Tr0ub4dor&3");
    for text in [
        "Bad Request: chat not found",
        "Bad Request: file of size 11000000 bytes is too big for a photo; the maximum size is 10485760 bytes",
        "Forbidden: bot is not a member of the channel chat",
        "535-5.7.8 Username and Password not accepted. For more information, go to \
         https://support.google.com/mail/?p=BadCredentials a640c23a62f3a-b8e5f4d3c2bsm1234567a12.3 - gsmtp",
        "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
        "Ein Hafen im Morgengrauen — крым, 夜の港 🌙 100% \\o/ &amp; more = better",
        "",
    ] {
        assert_eq!(scrub.scrub(text), text);
        assert!(!scrub.finds_in(text));
    }
}

#[test]
fn a_name_is_marked_as_a_whole_and_a_short_one_where_it_stands_alone() {
    let scrub = SecretScrub::default()
        .with_name("mx")
        .with_name("mail.example");
    assert_eq!(
        scrub.scrub("mxlookup at mx: Mail.Example of mail.exampl"),
        "mxlookup at ***: *** of mail.exampl"
    );
}

#[test]
fn nothing_is_marked_without_a_secret() {
    let scrub = SecretScrub::default()
        .with("")
        .with(" \u{200b}")
        .with_name("");
    assert_eq!(scrub.scrub("anything at all"), "anything at all");
    assert_eq!(format!("{scrub:?}"), "SecretScrub(***)");
}

proptest! {
    #[test]
    fn no_form_of_any_secret_is_left_in_any_text(
        secret in "[!-)+-~äß夜]{4,60}",
        form in any::<prop::sample::Index>(),
        before in "[a-z .:]{0,20}",
        after in "[a-z .:]{0,20}",
    ) {
        let scrub = SecretScrub::default().with(&secret);
        let forms = encoded(&secret);
        let (name, form) = form.get(&forms);
        let clean = scrub.scrub(&format!("{before} {form} {after}"));
        prop_assert!(clean.contains("***"), "{} as {}: {}", secret, name, clean);
        if !name.starts_with("Base64") {
            prop_assert!(!clean.contains(form.as_str()), "{} as {}: {}", secret, name, clean);
        }
        prop_assert!(!scrub.finds_in(&clean), "{} as {}: {}", secret, name, clean);
    }

    #[test]
    fn whatever_a_text_is_the_rest_of_it_stays(secret in ".{0,40}", text in "[^*]{0,200}") {
        let scrub = SecretScrub::default().with(&secret);
        let clean = scrub.scrub(&text);
        let mut rest = text.as_str();
        for part in clean.split(MASK) {
            let at = rest.find(part);
            prop_assert!(at.is_some(), "{part:?} is not of {text:?}");
            rest = &rest[at.unwrap_or(0) + part.len()..];
        }
    }

    #[test]
    fn what_shares_no_character_stays(
        secret in "[a-m]{8,40}",
        text in "[n-z é夜]{0,100}",
    ) {
        // Only the encoded forms have letters of the other half.
        let mut plain = SecretScrub::default();
        plain.add(&Form::plain(&secret), 4, FEWEST);
        prop_assert_eq!(plain.scrub(&text), text);
    }
}
