//! The caption file beside an image, `<stem>.txt`: a caption for training and for people on the
//! first line, then `# key: value` lines.

use serde_json::Value;

use crate::domain::analysis::{self, Analysis};

/// A larger file is not read, in bytes (64 KiB).
pub const MAX_SIDECAR_BYTES: usize = 64 * 1024;

/// The version of the form in which the Stable-Diffusion caption is written.
pub const SD_CAPTION_VERSION: &str = "1";

const FENCE: &str = "# ---";

/// A caption file. Keys that it holds and we do not know survive an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    caption: String,
    fields: Vec<(String, String)>,
}

impl Sidecar {
    /// Reads a file, as far as it is one: anything that is no caption and no `# key: value` line
    /// is passed over. `None` when it is too large or not UTF-8.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_SIDECAR_BYTES {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut sidecar = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.strip_prefix('#') {
                Some(comment) => {
                    if let Some((key, value)) = comment.split_once(':') {
                        sidecar.set(key.trim(), value.trim());
                    }
                }
                None if sidecar.caption.is_empty() => sidecar.set_caption(line),
                None => {}
            }
        }
        Some(sidecar)
    }

    /// The file's text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("{}\n\n{FENCE}\n", self.caption);
        for (key, value) in &self.fields {
            text.push_str("# ");
            text.push_str(key);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
        }
        text
    }

    /// The first line.
    #[must_use]
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// The caption of the image: its key's value, or else the first line; `None` if there is
    /// neither.
    #[must_use]
    pub fn known_caption(&self) -> Option<&str> {
        self.get("caption")
            .or(Some(&*self.caption))
            .filter(|caption| !caption.is_empty())
    }

    /// The Stable-Diffusion caption, if the first line is one.
    #[must_use]
    pub fn sd_caption(&self) -> Option<&str> {
        self.get("sd_caption_version")?;
        Some(&*self.caption).filter(|caption| !caption.is_empty())
    }

    /// The value of a key as a list: JSON, or else words between commas. Empty if there is none.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        let Some(text) = self.get(key) else {
            return Vec::new();
        };
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        analysis::list(Some(&value))
    }

    /// The value of a key as a yes or a no, if it is one.
    #[must_use]
    pub fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    /// All keys with their values, in the order of the file.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The SHA-256 of the image in hex, if this revision is the one that it was computed of.
    #[must_use]
    pub fn sha256_of(&self, revision: &str) -> Option<&str> {
        self.get("dropbox_rev").filter(|known| *known == revision)?;
        self.get("sha256")
            .filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
    }

    /// Replaces the first line.
    pub fn set_caption(&mut self, caption: &str) {
        // A leading `#` would be read back as a key, and a byte order mark before it not at all.
        one_line(caption)
            .trim_start_matches(['#', ' ', '\u{feff}'])
            .clone_into(&mut self.caption);
    }

    /// Sets a key, in its old place if it has one. An empty value leaves things as they are, and
    /// so does a key that could not be read back.
    pub fn set(&mut self, key: &str, value: &str) {
        let value = one_line(value);
        let readable = !key.is_empty() && !key.contains([':', '\n', '\r', '#']);
        if !readable || value.is_empty() {
            return;
        }
        match self.fields.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.fields.push((key.to_owned(), value)),
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) {
        self.fields.retain(|(known, _)| known != key);
    }

    /// Sets a key to a list, as JSON. An empty list leaves things as they are.
    pub fn set_list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.set(key, &Value::from(values).to_string());
        }
    }

    /// Sets the keys of the extended metadata, as far as they are known. `description`, `mood` and
    /// `nsfw` are there for ourselves, so that an analysis can be told again from the file; other
    /// readers pass over them, as over all that they do not know.
    pub fn set_analysis(&mut self, analysis: &Analysis) {
        let texts = [
            ("subject", &analysis.subject),
            ("lighting", &analysis.lighting),
            ("pose", &analysis.pose),
            ("camera", &analysis.camera),
            ("materials", &analysis.clothing_or_accessories),
            ("art_style", &analysis.style),
            ("composition", &analysis.composition),
            ("background", &analysis.background),
            ("color_palette", &analysis.color_palette),
            ("alt_text", &analysis.alt_text),
        ];
        for (key, text) in texts {
            self.set(key, text.as_deref().unwrap_or_default());
        }
        self.set("description", &analysis.description);
        self.set("mood", &analysis.mood);
        self.set("nsfw", if analysis.nsfw { "true" } else { "false" });
        self.set_list("tags", &analysis.tags);
        self.set_list("aesthetic_terms", &analysis.aesthetic_terms);
        self.set_list("moderation", &analysis.safety_labels);
    }
}

fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_sidecar_has_the_caption_first_and_then_its_keys() {
        let mut sidecar = Sidecar::default();
        sidecar.set_caption("a knot,\nclose up");
        sidecar.set("image_file", "a.jpg");
        sidecar.set_list("tags", &["rope".to_owned(), "\"knot\"".to_owned()]);
        sidecar.set("artist_alias", "");
        let expected =
            "a knot, close up\n\n# ---\n# image_file: a.jpg\n# tags: [\"rope\",\"\\\"knot\\\"\"]\n";
        assert_eq!(sidecar.render(), expected);
    }

    #[test]
    fn foreign_keys_survive_an_update() {
        let mut sidecar =
            Sidecar::parse(b"old\r\n\r\n# ---\r\n# rating: 5: good\r\n# caption: x\r\n#junk")
                .unwrap();
        sidecar.set("caption", "y");
        assert_eq!(
            sidecar.render(),
            "old\n\n# ---\n# rating: 5: good\n# caption: y\n"
        );
    }

    #[test]
    fn the_first_line_is_a_caption_and_a_stable_diffusion_one_where_the_file_says_so() {
        let captions = |text: &str| {
            let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
            let owned = |caption: Option<&str>| caption.map(str::to_owned);
            (owned(sidecar.known_caption()), owned(sidecar.sd_caption()))
        };
        let some = |caption: &str| Some(caption.to_owned());
        assert_eq!(captions("first\n"), (some("first"), None));
        assert_eq!(
            captions("first\n\n# caption: second\n# sd_caption_version: 1\n"),
            (some("second"), some("first"))
        );
        assert_eq!(captions("# sd_caption_version: 1\n"), (None, None));
    }

    #[test]
    fn a_hash_counts_for_the_revision_that_it_is_of_and_if_it_is_one() {
        let hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let sidecar = |rev: &str, hash: &str| {
            let text = format!("# dropbox_rev: {rev}\n# sha256: {hash}\n");
            Sidecar::parse(text.as_bytes()).unwrap()
        };
        assert_eq!(sidecar("7", hash).sha256_of("7"), Some(hash));
        assert_eq!(sidecar("7", hash).sha256_of("8"), None);
        assert_eq!(sidecar("7", "unknown").sha256_of("7"), None);
        assert_eq!(sidecar("", hash).sha256_of(""), None);
    }

    #[test]
    fn what_is_known_is_read_leniently() {
        let read = |text: &str| Sidecar::parse(text.as_bytes()).unwrap();
        let ours =
            read("sd words\n# sd_caption_version: 1\n# caption: A knot.\n# tags: [\"a, b\", 3]");
        assert_eq!(ours.known_caption(), Some("A knot."));
        assert_eq!(ours.sd_caption(), Some("sd words"));
        assert_eq!(ours.list("tags"), ["a, b", "3"]);
        let foreign = read("by hand\n# tags: rope, knot,\n# nsfw: Yes\n# mood: [");
        assert_eq!(foreign.known_caption(), Some("by hand"));
        assert_eq!(foreign.sd_caption(), None);
        assert_eq!(foreign.list("tags"), ["rope", "knot"]);
        assert_eq!(
            (foreign.flag("nsfw"), foreign.flag("mood")),
            (Some(true), None)
        );
        let empty = read("# sd_caption_version: 1\n# caption:");
        assert_eq!((empty.known_caption(), empty.sd_caption()), (None, None));
        assert!(empty.list("tags").is_empty());
    }

    #[test]
    fn an_analysis_can_be_told_again() {
        let analysis = Analysis {
            description: "A knot.".to_owned(),
            mood: "calm".to_owned(),
            tags: vec!["rope".to_owned()],
            alt_text: Some("A knot in a rope".to_owned()),
            ..Analysis::default()
        };
        let mut sidecar = Sidecar::default();
        sidecar.set_analysis(&analysis);
        let read = Sidecar::parse(sidecar.render().as_bytes()).unwrap();
        assert_eq!(read.get("description"), Some("A knot."));
        assert_eq!(read.get("mood"), Some("calm"));
        assert_eq!(read.get("alt_text"), Some("A knot in a rope"));
        assert_eq!(read.flag("nsfw"), Some(false));
        assert_eq!(read.list("tags"), ["rope"]);
    }

    #[test]
    fn no_caption_becomes_a_key_even_behind_a_byte_order_mark() {
        for caption in ["# a: b", "\u{feff}# a: b", "#\u{feff} # a: b", "\n#a: b"] {
            let mut sidecar = Sidecar::default();
            sidecar.set_caption(caption);
            assert_eq!(sidecar.caption(), "a: b");
            assert_eq!(Sidecar::parse(sidecar.render().as_bytes()), Some(sidecar));
        }
        let read = Sidecar::parse("\u{feff}\u{feff}# a: b".as_bytes()).unwrap();
        assert_eq!((read.caption(), read.get("a")), ("a: b", None));
    }

    #[test]
    fn too_large_or_foreign_files_are_no_sidecars() {
        assert_eq!(Sidecar::parse(&vec![b'a'; MAX_SIDECAR_BYTES + 1]), None);
        assert_eq!(Sidecar::parse(b"\xff\xfe"), None);
        assert_eq!(Sidecar::parse(b""), Some(Sidecar::default()));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(caption in "\\PC{0,60}", key in "[a-z_]{1,10}", value in "\\PC{0,60}") {
            let mut sidecar = Sidecar::default();
            sidecar.set_caption(&caption);
            sidecar.set(&key, &value);
            prop_assert_eq!(Sidecar::parse(sidecar.render().as_bytes()), Some(sidecar));
        }

        #[test]
        fn no_file_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sidecar::parse(&bytes);
        }
    }
}
