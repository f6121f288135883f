//! The file that names what the existing service has posted, by hashes of content.
//!
//! It is an object with `hashes` (SHA-256, and MD5 as the `ETag`s of S3-compatible stores are) and
//! `dropbox_content_hashes`, or a list of `hashes` alone. Entries that are no hashes are counted, and the others are
//! taken: each that is taken over is one image fewer that may be posted twice. A file of another shape is refused as a
//! whole. Nothing of a file is repeated but names of fields.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use serde::{
    Deserializer as _,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::hashes::key_of;
use crate::domain::{content_hash::ContentHash, storage::HashKind};

/// The largest file that is read, in bytes: about 900,000 hashes.
pub const MAX_POSTED_LIST: u64 = 64 * 1024 * 1024;
/// How many bad entries are named; all are counted.
const NAMED: usize = 20;
/// How many fields that are ignored are named, and the most characters of each.
const NAMED_FIELDS: usize = 10;
const NAME_LENGTH: usize = 40;

/// The hashes in a file, each of them once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostedList {
    hashes: Vec<ContentHash>,
    repeated: u64,
    bad: u64,
    named: Vec<BadEntry>,
    ignored: Vec<String>,
}

/// An entry that is no hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    field: Option<Field>,
    index: usize,
}

/// Why a file is not read. Holds nothing of the file but names of fields.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostedListError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    /// It is larger than [`MAX_POSTED_LIST`].
    #[error("it is larger than {} MiB: divide it, and import the parts one after the other", MAX_POSTED_LIST / 1024 / 1024)]
    TooLarge,
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is no text in UTF-8.
    #[error("byte {0}: it is not UTF-8: save it as UTF-8")]
    NotUtf8(usize),
    /// It is not JSON, or a field is not what it has to be; with line and column.
    #[error("{0}")]
    Json(#[source] serde_json::Error),
    /// It is JSON of another shape.
    #[error(
        "it must be an object with the lists `hashes`, `dropbox_content_hashes` or both, or a list of hashes; it is {0}"
    )]
    Shape(&'static str),
    /// Not one entry is a hash.
    #[error("none of its {0} entries is a hash: the first is {1}")]
    NoHash(u64, BadEntry),
}

impl PostedList {
    /// Reads a file.
    ///
    /// # Errors
    /// [`PostedListError`].
    pub fn from_file(path: &Path) -> Result<Self, PostedListError> {
        let mut bytes = Vec::new();
        let file = File::open(path)?;
        file.take(MAX_POSTED_LIST + 1).read_to_end(&mut bytes)?;
        Self::read(&bytes)
    }

    /// Reads what is in a file.
    ///
    /// # Errors
    /// [`PostedListError`].
    pub fn read(bytes: &[u8]) -> Result<Self, PostedListError> {
        if bytes.len() as u64 > MAX_POSTED_LIST {
            return Err(PostedListError::TooLarge);
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| PostedListError::NotUtf8(error.valid_up_to()))?;
        // As editors on Windows write it.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        if text.trim().is_empty() {
            return Err(PostedListError::Empty);
        }
        let mut list = Self::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let shape = json.deserialize_any(Whole(&mut list));
        let shape = shape
            .and_then(|shape| json.end().map(|()| shape))
            .map_err(PostedListError::Json)?;
        if let Some(shape) = shape {
            return Err(PostedListError::Shape(shape));
        }
        match list.named.first() {
            Some(first) if list.hashes.is_empty() => {
                Err(PostedListError::NoHash(list.bad, first.clone()))
            }
            _ => Ok(list.without_repetitions()),
        }
    }

    /// The hashes, in the order of their keys in the ledger.
    #[must_use]
    pub fn hashes(&self) -> &[ContentHash] {
        &self.hashes
    }

    /// How many entries say what another one says.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// How many entries are no hashes.
    #[must_use]
    pub fn bad(&self) -> u64 {
        self.bad
    }

    /// The first of these.
    #[must_use]
    pub fn named(&self) -> &[BadEntry] {
        &self.named
    }

    /// The first names of fields that are ignored, cut and escaped.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    fn without_repetitions(mut self) -> Self {
        let all = self.hashes.len();
        self.hashes.sort_by_cached_key(key_of);
        self.hashes
            .dedup_by(|one, other| key_of(one) == key_of(other));
        self.repeated = (all - self.hashes.len()) as u64;
        self
    }

    fn reject(&mut self, field: Option<Field>, index: usize) {
        self.bad += 1;
        if self.named.len() < NAMED {
            self.named.push(BadEntry { field, index });
        }
    }

    fn ignore(&mut self, name: &str) {
        if self.ignored.len() < NAMED_FIELDS {
            let name: String = name.escape_debug().take(NAME_LENGTH).collect();
            self.ignored.push(name);
        }
    }
}

/// A field of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Hashes,
    DropboxContentHashes,
}

impl Field {
    const ALL: [Self; 2] = [Self::Hashes, Self::DropboxContentHashes];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Hashes => "hashes",
            Self::DropboxContentHashes => "dropbox_content_hashes",
        }
    }

    /// The hash that a text of this field is.
    fn hash(self, text: &str) -> Option<ContentHash> {
        let text = text.trim();
        match self {
            Self::DropboxContentHashes => ContentHash::new(HashKind::Dropbox, text),
            Self::Hashes => taken_over(text),
        }
    }
}

/// The hash that another service has as a text: SHA-256 in 64 hex digits, or the MD5 of an `ETag` in 32, with the
/// number of parts behind it where there were several. `None` for any other text.
pub(super) fn taken_over(text: &str) -> Option<ContentHash> {
    if let Some(sha256) = ContentHash::new(HashKind::Sha256, text) {
        return Some(sha256);
    }
    let etag = ContentHash::new(HashKind::Etag, text)?;
    let shown = etag.to_string();
    let (md5, parts) = shown.split_once('-').unwrap_or((&shown, "1"));
    let is_md5 = md5.len() == 32 && md5.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_count = (1..=5).contains(&parts.len()) && parts.bytes().all(|it| it.is_ascii_digit());
    (is_md5 && is_count).then_some(etag)
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, index } = self;
        let rule = match field {
            Some(Field::DropboxContentHashes) => "64 hex digits",
            Some(Field::Hashes) | None => "64 hex digits (SHA-256) or 32 (MD5)",
        };
        let field = field.map_or("", Field::as_str);
        write!(f, "{field}[{index}], which is not {rule}")
    }
}

/// Says the same of each number and truth value.
macro_rules! scalars {
    ($value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

/// Reads the file; the result says what it is where it is something else.
struct Whole<'l>(&'l mut PostedList);

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        let list = Entries {
            list: self.0,
            kind: Field::Hashes,
            named: None,
        };
        list.visit_seq(entries).map(|_| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            let Some(field) = Field::ALL.into_iter().find(|it| it.as_str() == name) else {
                self.0.ignore(&name);
                fields.next_value::<IgnoredAny>()?;
                continue;
            };
            let rule = if !seen.insert(field) {
                "is there twice"
            } else if fields.next_value_seed(Entries {
                list: &mut *self.0,
                kind: field,
                named: Some(field),
            })? {
                continue;
            } else {
                "must be a list of hashes"
            };
            let name = field.as_str();
            return Err(de::Error::custom(format_args!("`{name}` {rule}")));
        }
        Ok(seen.is_empty().then_some("an object without them"))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Some("a text"))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some("`null`"))
    }

    scalars!(Some("a number, `true` or `false`"));
}

/// Reads the entries of a field; the result says whether it is a list. `null` is one without entries.
struct Entries<'l> {
    list: &'l mut PostedList,
    kind: Field,
    /// The field as it is called for people; `None` where the file is one list.
    named: Option<Field>,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = bool;

    fn deserialize<D: de::Deserializer<'de>>(self, value: D) -> Result<bool, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of hashes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let mut index = 0;
        while let Some(hash) = entries.next_element_seed(One(self.kind))? {
            match hash {
                Some(hash) => self.list.hashes.push(hash),
                None => self.list.reject(self.named, index),
            }
            index += 1;
        }
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(true)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    scalars!(false);
}

/// Reads one entry of a field.
struct One(Field);

impl<'de> DeserializeSeed<'de> for One {
    type Value = Option<ContentHash>;

    fn deserialize<D: de::Deserializer<'de>>(self, value: D) -> Result<Self::Value, D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Option<ContentHash>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a hash")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(self.0.hash(text))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    scalars!(None);
}
