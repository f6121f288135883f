//! A door for the fuzz targets (`fuzz/`) to the parsers of the orchestrator's answers, as they are
//! called with the body of a 200. Not there without the feature `fuzzing`; nothing of the service
//! uses it.

use super::{envelope, secret_answer};
use crate::{
    adapters::secret_scrub::SecretScrub,
    domain::{
        credential::{Credential, Provider},
        tenant_config::{TenantConfig, Unvalidated},
    },
};

/// The body of a by-host answer, read; `None` is malformed, or of another app.
#[must_use]
pub fn read_envelope(body: &[u8]) -> Option<TenantConfig<Unvalidated>> {
    let read = envelope::read(serde_json::from_slice(body).ok()?, &SecretScrub::default());
    read.ok().map(|read| read.value)
}

/// The body of a credentials answer, read as one for `provider`; `None` is malformed, or of
/// another provider.
#[must_use]
pub fn read_credential(body: &[u8], provider: Provider) -> Option<Credential> {
    let read = secret_answer::read(serde_json::from_slice(body).ok()?, provider);
    read.ok().map(|read| read.value)
}
