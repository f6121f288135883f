//! What a folder holds, in little memory: about 150 bytes for an image with names of the usual lengths.
//!
//! A listing is shared by all who read it and is never changed. A changed one shares with the listing before
//! it all parts that have not changed.

mod change;
mod chunk;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use self::chunk::{Chunk, folded_hash, is_same_folded};
use super::image::ImageName;

pub use self::{change::ListingChange, chunk::Listed};

/// The most images in a chunk. A change copies the chunks that it concerns.
const CHUNK: usize = 512;

/// Whether names that differ in the case of letters only are of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LetterCase {
    /// They are of two files.
    #[default]
    Counts,
    /// They are of one file.
    Ignored,
}

/// The images of a folder, sorted by name.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    chunks: Vec<Arc<Chunk>>,
    letter_case: LetterCase,
    is_truncated: bool,
}

impl Listing {
    /// A listing of nothing.
    #[must_use]
    pub fn new(letter_case: LetterCase) -> Self {
        Self {
            letter_case,
            ..Self::default()
        }
    }

    /// The same, of a folder that was not read to its end.
    #[must_use]
    pub fn truncated(self) -> Self {
        Self {
            is_truncated: true,
            ..self
        }
    }

    /// Whether the folder was not read to its end.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// The number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What it takes in memory, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.bytes()).sum()
    }

    /// All images, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.iter().map(|image| image.name())
    }

    /// The images whose names come after `name`, sorted.
    pub fn after(&self, name: &str) -> impl Iterator<Item = Listed<'_>> + Clone {
        let first = self.chunks.partition_point(|chunk| chunk.last() <= name);
        let chunks = self.chunks.get(first..).unwrap_or_default();
        let skipped = chunks.first().map_or(0, |chunk| chunk.count_to(name));
        chunks.iter().flat_map(|chunk| chunk.iter()).skip(skipped)
    }

    /// An image that is listed under this very name.
    #[must_use]
    pub fn find(&self, name: &ImageName) -> Option<Listed<'_>> {
        let name = name.as_str();
        let index = self.chunks.partition_point(|chunk| chunk.last() < name);
        self.chunks.get(index)?.find(name)
    }

    /// The listing after these changes, of which later ones count for more.
    #[must_use]
    pub fn with(&self, changes: Vec<ListingChange>) -> Self {
        let mut edits = Vec::with_capacity(changes.len());
        if self.letter_case == LetterCase::Ignored {
            self.remove_variants(&changes, &mut edits);
        }
        edits.extend(changes);
        Self {
            chunks: self.edited(edits),
            ..*self
        }
    }

    /// Where the case of letters does not count, an image leaves its place under another spelling, too: one that is
    /// listed, and one that came earlier among the changes.
    fn remove_variants(&self, changes: &[ListingChange], edits: &mut Vec<ListingChange>) {
        let mut hashes: Vec<_> = (changes.iter().enumerate())
            .map(|(index, change)| (folded_hash(change.name()), index))
            .collect();
        hashes.sort_unstable();
        for image in self.iter() {
            let hash = image.folded_hash();
            let first = hashes.partition_point(|(it, _)| *it < hash);
            let same_hash = hashes.iter().skip(first).take_while(|(it, _)| *it == hash);
            let mut names = same_hash.filter_map(|(_, index)| changes.get(*index));
            let name = image.name();
            if names.any(|change| change.name() != name && is_same_folded(change.name(), name)) {
                edits.push(ListingChange::Gone(name.to_owned()));
            }
        }
    }

    fn edited(&self, mut edits: Vec<ListingChange>) -> Vec<Arc<Chunk>> {
        if self.letter_case == LetterCase::Ignored {
            keep_last_spelling(&mut edits);
        }
        edits.sort_by(|a, b| a.name().cmp(b.name()));
        edits.dedup_by(|later, kept| {
            let is_same = later.name() == kept.name();
            if is_same {
                // Sorted in their order: the later one stays.
                std::mem::swap(later, kept);
            }
            is_same
        });
        let mut chunks = Vec::with_capacity(self.chunks.len() + edits.len() / CHUNK + 1);
        let mut edits = edits.into_iter().peekable();
        let mut old = self.chunks.iter().peekable();
        while old.peek().is_some() || edits.peek().is_some() {
            let chunk = old.next();
            // What comes after the last image belongs to the last chunk.
            let end = old.peek().and(chunk).map(|chunk| chunk.last());
            let mut here = Vec::new();
            while let Some(edit) = edits.next_if(|it| end.is_none_or(|end| it.name() <= end)) {
                here.push(edit);
            }
            match chunk {
                Some(chunk) if here.is_empty() => chunks.push(Arc::clone(chunk)),
                chunk => Chunk::edited(chunk.map(|it| &**it), here, CHUNK, &mut chunks),
            }
        }
        chunks
    }
}

/// Of changes whose names differ in the case of letters only, the last one counts; those before it remove.
fn keep_last_spelling(edits: &mut [ListingChange]) {
    let mut later: std::collections::HashMap<String, String> = std::collections::HashMap::new();
    for edit in edits.iter_mut().rev() {
        let folded = chunk::folded(edit.name()).collect();
        let last = later
            .entry(folded)
            .or_insert_with(|| edit.name().to_owned());
        if last.as_str() != edit.name() {
            *edit = ListingChange::Gone(edit.name().to_owned());
        }
    }
}
