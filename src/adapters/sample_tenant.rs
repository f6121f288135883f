//! A resolved config and credentials for the tests of adapters.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::{
    credential::{Credential, CredentialVersion, Provider, StorageCredential},
    secret::Secret,
    tenant::{ConfigTtl, ConfigVersion, TenantName},
    tenant_config::{Resolved, SchemaVersion, TenantConfig},
};

/// A credential.
pub(super) fn credential(provider: Provider, secret: &str) -> Arc<Credential> {
    let secret = Secret::new(secret.to_owned());
    let version = CredentialVersion::new("1");
    Arc::new(Credential::new(provider, secret, version, None))
}

/// The config of `alice`, with publishing and analysis on and these blocks beside the required
/// ones.
pub(super) fn config(blocks: &Value) -> TenantConfig<Resolved> {
    let mut document = json!({
        "features": { "publish_enabled": true, "analyze_caption_enabled": true },
        "storage": { "provider": "dropbox", "credentials_ref": "d", "paths": { "root": "/a" } },
    });
    for (name, block) in blocks.as_object().unwrap() {
        document[name] = block.clone();
    }
    let storage = credential(Provider::Dropbox, "refresh-token");
    TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    )
    .validate()
    .unwrap()
    .resolve(StorageCredential::try_from(storage).unwrap())
}
