//! The sidecar of an image, a text file beside it: the Stable-Diffusion caption or an empty first line, then a fence
//! and `# key: value` lines.
//!
//! People have text files of their own beside their images. A file is *ours* if it has the fence behind at most one line
//! of text, and names an image behind that (`image_file`). Other files are left alone, and so is the sidecar of another
//! image: see [`SidecarName`] for where ours is then. Lines that people add behind the fence survive an update.

mod captions;
mod identity;
mod value;

use serde_json::Value;

use self::value::{decoded, encoded};
use crate::domain::{
    analysis::{self, Analysis},
    content_hash::SidecarKeys,
    image::MAX_NAME_BYTES,
};

/// The largest file that is read or written, in bytes (64 KiB).
pub const MAX_SIDECAR_BYTES: usize = 64 * 1024;

/// The version of the format of the Stable-Diffusion caption.
pub const SD_CAPTION_VERSION: &str = "1";

const FENCE: &str = "# ---";
/// The key that names the image.
const IMAGE_FILE: &str = "image_file";
/// The keys of the first kind of storage. Versions that knew no other wrote them for all kinds.
pub const FIRST_KEYS: SidecarKeys = SidecarKeys {
    file_id: "dropbox_file_id",
    revision: "dropbox_rev",
};
/// The key of the alt text.
pub const ALT_TEXT: &str = "alt_text";

/// One of the two names of a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SidecarName {
    /// `<name>.<ext>.txt`, used where the other name is taken.
    Full,
    /// `<stem>.txt`, which images share that differ in their endings only.
    Stem,
}

impl SidecarName {
    /// Both names, in the order in which they are read.
    pub const ALL: [Self; 2] = [Self::Full, Self::Stem];

    /// The name of the file beside an image of this name; `None` where it is too long.
    #[must_use]
    pub fn beside(self, image: &str) -> Option<String> {
        let base = match self {
            Self::Full => image,
            Self::Stem => image.rsplit_once('.').map_or(image, |(stem, _)| stem),
        };
        Some(format!("{base}.txt")).filter(|name| name.len() <= MAX_NAME_BYTES)
    }
}

/// The relation of a sidecar to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging {
    /// The sidecar of the image as it is now.
    Fits,
    /// The sidecar of an earlier content of the image.
    Outdated,
    /// The sidecar of another image.
    OtherImage,
}

/// The content of a sidecar. Unknown keys and lines survive an update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sidecar {
    caption: String,
    fields: Vec<(String, String)>,
    /// Lines that are neither the caption nor a key with a value.
    notes: Vec<String>,
}

impl Sidecar {
    /// The content of a file of ours; `None` for other files, and for one that is too large.
    #[must_use]
    pub fn recognize(bytes: &[u8]) -> Option<Self> {
        let lines = text_of(bytes)?.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty());
        // Before the fence there is the caption alone: with more text, or a key, the file is a person's.
        let first = lines.next()?;
        if first != FENCE && (first.starts_with('#') || lines.next() != Some(FENCE)) {
            return None;
        }
        let names_image = |line| key_and_value(line).is_some_and(|(key, _)| key == IMAGE_FILE);
        if lines.any(names_image) {
            Self::parse(bytes)
        } else {
            None
        }
    }

    /// The content of any text file; `None` when it is too large or not UTF-8.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut sidecar = Self::default();
        let mut behind_fence = false;
        for line in text_of(bytes)?.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() {
                continue;
            }
            if trimmed == FENCE && !behind_fence {
                behind_fence = true;
            } else if let Some((key, value)) = key_and_value(trimmed) {
                sidecar.put(key, decoded(value).into_owned());
            } else if !behind_fence && !trimmed.starts_with('#') && sidecar.caption.is_empty() {
                sidecar.set_caption(trimmed);
            } else {
                sidecar.notes.push(line.trim_end().to_owned());
            }
        }
        Some(sidecar)
    }

    /// The file's text. Lines that are not ours come last.
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
        for note in &self.notes {
            text.push_str(note);
            text.push('\n');
        }
        text
    }

    /// The first line.
    #[must_use]
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// The caption of the image: the value of `caption`, or else the first line; `None` if there is neither.
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

    /// The value of a key as a list: JSON, or words between commas; empty if there is none.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<String> {
        let Some(text) = self.get(key) else {
            return Vec::new();
        };
        let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        analysis::list(Some(&value))
    }

    /// The value of a key as a boolean, if it is one.
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

    /// Empties a first line that is no Stable-Diffusion caption: nothing else stands there. What it says is kept behind the
    /// keys, unless `caption` has the same words.
    pub fn clear_other_first_line(&mut self) {
        if self.sd_caption().is_some() || self.caption.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.caption);
        let is_known = self.get("caption").map(one_line) == Some(one_line(&line));
        if !is_known {
            self.notes.push(line);
        }
    }

    /// Replaces the first line, or empties it.
    pub fn set_caption(&mut self, caption: &str) {
        // A leading `#` would be read back as a key, and a byte order mark is not read back.
        one_line(caption)
            .trim_start_matches(['#', ' ', '\u{feff}'])
            .clone_into(&mut self.caption);
    }

    /// Sets a key, in its old place if it has one. An empty value, and a key that could not be read back, change
    /// nothing.
    pub fn set(&mut self, key: &str, value: &str) {
        self.put(key, one_line(value));
    }

    /// Sets a key to a value of several lines.
    pub fn set_lines(&mut self, key: &str, value: &str) {
        let lines = value.lines().map(one_line);
        let lines = lines.collect::<Vec<_>>().join("\n");
        self.put(key, lines.trim().to_owned());
    }

    fn put(&mut self, key: &str, value: String) {
        if !is_key(key) || value.is_empty() {
            return;
        }
        match self.fields.iter_mut().find(|(known, _)| known == key) {
            Some((_, old)) => *old = value,
            None => self.fields.push((key.to_owned(), value)),
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        self.fields.retain(|(known, _)| known != key);
    }

    /// Sets a key to a list, as JSON. An empty list changes nothing.
    pub fn set_list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            self.set(key, &Value::from(values).to_string());
        }
    }

    /// Adds the missing keys of the extended metadata: present ones may be a person's.
    pub fn add_analysis(&mut self, analysis: &Analysis) {
        let mut seen = Self::default();
        seen.set_analysis(analysis);
        for (key, value) in seen.fields {
            if self.get(&key).is_none() {
                self.put(&key, value);
            }
        }
    }

    /// Sets the keys of the extended metadata. `description`, `mood` and `nsfw` are only for this service, which answers
    /// analyses from the file.
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
            (ALT_TEXT, &analysis.alt_text),
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

/// The text of a file that is not too large, without its byte order mark.
fn text_of(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > MAX_SIDECAR_BYTES {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    Some(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The key and the value of a `# key: value` line that has both.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.strip_prefix('#')?.split_once(':')?;
    let (key, value) = (key.trim(), value.trim());
    (is_key(key) && !decoded(value).is_empty()).then_some((key, value))
}

/// Whether a key can be read back.
fn is_key(key: &str) -> bool {
    !key.is_empty() && key.trim() == key && !key.contains([':', '\n', '\r', '#'])
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
