//! A store of some kind, and the files in it as somebody else sees them.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{
    domain::{
        content_hash::ContentHashKind,
        image::{EncodedImage, ImageName, StoredImage},
    },
    ports::ImageStore,
};

/// The root folder, below the folder that all files of a test are in. The other folders have their default places
/// below it.
pub(crate) const ROOT: &str = "queue";

/// A way in which storage fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failing {
    /// It answers with this status.
    Status(u16),
    /// It resets the connection.
    NoAnswer,
}

/// What kinds do differently.
pub(crate) struct Traits {
    /// The hash in its listings.
    pub(crate) hash: ContentHashKind,
    /// Whether names in other letter case are other names.
    pub(crate) tells_letter_case: bool,
    /// Whether there are folders: where there are, a root that does not exist is a mistake in the config.
    pub(crate) has_folders: bool,
    /// Whether it says when a file was written.
    pub(crate) has_times: bool,
}

/// A store of one tenant, and its files. Paths are relative to the folder that all files of the test are in.
#[async_trait]
pub(crate) trait Fixture: Send + Sync {
    /// What its kind does differently.
    fn traits(&self) -> Traits;

    /// The store.
    fn store(&self) -> Arc<dyn ImageStore>;

    /// Writes a file as somebody else would; false if no file can have that name.
    async fn write(&self, path: &str, bytes: Bytes) -> bool;

    /// Reads a file as somebody else would.
    async fn read(&self, path: &str) -> Option<Bytes>;

    /// The paths of all files, sorted.
    async fn paths(&self) -> Vec<String>;

    /// Makes a folder, where there are folders.
    async fn make_folder(&self, path: &str);

    /// How many calls storage has answered, as far as it counts.
    fn calls(&self) -> usize;

    /// Makes every call fail from now on, or none.
    fn fail(&self, failing: Option<Failing>);
}

/// What all expectations need.
impl dyn Fixture + '_ {
    /// Writes files whose content is their path.
    pub(crate) async fn write_all(&self, paths: &[&str]) {
        for path in paths {
            assert!(
                self.write(path, image(path)).await,
                "{path} cannot be written"
            );
        }
    }

    /// All files with their content.
    pub(crate) async fn files(&self) -> BTreeMap<String, Bytes> {
        let mut files = BTreeMap::new();
        for path in self.paths().await {
            let bytes = self.read(&path).await.unwrap();
            files.insert(path, bytes);
        }
        files
    }

    /// The names in the root folder, as the store lists them.
    pub(crate) async fn names(&self) -> Vec<String> {
        let images = self.store().list().await.unwrap();
        images.iter().map(|image| image.name.to_string()).collect()
    }

    /// An image in the root folder.
    pub(crate) async fn found(&self, image: &str) -> StoredImage {
        self.store().find(&name(image)).await.unwrap()
    }
}

/// The name of an image.
pub(crate) fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

/// Bytes that pass for a JPEG, different for each text.
pub(crate) fn image(text: &str) -> Bytes {
    [b"\xFF\xD8\xFF\xE0", text.as_bytes()].concat().into()
}

/// The same, to be put.
pub(crate) fn encoded(text: &str) -> EncodedImage {
    EncodedImage::new(image(text)).unwrap()
}

/// Names that are legal, and that one layer or another may take for something else.
pub(crate) fn awkward_names() -> Vec<String> {
    let mut names: Vec<_> = [
        "two  words.jpg",
        " leading and trailing .jpg",
        "a#b?c%d+e&f=g.jpg",
        "a%2Fb.jpg",
        "a%20b+c.jpg",
        "it's \"quoted\" `so`.jpg",
        "a;b,c:d@e!f$g~h^i(j)[k]{l}.jpg",
        "<a>&amp;<b>.jpg",
        "a..b.jpg",
        "...jpg.jpg",
        "-rf.jpg",
        "夜の縄.webp",
        "caf\u{e9}.jpg",
        "cafe\u{301}s.jpg",
        "🪢.png",
        "a.JPEG",
    ]
    .map(str::to_owned)
    .into();
    names.push(format!("{}.jpg", "n".repeat(251)));
    names.push(format!("{}.jpg", "é".repeat(125)));
    names
}
