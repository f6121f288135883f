//! What there is to know of one image, without a download.

use futures_util::future::try_join;

use super::{caption_file::FoundSidecars, error_chain::ErrorChain, tenant::Tenant};
use crate::{
    domain::{
        image::ImageName,
        request_id::RequestId,
        sidecar::{Sidecar, SidecarName},
    },
    ports::{ImageStoreError, LinkedImage, SidecarFile},
};

/// What there is to know of an image.
#[derive(Debug)]
pub struct ImageDetails {
    /// What storage says of it, and where it can be seen.
    pub image: LinkedImage,
    /// What its caption file says of it.
    pub sidecar: FoundSidecar,
}

/// A caption file that was looked for.
#[derive(Debug, PartialEq, Eq)]
pub enum FoundSidecar {
    /// It is there.
    There(Sidecar),
    /// There is none that is the image's as it is now.
    NotThere,
    /// Storage would not tell. The log says why.
    Unknown,
}

/// Describes images.
#[derive(Debug, Clone, Copy, Default)]
pub struct DescribeImage;

impl DescribeImage {
    /// An image with what its caption file says. The two are fetched side by side, and if it is
    /// only the caption file that cannot be had, the image is shown without it.
    ///
    /// # Errors
    /// [`ImageStoreError`].
    pub async fn run(
        &self,
        tenant: &Tenant,
        request_id: &RequestId,
        name: &ImageName,
    ) -> Result<ImageDetails, ImageStoreError> {
        let images = tenant.images(request_id);
        let files = async { Ok(files_beside(tenant, request_id, name).await) };
        // Ends with the link's failure: nobody waits for the caption file of an image that is gone.
        let (image, files) = tokio::try_join!(images.temporary_link(name), files)?;
        let sidecar = files.map_or(FoundSidecar::Unknown, |files| {
            let found = FoundSidecars::of(files, &image.stored, None);
            let believed = found.believed();
            believed.map_or(FoundSidecar::NotThere, FoundSidecar::There)
        });
        Ok(ImageDetails { image, sidecar })
    }
}

/// The files where the sidecar can be; `None` if storage would not tell.
async fn files_beside(
    tenant: &Tenant,
    request_id: &RequestId,
    name: &ImageName,
) -> Option<[SidecarFile; 2]> {
    let images = tenant.images(request_id);
    let read = try_join(
        images.read_sidecar(name, SidecarName::Full),
        images.read_sidecar(name, SidecarName::Stem),
    );
    match read.await {
        Ok((full, stem)) => Some([full, stem]),
        Err(error) => {
            tracing::warn!(
                tenant = %tenant.name(),
                error = %ErrorChain(&error),
                "the caption file could not be read"
            );
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::usecases::fixtures::{self, TenantFixture, image_name, request_id, stored},
        domain::secret::Secret,
    };

    fn with_link() -> TenantFixture {
        let mut fixture = TenantFixture::new();
        fixture
            .images
            .expect_temporary_link()
            .times(1)
            .returning(|name| {
                Ok(LinkedImage {
                    stored: stored(name.as_str(), &bytes::Bytes::new()),
                    link: Secret::new("https://storage.example/x".to_owned()),
                })
            });
        fixture
    }

    async fn describe(fixture: TenantFixture) -> Result<ImageDetails, ImageStoreError> {
        let (tenant, request_id, name) = (fixture.build(), request_id(), image_name());
        DescribeImage.run(&tenant, &request_id, &name).await
    }

    #[tokio::test]
    async fn an_image_comes_with_its_caption_file_and_is_not_downloaded() {
        let text = b"words\n\n# ---\n# image_file: a.jpg\n# caption: c\n";
        let of_another = b"\n\n# ---\n# image_file: a.png\n# caption: c\n";
        for (file, found) in [
            (
                Some(&text[..]),
                FoundSidecar::There(Sidecar::parse(text).unwrap()),
            ),
            (Some(&of_another[..]), FoundSidecar::NotThere),
            (Some(&b"By hand"[..]), FoundSidecar::NotThere),
            (Some(&b"\xff\xfe"[..]), FoundSidecar::NotThere),
            (None, FoundSidecar::NotThere),
        ] {
            let mut fixture = with_link();
            let file = file.map(bytes::Bytes::from_static);
            let images = &mut fixture.images;
            images
                .expect_read_sidecar()
                .times(2)
                .returning(move |_, name| {
                    let there = file.clone().filter(|_| name == SidecarName::Stem);
                    Ok(there.map_or(SidecarFile::Missing, fixtures::found))
                });
            images.expect_fetch().never();
            let details = describe(fixture).await.unwrap();
            assert_eq!(details.sidecar, found);
        }
    }

    #[tokio::test]
    async fn a_caption_file_that_cannot_be_had_does_not_hide_the_image() {
        let mut fixture = with_link();
        let failure = || Err(ImageStoreError::Unavailable("500".into()));
        fixture
            .images
            .expect_read_sidecar()
            .returning(move |_, _| failure());
        let details = describe(fixture).await.unwrap();
        assert_eq!(details.sidecar, FoundSidecar::Unknown);
    }

    #[tokio::test]
    async fn an_image_that_is_gone_is_not_found_whatever_its_caption_file_says() {
        let mut fixture = TenantFixture::new();
        let gone = |_: &ImageName| Err(ImageStoreError::NotFound);
        fixture
            .images
            .expect_temporary_link()
            .times(1)
            .returning(gone);
        fixture
            .images
            .expect_read_sidecar()
            .returning(|_, _| Ok(SidecarFile::Missing));
        let error = describe(fixture).await;
        assert!(matches!(error, Err(ImageStoreError::NotFound)));
    }
}
