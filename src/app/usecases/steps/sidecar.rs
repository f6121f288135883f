//! Reading and writing the sidecar of an image. A file that is not ours, or that is the sidecar of another image, is
//! not used, written, moved or deleted.

mod update;

use futures_util::future::try_join;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(in crate::app::usecases) use self::update::Occasion;

use self::update::Update;
use super::{captioning::Captions, loaded_image::LoadedImage};
use crate::{
    app::{runtime::error_chain::ErrorChain, tenancy::images::Images},
    domain::{
        content_hash::ContentHashKind,
        image::{ImageName, StoredImage},
        sidecar::{Belonging, MAX_SIDECAR_BYTES, Sidecar, SidecarName},
    },
    ports::{Clock, FoundFile, ImageStoreError, SidecarFile},
};

/// The sidecar of an image that was found.
pub(in crate::app::usecases) struct ImageSidecar<'a> {
    /// The images in the folder of the image.
    pub(in crate::app::usecases) images: Images<'a>,
    pub(in crate::app::usecases) image: &'a StoredImage,
}

/// The files that were found where the sidecar of an image can be.
#[derive(Debug)]
pub(in crate::app::usecases) struct FoundSidecars {
    full: Place,
    stem: Place,
}

/// The file in one of the two places.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Empty,
    /// Another image's sidecar, or a file that is no sidecar.
    Taken,
    /// The sidecar of an earlier image of this name; where that is not certain, it may be this image's from before it
    /// was moved.
    Outdated {
        is_certain: bool,
    },
    /// The image's sidecar, in this revision.
    Fits(Sidecar, String),
}

impl Place {
    fn of(
        file: SidecarFile,
        image: &StoredImage,
        kind: ContentHashKind,
        sha256: Option<&str>,
    ) -> Self {
        let (bytes, revision) = match file {
            SidecarFile::Missing => return Self::Empty,
            SidecarFile::Unreadable => return Self::Taken,
            SidecarFile::Found { bytes, revision } => (bytes, revision),
        };
        let Some(sidecar) = Sidecar::recognize(&bytes) else {
            return Self::Taken;
        };
        match sidecar.belonging_to(image, kind, sha256) {
            Belonging::Fits => Self::Fits(sidecar, revision),
            Belonging::Outdated => Self::Outdated {
                is_certain: sha256.is_some() || sidecar.is_comparable(image, kind),
            },
            Belonging::OtherImage => Self::Taken,
        }
    }

    fn is_ours(&self) -> bool {
        match self {
            Self::Fits(..) => true,
            Self::Outdated { is_certain } => !is_certain,
            Self::Empty | Self::Taken => false,
        }
    }
}

impl FoundSidecars {
    /// The two files as the sidecars of an image, whose hash is of this kind; `sha256` is that of the image in hex, where it is known.
    pub(in crate::app::usecases) fn of(
        [full, stem]: [SidecarFile; 2],
        image: &StoredImage,
        kind: ContentHashKind,
        sha256: Option<&str>,
    ) -> Self {
        Self {
            full: Place::of(full, image, kind, sha256),
            stem: Place::of(stem, image, kind, sha256),
        }
    }

    /// The sidecar of the image as it is now.
    pub(in crate::app::usecases) fn fitting(&self) -> Option<&Sidecar> {
        match (&self.full, &self.stem) {
            (Place::Fits(sidecar, _), _) | (_, Place::Fits(sidecar, _)) => Some(sidecar),
            _ => None,
        }
    }

    /// The files that are moved or deleted with the image. One that has another revision only is among them: the
    /// revision changes with each move, too.
    pub(in crate::app::usecases) fn ours(&self) -> Vec<SidecarName> {
        let places = [
            (SidecarName::Full, &self.full),
            (SidecarName::Stem, &self.stem),
        ];
        let ours = places.into_iter().filter(|(_, place)| place.is_ours());
        ours.map(|(name, _)| name).collect()
    }

    /// The place of the image's sidecar, its present content, and the file that is replaced; `None` if both places
    /// are taken. The sidecar of an earlier image of this name may hold what a person wrote, and stays.
    fn into_writable(self, name: &str) -> Option<(SidecarName, Sidecar, FoundFile)> {
        let Self { full, stem } = self;
        let (name, place) = if matches!(full, Place::Fits(..)) {
            (SidecarName::Full, full)
        } else if matches!(stem, Place::Fits(..) | Place::Empty) {
            (SidecarName::Stem, stem)
        } else if full == Place::Empty && SidecarName::Full.beside(name).is_some() {
            (SidecarName::Full, full)
        } else {
            return None;
        };
        Some(match place {
            Place::Fits(sidecar, revision) => (name, sidecar, FoundFile::Revision(revision)),
            _ => (name, Sidecar::default(), FoundFile::Nothing),
        })
    }
}

/// A sidecar that is about to be written.
pub(in crate::app::usecases) struct OpenSidecar {
    found: FoundSidecars,
    sha256: String,
}

impl OpenSidecar {
    /// The present sidecar, if it is that of the image as it is now.
    pub(in crate::app::usecases) fn sidecar(&self) -> Option<&Sidecar> {
        self.found.fitting()
    }
}

/// The result of writing a sidecar.
#[derive(Debug, Default)]
pub(in crate::app::usecases) struct Written {
    /// Whether it was written.
    pub(in crate::app::usecases) is_done: bool,
    /// The files that are moved with the image.
    pub(in crate::app::usecases) ours: Vec<SidecarName>,
    /// A warning for people.
    pub(in crate::app::usecases) warning: Option<String>,
}

/// The two files where the sidecar of an image can be.
pub(in crate::app::usecases) async fn read_files(
    images: Images<'_>,
    name: &ImageName,
) -> Result<[SidecarFile; 2], ImageStoreError> {
    let full = images.read_sidecar(name, SidecarName::Full);
    let (full, stem) = try_join(full, images.read_sidecar(name, SidecarName::Stem)).await?;
    Ok([full, stem])
}

impl ImageSidecar<'_> {
    /// The files where the sidecar can be.
    pub(in crate::app::usecases) async fn find(
        &self,
        sha256: Option<&str>,
    ) -> Result<FoundSidecars, ImageStoreError> {
        let files = read_files(self.images, &self.image.name).await?;
        Ok(FoundSidecars::of(
            files,
            self.image,
            self.images.tenant.content_hash(),
            sha256,
        ))
    }

    /// Reads the present files, and computes the image's hash.
    pub(in crate::app::usecases) async fn open(
        &self,
        image: &LoadedImage,
    ) -> Result<OpenSidecar, ImageStoreError> {
        let files = read_files(self.images, &self.image.name);
        let (files, sha256) = try_join(files, image.sha256()).await?;
        let found = FoundSidecars::of(
            files,
            self.image,
            self.images.tenant.content_hash(),
            Some(sha256),
        );
        let sha256 = sha256.to_owned();
        Ok(OpenSidecar { found, sha256 })
    }

    /// Writes or updates the sidecar; keys and lines that are not ours stay. If the file was changed meanwhile, it
    /// is read and written once more. A failure is returned as a warning.
    pub(in crate::app::usecases) async fn write(
        &self,
        OpenSidecar { found, sha256 }: OpenSidecar,
        clock: &dyn Clock,
        captions: &Captions,
        occasion: Occasion<'_>,
    ) -> Written {
        let now = OffsetDateTime::from(clock.utc());
        let update = Update {
            now: now.format(&Rfc3339).unwrap_or_default(),
            sha256,
            captions,
            occasion,
            keys: self.images.tenant.content_hash().sidecar_keys,
        };
        let mut ours = found.ours();
        // Both attempts are boxed: the future of a publication is large enough.
        let mut written = Box::pin(self.put(found, &update)).await;
        if let Err(ImageStoreError::SidecarChanged) = &written {
            ours = Vec::new();
            let again = async {
                let found = self.find(Some(&update.sha256)).await?;
                ours = found.ours();
                self.put(found, &update).await
            };
            written = Box::pin(again).await;
        }
        let (name, warning) = written.unwrap_or_else(|error| (None, Some(self.failed(&error))));
        ours.extend(name.filter(|name| !ours.contains(name)));
        Written {
            is_done: name.is_some(),
            ours,
            warning,
        }
    }

    /// Writes the sidecar where there is a place for it. Returns the place, and a warning for people.
    async fn put(
        &self,
        found: FoundSidecars,
        update: &Update<'_>,
    ) -> Result<(Option<SidecarName>, Option<String>), ImageStoreError> {
        let image = &self.image.name;
        let in_the_way = match found.stem {
            Place::Taken => Some("another file"),
            Place::Outdated { .. } => Some("that of an image which had this name before"),
            Place::Empty | Place::Fits(..) => None,
        };
        let Some((name, mut sidecar, replaced)) = found.into_writable(image.as_str()) else {
            let warning = self.warn("no sidecar was written: its names are taken by other files");
            return Ok((None, Some(warning)));
        };
        update.apply(&mut sidecar, self.image, self.images.tenant.settings());
        let text = sidecar.render();
        if text.len() > MAX_SIDECAR_BYTES {
            // A larger file is not read again, and so never updated.
            let warning = self.warn("no sidecar was written: it would be larger than 64 KiB");
            return Ok((None, Some(warning)));
        }
        let written = self
            .images
            .write_sidecar(image, name, text.as_bytes(), &replaced);
        written.await?;
        let in_the_way = in_the_way.filter(|_| name == SidecarName::Full);
        let warning = in_the_way.map(|file| {
            let beside = name.beside(image.as_str()).unwrap_or_default();
            let what =
                format!("the usual name of the sidecar is taken by {file}, which stays as it is");
            format!("{}; the sidecar is {beside}", self.warn(&what))
        });
        Ok((Some(name), warning))
    }

    /// Logs that the sidecar was not written, and returns that as a warning for people.
    pub(in crate::app::usecases) fn failed(&self, error: &ImageStoreError) -> String {
        let what = "the sidecar could not be written";
        tracing::warn!(tenant = %self.images.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    /// Logs a warning, and returns it for people.
    fn warn(&self, what: &str) -> String {
        tracing::warn!(tenant = %self.images.tenant.name(), "{what}");
        what.to_owned()
    }
}
