//! How far a publication has come, for those who watch it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{
    app::runtime::event_hub::EventHub,
    domain::{
        image::ImageName,
        job::{JobId, StageEvent},
        platform::Platform,
        publication::PublishStage,
        tenant::TenantName,
    },
};

/// Tells how far a publication has come.
pub(in crate::app::usecases) struct Progress {
    hub: Arc<EventHub>,
    tenant: TenantName,
    job: Option<JobProgress>,
    /// The image that is tried; `None` until one is known. A publication of the next image may try several.
    image: Mutex<Option<ImageName>>,
}

/// The job that is carried out, and where its last stage is noted.
#[derive(Clone)]
pub(in crate::app::usecases) struct JobProgress {
    /// The job.
    pub(in crate::app::usecases) id: JobId,
    /// Its last stage.
    pub(in crate::app::usecases) stage: watch::Sender<Option<PublishStage>>,
}

impl Progress {
    /// Tells `hub` of a publication of the tenant.
    pub(in crate::app::usecases) fn new(
        hub: Arc<EventHub>,
        tenant: TenantName,
        job: Option<JobProgress>,
    ) -> Self {
        Self {
            hub,
            tenant,
            job,
            image: Mutex::new(None),
        }
    }

    /// Names the image that is tried from now on.
    pub(in crate::app::usecases) fn tries(&self, image: &ImageName) {
        *self.image.lock() = Some(image.clone());
    }

    /// Tells that a stage was reached. Nobody is told of an image that is not known yet.
    pub(in crate::app::usecases) fn reached(&self, stage: PublishStage) {
        self.tell(None, stage);
    }

    /// Tells that one platform has reached a stage.
    pub(in crate::app::usecases) fn platform_reached(
        &self,
        platform: Platform,
        stage: PublishStage,
    ) {
        self.tell(Some(platform), stage);
    }

    fn tell(&self, platform: Option<Platform>, stage: PublishStage) {
        if let Some(job) = &self.job {
            job.stage.send_replace(Some(stage));
        }
        let image = self.image.lock().clone();
        let Some(image) = image else { return };
        let event = StageEvent {
            job: self.job.as_ref().map(|job| job.id),
            image,
            platform,
            stage,
        };
        self.hub.stage(&self.tenant, event);
    }
}
