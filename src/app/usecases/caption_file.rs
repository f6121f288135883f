//! The sidecar of an image: what is known of the image is written there by whoever has found it out. A file
//! of somebody else's, or of another image, is neither believed nor written to, moved or deleted.

use futures_util::future::try_join;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{captioning::Captions, loaded_image::LoadedImage, tenant::Tenant};
use crate::{
    domain::{
        image::StoredImage,
        request_id::RequestId,
        sidecar::{Belonging, SD_CAPTION_VERSION, Sidecar, SidecarName},
    },
    ports::{Clock, ImageStoreError, SidecarFile},
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
    /// The image's sidecar, of what the image was before.
    Outdated(Sidecar),
    /// The image's sidecar.
    Fits(Sidecar),
}

impl Place {
    fn of(file: SidecarFile, image: &StoredImage, sha256: Option<&str>) -> Self {
        let sidecar = match file {
            SidecarFile::Missing => return Self::Empty,
            SidecarFile::TooLarge => None,
            SidecarFile::Found(bytes) => Sidecar::recognize(&bytes),
        };
        let Some(sidecar) = sidecar else {
            return Self::Taken;
        };
        match sidecar.belonging_to(image, sha256) {
            Belonging::Fits => Self::Fits(sidecar),
            Belonging::Outdated => Self::Outdated(sidecar),
            Belonging::OtherImage => Self::Taken,
        }
    }

    const fn is_ours(&self) -> bool {
        matches!(self, Self::Outdated(_) | Self::Fits(_))
    }

    /// What an update begins with: all that the file says, or what is not ours of it.
    fn into_begun(self) -> Sidecar {
        match self {
            Self::Fits(sidecar) => sidecar,
            Self::Outdated(sidecar) => sidecar.with_foreign_keys_only(),
            Self::Empty | Self::Taken => Sidecar::default(),
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
            (Place::Fits(sidecar), _) | (_, Place::Fits(sidecar)) => Some(sidecar),
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

    /// Where the image's sidecar is written, and what that begins with; `None` if both places are taken.
    fn into_writable(self, name: &str) -> Option<(SidecarName, Sidecar)> {
        let Self { full, stem } = self;
        if full.is_ours() {
            return Some((SidecarName::Full, full.into_begun()));
        }
        if stem != Place::Taken {
            return Some((SidecarName::Stem, stem.into_begun()));
        }
        let is_free = full == Place::Empty && SidecarName::Full.beside(name).is_some();
        is_free.then(|| (SidecarName::Full, Sidecar::default()))
    }
}

/// What a sidecar is written from, beside the captions.
pub(super) struct OpenFile {
    found: FoundSidecars,
    sha256: String,
}

impl OpenFile {
    /// The files that go wherever the image goes.
    pub(super) fn ours(&self) -> Vec<SidecarName> {
        self.found.ours()
    }
}

/// What was sent with an image, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The captions were written, and nothing was sent.
    Analysis,
    /// The captions were sent.
    Publication,
}

/// Where a sidecar was written.
#[derive(Debug)]
pub(super) struct Written {
    /// `None` if there was no place for it.
    pub(super) name: Option<SidecarName>,
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

    /// Writes it, or updates it: keys that are there and not ours stay.
    pub(super) async fn write(
        &self,
        OpenFile { found, sha256 }: OpenFile,
        clock: &dyn Clock,
        captions: &Captions,
        occasion: Occasion,
    ) -> Result<Written, ImageStoreError> {
        let image = &self.image.name;
        let is_foreign = found.stem == Place::Taken;
        let Some((name, mut sidecar)) = found.into_writable(image.as_str()) else {
            let warning = self.told("no sidecar was written: its names are taken by other files");
            return Ok(Written {
                name: None,
                warning: Some(warning),
            });
        };
        self.fill(&mut sidecar, clock, &sha256, captions, occasion);
        self.tenant
            .images(self.request_id)
            .write_sidecar(image, name, &sidecar.render())
            .await?;
        let beside = name.beside(image.as_str()).unwrap_or_default();
        let warning = is_foreign.then(|| {
            let what =
                "the usual name of the sidecar is taken by another file, which stays as it is";
            format!("{}; the sidecar is {beside}", self.told(what))
        });
        Ok(Written {
            name: Some(name),
            warning,
        })
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
        sidecar.set_lines("caption", captions.main());
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

/// What was written for each platform, and what was sent there.
fn fill_captions(sidecar: &mut Sidecar, captions: &Captions, occasion: Occasion, now: &str) {
    let by_platform = captions
        .by_platform
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(platform, text)| (platform.as_str().to_owned(), text.as_str().into()))
        .collect::<serde_json::Map<_, _>>();
    if by_platform.is_empty() {
        return;
    }
    let texts = serde_json::Value::from(by_platform).to_string();
    let is_written = captions.model.is_some();
    if is_written {
        sidecar.set("caption_generated", &texts);
    }
    if occasion == Occasion::Publication {
        let is_edited = sidecar.get("caption_generated") != Some(&texts);
        sidecar.set("caption_submitted", &texts);
        sidecar.set("caption_edited", if is_edited { "true" } else { "false" });
    }
    sidecar.set("caption_updated_at", now);
}
