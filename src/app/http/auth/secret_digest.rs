//! Digests of the configured secrets: enough to compare with, and nothing that could be shown.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::domain::secret::Secret;

/// The SHA-256 of a secret. Digests have one length and are compared as a whole, so a comparison takes the same
/// time whatever the difference.
pub(super) struct SecretDigest([u8; 32]);

impl SecretDigest {
    pub(super) fn of(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose()).into())
    }

    /// Whether this is the secret. A `Choice` can be combined with others without branching.
    pub(super) fn matches(&self, sent: &[u8]) -> Choice {
        let sent: [u8; 32] = Sha256::digest(sent).into();
        self.0.ct_eq(&sent)
    }

    /// The digest, to be part of a signature.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(***)")
    }
}
