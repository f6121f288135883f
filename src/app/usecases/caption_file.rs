//! The sidecar of an image: what is known of the image is written there by whoever has found it out. A file
//! of somebody else's, or of another image, is neither believed nor written to, moved or deleted.

use futures_util::future::try_join;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    captioning::Captions, error_chain::ErrorChain, loaded_image::LoadedImage, tenant::Tenant,
};
use crate::{
    domain::{
        image::StoredImage,
        request_id::RequestId,
        sidecar::{Belonging, MAX_SIDECAR_BYTES, SD_CAPTION_VERSION, Sidecar, SidecarName},
    },
    ports::{Clock, FoundFile, ImageStoreError, SidecarFile},
};

/// The sidecar of an image that was found.
pub(super) struct CaptionFile<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) request_id: &'a RequestId,
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
    /// The image's sidecar, in this revision, of what the image was before.
    Outdated(Sidecar, String),
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
            Belonging::Outdated => Self::Outdated(sidecar, revision),
            Belonging::OtherImage => Self::Taken,
        }
    }

    const fn is_ours(&self) -> bool {
        matches!(self, Self::Outdated(..) | Self::Fits(..))
    }

    /// What an update begins with, all that the file says, or what is not ours of it; and what it replaces.
    fn into_begun(self) -> (Sidecar, FoundFile) {
        match self {
            Self::Fits(sidecar, revision) => (sidecar, FoundFile::Revision(revision)),
            Self::Outdated(sidecar, revision) => {
                let kept = sidecar.with_foreign_keys_only();
                (kept, FoundFile::Revision(revision))
            }
            Self::Empty | Self::Taken => (Sidecar::default(), FoundFile::Nothing),
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
    pub(super) fn believed(self) -> Option<Sidecar> {
        match (self.full, self.stem) {
            (Place::Fits(sidecar, _), _) | (_, Place::Fits(sidecar, _)) => Some(sidecar),
            _ => None,
        }
    }

    /// The files that go wherever the image goes.
    pub(super) fn ours(&self) -> Vec<SidecarName> {
        let places = [
            (SidecarName::Full, &self.full),
            (SidecarName::Stem, &self.stem),
        ];
        let ours = places.into_iter().filter(|(_, place)| place.is_ours());
        ours.map(|(name, _)| name).collect()
    }

    /// Where the image's sidecar is written, what that begins with, and what it replaces; `None` if both
    /// places are taken.
    fn into_writable(self, name: &str) -> Option<(SidecarName, Sidecar, FoundFile)> {
        let Self { full, stem } = self;
        let (name, place) = if full.is_ours() {
            (SidecarName::Full, full)
        } else if stem != Place::Taken {
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
pub(super) struct OpenFile {
    found: FoundSidecars,
    sha256: String,
}

/// What was sent with an image, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The captions were written, and nothing was sent.
    Analysis,
    /// The captions were sent.
    Publication,
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

impl CaptionFile<'_> {
    /// The files where it can be.
    pub(super) async fn find(
        &self,
        sha256: Option<&str>,
    ) -> Result<FoundSidecars, ImageStoreError> {
        let images = self.tenant.images(self.request_id);
        let (full, stem) = try_join(
            images.read_sidecar(&self.image.name, SidecarName::Full),
            images.read_sidecar(&self.image.name, SidecarName::Stem),
        )
        .await?;
        Ok(FoundSidecars::of([full, stem], self.image, sha256))
    }

    /// Gets ready to write it: learns what is there, and what the image's hash is.
    pub(super) async fn open(&self, image: &LoadedImage) -> Result<OpenFile, ImageStoreError> {
        let encoded = image.encoded.clone();
        // 50 MB take a good part of a second: too long for an async thread.
        let hash = tokio::task::spawn_blocking(move || encoded.sha256());
        let images = self.tenant.images(self.request_id);
        let (full, stem) = try_join(
            images.read_sidecar(&self.image.name, SidecarName::Full),
            images.read_sidecar(&self.image.name, SidecarName::Stem),
        )
        .await?;
        let sha256 = hash
            .await
            .map_err(|error| ImageStoreError::Unavailable(error.into()))?;
        let found = FoundSidecars::of([full, stem], self.image, Some(&sha256));
        Ok(OpenFile { found, sha256 })
    }

    /// Writes it, or updates it: keys and lines that are there and not ours stay. What somebody else writes
    /// there meanwhile stays, too; then it is looked again what is there. A failure is told as a warning.
    pub(super) async fn write(
        &self,
        OpenFile { found, sha256 }: OpenFile,
        clock: &dyn Clock,
        captions: &Captions,
        occasion: Occasion,
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
        occasion: Occasion,
    ) -> Result<(Option<SidecarName>, Option<String>), ImageStoreError> {
        let image = &self.image.name;
        let is_foreign = found.stem == Place::Taken;
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
        let images = self.tenant.images(self.request_id);
        images.write_sidecar(image, name, &text, &replaced).await?;
        let beside = name.beside(image.as_str()).unwrap_or_default();
        let warning = is_foreign.then(|| {
            let what =
                "the usual name of the sidecar is taken by another file, which stays as it is";
            format!("{}; the sidecar is {beside}", self.told(what))
        });
        Ok((Some(name), warning))
    }

    /// Says in the log that it was not written; the same for people.
    pub(super) fn failed(&self, error: &ImageStoreError) -> String {
        let what = "the caption file could not be written";
        tracing::warn!(tenant = %self.tenant.name(), error = %ErrorChain(error), "{what}");
        format!("{what}: {error}")
    }

    /// Says something in the log; the same for people.
    fn told(&self, what: &str) -> String {
        tracing::warn!(tenant = %self.tenant.name(), "{what}");
        what.to_owned()
    }

    fn fill(
        &self,
        sidecar: &mut Sidecar,
        clock: &dyn Clock,
        sha256: &str,
        captions: &Captions,
        occasion: Occasion,
    ) {
        let settings = &self.tenant.settings().caption_file;
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
        if let Some(sd_caption) = &captions.sd_caption {
            sidecar.set_caption(sd_caption);
            sidecar.set("sd_caption_version", SD_CAPTION_VERSION);
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
            .filter(|_| settings.extended_metadata_enabled)
        {
            sidecar.set_analysis(analysis);
        }
    }
}

/// What was written for each platform, and what was sent there. What a person wrote is not replaced when a
/// machine's captions are sent; an analysis does so only where it is asked for: else it is told from the file.
fn fill_captions(sidecar: &mut Sidecar, captions: &Captions, occasion: Occasion, now: &str) {
    if captions.main().is_empty() {
        return;
    }
    let is_generated = captions.model.is_some();
    if is_generated {
        sidecar.add_generated(&captions.by_platform);
    }
    if occasion == Occasion::Publication {
        if is_generated && sidecar.is_edited() {
            return;
        }
        sidecar.add_submitted(&captions.by_platform);
    }
    sidecar.set_lines("caption", captions.main());
    sidecar.set("caption_updated_at", now);
}
