//! Over real sockets, against the sandbox's Dropbox.

mod changes;
mod deleting;
mod endless;
mod folders;
mod looking;
mod reading;
mod refusing;
mod sidecars;
mod tokens;
mod writing;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    DropboxImageStore, DropboxImageStoreFactory, DropboxSettings,
    app::{LISTING_LIMITS, Limits},
};
use crate::{
    adapters::{
        clock::SystemClock, http_client::ExtraRoots, platforms, sample_tenant::credential,
        upstream::RetryPolicy,
    },
    domain::{
        image::ImageName,
        secret::Secret,
        sidecar::SidecarName,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, Validated},
    },
    ports::{Folder, IfTaken, ImageLinks, ImageStore, ImageStoreError, ImageThumbnails, Moved},
};
use publisher_sandbox::{Dropbox, Sandbox, Switches};

/// The usual name of a sidecar.
const STEM: &[SidecarName] = &[SidecarName::Stem];

const ACCOUNT: &str = "alice";
const REFRESH_TOKEN: &str = "sandbox-refresh-token";

/// Delays too short to be noticed, time limits that only silence reaches.
const SWIFT: Limits = Limits {
    retry: RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(100),
    },
    rpc_timeout: Duration::from_secs(20),
    content_timeout: Duration::from_secs(20),
    listing: LISTING_LIMITS,
};

/// For tests in which Dropbox falls silent.
const IMPATIENT: Limits = Limits {
    rpc_timeout: Duration::from_millis(500),
    content_timeout: Duration::from_millis(500),
    ..SWIFT
};

/// All that Dropbox offers.
trait EveryPort: ImageStore + ImageLinks + ImageThumbnails {}
impl EveryPort for DropboxImageStore {}

/// A tenant whose root is `/Queue`, and whose Dropbox is the sandbox's.
struct Tenant {
    sandbox: Sandbox,
    store: Arc<dyn EveryPort>,
}

impl Tenant {
    async fn new() -> Self {
        Self::with("/Queue", SWIFT).await
    }

    async fn with(root: &str, limits: Limits) -> Self {
        Self::of(root, limits, None).await
    }

    /// The only tenant, whose refresh token is in the settings.
    async fn standalone() -> Self {
        Self::of("/Queue", SWIFT, Some("DROPBOX_REFRESH_TOKEN")).await
    }

    async fn of(root: &str, limits: Limits, refresh_token_setting: Option<&'static str>) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let dropbox = &sandbox.dropbox;
        dropbox.add_account(ACCOUNT, REFRESH_TOKEN);
        let url = dropbox.server().url().parse::<url::Url>().unwrap();
        let settings = DropboxSettings {
            api_url: url.clone(),
            content_url: url,
            refresh_token_setting,
            app_key: dropbox.app_key().to_owned(),
            app_secret: Secret::new(dropbox.app_secret().to_owned()),
        };
        let factory = DropboxImageStoreFactory::with_limits(
            settings,
            &ExtraRoots::default(),
            Arc::new(SystemClock),
            limits,
        );
        let paths = config(root).settings().storage.paths.clone();
        let store = factory.unwrap().open(paths, credential(REFRESH_TOKEN));
        let store = Arc::new(store);
        Self { sandbox, store }
    }

    fn dropbox(&self) -> &Dropbox {
        &self.sandbox.dropbox
    }

    fn switches(&self) -> &Switches {
        self.dropbox().switches()
    }

    fn put(&self, path: &str, content: &str) {
        assert!(
            self.dropbox()
                .put(ACCOUNT, path, content.as_bytes().to_vec())
        );
    }

    fn file(&self, path: &str) -> Option<String> {
        let bytes = self.dropbox().file(ACCOUNT, path)?;
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    fn paths(&self) -> Vec<String> {
        self.dropbox().paths(ACCOUNT)
    }

    fn calls(&self, operation: &str) -> usize {
        self.switches().calls(operation)
    }

    /// Finds an image and moves it.
    async fn moved(&self, image: &str, folder: Folder) -> Result<Moved, ImageStoreError> {
        let found = self.store.find(&name(image)).await?;
        self.store
            .move_to(&found, STEM, folder, IfTaken::Rename)
            .await
    }

    async fn names(&self) -> Vec<String> {
        let images = self.store.list().await.unwrap();
        images.iter().map(|image| image.name.to_string()).collect()
    }
}

fn config(root: &str) -> TenantConfig<Validated> {
    let paths = json!({
        "root": root, "archive": "/Done", "keep": "/Kept", "remove": "/Removed",
    });
    let document = json!({
        "features": { "publish_enabled": true },
        "storage": { "provider": "dropbox", "credentials_ref": "ref", "paths": paths },
    });
    TenantConfig::new(
        TenantName::new(ACCOUNT).unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    )
    .validate(platforms::spec)
    .unwrap()
}

fn name(name: &str) -> ImageName {
    ImageName::new(name).unwrap()
}

/// What an error says, all its causes included.
fn text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The arguments of the calls of an endpoint.
fn arguments(tenant: &Tenant, operation: &str) -> Vec<Value> {
    let requests = tenant.switches().requests(operation);
    requests
        .iter()
        .map(|request| match request.header("dropbox-api-arg") {
            Some(header) => serde_json::from_str(header).unwrap(),
            None => request.json().unwrap(),
        })
        .collect()
}
