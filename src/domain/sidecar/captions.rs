//! The captions that a sidecar remembers, each a JSON object from platform to text: what a machine wrote
//! (`caption_generated`), and what was sent (`caption_submitted`), which is a person's where it differs
//! (`caption_edited`).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Sidecar;
use crate::domain::platform::Platform;

const GENERATED: &str = "caption_generated";
const SUBMITTED: &str = "caption_submitted";
const EDITED: &str = "caption_edited";

impl Sidecar {
    /// Whether the captions that were sent last are a person's.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.flag(EDITED) == Some(true)
    }

    /// Adds captions that a machine wrote. A platform that is not among them keeps its own.
    pub fn add_generated(&mut self, texts: &BTreeMap<Platform, String>) {
        self.add(GENERATED, texts);
    }

    /// Adds captions that were sent. They are a person's if one is not what a machine wrote for its platform.
    pub fn add_submitted(&mut self, texts: &BTreeMap<Platform, String>) {
        self.add(SUBMITTED, texts);
        let generated = self.captions(GENERATED);
        let is_edited = said(texts).any(|(platform, text)| generated.get(platform) != Some(text));
        self.set(EDITED, if is_edited { "true" } else { "false" });
    }

    /// The captions of a key by platform; empty if it has none.
    fn captions(&self, key: &str) -> BTreeMap<String, String> {
        let read = self
            .get(key)
            .and_then(|json| serde_json::from_str::<Map<_, _>>(json).ok());
        let texts = read.into_iter().flatten();
        texts
            .filter_map(|(platform, text)| Some((platform, text.as_str()?.to_owned())))
            .collect()
    }

    fn add(&mut self, key: &str, texts: &BTreeMap<Platform, String>) {
        let mut all = self.captions(key);
        all.extend(said(texts).map(|(platform, text)| (platform.to_owned(), text.clone())));
        let all: Map<_, _> = all
            .into_iter()
            .map(|(platform, text)| (platform, Value::from(text)))
            .collect();
        if !all.is_empty() {
            // As it is: the blanks in a caption count.
            self.put(key, Value::from(all).to_string());
        }
    }
}

fn said(texts: &BTreeMap<Platform, String>) -> impl Iterator<Item = (&'static str, &String)> {
    let said = texts.iter().filter(|(_, text)| !text.is_empty());
    said.map(|(platform, text)| (platform.as_str(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<const N: usize>(pairs: [(Platform, &str); N]) -> BTreeMap<Platform, String> {
        pairs
            .map(|(platform, text)| (platform, text.to_owned()))
            .into()
    }

    #[test]
    fn captions_of_other_platforms_stay_and_read_the_same() {
        let mut sidecar = Sidecar::default();
        sidecar.add_generated(&texts([
            (Platform::Telegram, "T  1\n\"2\"\u{2028}"),
            (Platform::Email, ""),
        ]));
        sidecar.add_generated(&texts([(Platform::Email, "E")]));
        let read = Sidecar::parse(sidecar.render().as_bytes()).unwrap();
        assert_eq!(read, sidecar);
        let expected = [("email", "E"), ("telegram", "T  1\n\"2\"\u{2028}")];
        let expected = expected.map(|(platform, text)| (platform.to_owned(), text.to_owned()));
        assert_eq!(read.captions(GENERATED), expected.into());
    }

    #[test]
    fn captions_are_a_persons_where_they_are_not_what_a_machine_wrote() {
        let mut sidecar = Sidecar::default();
        assert!(!sidecar.is_edited());
        sidecar.add_generated(&texts([(Platform::Telegram, "T"), (Platform::Email, "E")]));
        sidecar.add_submitted(&texts([(Platform::Email, "E")]));
        assert!(!sidecar.is_edited());
        sidecar.add_submitted(&texts([(Platform::Email, "E!")]));
        assert!(sidecar.is_edited());
    }

    #[test]
    fn what_is_no_object_of_texts_is_no_caption() {
        for value in ["x", "[1]", "{\"telegram\": 1}", "null"] {
            let text = format!("# ---\n# {GENERATED}: {value}\n");
            let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
            assert!(sidecar.captions(GENERATED).is_empty(), "{value}");
        }
        let mut sidecar = Sidecar::default();
        sidecar.add_generated(&texts([(Platform::Email, "")]));
        assert_eq!(sidecar, Sidecar::default());
    }
}
