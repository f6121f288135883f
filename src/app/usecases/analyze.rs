//! Analysing an image: what it shows, and the captions that it would be published with. Models are
//! paid for each look, so that what a sidecar says already is told from there.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    captioning::{Captioning, Captions, CaptionsUnavailable},
    held_lease::HeldLease,
    loaded_image::{LoadError, LoadedImage},
    sidecar::{ImageSidecar, Occasion},
    stages::Stages,
};
use crate::{
    app::{
        runtime::{keyed_limit::Capacity, memory_budget::Exhausted},
        tenancy::tenant::Tenant,
        usecases::background_tasks::{BackgroundTasks, TaskAborted},
    },
    domain::{
        image::{ImageName, StoredImage},
        platform::Platform,
        request_id::RequestId,
        sidecar::Sidecar,
    },
    ports::{Clock, ImageProcessingError, ImageProcessor, ImageStoreError, Ledger, LedgerError},
};

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisReport {
    /// The image.
    pub image: ImageName,
    /// What it shows.
    pub description: Option<String>,
    /// Its mood.
    pub mood: Option<String>,
    /// Words that it can be found by.
    pub tags: Vec<String>,
    /// Not for everybody's eyes.
    pub nsfw: Option<bool>,
    /// A caption to remember it by; empty if nothing could be said.
    pub caption: String,
    /// The Stable-Diffusion caption.
    pub sd_caption: Option<String>,
    /// For those who do not see it.
    pub alt_text: Option<String>,
    /// The sidecar has been written now.
    pub sidecar_written: bool,
    /// A caption for each platform, within its limits.
    pub platform_captions: BTreeMap<Platform, String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeImageError {
    /// The tenant's config does not allow it.
    #[error("analysis is off for this tenant")]
    Off,
    /// The tenant has as many images published and analysed as it may have at a time.
    #[error("too many images of this tenant are being worked on")]
    TooMany,
    /// Somebody else is working on the image right now.
    #[error("somebody else is working on this image")]
    InProgress,
    /// The service has as many images in memory as it may have.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The image is another one than it was a moment ago.
    #[error("the image was replaced")]
    Replaced,
    /// Storage did not give the image or its sidecar.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The file is no image that could be looked at.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
    /// Nothing was seen.
    #[error("the image could not be analysed")]
    Captions(#[from] CaptionsUnavailable),
    /// The ledger, which knows who is working on the image, cannot be asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It ended without a report.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

impl From<LoadError> for AnalyzeImageError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Exhausted(error) => error.into(),
            LoadError::Replaced => Self::Replaced,
            LoadError::Storage(error) => error.into(),
            LoadError::NoImage(error) => error.into(),
        }
    }
}

/// Analyses images.
#[derive(Clone)]
pub struct AnalyzeImage {
    scaler: Arc<dyn ImageProcessor>,
    capacity: Capacity,
    clock: Arc<dyn Clock>,
    ledger: Arc<dyn Ledger>,
    tasks: BackgroundTasks,
}

impl AnalyzeImage {
    /// Analyses images, scaled by `scaler`, within `capacity`, which publications share, that nobody
    /// else, as `ledger` knows, is working on; on `tasks`.
    #[must_use]
    pub fn new(
        scaler: Arc<dyn ImageProcessor>,
        capacity: Capacity,
        clock: Arc<dyn Clock>,
        ledger: Arc<dyn Ledger>,
        tasks: BackgroundTasks,
    ) -> Self {
        Self {
            scaler,
            capacity,
            clock,
            ledger,
            tasks,
        }
    }

    /// Tells what the sidecar of an image says, if that has a caption; else, or with
    /// `force_refresh`, has the image looked at and writes the sidecar. A caller that goes
    /// away does not stop what is paid for.
    ///
    /// # Errors
    /// [`AnalyzeImageError`]. A sidecar that cannot be written is none.
    pub async fn run(
        &self,
        tenant: Arc<Tenant>,
        name: ImageName,
        force_refresh: bool,
        request_id: RequestId,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        if !tenant.settings().features.analyze_caption_enabled {
            return Err(AnalyzeImageError::Off);
        }
        let work = AnalysisWork {
            usecase: self.clone(),
            tenant,
            request_id,
        };
        let work = async move { work.run(&name, force_refresh).await };
        self.tasks.run_to_completion(work).await?
    }
}

/// One analysis under way.
struct AnalysisWork {
    usecase: AnalyzeImage,
    tenant: Arc<Tenant>,
    request_id: RequestId,
}

impl AnalysisWork {
    async fn run(
        &self,
        name: &ImageName,
        force_refresh: bool,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        let found = self.tenant.images(&self.request_id).find(name).await?;
        if !force_refresh
            && let Some(sidecar) = self.sidecar(&found).find(None).await?.believed()
            && let Some(report) = self.report_from_sidecar(&found.name, &sidecar)
        {
            return Ok(report);
        }
        let tenant = self.tenant.name().clone();
        let permit = self.usecase.capacity.publications.try_acquire(&tenant);
        let _permit = permit.ok_or(AnalyzeImageError::TooMany)?;
        let content_hash = found.content_hash.clone();
        let lease = HeldLease::take(
            &self.usecase.ledger,
            &self.usecase.tasks,
            tenant,
            content_hash,
        )
        .await?;
        let lease = lease.ok_or(AnalyzeImageError::InProgress)?;
        let occasion = if force_refresh {
            Occasion::Refresh
        } else {
            Occasion::Analysis
        };
        let report = self.run_as_holder(&found, occasion).await;
        lease.release().await;
        report
    }

    /// What a sidecar says; `None` if it has no caption.
    fn report_from_sidecar(&self, name: &ImageName, sidecar: &Sidecar) -> Option<AnalysisReport> {
        let caption = sidecar.known_caption()?;
        let text = |key: &str| sidecar.get(key).map(str::to_owned);
        let hashtags = &self.tenant.settings().content.hashtag_string;
        let captions =
            Captions::given(caption, hashtags, &self.platforms(), self.tenant.settings());
        Some(AnalysisReport {
            image: name.clone(),
            description: text("description"),
            mood: text("mood"),
            tags: sidecar.list("tags"),
            nsfw: sidecar.flag("nsfw"),
            caption: caption.to_owned(),
            sd_caption: sidecar.sd_caption().map(str::to_owned),
            alt_text: text("alt_text"),
            sidecar_written: false,
            platform_captions: captions.by_platform,
        })
    }

    /// Has the image looked at.
    async fn run_as_holder(
        &self,
        found: &StoredImage,
        occasion: Occasion<'_>,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        let (images, stages) = (self.tenant.images(&self.request_id), Stages::untimed());
        let memory = &self.usecase.capacity.memory;
        let image = LoadedImage::load(memory, images, found, stages).await?;
        let captioning = Captioning {
            scaler: &*self.usecase.scaler,
            tenant: &self.tenant,
            request_id: &self.request_id,
            stages,
        };
        let captions = captioning.write(&image.encoded, &self.platforms()).await?;
        let sidecar_written = !self.tenant.settings().content.debug && {
            let clock = &*self.usecase.clock;
            let file = self.sidecar(&image.stored);
            match file.open(&image).await {
                Ok(opened) => {
                    let written = file.write(opened, clock, &captions, occasion);
                    written.await.is_done
                }
                Err(error) => {
                    file.failed(&error);
                    false
                }
            }
        };
        Ok(report(&found.name, captions, sidecar_written))
    }

    fn sidecar<'a>(&'a self, image: &'a StoredImage) -> ImageSidecar<'a> {
        ImageSidecar {
            images: self.tenant.images(&self.request_id),
            image,
        }
    }

    /// The platforms that are on; all there are, if none is: what an image would say there can be
    /// looked at before a platform is set up.
    fn platforms(&self) -> Vec<Platform> {
        let settings = self.tenant.settings();
        let on = Platform::ALL.into_iter().filter(|it| settings.has(*it));
        let on: Vec<Platform> = on.collect();
        if on.is_empty() {
            Platform::ALL.to_vec()
        } else {
            on
        }
    }
}

/// What has been seen and written just now.
fn report(name: &ImageName, captions: Captions, sidecar_written: bool) -> AnalysisReport {
    let caption = captions.main().to_owned();
    let Captions {
        author: _, // A model.
        by_platform,
        sd_caption,
        analysis,
        model: _, // The sidecar has it.
    } = captions;
    let analysis = analysis.unwrap_or_default();
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    AnalysisReport {
        image: name.clone(),
        description: said(analysis.description),
        mood: said(analysis.mood),
        tags: analysis.tags,
        nsfw: Some(analysis.nsfw),
        caption,
        sd_caption,
        alt_text: analysis.alt_text,
        sidecar_written,
        platform_captions: by_platform,
    }
}

#[cfg(test)]
mod tests;
