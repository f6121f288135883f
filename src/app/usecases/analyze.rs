//! Analyzing an image: its description, and the captions that it would be published with. Each call of a model costs
//! money, so an image whose sidecar has a caption is answered from the sidecar.

use std::{collections::BTreeMap, sync::Arc};

use super::steps::{
    ImageWork,
    captioning::{Captioning, Captions, CaptionsUnavailable, alt_text_in},
    loaded_image::{LoadedImage, Replaced},
    sidecar::{ImageSidecar, Occasion},
    stages::Stages,
};
use crate::{
    app::{
        runtime::{background_tasks::TaskAborted, memory_budget::Exhausted},
        tenancy::{images::Images, tenant::Tenant},
    },
    domain::{
        image::{ImageName, StoredImage},
        platform::Platform,
        request_id::RequestId,
        sidecar::Sidecar,
        tenant_config::TenantSettings,
    },
    ports::{ImageProcessingError, ImageStoreError, LedgerError},
};

/// The analysis of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisReport {
    /// The image.
    pub image: ImageName,
    /// What the image shows.
    pub description: Option<String>,
    /// The mood.
    pub mood: Option<String>,
    /// Keywords.
    pub tags: Vec<String>,
    /// Whether the image is not safe for work.
    pub nsfw: Option<bool>,
    /// The caption of the first platform; empty if there is none.
    pub caption: String,
    /// The Stable-Diffusion caption.
    pub sd_caption: Option<String>,
    /// The alt text.
    pub alt_text: Option<String>,
    /// Whether the sidecar has been written now.
    pub sidecar_written: bool,
    /// A caption for each platform, within its limits.
    pub platform_captions: BTreeMap<Platform, String>,
    /// Whether all of it is from the sidecar, and no model was called.
    pub cached: bool,
}

/// Why there is no analysis.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeImageError {
    /// Analysis is off in the tenant's config.
    #[error("analysis is off for this tenant")]
    Off,
    /// The tenant has as many images in publication or analysis as it may have.
    #[error("too many images of this tenant are being worked on")]
    TooMany,
    /// Another request is working on the image.
    #[error("somebody else is working on this image")]
    InProgress,
    /// The memory budget is exhausted.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The image was replaced while it was being fetched.
    #[error(transparent)]
    Replaced(#[from] Replaced),
    /// Storage did not give the image or its sidecar.
    #[error(transparent)]
    Storage(#[from] ImageStoreError),
    /// The file is no image that can be analyzed.
    #[error(transparent)]
    Image(#[from] ImageProcessingError),
    /// The models gave no usable answer.
    #[error("the image could not be analysed")]
    Captions(#[from] CaptionsUnavailable),
    /// The ledger, which holds the leases on images, is unavailable.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The analysis ended without a report.
    #[error(transparent)]
    Aborted(#[from] TaskAborted),
}

/// Analyzes images.
#[derive(Clone)]
pub struct AnalyzeImage(ImageWork);

impl AnalyzeImage {
    /// A use case on what publications run on.
    #[must_use]
    pub fn new(work: ImageWork) -> Self {
        Self(work)
    }

    /// The analysis in the sidecar, if that has a caption; otherwise, or with `force_refresh`, a new analysis, which is
    /// written to the sidecar. A caller that goes away does not stop calls that are paid for.
    ///
    /// # Errors
    /// [`AnalyzeImageError`]. A sidecar that cannot be written is no error.
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
        let usecase = self.clone();
        let work = async move {
            let images = tenant.images(&request_id);
            usecase.analyze(images, &name, force_refresh).await
        };
        self.0.leases.tasks.run_to_completion(work).await?
    }

    async fn analyze(
        &self,
        images: Images<'_>,
        name: &ImageName,
        force_refresh: bool,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        let image = &images.find(name).await?;
        if !force_refresh {
            let found = ImageSidecar { images, image }.find(None).await?;
            let report = found.fitting().and_then(|sidecar| {
                report_from_sidecar(image.name.clone(), sidecar, images.tenant.settings())
            });
            if let Some(report) = report {
                return Ok(report);
            }
        }
        let limit = &self.0.capacity.publications;
        let permit = limit.try_acquire(images.tenant.name());
        let permit = limit.among_all(permit.ok_or(AnalyzeImageError::TooMany)?);
        let permit = permit.await.ok_or(AnalyzeImageError::TooMany)?;
        let occasion = if force_refresh {
            Occasion::Refresh
        } else {
            Occasion::Analysis
        };
        let report = self.analyze_claimed(images, image, occasion).await;
        permit.release().await;
        report
    }

    /// Analyzes an image under a lease that it takes.
    async fn analyze_claimed(
        &self,
        images: Images<'_>,
        image: &StoredImage,
        occasion: Occasion<'_>,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        let (leases, tenant) = (&self.0.leases, images.tenant.name());
        let claimed = leases.claim(tenant.clone(), image.content_hash.clone(), &[]);
        let (lease, _) = claimed.await?.ok_or(AnalyzeImageError::InProgress)?;
        let report = self.analyze_held(images, image, occasion).await;
        lease.release().await;
        report
    }

    /// Analyzes an image under its lease.
    async fn analyze_held(
        &self,
        images: Images<'_>,
        found: &StoredImage,
        occasion: Occasion<'_>,
    ) -> Result<AnalysisReport, AnalyzeImageError> {
        let (work, stages) = (&self.0, Stages::untimed());
        let settings = images.tenant.settings();
        let image: Result<_, AnalyzeImageError> =
            LoadedImage::load(&work.capacity.memory, images, found, stages).await;
        let image: Result<_, AnalyzeImageError> =
            image?.for_sending(&*work.scaler, &settings.content).await;
        let image = image?;
        let captioning = Captioning {
            scaler: &*work.scaler,
            tenant: images.tenant,
            request_id: images.request_id,
            stages,
            voices: &work.voices,
            history: &*work.captions,
        };
        let rules = settings.captioned_platforms();
        let captions = captioning.write(&image, &rules).await?;
        let sidecar_written = !settings.content.debug && {
            let file = ImageSidecar {
                images,
                image: &image.stored,
            };
            match file.open(&image).await {
                Ok(opened) => {
                    let written = file.write(opened, &*work.clock, &captions, occasion);
                    written.await.is_done
                }
                Err(error) => {
                    file.failed(&error);
                    false
                }
            }
        };
        Ok(report(found.name.clone(), captions, sidecar_written))
    }
}

/// The report of a sidecar; `None` if it has no caption.
fn report_from_sidecar(
    image: ImageName,
    sidecar: &Sidecar,
    settings: &TenantSettings,
) -> Option<AnalysisReport> {
    let caption = sidecar.known_caption()?;
    let text = |key: &str| sidecar.get(key).map(str::to_owned);
    let captions = Captions::given(|_| caption, &settings.captioned_platforms(), settings, None);
    Some(AnalysisReport {
        image,
        description: text("description"),
        mood: text("mood"),
        tags: sidecar.list("tags"),
        nsfw: sidecar.flag("nsfw"),
        caption: caption.to_owned(),
        sd_caption: sidecar.sd_caption().map(str::to_owned),
        alt_text: alt_text_in(sidecar, settings),
        sidecar_written: false,
        platform_captions: captions.by_platform,
        cached: true,
    })
}

/// The report of a new analysis.
fn report(image: ImageName, captions: Captions, sidecar_written: bool) -> AnalysisReport {
    let caption = captions.main().to_owned();
    let analysis = captions.analysis.unwrap_or_default();
    let said = |text: String| Some(text).filter(|text| !text.is_empty());
    AnalysisReport {
        image,
        description: said(analysis.description),
        mood: said(analysis.mood),
        tags: analysis.tags,
        nsfw: Some(analysis.nsfw),
        caption,
        sd_caption: captions.sd_caption,
        alt_text: analysis.alt_text,
        sidecar_written,
        platform_captions: captions.by_platform,
        cached: false,
    }
}

#[cfg(test)]
mod tests;
