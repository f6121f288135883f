//! One publication, with everything that it is carried out with.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{attempt::Attempt, error::PublishImageError, protocol::Claimed};
use crate::{
    app::{
        runtime::keyed_limit::Capacity,
        tenancy::{images::Images, tenant::Tenant},
        usecases::{
            background_tasks::BackgroundTasks,
            loaded_image::LoadedImage,
            stages::{Stage, Stages},
        },
    },
    domain::{
        image::StoredImage,
        publication::{PublicationPlan, PublicationRequest, Target},
        request_id::RequestId,
    },
    ports::{Clock, Folder, ImageProcessor, Ledger, LedgerReader},
};

/// Publishes images.
#[derive(Clone)]
pub struct PublishImage {
    pub(super) scaler: Arc<dyn ImageProcessor>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) reader: Arc<dyn LedgerReader>,
    pub(super) capacity: Capacity,
    pub(super) tasks: BackgroundTasks,
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
    /// The folder that the image is in; `None` is the root.
    pub(super) folder: Option<Folder>,
    /// What follows the posts that were taken.
    pub(super) follow_ups: TaskTracker,
}

impl PublishImage {
    /// Publishes with images scaled by `scaler`, within `capacity`, on `tasks`, and nothing that
    /// `ledger` knows to be published; `reader` reads the same ledger.
    #[must_use]
    pub fn new(
        scaler: Arc<dyn ImageProcessor>,
        clock: Arc<dyn Clock>,
        ledger: Arc<dyn Ledger>,
        reader: Arc<dyn LedgerReader>,
        capacity: Capacity,
        tasks: BackgroundTasks,
    ) -> Self {
        Self {
            scaler,
            clock,
            ledger,
            reader,
            capacity,
            tasks,
        }
    }

    /// The tasks on which publications run to completion.
    pub(in crate::app::usecases) fn tasks(&self) -> &BackgroundTasks {
        &self.tasks
    }
}

impl Publication {
    /// The timer of its stages.
    pub(super) fn stages(&self) -> Stages<'_> {
        Stages::by(&*self.usecase.clock)
    }

    /// The images in the folder that the publication is about.
    pub(super) fn images(&self) -> Images<'_> {
        let images = self.tenant.images(&self.request_id);
        images.in_folder(self.folder)
    }

    /// The image has been archived before, and stays where it is.
    pub(super) fn is_from_archive(&self) -> bool {
        self.folder == Some(Folder::Archive)
    }

    /// Takes the lease on an image.
    pub(super) async fn claim(&self, image: &StoredImage) -> Result<Claimed, PublishImageError> {
        let PublishImage { ledger, tasks, .. } = &self.usecase;
        let (tenant, content_hash) = (self.tenant.name().clone(), image.content_hash.clone());
        let claim = Claimed::claim(ledger, tasks, tenant, content_hash);
        let claimed = self.stages().time(Stage::Claim, claim).await?;
        claimed.ok_or(PublishImageError::InProgress)
    }

    /// Fetches an image, once the memory budget has a part for it.
    pub(super) async fn fetch(
        &self,
        image: &StoredImage,
    ) -> Result<LoadedImage, PublishImageError> {
        let memory = &self.usecase.capacity.memory;
        Ok(LoadedImage::load(memory, self.images(), image, self.stages()).await?)
    }
}
