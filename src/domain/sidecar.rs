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
mod tests;
