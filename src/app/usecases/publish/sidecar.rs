//! Writing the sidecar of a published image.

use super::publication::Publication;
use crate::{
    app::usecases::steps::{
        captioning::Captions,
        loaded_image::LoadedImage,
        sidecar::{Occasion, OpenSidecar, Written},
    },
    domain::{platform::Platform, publication::PublishStage},
};

impl Publication {
    /// Writes or updates the sidecar when all platforms are `served`: it says which captions were sent. Its present
    /// content is read meanwhile, unless it is `opened` already.
    pub(super) async fn write_sidecar(
        &self,
        opened: Option<OpenSidecar>,
        image: &LoadedImage,
        captions: &Captions,
        sent_to: &[Platform],
        served: impl Future<Output = ()>,
    ) -> Written {
        let file = self.sidecar(&image.stored);
        let opened = match opened {
            Some(opened) => Ok(opened),
            None => file.open(image).await,
        };
        served.await;
        match opened {
            Ok(opened) => {
                let (clock, occasion) = (&*self.usecase.work.clock, Occasion::Publication(sent_to));
                let written = file.write(opened, clock, captions, occasion);
                self.stages().time(PublishStage::Sidecar, written).await
            }
            Err(error) => Written {
                warning: Some(file.failed(&error)),
                ..Written::default()
            },
        }
    }
}
