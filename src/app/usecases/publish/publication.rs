//! One publication, with everything that its steps need.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{
    attempt::Attempt,
    error::PublishImageError,
    protocol::{Claimed, Identified},
};
use crate::{
    app::{
        runtime::{
            background_tasks::{BackgroundTasks, TaskAborted},
            event_hub::EventHub,
            usage_recorder::UsageRecorder,
        },
        tenancy::{images::Images, listing_cache::ListingCache, tenant::Tenant},
        usecases::steps::{
            ImageWork,
            loaded_image::{LoadedImage, Replaced},
            progress::Progress,
            sidecar::ImageSidecar,
            stages::Stages,
        },
    },
    domain::{
        content_hashes::{ComputedHashes, ContentHashes},
        image::{ImageName, StoredImage},
        platform::Platform,
        publication::{PublicationPlan, PublicationRequest, PublishStage, Target},
        request_id::RequestId,
    },
    ports::{Folder, LedgerReader},
};

/// Publishes images.
#[derive(Clone)]
pub struct PublishImage {
    pub(super) work: ImageWork,
    pub(super) reader: Arc<dyn LedgerReader>,
    pub(super) listings: Arc<ListingCache>,
    pub(super) usage: Option<Arc<UsageRecorder>>,
    pub(super) hub: Option<Arc<EventHub>>,
}

/// One request to publish.
pub(super) struct Publication {
    pub(super) usecase: PublishImage,
    pub(super) tenant: Arc<Tenant>,
    pub(super) target: Target,
    pub(super) plan: PublicationPlan,
    pub(super) request: PublicationRequest,
    pub(super) force: bool,
    pub(super) request_id: RequestId,
    pub(super) attempt: Attempt,
    /// Tells those who watch; `None` for a dry run.
    pub(super) progress: Option<Progress>,
    /// The folder of the image.
    pub(super) folder: Folder,
    /// The follow-ups of the posts.
    pub(super) follow_ups: TaskTracker,
}

/// An image that was fetched and identified.
pub(super) struct Loaded {
    pub(super) identified: Identified,
    pub(super) image: LoadedImage,
    pub(super) hashes: ContentHashes,
}

impl PublishImage {
    /// A use case that publishes nothing that the ledger knows to be published; `reader` reads the ledger that
    /// `work` writes. The next image is picked from `listings`.
    #[must_use]
    pub fn new(
        work: ImageWork,
        reader: Arc<dyn LedgerReader>,
        listings: Arc<ListingCache>,
    ) -> Self {
        Self {
            work,
            reader,
            listings,
            usage: None,
            hub: None,
        }
    }

    /// The same, with the calls to the tenant's storage recorded at the end of each publication.
    #[must_use]
    pub fn metered_by(self, usage: Option<Arc<UsageRecorder>>) -> Self {
        Self { usage, ..self }
    }

    /// The same, with those told who watch publications of their tenant.
    #[must_use]
    pub fn watched_by(self, hub: Option<Arc<EventHub>>) -> Self {
        Self { hub, ..self }
    }

    /// The tasks on which publications run to completion.
    pub(in crate::app::usecases) fn tasks(&self) -> &BackgroundTasks {
        &self.work.leases.tasks
    }
}

impl Publication {
    /// The timer of the stages.
    pub(super) fn stages(&self) -> Stages<'_> {
        Stages::by(&*self.usecase.work.clock, self.progress.as_ref())
    }

    /// Tells that one platform has reached a stage.
    pub(super) fn platform_reached(&self, platform: Platform, stage: PublishStage) {
        if let Some(progress) = &self.progress {
            progress.platform_reached(platform, stage);
        }
    }

    /// Names the image that is tried from now on.
    pub(super) fn tries(&self, image: &ImageName) {
        if let Some(progress) = &self.progress {
            progress.tries(image);
        }
    }

    /// The images in the folder of the publication.
    pub(super) fn images(&self) -> Images<'_> {
        let images = self.tenant.images(&self.request_id);
        images.in_folder(self.folder)
    }

    /// The sidecar of an image.
    pub(super) fn sidecar<'a>(&'a self, image: &'a StoredImage) -> ImageSidecar<'a> {
        ImageSidecar {
            images: self.images(),
            image,
        }
    }

    /// Whether the image was archived before; it stays in the archive.
    pub(super) fn is_from_archive(&self) -> bool {
        self.folder == Folder::Archive
    }

    /// Takes the lease on an image.
    pub(super) async fn claim(&self, image: &StoredImage) -> Result<Claimed, PublishImageError> {
        self.tries(&image.name);
        let leases = &self.usecase.work.leases;
        let (tenant, content_hash) = (self.tenant.name().clone(), image.content_hash.clone());
        let claim = Claimed::claim(leases, tenant, content_hash);
        let claimed = self.stages().time(PublishStage::Claim, claim).await?;
        claimed.ok_or(PublishImageError::InProgress)
    }

    /// Fetches an image, once the memory budget has a part for it.
    pub(super) async fn fetch(
        &self,
        image: &StoredImage,
    ) -> Result<LoadedImage, PublishImageError> {
        let memory = &self.usecase.work.capacity.memory;
        LoadedImage::load(memory, self.images(), image, self.stages()).await
    }

    /// Fetches a claimed image, and identifies it by all hashes of its bytes.
    pub(super) async fn fetch_and_identify(
        &self,
        claimed: Claimed,
        image: &StoredImage,
    ) -> Result<Loaded, PublishImageError> {
        let load = async {
            let image = self.fetch(image).await?;
            let hashes = self.hashes_of(&image).await?;
            Ok::<_, PublishImageError>((image, hashes))
        };
        let (image, computed) = match load.await {
            Ok(loaded) => loaded,
            Err(error) => {
                claimed.release().await;
                return Err(error);
            }
        };
        let hashes = computed.get().clone();
        let identify = claimed.identify(computed);
        let identified = self.stages().time(PublishStage::Claim, identify).await?;
        Ok(Loaded {
            identified: identified.ok_or(PublishImageError::InProgress)?,
            image,
            hashes,
        })
    }

    /// The hashes of an image, computed beside the async threads: that takes up to 0.2 s for 50 MB.
    pub(super) async fn hashes_of(
        &self,
        image: &LoadedImage,
    ) -> Result<ComputedHashes, PublishImageError> {
        let kinds = Arc::clone(&self.usecase.work.hash_kinds);
        let bytes = image.encoded.bytes().clone();
        let listed = image.stored.content_hash.clone();
        let compute = move || ComputedHashes::of(listed, &bytes, &kinds);
        let computed = tokio::task::spawn_blocking(compute).await;
        let computed = computed.map_err(|_| TaskAborted)?;
        computed.ok_or_else(|| Replaced.into())
    }
}
