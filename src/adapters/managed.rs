//! Buckets of S3-compatible stores (Cloudflare R2, MinIO, AWS) as the place where tenants keep their
//! images.
//!
//! Plain requests, signed by `object_store`, which also makes the links. Its client of the store is not
//! used: it fails a whole listing for one key that it cannot parse, and it does not say with which code a
//! call was refused, which decides whether a credential is resolved once more.
//!
//! | file | holds |
//! | --- | --- |
//! | `store.rs` | the port: what its calls mean here |
//! | `listing.rs` | the images of a folder, page by page, within bounds |
//! | `relocate.rs` | moving an image and its sidecar: copy on a condition, then delete |
//! | `objects.rs` | calls about one object, with attempts; a look before a failed write is believed |
//! | `bucket.rs` | one tenant's bucket: one signed request and its answer |
//! | `limits.rs` | how long and how often, and what a folder may hold |
//! | `keys.rs` | the keys of objects, which never lead out of the tenant's folders |
//! | `failure.rs` | what can go wrong with a call, and what follows from it |
//! | `refusals.rs` | what refusals mean to people |
//! | `code.rs` | the store's word for a refusal |
//! | `wire.rs` | answers as they travel |
//!
//! Only the binary and tests may import this module.

mod bucket;
mod code;
mod failure;
mod keys;
mod limits;
mod listing;
mod objects;
mod refusals;
mod relocate;
mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::Arc;

use reqwest::Client;

pub use self::store::ManagedImageStore;
use self::{
    bucket::{Bucket, TenantMeter},
    failure::Origin,
    limits::{LIMITS, Limits, UPSTREAM},
};
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    registration::StorageRegistration,
};
use crate::{
    domain::{
        content_hash::ContentHashKind, storage::ManagedCredential, tenant::TenantName,
        tenant_config::StoragePaths,
    },
    ports::{Clock, StorageMeter},
};

/// A bucket, as a kind of storage.
pub const REGISTRATION: StorageRegistration = StorageRegistration {
    content_hash: ContentHashKind::MD5_ETAG,
    takes_uploads: true,
    upstream: Some((UPSTREAM, &["list", "head", "get", "put", "copy", "delete"])),
};

/// Opens tenants' buckets. All of them share one pool of connections.
pub struct ManagedImageStoreFactory {
    client: Client,
    clock: Arc<dyn Clock>,
    origin: Origin,
    limits: Limits,
    meter: Option<Arc<dyn StorageMeter>>,
}

impl ManagedImageStoreFactory {
    /// Makes no network call. With `is_standalone` the credential is from the settings of this service,
    /// which messages name then.
    ///
    /// # Errors
    /// The TLS set-up failed, for instance because the system has no trusted roots.
    pub fn new(
        is_standalone: bool,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        Self::with_limits(is_standalone, roots, clock, LIMITS)
    }

    fn with_limits(
        is_standalone: bool,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
        limits: Limits,
    ) -> Result<Self, HttpSetupError> {
        let origin = if is_standalone {
            Origin {
                url: "R2_ENDPOINT_URL",
                key: Some("R2_SECRET_ACCESS_KEY"),
            }
        } else {
            Origin {
                url: "endpoint_url of the storage credential",
                key: None,
            }
        };
        Ok(Self {
            client: http_client::build(limits.content_timeout, roots)?,
            clock,
            origin,
            limits,
            meter: None,
        })
    }

    /// The same, with the calls of tenants counted whose features say so.
    #[must_use]
    pub fn metered_by(self, meter: Option<Arc<dyn StorageMeter>>) -> Self {
        Self { meter, ..self }
    }

    /// The store of one tenant. With `metered`, its calls are counted as that tenant's.
    #[must_use]
    pub fn open(
        &self,
        paths: &StoragePaths,
        credential: &ManagedCredential,
        metered: Option<&TenantName>,
    ) -> ManagedImageStore {
        let bucket = Bucket::new(
            self.client.clone(),
            Arc::clone(&self.clock),
            self.limits,
            self.origin,
            credential,
        );
        let meter = metered.zip(self.meter.as_ref());
        let meter = meter.map(|(tenant, meter)| TenantMeter {
            tenant: tenant.clone(),
            meter: Arc::clone(meter),
        });
        ManagedImageStore::new(bucket.metered_by(meter), paths)
    }
}
