//! What is on for a tenant beside storage: AI, and platforms. Each has a client, which is opened on
//! first use and kept until its credential changes.

use std::sync::Arc;

use parking_lot::Mutex;

use super::credentials::CredentialUnavailable;
use crate::{
    domain::{
        credential::Credential, platform_spec::TenantTarget, secret::CredentialsRef,
        tenant_config::AiSettings,
    },
    ports::{CaptionWriter, Publisher, PublisherFactory},
};

/// The AI of a tenant for which it is on.
pub struct AiAccess {
    settings: Arc<AiSettings>,
    pub(super) writer: Slot<dyn CaptionWriter>,
}

impl AiAccess {
    pub(super) fn new(settings: Arc<AiSettings>) -> Self {
        Self {
            settings,
            writer: Slot::default(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &AiSettings {
        &self.settings
    }
}

/// A platform that is on for a tenant.
pub(super) struct PlatformAccess {
    pub(super) factory: Arc<dyn PublisherFactory>,
    pub(super) target: TenantTarget,
    pub(super) publisher: Slot<dyn Publisher>,
}

/// Why a client cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClientUnavailable {
    /// It is off in the tenant's config.
    #[error("it is off for this tenant")]
    Off,
    /// Its credential cannot be resolved.
    #[error(transparent)]
    Credential(#[from] CredentialUnavailable),
}

impl ClientUnavailable {
    /// Whether it is for want of credit.
    #[must_use]
    pub fn is_out_of_credit(self) -> bool {
        self == Self::Credential(CredentialUnavailable::OutOfCredit)
    }
}

/// A client, with the credential that it was opened with.
pub struct Opened<T: ?Sized> {
    /// The client.
    pub client: Arc<T>,
    pub(super) credential: Arc<Credential>,
    pub(super) reference: CredentialsRef,
}

impl<T: ?Sized> Opened<T> {
    /// Whether it was opened with the same credential, and so is refused as well.
    #[must_use]
    pub fn has_same_credential(&self, refused: &Self) -> bool {
        self.credential.is_same_as(&refused.credential)
    }
}

impl<T: ?Sized> Clone for Opened<T> {
    fn clone(&self) -> Self {
        Self {
            client: Arc::clone(&self.client),
            credential: Arc::clone(&self.credential),
            reference: self.reference.clone(),
        }
    }
}

/// The client that was opened last.
pub(super) struct Slot<T: ?Sized>(Mutex<Option<Opened<T>>>);

impl<T: ?Sized> Slot<T> {
    /// The client, if it was opened with this credential.
    pub(super) fn get(&self, credential: &Credential) -> Option<Opened<T>> {
        let slot = self.0.lock();
        slot.as_ref()
            .filter(|opened| opened.credential.is_same_as(credential))
            .cloned()
    }

    pub(super) fn set(&self, opened: Opened<T>) {
        *self.0.lock() = Some(opened);
    }
}

impl<T: ?Sized> Default for Slot<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}
