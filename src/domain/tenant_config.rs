//! A tenant's config and the three states it goes through.
//!
//! | state | holds | next |
//! | --- | --- | --- |
//! | [`Unvalidated`] | the document as it was sent | [`validate`](TenantConfig::validate) |
//! | [`Validated`] | settings that keep every rule, references not yet resolved | [`resolve`](TenantConfig::resolve) |
//! | [`Resolved`] | the settings and the access to storage: the tenant can be served | – |
//!
//! Each state owns exactly what is known by then. A function that needs a later state cannot be
//! called with an earlier one. What compiles:
//!
//! ```
//! # use std::sync::Arc;
//! # use publisher::adapters::platforms;
//! # use publisher::domain::{
//! #     credential::*, publication::*, secret::*, storage::*, tenant::*, tenant_config::*,
//! # };
//! # fn access(kind: StorageKind) -> StorageAccess {
//! #     let secret = |_: &SecretField| Some(Secret::new("token".to_owned()));
//! #     let credential = kind.provider().map(|provider| {
//! #         let secrets = Secrets::read(provider, secret).unwrap();
//! #         Arc::new(Credential::new(secrets, CredentialVersion::new("1"), None))
//! #     });
//! #     StorageAccess::new(kind, credential).unwrap()
//! # }
//! # fn unvalidated() -> TenantConfig<Unvalidated> {
//! #     TenantConfig::new(
//! #         TenantName::new("alice").unwrap(),
//! #         ConfigVersion::new("1"),
//! #         ConfigTtl::from_seconds(None),
//! #         SchemaVersion::V2,
//! #         serde_json::json!({
//! #             "features": {"publish_enabled": true},
//! #             "storage": {
//! #                 "provider": StorageKind::ALL[0].as_str(),
//! #                 "credentials_ref": "ref",
//! #                 "paths": {"root": "/a"},
//! #             },
//! #         }),
//! #     )
//! # }
//! let validated: TenantConfig<Validated> = unvalidated().validate(platforms::spec).unwrap();
//! let access = access(validated.settings().storage.kind);
//! let resolved: TenantConfig<Resolved> = Arc::new(validated).resolve(access);
//! let plan = PublicationPlan::new(&resolved, &PublicationRequest::default());
//! ```
//!
//! What does not: publishing from a config that is only validated …
//! ```compile_fail,E0308
//! # use publisher::domain::{publication::*, tenant_config::*};
//! fn publish(validated: &TenantConfig<Validated>) {
//!     let plan = PublicationPlan::new(validated, &PublicationRequest::default());
//! }
//! ```
//! … where the same with a resolved one is fine:
//! ```
//! # use publisher::domain::{publication::*, tenant_config::*};
//! fn publish(resolved: &TenantConfig<Resolved>) {
//!     let plan = PublicationPlan::new(resolved, &PublicationRequest::default());
//! }
//! ```
//!
//! Resolving a config that has not been checked …
//! ```compile_fail,E0599
//! # use publisher::domain::{storage::*, tenant_config::*};
//! # use std::sync::Arc;
//! fn skip(unvalidated: TenantConfig<Unvalidated>, storage: StorageAccess) {
//!     let resolved = Arc::new(unvalidated).resolve(storage);
//! }
//! ```
//! … where checking it first is fine:
//! ```
//! # use std::sync::Arc;
//! # use publisher::domain::{platform_spec::*, storage::*, tenant_config::*};
//! fn in_order(
//!     unvalidated: TenantConfig<Unvalidated>,
//!     platforms: PlatformSpecs,
//!     storage: StorageAccess,
//! ) {
//!     let validated = unvalidated.validate(platforms).map(Arc::new);
//!     let resolved = validated.map(|validated| validated.resolve(storage));
//! }
//! ```
//!
//! Building a resolved config by hand …
//! ```compile_fail,E0451
//! # use publisher::domain::{storage::*, tenant_config::*};
//! fn forge(settings: TenantSettings, storage: StorageAccess) -> Resolved {
//!     Resolved { settings, storage }
//! }
//! ```
//! … where reading one is fine:
//! ```
//! # use publisher::domain::{storage::*, tenant_config::*};
//! fn read(resolved: &TenantConfig<Resolved>) -> (&TenantSettings, &StorageAccess) {
//!     (resolved.settings(), resolved.storage_access())
//! }
//! ```
//!
//! Copying a config, be it validated or, with its secret, resolved …
//! ```compile_fail,E0599
//! # use publisher::domain::tenant_config::*;
//! fn copy(validated: &TenantConfig<Validated>) -> TenantConfig<Validated> {
//!     TenantConfig::<Validated>::clone(validated)
//! }
//! ```
//! ```compile_fail,E0599
//! # use publisher::domain::tenant_config::*;
//! fn copy(resolved: &TenantConfig<Resolved>) -> TenantConfig<Resolved> {
//!     TenantConfig::<Resolved>::clone(resolved)
//! }
//! ```
//! … where sharing it is fine:
//! ```
//! # use std::sync::Arc;
//! # use publisher::domain::tenant_config::*;
//! fn share<S: State>(config: &Arc<TenantConfig<S>>) -> Arc<TenantConfig<S>> {
//!     Arc::clone(config)
//! }
//! ```

mod blocks;
mod document;
mod effective;
mod lifecycle;
mod people;
mod platform_captions;
mod platforms;
mod settings;
mod violations;
mod voice;

use std::{fmt, sync::Arc};

use serde_json::Value;

pub use self::{
    document::SchemaVersion,
    effective::EffectiveDocument,
    lifecycle::{LifecycleSeverity, ModelLifecycle},
    people::People,
    settings::{
        AiSettings, ConfirmationSettings, ContentSettings, Features, SdCaptionSettings,
        SidecarSettings, StoragePath, StoragePaths, StorageSettings, TenantSettings, VisionDetail,
        VisionFallback,
    },
    violations::Violations,
};
pub use crate::domain::config_block::FieldProblem;
use crate::domain::{
    platform_spec::PlatformSpecs,
    storage::{AllowedStorage, StorageAccess},
    tenant::{ConfigTtl, ConfigVersion, TenantName},
};

/// A tenant's config in state `S`.
#[derive(Debug)]
pub struct TenantConfig<S: State> {
    tenant: TenantName,
    version: ConfigVersion,
    ttl: ConfigTtl,
    state: S,
}

/// Decoded, nothing checked.
pub struct Unvalidated {
    schema: SchemaVersion,
    document: Value,
    dropped: Vec<FieldProblem>,
    allowed: AllowedStorage,
}

/// Every rule applied, defaults filled in, references known but not resolved.
#[derive(Debug)]
pub struct Validated {
    settings: Arc<TenantSettings>,
    warnings: Vec<FieldProblem>,
}

/// The settings, and the access to storage: the tenant can be served.
#[derive(Debug)]
pub struct Resolved {
    settings: Arc<TenantSettings>,
    storage: StorageAccess,
}

/// A state of a [`TenantConfig`]. Sealed: there are three.
pub trait State: sealed::Sealed {}
impl State for Unvalidated {}
impl State for Validated {}
impl State for Resolved {}

/// A state with settings.
pub trait Checked: State {
    /// The settings, which keep every rule.
    fn settings(&self) -> &Arc<TenantSettings>;
}

impl Checked for Validated {
    fn settings(&self) -> &Arc<TenantSettings> {
        &self.settings
    }
}

impl Checked for Resolved {
    fn settings(&self) -> &Arc<TenantSettings> {
        &self.settings
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Unvalidated {}
    impl Sealed for super::Validated {}
    impl Sealed for super::Resolved {}
}

impl TenantConfig<Unvalidated> {
    /// Takes in what a config source sent. Fields that look like secrets are dropped here,
    /// unread: none belongs in a config.
    #[must_use]
    pub fn new(
        tenant: TenantName,
        version: ConfigVersion,
        ttl: ConfigTtl,
        schema: SchemaVersion,
        mut document: Value,
    ) -> Self {
        let dropped = document::drop_secrets(&mut document);
        Self {
            tenant,
            version,
            ttl,
            state: Unvalidated {
                schema,
                document,
                dropped,
                allowed: AllowedStorage::WithCredential,
            },
        }
    }

    /// The same config of a source that may name these kinds of storage; otherwise it may name those that need a
    /// credential.
    #[must_use]
    pub fn allowing(mut self, allowed: AllowedStorage) -> Self {
        self.state.allowed = allowed;
        self
    }

    /// Applies every rule of the runtime config.
    ///
    /// # Errors
    /// All [`Violations`] at once, when a field is bad that the tenant cannot be served without.
    /// A bad field of an optional block only turns that block off: see
    /// [`TenantConfig::warnings`].
    pub fn validate(self, platforms: PlatformSpecs) -> Result<TenantConfig<Validated>, Violations> {
        let Self {
            tenant,
            version,
            ttl,
            state:
                Unvalidated {
                    schema,
                    document,
                    dropped,
                    allowed,
                },
        } = self;
        let mut warnings = dropped;
        let settings = document::read(schema, &document, allowed, platforms, &mut warnings)?;
        Ok(TenantConfig {
            tenant,
            version,
            ttl,
            state: Validated {
                settings: Arc::new(settings),
                warnings,
            },
        })
    }
}

impl TenantConfig<Validated> {
    /// Adds the access to storage. Pure: the caller has fetched the credential. The settings are shared
    /// with other holders of this config.
    #[must_use]
    pub fn resolve(self: Arc<Self>, storage: StorageAccess) -> TenantConfig<Resolved> {
        self.with(Resolved {
            settings: Arc::clone(&self.state.settings),
            storage,
        })
    }

    /// What is off or ignored, by field, because its value is bad, and what is only
    /// [advice](FieldProblem::is_advice). Never holds a value.
    #[must_use]
    pub fn warnings(&self) -> &[FieldProblem] {
        &self.state.warnings
    }

    /// Whether this says the same as another one of the same tenant: version and settings.
    #[must_use]
    pub fn is_equivalent_to(&self, other: &Self) -> bool {
        self.tenant == other.tenant
            && self.version == other.version
            && self.state.settings == other.state.settings
    }

    /// The config as it is in effect: what is off is not in it, defaults are written out.
    /// Validating it gives the same settings, with no warning but [advice].
    ///
    /// [advice]: FieldProblem::is_advice
    #[must_use]
    pub fn effective_document(&self) -> EffectiveDocument {
        EffectiveDocument::of(&self.state.settings)
    }
}

impl TenantConfig<Resolved> {
    /// The same config with another access to storage, after storage has refused this one.
    #[must_use]
    pub fn renew(&self, storage: StorageAccess) -> Self {
        self.with(Resolved {
            settings: Arc::clone(&self.state.settings),
            storage,
        })
    }

    /// What storage is reached with.
    #[must_use]
    pub fn storage_access(&self) -> &StorageAccess {
        &self.state.storage
    }
}

impl<S: Checked> TenantConfig<S> {
    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &TenantSettings {
        self.state.settings()
    }

    /// The settings, shared.
    #[must_use]
    pub fn shared_settings(&self) -> Arc<TenantSettings> {
        Arc::clone(self.state.settings())
    }
}

impl<S: State> TenantConfig<S> {
    fn with<T: State>(&self, state: T) -> TenantConfig<T> {
        TenantConfig {
            tenant: self.tenant.clone(),
            version: self.version.clone(),
            ttl: self.ttl,
            state,
        }
    }

    /// Whose config it is.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// Which version of it.
    #[must_use]
    pub fn version(&self) -> &ConfigVersion {
        &self.version
    }

    /// How long it may be used without asking again.
    #[must_use]
    pub fn ttl(&self) -> ConfigTtl {
        self.ttl
    }
}

impl fmt::Debug for Unvalidated {
    /// Hides the document: nothing in it has been checked, so anything could be in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unvalidated")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
