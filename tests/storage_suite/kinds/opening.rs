//! Opens the storage of a tenant, as the service does it.

use std::sync::Arc;

use publisher::{
    adapters::{
        clock::SystemClock, dropbox::DropboxSettings, http_client::ExtraRoots, platforms,
        storages::Storages,
    },
    domain::{
        credential::{Credential, CredentialVersion, Secrets},
        secret::Secret,
        storage::{AllowedStorage, StorageAccess, StorageKind},
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig},
    },
    ports::{ImageStore, ImageStoreFactory as _},
};
use serde_json::json;

/// What opens storage of every kind; of Dropbox at this address, with this app.
pub(super) fn storages(dropbox_url: &str, app_key: &str, app_secret: &str) -> Storages {
    let url: url::Url = dropbox_url.parse().unwrap();
    let dropbox = DropboxSettings {
        api_url: url.clone(),
        content_url: url,
        refresh_token_setting: None,
        app_key: app_key.to_owned(),
        app_secret: Secret::new(app_secret.to_owned()),
    };
    Storages::new(
        dropbox,
        false,
        &ExtraRoots::default(),
        Arc::new(SystemClock),
    )
    .unwrap()
}

/// The storage of a tenant with this root, whose credential has these secrets, by the names of their fields.
pub(super) fn open(
    storages: &Storages,
    kind: StorageKind,
    root: &str,
    secrets: &[(&str, &str)],
) -> Arc<dyn ImageStore> {
    let document = json!({
        "features": { "publish_enabled": true },
        "storage": {
            "provider": kind.as_str(),
            "credentials_ref": "ref",
            "paths": { "root": root },
        },
    });
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    let config = config.allowing(AllowedStorage::Any);
    let config = Arc::new(config.validate(platforms::spec).unwrap());
    let credential = kind.provider().map(|provider| {
        let secrets = Secrets::read(provider, |field| {
            let (_, secret) = secrets.iter().find(|(name, _)| *name == field.name)?;
            Some(Secret::new((*secret).to_owned()))
        });
        let version = CredentialVersion::new("1");
        Arc::new(Credential::new(secrets.unwrap(), version, None))
    });
    let access = StorageAccess::new(kind, credential).unwrap();
    storages.open(&config.resolve(access)).images
}
