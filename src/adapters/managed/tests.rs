//! Over real sockets, against the sandbox's S3 server.

mod metering;
mod moving;
mod reading;
mod refusing;
mod writing;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use publisher_sandbox::{Fault, Sandbox, Switches};

use super::{LIMITS, Limits, ManagedImageStore, ManagedImageStoreFactory};
use crate::{
    adapters::{clock::SystemClock, http_client::ExtraRoots, upstream::RetryPolicy},
    domain::{
        credential::{Credential, CredentialVersion, ProviderCredential as _, Secrets},
        image::{EncodedImage, ImageName},
        secret::Secret,
        sidecar::SidecarName,
        storage::ManagedCredential,
        tenant::TenantName,
        tenant_config::{StoragePath, StoragePaths},
    },
    ports::{
        Folder, FoundFile, IfTaken, ImageLinks as _, ImageStore as _, ImageStoreError, Moved,
        PutMode,
    },
};

/// Delays too short to be noticed, time limits that only silence reaches.
const SWIFT: Limits = Limits {
    retry: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(100),
    },
    timeout: Duration::from_secs(20),
    content_timeout: Duration::from_secs(20),
    ..LIMITS
};

/// For tests in which the store falls silent.
const IMPATIENT: Limits = Limits {
    timeout: Duration::from_millis(500),
    content_timeout: Duration::from_millis(500),
    ..SWIFT
};

/// A tenant whose root is `acme/queue` in the sandbox's bucket.
struct Tenant {
    sandbox: Sandbox,
    store: ManagedImageStore,
    counted: Arc<metering::Counted>,
}

impl Tenant {
    async fn new() -> Self {
        Self::with(SWIFT, &[]).await
    }

    /// With other limits, and other fields of the credential.
    async fn with(limits: Limits, changes: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let fields = sandbox.s3.credential();
        let secrets = Secrets::read(ManagedCredential::PROVIDER, |field| {
            let given = changes.iter().find(|(name, _)| *name == field.name);
            let value = given.map(|(_, value)| (*value).to_owned());
            let own = fields.iter().find(|(name, _)| *name == field.name);
            Some(Secret::new(value.or_else(|| Some(own?.1.clone()))?))
        });
        let version = CredentialVersion::new("1");
        let credential = Credential::new(secrets.unwrap(), version, None);
        let credential = ManagedCredential::try_from(Arc::new(credential)).unwrap();
        let clock = Arc::new(SystemClock);
        let roots = ExtraRoots::default();
        let factory = ManagedImageStoreFactory::with_limits(false, &roots, clock, limits);
        let path = |path| StoragePath::prefix(path).unwrap();
        let paths = StoragePaths {
            root: path("acme/queue"),
            archive: path("acme/queue/archive"),
            keep: path("acme/queue/keep"),
            remove: path("acme/queue/reject"),
        };
        let counted = Arc::new(metering::Counted::default());
        let factory = factory.unwrap().metered_by(Some(Arc::clone(&counted) as _));
        let alice = TenantName::new("alice").unwrap();
        let store = factory.open(&paths, &credential, Some(&alice));
        Self {
            sandbox,
            store,
            counted,
        }
    }

    fn switches(&self) -> &Switches {
        self.sandbox.s3.server().switches()
    }

    fn calls(&self, operation: &str) -> usize {
        self.switches().calls(operation)
    }

    async fn put(&self, name: &str, content: &str) {
        let key = format!("acme/queue/{name}");
        assert!(self.sandbox.s3.put(&key, content.to_owned()).await);
    }

    fn object(&self, name: &str) -> Option<String> {
        let bytes = self.sandbox.s3.object(&format!("acme/queue/{name}"))?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn names(&self) -> Vec<String> {
        let images = self.store.list().await.unwrap();
        let names = images.iter().map(|image| image.name.to_string());
        names.collect()
    }

    /// Puts an image `a.jpg` where none is.
    async fn upload(&self, image: EncodedImage) -> Result<(), ImageStoreError> {
        self.store.put(&name("a.jpg"), &image, PutMode::New).await
    }

    /// Writes a sidecar of `a.jpg` where none is.
    async fn write_text(&self, text: &str) -> Result<(), ImageStoreError> {
        let (name, which) = (name("a.jpg"), SidecarName::Stem);
        let found = &FoundFile::Nothing;
        self.store
            .write_sidecar(&name, which, text.as_bytes(), found)
            .await
    }

    /// Finds an image and moves it.
    async fn moved(&self, image: &str, if_taken: IfTaken) -> Result<Moved, ImageStoreError> {
        let found = self.store.find(&name(image)).await?;
        let folder = Folder::Archive;
        self.store.move_to(&found, &[], folder, if_taken).await
    }
}

fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

fn jpeg(content: &str) -> EncodedImage {
    let bytes = [b"\xFF\xD8\xFF\xE0", content.as_bytes()].concat();
    EncodedImage::new(Bytes::from(bytes)).unwrap()
}

/// An error in the store's own words.
fn refusal(status: u16, code: &str) -> Fault {
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    Fault::text(status, &body)
}
