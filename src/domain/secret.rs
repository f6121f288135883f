//! Values that must never be printed: secrets, and the opaque names under which they are kept.

use std::{fmt, sync::Arc};

use secrecy::{ExposeSecret, SecretString};

/// A secret: a token, key or password. Wiped from memory when it is dropped.
///
/// It has no `Clone`, no `Display` and no `Serialize`, and its `Debug` is a row of stars. Only
/// the adapter that builds the request which carries it calls [`Secret::expose`].
///
/// ```
/// use publisher::domain::secret::Secret;
/// let secret = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// let moved = secret; // a secret can be handed on …
/// assert_eq!(moved.expose(), "hunter2");
/// ```
///
/// … but not copied:
/// ```compile_fail,E0599
/// use publisher::domain::secret::Secret;
/// let secret = Secret::new("hunter2".to_owned());
/// let copy = secret.clone();
/// ```
///
/// … nor printed:
/// ```compile_fail,E0277
/// use publisher::domain::secret::Secret;
/// let secret = Secret::new("hunter2".to_owned());
/// let text = format!("{secret}");
/// ```
///
/// … nor written out as JSON:
/// ```compile_fail,E0277
/// use publisher::domain::secret::Secret;
/// let secret = Secret::new("hunter2".to_owned());
/// let text = serde_json::to_string(&secret);
/// ```
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret into custody.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// The secret itself, for the one adapter that puts it on the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The opaque name of a secret, as a tenant's config gives it. Not a secret itself, but never
/// logged: it has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialsRef(Arc<str>);

impl CredentialsRef {
    /// Wraps a reference; `None` when it is blank.
    #[must_use]
    pub fn new(value: &str) -> Option<Self> {
        (!value.trim().is_empty()).then(|| Self(value.into()))
    }

    /// The reference itself, for the request that resolves it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CredentialsRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsRef(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_secrets_nor_references_show_in_debug_output() {
        assert_eq!(
            format!("{:?}", Secret::new("s3cret".to_owned())),
            "Secret(***)"
        );
        let reference = CredentialsRef::new("ref-1").unwrap();
        assert_eq!(format!("{reference:?}"), "CredentialsRef(***)");
        assert_eq!(reference.expose(), "ref-1");
    }

    #[test]
    fn a_blank_reference_is_no_reference() {
        assert!(CredentialsRef::new("").is_none());
        assert!(CredentialsRef::new("  ").is_none());
    }
}
