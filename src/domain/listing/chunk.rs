//! A part of a listing: its entries one after another, and all their texts in one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::change::ListingChange;
use crate::domain::{
    content_hash::ContentHash,
    image::{ImageName, StoredImage},
};

/// Images whose names follow one another; never none.
#[derive(Debug)]
pub(super) struct Chunk {
    entries: Box<[Entry]>,
    text: Box<str>,
}

/// An image, but for its texts: name, revision and id stand one after another in the text of the chunk.
#[derive(Debug)]
struct Entry {
    content_hash: ContentHash,
    size: u64,
    /// In seconds since 1970, up to 2106.
    last_modified: Option<u32>,
    start: u32,
    folded_hash: u32,
    name: u16,
    revision: u16,
    file_id: u16,
}

/// An image in a listing.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    entry: &'a Entry,
    text: &'a str,
}

impl<'a> Listed<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.part(0, self.entry.name)
    }

    /// Its name, on its own.
    #[must_use]
    pub fn image_name(&self) -> ImageName {
        ImageName::of_listed(self.name())
    }

    /// Storage's name of this revision of it.
    #[must_use]
    pub fn revision(&self) -> &'a str {
        self.part(self.entry.name, self.entry.revision)
    }

    /// The hash of its content.
    #[must_use]
    pub fn content_hash(&self) -> &'a ContentHash {
        &self.entry.content_hash
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entry.size
    }

    /// When it was last written, in whole seconds; `None` where storage does not say.
    #[must_use]
    pub fn last_modified(&self) -> Option<SystemTime> {
        let seconds = self.entry.last_modified?;
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into()))
    }

    /// The image as storage lists it; what it was last written at in whole seconds.
    #[must_use]
    pub fn to_stored(&self) -> StoredImage {
        let Entry { name, revision, .. } = *self.entry;
        StoredImage {
            name: self.image_name(),
            file_id: self.part(name + revision, self.entry.file_id).to_owned(),
            revision: self.revision().to_owned(),
            content_hash: self.content_hash().clone(),
            size: self.size(),
            last_modified: self.last_modified(),
        }
    }

    pub(super) fn folded_hash(&self) -> u32 {
        self.entry.folded_hash
    }

    fn part(&self, offset: u16, length: u16) -> &'a str {
        let start = self.entry.start as usize + usize::from(offset);
        let part = self.text.get(start..start + usize::from(length));
        part.unwrap_or_default()
    }
}

impl Chunk {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What it takes in memory, in bytes: its counters, itself, and what it holds.
    pub(super) fn bytes(&self) -> usize {
        let hashes: usize = (self.entries.iter())
            .map(|entry| entry.content_hash.heap_bytes())
            .sum();
        let entries = size_of_val(&*self.entries);
        2 * size_of::<usize>() + size_of::<Self>() + entries + self.text.len() + hashes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        let text = &*self.text;
        self.entries.iter().map(move |entry| Listed { entry, text })
    }

    /// The last name.
    pub(super) fn last(&self) -> &str {
        self.entries.last().map_or("", |entry| self.name(entry))
    }

    /// How many names come before this one, or are it.
    pub(super) fn count_to(&self, name: &str) -> usize {
        self.entries
            .partition_point(|entry| self.name(entry) <= name)
    }

    pub(super) fn find(&self, name: &str) -> Option<Listed<'_>> {
        let found = self
            .entries
            .binary_search_by(|entry| self.name(entry).cmp(name));
        let (entry, text) = (self.entries.get(found.ok()?)?, &*self.text);
        Some(Listed { entry, text })
    }

    fn name<'a>(&'a self, entry: &'a Entry) -> &'a str {
        let text = &*self.text;
        Listed { entry, text }.name()
    }

    /// Adds to `chunks` a chunk after changes, which are sorted, one for each name; as several of equal size, if it
    /// is larger than `most`.
    pub(super) fn edited(
        before: Option<&Self>,
        edits: Vec<ListingChange>,
        most: usize,
        chunks: &mut Vec<Arc<Self>>,
    ) {
        let mut merged = Vec::with_capacity(before.map_or(0, Self::len) + edits.len());
        let mut old = before.into_iter().flat_map(Self::iter).peekable();
        for edit in edits {
            while let Some(kept) = old.next_if(|it| it.name() < edit.name()) {
                merged.push(Source::Kept(kept));
            }
            let _replaced = old.next_if(|it| it.name() == edit.name());
            if let ListingChange::Found(image) = edit {
                merged.push(Source::New(image));
            }
        }
        merged.extend(old.map(Source::Kept));
        let parts = merged.len().div_ceil(most).max(1);
        let part = merged.len().div_ceil(parts).max(1);
        for part in merged.chunks(part) {
            chunks.push(Arc::new(Self::of(part)));
        }
    }

    fn of(images: &[Source<'_>]) -> Self {
        let mut entries = Vec::with_capacity(images.len());
        let mut text = String::with_capacity(images.iter().map(Source::text_len).sum());
        for image in images {
            entries.push(image.entry(&mut text));
        }
        Self {
            entries: entries.into(),
            text: text.into(),
        }
    }
}

/// An image of a chunk that is being made.
enum Source<'a> {
    Kept(Listed<'a>),
    New(StoredImage),
}

impl Source<'_> {
    fn text_len(&self) -> usize {
        match self {
            Self::Kept(image) => {
                let Entry {
                    name,
                    revision,
                    file_id,
                    ..
                } = *image.entry;
                [name, revision, file_id].map(usize::from).iter().sum()
            }
            Self::New(StoredImage {
                name,
                revision,
                file_id,
                ..
            }) => name.as_str().len() + revision.len() + file_id.len(),
        }
    }

    fn entry(&self, text: &mut String) -> Entry {
        let start = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match self {
            Self::Kept(image) => {
                let Entry {
                    ref content_hash,
                    size,
                    last_modified,
                    folded_hash,
                    name,
                    revision,
                    file_id,
                    ..
                } = *image.entry;
                text.push_str(image.part(0, name + revision + file_id));
                Entry {
                    content_hash: content_hash.clone(),
                    size,
                    last_modified,
                    start,
                    folded_hash,
                    name,
                    revision,
                    file_id,
                }
            }
            Self::New(image) => {
                let name = image.name.as_str();
                let mut push = |part: &str| {
                    // Longer than any real one: kept as an empty one, which equals no other revision.
                    let part = Some(part).filter(|part| part.len() <= MAX_PART);
                    text.push_str(part.unwrap_or_default());
                    part.map_or(0, |part| u16::try_from(part.len()).unwrap_or(0))
                };
                let [name_len, revision, file_id] =
                    [name, image.revision.as_str(), image.file_id.as_str()].map(&mut push);
                Entry {
                    content_hash: image.content_hash.clone(),
                    size: image.size,
                    last_modified: image.last_modified.and_then(seconds),
                    start,
                    folded_hash: folded_hash(name),
                    name: name_len,
                    revision,
                    file_id,
                }
            }
        }
    }
}

/// The longest revision or id that is kept, in bytes.
const MAX_PART: usize = 4096;

fn seconds(time: SystemTime) -> Option<u32> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    u32::try_from(since.as_secs()).ok()
}

/// A name without the case of its letters.
pub(super) fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_lowercase)
}

pub(super) fn is_same_folded(a: &str, b: &str) -> bool {
    folded(a).eq(folded(b))
}

/// A hash of the name without the case of its letters (FNV-1a): equal for spellings of one name, and nearly always
/// different for others.
pub(super) fn folded_hash(name: &str) -> u32 {
    folded(name).fold(0x811c_9dc5, |hash, letter| {
        (hash ^ u32::from(letter)).wrapping_mul(0x0100_0193)
    })
}
