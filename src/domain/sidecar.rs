//! The sidecar of an image, a text file beside it: the Stable-Diffusion caption or nothing on the first
//! line, then a fence and `# key: value` lines.
//!
//! People have text files of their own beside their images. A file is *ours* if it has the fence and names
//! an image behind it (`image_file`), as this service and the one before it have always written. Anything
//! else is left alone, and so is the sidecar of another image: see [`SidecarName`] for where ours is then.

use std::borrow::Cow;

use serde_json::Value;

use crate::domain::{
    analysis::{self, Analysis},
    image::{MAX_NAME_BYTES, StoredImage},
};

/// A larger file is not read, in bytes (64 KiB).
pub const MAX_SIDECAR_BYTES: usize = 64 * 1024;

/// The version of the form in which the Stable-Diffusion caption is written.
pub const SD_CAPTION_VERSION: &str = "1";

const FENCE: &str = "# ---";
/// The key that names the image.
const IMAGE_FILE: &str = "image_file";
/// In front of a value that is written as JSON, because it has more than one line.
const JSON_MARK: &str = "!json ";

/// The keys that this service writes; what stands under others is left as it is.
const OWN_KEYS: [&str; 31] = [
    IMAGE_FILE,
    "dropbox_file_id",
    "dropbox_rev",
    "sha256",
    "created",
    "sd_caption_version",
    "model_version",
    "artist_alias",
    "caption",
    "caption_generated",
    "caption_submitted",
    "caption_edited",
    "caption_updated_at",
    "subject",
    "lighting",
    "pose",
    "camera",
    "materials",
    "art_style",
    "composition",
    "background",
    "color_palette",
    "alt_text",
    "tags",
    "aesthetic_terms",
    "moderation",
    "description",
    "mood",
    "nsfw",
    "sd_caption",
    "model",
];

/// Which of the two names that the sidecar of an image can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarName {
    /// `<name>.<ext>.txt`, where the other name is taken by a file that is not ours, or another image's.
    Full,
    /// `<stem>.txt`, which images that differ in their endings share.
    Stem,
}

impl SidecarName {
    /// Both, in the order in which they are read.
    pub const ALL: [Self; 2] = [Self::Full, Self::Stem];

    /// The name of the file beside an image of this name; `None` where that would be too long.
    #[must_use]
    pub fn beside(self, image: &str) -> Option<String> {
        let base = match self {
            Self::Full => image,
            Self::Stem => image.rsplit_once('.').map_or(image, |(stem, _)| stem),
        };
        Some(format!("{base}.txt")).filter(|name| name.len() <= MAX_NAME_BYTES)
    }
}

/// Whose a sidecar is, seen from one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging {
    /// The image's, as it is now.
    Fits,
    /// The image's, as it was before its content was replaced: what it says is of another picture.
    Outdated,
    /// Another image's.
    OtherImage,
}

/// A caption file. Keys that it holds and we do not know survive an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    caption: String,
    fields: Vec<(String, String)>,
}

impl Sidecar {
    /// Reads a file of ours, leniently; `None` for any other file, and one that is too large.
    #[must_use]
    pub fn recognize(bytes: &[u8]) -> Option<Self> {
        let sidecar = Self::parse(bytes)?;
        let mut lines = std::str::from_utf8(bytes).ok()?.lines().map(str::trim);
        lines.find(|line| *line == FENCE)?;
        // Before the fence there is the caption alone; a key there is something that somebody wrote.
        let names_image = |line: &str| {
            let key = line.strip_prefix('#').and_then(|rest| rest.split_once(':'));
            key.is_some_and(|(key, _)| key.trim() == IMAGE_FILE)
        };
        lines.any(names_image).then_some(sidecar)
    }

    /// Whose this is, seen from an image; `sha256` is that of its content in hex, where it is known.
    ///
    /// A file with the image's id is the image's, whatever the image is called; one with its name, too. It
    /// fits if its SHA-256 does; where either is not known, if its revision does; and if it names neither,
    /// for what it says of the name.
    #[must_use]
    pub fn belonging_to(&self, image: &StoredImage, sha256: Option<&str>) -> Belonging {
        let is_same = |key: &str, value: &str| self.get(key).map(|known| known == value);
        let names_it = self
            .get(IMAGE_FILE)
            .is_some_and(|name| name.to_lowercase() == image.name.as_str().to_lowercase());
        let has_id = is_same("dropbox_file_id", &image.file_id) == Some(true);
        if !names_it && !has_id {
            return Belonging::OtherImage;
        }
        let by_hash = sha256.and_then(|sha256| {
            let known = self.get("sha256")?;
            Some(known.eq_ignore_ascii_case(sha256))
        });
        let by_revision = || is_same("dropbox_rev", &image.revision);
        // A hash without a revision is of some content, and nobody can tell of which.
        let by_neither = || Some(self.get("sha256").is_none());
        match by_hash.or_else(by_revision).or_else(by_neither) {
            Some(false) => Belonging::Outdated,
            _ => Belonging::Fits,
        }
    }

    /// What stays of it when its image was replaced: the keys that are not ours.
    #[must_use]
    pub fn with_foreign_keys_only(self) -> Self {
        let is_foreign = |(key, _): &(String, String)| !OWN_KEYS.contains(&key.as_str());
        Self {
            caption: String::new(),
            fields: self.fields.into_iter().filter(is_foreign).collect(),
        }
    }

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
                        sidecar.set_lines(key.trim(), &decoded(value.trim()));
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
            text.push_str(&encoded(value));
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

    /// Replaces the first line, or empties it.
    pub fn set_caption(&mut self, caption: &str) {
        // A leading `#` would be read back as a key, and a byte order mark before it not at all.
        one_line(caption)
            .trim_start_matches(['#', ' ', '\u{feff}'])
            .clone_into(&mut self.caption);
    }

    /// Sets a key, in its old place if it has one. An empty value leaves things as they are, and
    /// so does a key that could not be read back.
    pub fn set(&mut self, key: &str, value: &str) {
        self.put(key, one_line(value));
    }

    /// The same, with the value's lines as they are.
    pub fn set_lines(&mut self, key: &str, value: &str) {
        let lines = value.lines().map(one_line);
        let lines = lines.collect::<Vec<_>>().join("\n");
        self.put(key, lines.trim().to_owned());
    }

    fn put(&mut self, key: &str, value: String) {
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

/// A value as it stands in its line.
fn encoded(value: &str) -> Cow<'_, str> {
    if value.contains('\n') || value.starts_with(JSON_MARK) {
        Cow::from(format!("{JSON_MARK}{}", Value::from(value)))
    } else {
        Cow::from(value)
    }
}

/// A value out of its line; one that only looks like JSON is what it looks like.
fn decoded(value: &str) -> Cow<'_, str> {
    let json = value.strip_prefix(JSON_MARK);
    let text = json.and_then(|json| serde_json::from_str::<String>(json).ok());
    text.map_or(Cow::from(value), Cow::from)
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
    use crate::domain::image::{ContentHash, ImageName};
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

    fn image(name: &str) -> StoredImage {
        StoredImage {
            name: ImageName::new(name).unwrap(),
            file_id: "id:1".to_owned(),
            revision: "7".to_owned(),
            content_hash: ContentHash::of(b""),
            size: 1,
        }
    }

    #[test]
    fn only_what_has_the_fence_and_names_an_image_behind_it_is_ours() {
        for ours in [
            "\n\n# ---\n# image_file: a.jpg\n",
            "sd words\r\n\r\n# ---\r\n# image_file: a.jpg\r\n# caption: x\r\n",
            "\u{feff}sd words\n\n# ---\n# sha256: 0\n#image_file:a.jpg",
            "first\n\n# ---\n# dropbox_rev: 1\n# image_file: a.jpg\n# rating: 5",
        ] {
            assert!(Sidecar::recognize(ours.as_bytes()).is_some(), "{ours:?}");
        }
        for foreign in [
            "",
            "A caption for training",
            "1girl, rope, knot\n",
            "Notes\n\n# ---\nand more notes",
            "# image_file: a.jpg\n# caption: of another tool",
            "# image_file: a.jpg\n# ---\n# rating: 5",
            "# ---\nimage_file: a.jpg",
            "# Heading\n# ----\n# image_file: a.jpg",
            "#---\n# image_file: a.jpg",
        ] {
            assert_eq!(Sidecar::recognize(foreign.as_bytes()), None, "{foreign:?}");
        }
        let ours = b"\n\n# ---\n# image_file: a.jpg\n";
        let latin_1 = [&ours[..], b"# note: caf\xe9"].concat();
        let utf_16: Vec<u8> = "# ---\n# image_file: a.jpg"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let long = [&ours[..], &vec![b'x'; MAX_SIDECAR_BYTES]].concat();
        for bytes in [latin_1, utf_16, long] {
            assert_eq!(Sidecar::recognize(&bytes), None);
        }
    }

    #[test]
    fn a_sidecar_is_believed_for_the_image_and_the_content_that_it_is_of() {
        use Belonging::{Fits, OtherImage, Outdated};
        let hash = |digit: &str| digit.repeat(64);
        let (one, two) = (hash("1"), hash("2"));
        for (keys, sha256, expected) in [
            ("image_file: a.jpg", None, Fits),
            ("image_file: A.JPG", None, Fits),
            ("image_file: a.png", None, OtherImage),
            (
                "image_file: a.png\n# dropbox_file_id: id:2",
                None,
                OtherImage,
            ),
            // Renamed, by its id.
            (
                "image_file: before.jpg\n# dropbox_file_id: id:1",
                None,
                Fits,
            ),
            ("image_file: a.jpg\n# dropbox_rev: 7", None, Fits),
            ("image_file: a.jpg\n# dropbox_rev: 6", None, Outdated),
            // Uploaded again: another file, and the same picture.
            (
                &format!(
                    "image_file: a.jpg\n# dropbox_file_id: id:2\n# dropbox_rev: 6\n# sha256: {one}"
                ),
                Some(&one),
                Fits,
            ),
            (
                &format!("image_file: a.jpg\n# dropbox_rev: 7\n# sha256: {two}"),
                Some(&one),
                Outdated,
            ),
            (
                &format!("image_file: a.jpg\n# dropbox_rev: 7\n# sha256: {two}"),
                None,
                Fits,
            ),
            (
                &format!("image_file: a.jpg\n# dropbox_rev: 6\n# sha256: {two}"),
                None,
                Outdated,
            ),
            (
                &format!("image_file: a.jpg\n# sha256: {two}"),
                None,
                Outdated,
            ),
            (
                &format!("image_file: a.jpg\n# sha256: {}", one.to_uppercase()),
                Some(&one),
                Fits,
            ),
        ] {
            let text = format!("\n\n# ---\n# {keys}\n");
            let sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
            let sha256 = sha256.map(String::as_str);
            assert_eq!(
                sidecar.belonging_to(&image("a.jpg"), sha256),
                expected,
                "{keys} {sha256:?}"
            );
        }
    }

    #[test]
    fn a_sidecar_has_two_names_and_none_that_is_too_long() {
        let names = |image: &str| SidecarName::ALL.map(|name| name.beside(image));
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(
            names("IMG_1.jpg"),
            [some("IMG_1.jpg.txt"), some("IMG_1.txt")]
        );
        assert_eq!(names("a.b.webp"), [some("a.b.webp.txt"), some("a.b.txt")]);
        assert_eq!(
            names("a.txt.jpg"),
            [some("a.txt.jpg.txt"), some("a.txt.txt")]
        );
        let long = format!("{}.jpg", "x".repeat(251));
        assert_eq!(
            names(&long),
            [None, Some(format!("{}.txt", "x".repeat(251)))]
        );
    }

    #[test]
    fn values_of_several_lines_are_written_as_json() {
        let mut sidecar = Sidecar::default();
        sidecar.set("image_file", "a.jpg");
        sidecar.set_lines("caption", "one\r\n\ttwo\n\n# ---\n");
        sidecar.set("note", "!json \"x\"");
        let text = sidecar.render();
        assert!(
            text.contains("# caption: !json \"one\\ntwo\\n\\n# ---\"\n"),
            "{text}"
        );
        let read = Sidecar::recognize(text.as_bytes()).unwrap();
        assert_eq!(read.get("caption"), Some("one\ntwo\n\n# ---"));
        assert_eq!(read.get("note"), Some("!json \"x\""));
        let odd = Sidecar::parse(b"# a: !json {\n# b: !json 7").unwrap();
        assert_eq!(
            (odd.get("a"), odd.get("b")),
            (Some("!json {"), Some("!json 7"))
        );
    }

    #[test]
    fn of_a_replaced_image_only_foreign_keys_stay() {
        let text = b"sd\n\n# ---\n# image_file: a.jpg\n# caption: c\n# rating: 5\n";
        let kept = Sidecar::parse(text).unwrap().with_foreign_keys_only();
        assert_eq!(kept.render(), "\n\n# ---\n# rating: 5\n");
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
        fn what_this_service_writes_is_ours_and_reads_the_same(caption in "\\PC{0,40}", value in "(\\PC|\n){0,60}") {
            let mut sidecar = Sidecar::default();
            sidecar.set_caption(&caption);
            sidecar.set("image_file", "a.jpg");
            sidecar.set_lines("caption", &value);
            prop_assert_eq!(Sidecar::recognize(sidecar.render().as_bytes()), Some(sidecar));
        }

        #[test]
        fn no_text_without_a_fence_is_ours(text in "(# ?)?(image_file: a.jpg|sha256: 1|---x|\\PC{0,30}|\n){0,8}") {
            prop_assume!(!text.lines().any(|line| line.trim() == FENCE));
            prop_assert_eq!(Sidecar::recognize(text.as_bytes()), None);
        }

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
