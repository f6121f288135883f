//! The files of the page, as they are in the folder `assets` beside this file. The program contains them: there is nothing to
//! install beside it, and no other version of them.

use std::{
    io::{self, Write as _},
    sync::{LazyLock, OnceLock},
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

use crate::domain::content_hash::ContentHashKind;

/// The folder of the assets as `index.html` writes it.
const FOLDER: &str = "/assets/";

/// The length of a folder's name: 64 bits tell the versions of a page apart.
const FOLDER_DIGITS: usize = 16;

const TEMPLATE: &str = include_str!("assets/index.html");

macro_rules! assets {
    ($($name:literal,)*) => {
        [$(Asset {
            name: $name,
            file: File::new(
                media_type($name),
                Bytes::from_static(include_bytes!(concat!("assets/", $name))),
            ),
        }),*]
    };
}

/// All files but `index.html`.
pub(super) static ASSETS: LazyLock<[Asset; 33]> = LazyLock::new(|| {
    assets![
        "api.js",
        "base.css",
        "caption.js",
        "captions.js",
        "curation.js",
        "dom.js",
        "drafts.js",
        "events.js",
        "grid.js",
        "history.js",
        "icon.svg",
        "image.js",
        "later.js",
        "library.js",
        "login.js",
        "main.js",
        "notices.js",
        "outcomes.js",
        "planned.js",
        "platforms.js",
        "posting-times.js",
        "publishing.js",
        "queue.js",
        "session.js",
        "settings.js",
        "source.js",
        "steps.js",
        "theme-choice.js",
        "theme.js",
        "times.js",
        "top-levels.js",
        "upload.js",
        "views.css",
    ]
});

/// The page, with the folder of its assets.
pub(super) static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut all = TEMPLATE.as_bytes().to_vec();
    for Asset { name, file } in ASSETS.iter() {
        // With lengths, so that no byte can move from one file to the next unseen.
        all.extend(format!("\n{name} {}\n", file.plain.len()).bytes());
        all.extend_from_slice(&file.plain);
    }
    let mut folder = (ContentHashKind::SHA256.of)(&all).to_string();
    folder.truncate(FOLDER_DIGITS);
    let html = TEMPLATE.replace(FOLDER, &format!("{FOLDER}{folder}/"));
    Index {
        tag: format!("\"{folder}\""),
        file: File::new(media_type("index.html"), html.into()),
        folder,
    }
});

/// A file that `index.html` or a module names.
pub(super) struct Asset {
    pub(super) name: &'static str,
    pub(super) file: File,
}

/// `index.html`.
pub(super) struct Index {
    /// The name of the folder of the assets: a hash of all of them, and of the page.
    pub(super) folder: String,
    /// The entity tag of the page.
    pub(super) tag: String,
    pub(super) file: File,
}

/// A file in both its encodings.
pub(super) struct File {
    media_type: &'static str,
    plain: Bytes,
    /// Made for the first who accepts it.
    compressed: OnceLock<Option<Bytes>>,
}

impl File {
    fn new(media_type: &'static str, plain: Bytes) -> Self {
        Self {
            media_type,
            plain,
            compressed: OnceLock::new(),
        }
    }

    /// Its media type.
    pub(super) fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Its content.
    pub(super) fn plain(&self) -> Bytes {
        self.plain.clone()
    }

    /// Its content, compressed with gzip; `None` where that makes it no smaller.
    pub(super) fn compressed(&self) -> Option<Bytes> {
        let compressed = self.compressed.get_or_init(|| {
            let compressed = gzip(&self.plain).ok();
            compressed.filter(|it| it.len() < self.plain.len())
        });
        compressed.clone()
    }
}

fn gzip(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    Ok(encoder.finish()?.into())
}

/// The media type of a file, by the end of its name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => UNKNOWN_TYPE,
    }
}

/// The media type of a file without a known one: no browser runs it.
const UNKNOWN_TYPE: &str = "application/octet-stream";

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, io::Read as _, path::Path};

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_in_the_program_with_a_type() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/http/page/assets");
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let there: BTreeSet<_> = entries.map(|it| name(it).into_string().unwrap()).collect();
        let listed = ASSETS.iter().map(|it| it.name).chain(["index.html"]);
        let listed: BTreeSet<_> = listed.map(str::to_owned).collect();
        assert_eq!(there, listed);
        for asset in ASSETS.iter() {
            assert_ne!(asset.file.media_type(), UNKNOWN_TYPE, "{}", asset.name);
        }
    }

    #[test]
    fn the_page_names_the_folder_of_this_version_and_no_other() {
        let html = String::from_utf8(INDEX.file.plain().to_vec()).unwrap();
        let folder = format!("{FOLDER}{}/", INDEX.folder);
        assert_eq!(INDEX.folder.len(), FOLDER_DIGITS);
        assert!(html.contains(&format!("{folder}main.js")), "{html}");
        assert_eq!(html.matches(FOLDER).count(), html.matches(&folder).count());
    }

    #[test]
    fn what_is_compressed_is_the_same_file_and_smaller() {
        let files = ASSETS.iter().map(|it| (it.name, &it.file));
        for (name, file) in files.chain([("index.html", &INDEX.file)]) {
            let compressed = file.compressed().unwrap();
            assert!(compressed.len() < file.plain().len(), "{name}");
            let mut text = Vec::new();
            GzDecoder::new(&*compressed).read_to_end(&mut text).unwrap();
            assert!(text == file.plain(), "{name}");
        }
    }
}
