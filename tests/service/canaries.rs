//! Words that must not be found, in whatever form they may have taken on the way.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use serde_json::Value;

/// The shortest form that is not found by chance.
const SHORTEST: usize = 6;

/// What must not be found.
#[derive(Default)]
pub(crate) struct Canaries(Vec<String>);

impl Canaries {
    pub(crate) fn add<T: Into<String>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.0.extend(words.into_iter().map(Into::into));
    }

    /// Checks that none of them is in a text.
    pub(crate) fn assert_not_in(&self, place: &str, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        for canary in &self.0 {
            for form in forms(canary) {
                let Some((before, after)) = text.split_once(&form) else {
                    continue;
                };
                let before: String = before.chars().rev().take(200).collect();
                let before: String = before.chars().rev().collect();
                let after: String = after.chars().take(200).collect();
                panic!("{place} holds {canary:?} as {form:?}:\n{before}{form}{after}");
            }
        }
    }
}

/// A word as it is, URL-encoded, within JSON, and in Base64 wherever it may stand in what was
/// encoded.
fn forms(canary: &str) -> Vec<String> {
    assert!(
        canary.len() >= SHORTEST,
        "{canary} would be found by chance"
    );
    let json = Value::from(canary).to_string();
    let mut forms = vec![
        canary.to_owned(),
        form_urlencoded::byte_serialize(canary.as_bytes()).collect(),
        json[1..json.len() - 1].to_owned(),
    ];
    for before in 0..3 {
        let text = [&vec![0; before], canary.as_bytes()].concat();
        // The first characters tell of what stands before, too, and the last of what comes after.
        let (from, to) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            forms.push(encoded[from..to].to_owned());
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.dedup();
    forms
}

#[test]
fn a_canary_is_found_in_every_form() {
    let mut canaries = Canaries::default();
    canaries.add(["pässword & more"]);
    let found = |text: &str| {
        let text = text.to_owned();
        std::panic::catch_unwind(|| canaries.assert_not_in("it", text.as_bytes())).is_err()
    };
    for before in ["", "u", "us", "user"] {
        let text = format!("{before}pässword & more after");
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            assert!(found(&format!("Basic {encoded}")), "{encoded}");
        }
        assert!(found(&text));
    }
    assert!(found("?p=p%C3%A4ssword+%26+more"));
    assert!(!found("password and more"));
}
