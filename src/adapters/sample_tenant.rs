//! A resolved config and credentials for the tests of adapters.

use std::sync::Arc;

use serde_json::{Value, json};

use super::platforms;
use crate::domain::{
    credential::{Credential, ProviderCredential},
    platform_spec::Target,
    storage::StorageAccess,
    tenant::{ConfigTtl, ConfigVersion, TenantName},
    tenant_config::{Resolved, SchemaVersion, TenantConfig},
};

/// A credential of which each field is this secret.
pub(super) fn credential<T: ProviderCredential>(secret: &str) -> T {
    let credential = Credential::sample(T::PROVIDER, secret, "1", None);
    T::try_from(Arc::new(credential)).unwrap()
}

/// The target of a platform that is on.
pub(super) fn target<T: Target + Clone>(config: &TenantConfig<Resolved>) -> T {
    let target = config.settings().platforms.target(T::PLATFORM).unwrap();
    target.typed::<T>().unwrap().clone()
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
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    )
    .validate(platforms::spec)
    .unwrap();
    let provider = config.settings().storage.kind.provider();
    let sample = |provider| Arc::new(Credential::sample(provider, "refresh-token", "1", None));
    let access = StorageAccess::new(config.settings().storage.kind, provider.map(sample));
    Arc::new(config).resolve(access.unwrap())
}
