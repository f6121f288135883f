//! The sidecar of an image: what is known of the image is written there by whoever has found it out. A file
//! of somebody else's, or of another image, is neither believed nor written to, moved or deleted.

use futures_util::future::try_join;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    captioning::{Author, Captions},
    loaded_image::LoadedImage,
};
use crate::{
    app::{runtime::error_chain::ErrorChain, tenancy::images::Images},
    domain::{
        image::StoredImage,
        platform::Platform,
        sidecar::{Belonging, MAX_SIDECAR_BYTES, SD_CAPTION_VERSION, Sidecar, SidecarName},
    },
    ports::{Clock, FoundFile, ImageStoreError, SidecarFile},
};

/// The sidecar of an image that was found.
pub(super) struct ImageSidecar<'a> {
    /// The folder that the image is in.
    pub(super) images: Images<'a>,
    pub(super) image: &'a StoredImage,
}

/// The files that were found where the sidecar of an image can be.
#[derive(Debug)]
pub(super) struct FoundSidecars {
    full: Place,
    stem: Place,
}

/// What is where a sidecar can be.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Empty,
    /// Another image's sidecar, or no sidecar at all.
    Taken,
    /// The sidecar of the image that had this name before; or, where the contents could not be compared, of this
    /// image before it was moved.
    Outdated {
        is_certain: bool,
    },
    /// The image's sidecar, in this revision.
    Fits(Sidecar, String),
}

impl Place {
    fn of(file: SidecarFile, image: &StoredImage, sha256: Option<&str>) -> Self {
        let (bytes, revision) = match file {
            SidecarFile::Missing => return Self::Empty,
            SidecarFile::Unreadable => return Self::Taken,
            SidecarFile::Found { bytes, revision } => (bytes, revision),
        };
        let Some(sidecar) = Sidecar::recognize(&bytes) else {
            return Self::Taken;
        };
        match sidecar.belonging_to(image, sha256) {
            Belonging::Fits => Self::Fits(sidecar, revision),
            Belonging::Outdated => Self::Outdated {
                is_certain: sha256.is_some() || sidecar.is_comparable(image),
            },
            Belonging::OtherImage => Self::Taken,
        }
    }

    /// What an update begins with, and what it replaces.
    fn into_begun(self) -> (Sidecar, FoundFile) {
        match self {
            Self::Fits(sidecar, revision) => (sidecar, FoundFile::Revision(revision)),
            Self::Empty | Self::Taken | Self::Outdated { .. } => {
                (Sidecar::default(), FoundFile::Nothing)
            }
        }
    }
}

impl FoundSidecars {
    /// Reads the two files for an image, whose SHA-256 in hex may be known.
    pub(super) fn of(
        [full, stem]: [SidecarFile; 2],
        image: &StoredImage,
        sha256: Option<&str>,
    ) -> Self {
        Self {
            full: Place::of(full, image, sha256),
            stem: Place::of(stem, image, sha256),
        }
    }

    /// The sidecar of the image as it is now.
    pub(super) fn fitting(&self) -> Option<&Sidecar> {
        match (&self.full, &self.stem) {
            (Place::Fits(sidecar, _), _) | (_, Place::Fits(sidecar, _)) => Some(sidecar),
            _ => None,
        }
    }

    /// The same, kept.
    pub(super) fn believed(self) -> Option<Sidecar> {
        self.fitting().cloned()
    }

    /// The files that go wherever the image goes. So does one that seems to be of another content by its revision
    /// alone, which changes with each move, too.
    pub(super) fn ours(&self) -> Vec<SidecarName> {
        let places = [
            (SidecarName::Full, &self.full),
            (SidecarName::Stem, &self.stem),
        ];
        let is_ours = |place: &Place| match place {
            Place::Fits(..) => true,
            Place::Outdated { is_certain } => !is_certain,
            Place::Empty | Place::Taken => false,
        };
        let ours = places.into_iter().filter(|(_, place)| is_ours(place));
        ours.map(|(name, _)| name).collect()
    }

    /// Where the image's sidecar is written, what that begins with, and what it replaces; `None` if both
    /// places are taken. That of another image, which once had this name, may hold what a person wrote: it is
    /// left alone.
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
        let (sidecar, replaced) = place.into_begun();
        Some((name, sidecar, replaced))
    }
}

/// What a sidecar is written from, beside the captions.
pub(super) struct OpenSidecar {
    found: FoundSidecars,
    sha256: String,
}

impl OpenSidecar {
    /// What the sidecar says, if it is of the image as it is.
    pub(super) fn sidecar(&self) -> Option<&Sidecar> {
        self.found.fitting()
    }
}

/// What was done with captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion<'a> {
    /// They were written, and not sent.
    Analysis,
    /// They were written to replace what is there, and not sent.
    Refresh,
    /// They were sent to these platforms, whatever came of it.
    Publication(&'a [Platform]),
}

/// What has become of a sidecar.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// It was written.
    pub(super) is_done: bool,
    /// The files that go wherever the image goes.
    pub(super) ours: Vec<SidecarName>,
    /// What people should know of it.
    pub(super) warning: Option<String>,
}

impl ImageSidecar<'_> {
    /// The files where it can be.
    pub(super) async fn find(
        &self,
        sha256: Option<&str>,
    ) -> Result<FoundSidecars, ImageStoreError> {
        let images = self.images;
        let (full, stem) = try_join(
            images.read_sidecar(&self.image.name, SidecarName::Full),
            images.read_sidecar(&self.image.name, SidecarName::Stem),
        )
        .await?;
        Ok(FoundSidecars::of([full, stem], self.image, sha256))
    }

    /// Gets ready to write it: learns what is there, and what the image's hash is.
    pub(super) async fn open(&self, image: &LoadedImage) -> Result<OpenSidecar, ImageStoreError> {
        let encoded = image.encoded.clone();
        // 50 MB take a good part of a second: too long for an async thread.
        let hash = tokio::task::spawn_blocking(move || encoded.sha256());
        let images = self.images;
        let (full, stem) = try_join(
            images.read_sidecar(&self.image.name, SidecarName::Full),
            images.read_sidecar(&self.image.name, SidecarName::Stem),
        )
        .await?;
        let sha256 = hash
            .await
            .map_err(|error| ImageStoreError::Unavailable(error.into()))?;
        let found = FoundSidecars::of([full, stem], self.image, Some(&sha256));
        Ok(OpenSidecar { found, sha256 })
    }

    /// Writes it, or updates it: keys and lines that are there and not ours stay. What somebody else writes
    /// there meanwhile stays, too; then it is looked again what is there. A failure is told as a warning.
    pub(super) async fn write(
        &self,
        OpenSidecar { found, sha256 }: OpenSidecar,
        clock: &dyn Clock,
        captions: &Captions,
        occasion: Occasion<'_>,
    ) -> Written {
        let mut ours = found.ours();
        // Boxed, and so is the seldom second: the future of a publication is large enough.
        let first = self.put(found, clock, &sha256, captions, occasion);
        let mut written = Box::pin(first).await;
        if let Err(ImageStoreError::SidecarChanged) = &written {
            // What was found does not count any more.
            ours = Vec::new();
            let again = async {
                let found = self.find(Some(&sha256)).await?;
                ours = found.ours();
                self.put(found, clock, &sha256, captions, occasion).await
            };
            written = Box::pin(again).await;
        }
        match written {
            Ok((name, warning)) => {
                ours.extend(name.filter(|name| !ours.contains(name)));
                Written {
                    is_done: name.is_some(),
                    ours,
                    warning,
                }
            }
            Err(error) => Written {
                is_done: false,
                ours,
                warning: Some(self.failed(&error)),
            },
        }
    }

    /// Writes it where what was found leaves a place for it: which, and what people should know of that.
    async fn put(
        &self,
        found: FoundSidecars,
        clock: &dyn Clock,
        sha256: &str,
        captions: &Captions,
        occasion: Occasion<'_>,
    ) -> Result<(Option<SidecarName>, Option<String>), ImageStoreError> {
        let image = &self.image.name;
        let in_the_way = match found.stem {
            Place::Taken => Some("another file"),
            Place::Outdated { .. } => Some("that of an image which had this name before"),
            Place::Empty | Place::Fits(..) => None,
        };
        let Some((name, mut sidecar, replaced)) = found.into_writable(image.as_str()) else {
            let warning = self.told("no sidecar was written: its names are taken by other files");
            return Ok((None, Some(warning)));
        };
        self.fill(&mut sidecar, clock, sha256, captions, occasion);
        let text = sidecar.render();
        if text.len() > MAX_SIDECAR_BYTES {
            // It would be read by nobody, and never be written again.
            let warning = self.told("no sidecar was written: it would be larger than 64 KiB");
            return Ok((None, Some(warning)));
        }
        let images = self.images;
        images.write_sidecar(image, name, &text, &replaced).await?;
        let beside = name.beside(image.as_str()).unwrap_or_default();
        let warning = in_the_way
            .filter(|_| name == SidecarName::Full)
            .map(|file| {
                let what = format!(
                    "the usual name of the sidecar is taken by {file}, which stays as it is"
                );
                format!("{}; the sidecar is {beside}", self.told(&what))
            });
        Ok((Some(name), warning))
    }

    /// Says in the log that it was not written; the same for people.
    pub(super) fn failed(&self, error: &ImageStoreError) -> String {
        let what = "the caption file could not be written";
        tracing::warn!(tenant = %self.images.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    /// Says something in the log; the same for people.
    fn told(&self, what: &str) -> String {
        tracing::warn!(tenant = %self.images.tenant.name(), "{what}");
        what.to_owned()
    }

    fn fill(
        &self,
        sidecar: &mut Sidecar,
        clock: &dyn Clock,
        sha256: &str,
        captions: &Captions,
        occasion: Occasion<'_>,
    ) {
        let settings = &self.images.tenant.settings().caption_file;
        let stored = self.image;
        let now = OffsetDateTime::from(clock.utc());
        let now = now.format(&Rfc3339).unwrap_or_default();
        sidecar.set("image_file", stored.name.as_str());
        sidecar.set("dropbox_file_id", &stored.file_id);
        sidecar.set("dropbox_rev", &stored.revision);
        sidecar.set("sha256", sha256);
        if sidecar.get("created").is_none() {
            sidecar.set("created", &now);
        }
        let is_refresh = occasion == Occasion::Refresh;
        if let Some(sd_caption) = &captions.sd_caption {
            if is_refresh || sidecar.sd_caption().is_none() {
                sidecar.set_caption(sd_caption);
                sidecar.set("sd_caption_version", SD_CAPTION_VERSION);
            }
        } else if sidecar.get("sd_caption_version").is_none() {
            // What stood there before was none.
            sidecar.set_caption("");
        }
        sidecar.set(
            "model_version",
            captions.model.as_deref().unwrap_or_default(),
        );
        sidecar.set(
            "artist_alias",
            settings.artist_alias.as_deref().unwrap_or_default(),
        );
        fill_captions(sidecar, captions, occasion, &now);
        if let Some(analysis) = captions
            .analysis
            .as_ref()
            .filter(|_| settings.extended_metadata_enabled && captions.author == Author::Model)
        {
            if is_refresh {
                sidecar.set_analysis(analysis);
            } else {
                sidecar.add_analysis(analysis);
            }
        }
    }
}

/// What was written for each platform, and what was sent there. What a person wrote is replaced only where that
/// was asked for; what was sent is written down in any case.
fn fill_captions(sidecar: &mut Sidecar, captions: &Captions, occasion: Occasion<'_>, now: &str) {
    let (texts, main) = (&captions.by_platform, captions.main());
    if main.is_empty() {
        return;
    }
    match (captions.author, occasion) {
        (Author::Model, Occasion::Refresh) => sidecar.replace_generated(texts, main, now),
        (Author::Model, Occasion::Analysis | Occasion::Publication(_)) => {
            sidecar.add_generated(texts, main, now);
        }
        (Author::Caller, _) => sidecar.add_given(texts, main, now),
        (Author::Sidecar, _) => {}
    }
    if let Occasion::Publication(sent_to) = occasion {
        let sent = texts
            .iter()
            .filter(|(platform, _)| sent_to.contains(platform));
        let sent = sent.map(|(platform, text)| (*platform, text.clone()));
        sidecar.add_submitted(&sent.collect());
    }
}
