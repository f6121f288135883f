//! The captions in a sidecar: JSON objects from platform to text for those that a model wrote (`caption_generated`) and
//! those that were sent (`caption_submitted`), and `caption`, the main one. The main caption is a person's where
//! `caption_edited` says so, or where it is none of the others.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Sidecar, one_line};
use crate::domain::platform::Platform;

const CAPTION: &str = "caption";
const GENERATED: &str = "caption_generated";
const SUBMITTED: &str = "caption_submitted";
const EDITED: &str = "caption_edited";
const UPDATED_AT: &str = "caption_updated_at";

impl Sidecar {
    /// Whether the main caption is a person's: the file says so, or the caption is none that was generated or sent.
    #[must_use]
    pub fn is_edited(&self) -> bool {
        self.flag(EDITED) == Some(true) || self.has_unknown_caption()
    }

    fn has_unknown_caption(&self) -> bool {
        self.unknown_caption(|text| text).is_some()
    }

    /// The main caption, if a person has written it into the file: none that was generated or sent has these words, but for
    /// the hashtags at the end.
    #[must_use]
    pub fn caption_by_hand(&self) -> Option<&str> {
        self.unknown_caption(without_hashtags)
    }

    /// The main caption, if none that was generated or sent has the same words, or the same part of them.
    fn unknown_caption(&self, part: fn(&str) -> &str) -> Option<&str> {
        let caption = self.get(CAPTION)?;
        let known = [self.captions(GENERATED), self.captions(SUBMITTED)];
        let mut known = known.iter().flat_map(BTreeMap::values);
        let words = one_line(caption);
        let is_known = known.any(|text| part(&one_line(text)) == part(&words));
        (!is_known).then_some(caption)
    }

    /// The caption that was last sent to a platform, or else the one that was generated for it.
    #[must_use]
    pub fn caption_for(&self, platform: Platform) -> Option<String> {
        let of = |key: &str| self.captions(key).remove(platform.as_str());
        let texts = [of(SUBMITTED), of(GENERATED)];
        texts
            .into_iter()
            .flatten()
            .find(|text| !text.trim().is_empty())
    }

    /// Whether [`caption_for`](Self::caption_for) a platform is what a model wrote for it.
    #[must_use]
    pub fn is_generated_for(&self, platform: Platform) -> bool {
        let generated = self.captions(GENERATED).remove(platform.as_str());
        generated.is_some() && generated == self.caption_for(platform)
    }

    /// Adds captions that a model wrote, and sets the main one to `main` unless a person's is there. Other platforms keep
    /// theirs.
    pub fn add_generated(&mut self, texts: &BTreeMap<Platform, String>, main: &str, now: &str) {
        let is_edited = self.is_edited();
        self.add(GENERATED, texts);
        if is_edited {
            self.set(EDITED, "true");
        } else {
            self.set_main(main, false, now);
        }
    }

    /// Replaces all captions by those that a model wrote.
    pub fn replace_generated(&mut self, texts: &BTreeMap<Platform, String>, main: &str, now: &str) {
        self.remove(GENERATED);
        self.add(GENERATED, texts);
        self.set_main(main, true, now);
        self.set(EDITED, "false");
    }

    /// Adds a person's captions, and sets the main one to `main`. They count as generated if each is what a model wrote
    /// for its platform.
    pub fn add_given(&mut self, texts: &BTreeMap<Platform, String>, main: &str, now: &str) {
        let generated = self.captions(GENERATED);
        let is_edited = said(texts).any(|(platform, text)| generated.get(platform) != Some(text));
        self.set_main(main, true, now);
        self.set(EDITED, if is_edited { "true" } else { "false" });
    }

    /// Adds captions that were sent. Other platforms keep theirs.
    pub fn add_submitted(&mut self, texts: &BTreeMap<Platform, String>) {
        let is_edited = self.is_edited();
        self.add(SUBMITTED, texts);
        self.set(EDITED, if is_edited { "true" } else { "false" });
    }

    /// Sets the main caption.
    fn set_main(&mut self, main: &str, always: bool, now: &str) {
        let is_news = always
            || self
                .get(CAPTION)
                .is_none_or(|old| one_line(old) != one_line(main));
        if main.is_empty() || !is_news {
            return;
        }
        self.set_lines(CAPTION, main);
        self.set(UPDATED_AT, now);
    }

    /// Whether there is a caption: the main one, one that was generated, or one that was sent.
    #[must_use]
    pub fn has_captions(&self) -> bool {
        let keys = [CAPTION, GENERATED, SUBMITTED];
        keys.iter().any(|key| self.get(key).is_some())
    }

    /// The captions that a model wrote, by platform; `None` if there is none.
    #[must_use]
    pub fn generated_captions(&self) -> Option<BTreeMap<String, String>> {
        Some(self.captions(GENERATED)).filter(|captions| !captions.is_empty())
    }

    /// The captions that were last sent, by platform; `None` if there is none.
    #[must_use]
    pub fn submitted_captions(&self) -> Option<BTreeMap<String, String>> {
        Some(self.captions(SUBMITTED)).filter(|captions| !captions.is_empty())
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

/// A text of one line without the hashtags at its end.
fn without_hashtags(line: &str) -> &str {
    let mut rest = line.trim_end();
    while let Some((before, last)) = rest.rsplit_once(' ')
        && last.starts_with('#')
    {
        rest = before.trim_end();
    }
    rest
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

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn both() -> BTreeMap<Platform, String> {
        texts([
            (Platform::Telegram, "T  1\n\"2\"\u{2028}"),
            (Platform::Email, "E"),
        ])
    }

    #[test]
    fn captions_of_other_platforms_stay_and_read_the_same() {
        let mut sidecar = Sidecar::default();
        let first = texts([
            (Platform::Telegram, "T  1\n\"2\"\u{2028}"),
            (Platform::Email, ""),
        ]);
        sidecar.add_generated(&first, "T", NOW);
        sidecar.add_generated(&texts([(Platform::Email, "E")]), "E", NOW);
        let read = Sidecar::parse(sidecar.render().as_bytes()).unwrap();
        assert_eq!(read, sidecar);
        let expected = both().into_iter();
        let expected = expected.map(|(platform, text)| (platform.as_str().to_owned(), text));
        assert_eq!(read.captions(GENERATED), expected.collect());
    }

    #[test]
    fn a_caption_is_a_persons_where_the_file_says_so_or_knows_no_such_text() {
        let mut sidecar = Sidecar::default();
        assert!(!sidecar.is_edited());
        sidecar.add_generated(&both(), "E", NOW);
        sidecar.add_submitted(&both());
        assert_eq!(sidecar.flag(EDITED), Some(false));
        let text = sidecar.render();
        for (by_hand, is_edited) in [
            (text.clone(), false),
            (text.replace("# caption: E\n", "# caption: By me\n"), true),
            (
                text.replace("# caption_edited: false", "# caption_edited: true"),
                true,
            ),
            // White space that an editor changes is no other text.
            (text.replace("# caption: E\n", "#  caption:   E  \n"), false),
            ("# ---\n# caption: By me\n".to_owned(), true),
            (
                "# ---\n# caption_generated: {\"email\":\"E\"}\n".to_owned(),
                false,
            ),
        ] {
            let sidecar = Sidecar::parse(by_hand.as_bytes()).unwrap();
            assert_eq!(sidecar.is_edited(), is_edited, "{by_hand}");
        }
    }

    #[test]
    fn a_caption_is_by_hand_where_its_words_are_new_whatever_the_flag_and_the_hashtags_are() {
        let mut sidecar = Sidecar::default();
        assert_eq!(sidecar.caption_by_hand(), None);
        assert!(!sidecar.has_captions());
        let sent = texts([(Platform::Telegram, "Two words\n\n#tenant #rope")]);
        sidecar.add_given(&sent, "Two words\n\n#tenant #rope", NOW);
        assert!(sidecar.has_captions());
        sidecar.add_submitted(&sent);
        assert_eq!(sidecar.flag(EDITED), Some(true));
        assert_eq!(sidecar.caption_by_hand(), None);
        for (main, is_by_hand) in [
            ("Two words", false),
            ("Two  words #other", false),
            ("Two", true),
            ("Two other words", true),
            ("#tenant", true),
        ] {
            sidecar.set_lines(CAPTION, main);
            assert_eq!(sidecar.caption_by_hand().is_some(), is_by_hand, "{main}");
        }
    }

    #[test]
    fn a_persons_caption_stays_until_it_is_to_be_replaced() {
        for by_hand in [
            "# ---\n# caption: By me\n# caption_updated_at: then\n",
            "# ---\n# caption: E\n# caption_generated: {\"email\":\"E\"}\n# caption_edited: true\n",
        ] {
            let before = Sidecar::parse(by_hand.as_bytes()).unwrap();
            let mut sidecar = before.clone();
            sidecar.add_generated(&both(), "T", NOW);
            sidecar.add_submitted(&both());
            assert_eq!(sidecar.get(CAPTION), before.get(CAPTION));
            assert_eq!(sidecar.get(UPDATED_AT), before.get(UPDATED_AT));
            assert_eq!(sidecar.flag(EDITED), Some(true));
            assert_eq!(sidecar.captions(SUBMITTED)["email"], "E");
            sidecar.replace_generated(&texts([(Platform::Email, "F")]), "F", NOW);
            assert_eq!(sidecar.get(CAPTION), Some("F"));
            assert_eq!(
                (sidecar.flag(EDITED), sidecar.is_edited()),
                (Some(false), false)
            );
            assert_eq!(sidecar.captions(GENERATED).len(), 1);
        }
    }

    #[test]
    fn given_captions_are_a_persons_where_they_are_not_what_a_machine_wrote() {
        let mut sidecar = Sidecar::default();
        sidecar.add_generated(&both(), "T", NOW);
        sidecar.add_given(&texts([(Platform::Email, "E")]), "E", NOW);
        assert!(!sidecar.is_edited());
        sidecar.add_given(&texts([(Platform::Email, "E!")]), "E!", NOW);
        sidecar.add_submitted(&texts([(Platform::Email, "E!")]));
        assert!(sidecar.is_edited());
        assert_eq!(sidecar.get(CAPTION), Some("E!"));
    }

    #[test]
    fn the_caption_for_a_platform_is_the_one_that_was_sent_there_or_written_for_it() {
        let text = "# ---\n# caption_generated: {\"email\":\"E\",\"telegram\":\"T\"}\n\
                    # caption_submitted: {\"email\":\"sent\",\"telegram\":\" \"}\n";
        let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
        assert_eq!(
            sidecar.caption_for(Platform::Email).as_deref(),
            Some("sent")
        );
        assert_eq!(
            sidecar.caption_for(Platform::Telegram).as_deref(),
            Some("T")
        );
        assert!(!sidecar.is_generated_for(Platform::Email));
        assert!(sidecar.is_generated_for(Platform::Telegram));
        assert_eq!(Sidecar::default().caption_for(Platform::Email), None);
        assert!(!Sidecar::default().is_generated_for(Platform::Email));
    }

    #[test]
    fn what_is_no_object_of_texts_is_no_caption() {
        for value in ["x", "[1]", "{\"telegram\": 1}", "null"] {
            let text = format!("# ---\n# {GENERATED}: {value}\n");
            let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
            assert!(sidecar.captions(GENERATED).is_empty(), "{value}");
            assert_eq!(sidecar.generated_captions(), None, "{value}");
        }
        let mut sidecar = Sidecar::default();
        sidecar.add(GENERATED, &texts([(Platform::Email, "")]));
        assert_eq!(sidecar, Sidecar::default());
    }
}
