//! Opening the two storages of a migration: the tenant's own, by its config, and one that the caller names.

use std::sync::Arc;

use serde_json::json;

use crate::{
    app::{runtime::error_chain::ErrorChain, tenancy::tenant::ProviderFactories},
    domain::{
        credential::Credential,
        host::Host,
        request_id::RequestId,
        storage::{AllowedStorage, StorageAccess, StorageKind},
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{Resolved, SchemaVersion, StoragePaths, TenantConfig},
    },
    ports::{CredentialQuery, CredentialStore, OpenedStorage, TenantConfigSource},
};

/// One of the two storages.
#[derive(Clone)]
pub struct Side {
    /// Its images.
    pub storage: OpenedStorage,
}

/// Where tenants come from.
pub struct TenantSource<'a> {
    /// The source of configs.
    pub configs: &'a dyn TenantConfigSource,
    /// The source of credentials.
    pub credentials: &'a dyn CredentialStore,
    /// The factories of clients.
    pub providers: &'a ProviderFactories,
}

/// A tenant with its own storage.
pub struct OpenedTenant {
    /// Its name.
    pub name: TenantName,
    /// The kind of its storage.
    pub kind: StorageKind,
    /// The folders.
    pub paths: StoragePaths,
    /// The storage.
    pub side: Side,
}

/// Why a storage could not be opened, for people. Holds no host, no secret and no folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotOpened(pub String);

impl TenantSource<'_> {
    /// The tenant of a host, with its own storage. Contacts no storage.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub async fn open(
        &self,
        host: &Host,
        request_id: &RequestId,
    ) -> Result<OpenedTenant, NotOpened> {
        let fetched = self.configs.fetch(host, request_id).await;
        let config =
            fetched.map_err(|error| NotOpened(format!("tenant: {}", ErrorChain(&error))))?;
        let config = config.validate(self.providers.platforms);
        let config = Arc::new(config.map_err(|violations| {
            let problems = violations.fields().iter();
            let problems = problems.map(|it| format!("{}: {}", it.path(), it.rule()));
            NotOpened(problems.collect::<Vec<_>>().join("; "))
        })?);
        let kind = config.settings().storage.kind;
        let credential = match config.settings().storage.credential() {
            None => None,
            Some((provider, reference)) => {
                let query = CredentialQuery::new(&config, provider, reference, request_id);
                let resolved = self.credentials.resolve(&query).await;
                let failed = |error| {
                    let why = ErrorChain(&error);
                    NotOpened(format!("no {provider} credential can be had: {why}"))
                };
                Some(Arc::new(resolved.map_err(failed)?))
            }
        };
        let access = StorageAccess::new(kind, credential);
        let access = access.map_err(|error| NotOpened(error.to_string()))?;
        let resolved = config.resolve(access);
        Ok(OpenedTenant {
            name: resolved.tenant().clone(),
            kind,
            paths: resolved.settings().storage.paths.clone(),
            side: side(&resolved, self.providers),
        })
    }
}

/// The `storage.paths` of a config: the root, and the other folders where they are not in their default places below
/// it.
#[must_use]
pub fn paths_of(root: &str, others: [Option<&str>; 3]) -> serde_json::Value {
    let [archive, keep, remove] = others;
    json!({ "root": root, "archive": archive, "keep": keep, "remove": remove })
}

/// A storage of a tenant that its config does not name. Contacts no storage.
///
/// # Errors
/// [`NotOpened`].
pub fn open_named(
    tenant: &TenantName,
    kind: StorageKind,
    paths: &serde_json::Value,
    credential: Option<Credential>,
    providers: &ProviderFactories,
) -> Result<Side, NotOpened> {
    let document = json!({
        "features": { "publish_enabled": false },
        "storage": { "provider": kind.as_str(), "credentials_ref": "named", "paths": paths },
    });
    let config = TenantConfig::new(
        tenant.clone(),
        ConfigVersion::new("named"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    // Whoever runs the command may read and write the machine's folders anyway.
    let config = config.allowing(AllowedStorage::Any);
    let config = config.validate(providers.platforms).map_err(|violations| {
        let problems = violations.fields().iter();
        let problems = problems.map(|it| format!("{}: {}", it.path(), it.rule()));
        NotOpened(problems.collect::<Vec<_>>().join("; "))
    })?;
    let access = StorageAccess::new(kind, credential.map(Arc::new));
    let access = access.map_err(|error| NotOpened(error.to_string()))?;
    Ok(side(&Arc::new(config).resolve(access), providers))
}

fn side(config: &TenantConfig<Resolved>, providers: &ProviderFactories) -> Side {
    Side {
        storage: providers.images.open(config),
    }
}
