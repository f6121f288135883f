//! Values that are never printed: secrets, and the opaque references to them.

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
    /// Wraps a secret.
    #[must_use]
    pub fn new(value: String) -> Self {
        Self(SecretString::from(value))
    }

    /// A secret that was pasted, or read from a file, without invisible characters at its ends ([`trim_pasted`]); `None`
    /// if nothing is left.
    ///
    /// ```
    /// use publisher::domain::secret::Secret;
    /// let pasted = Secret::pasted("\u{feff}hunter2 \r\n".to_owned()).unwrap();
    /// assert_eq!(pasted.expose(), "hunter2");
    /// ```
    #[must_use]
    pub fn pasted(value: String) -> Option<Self> {
        // Wrapped first, so that the whole text is wiped.
        let whole = Self::new(value);
        let secret = trim_pasted(whole.expose());
        (!secret.is_empty()).then(|| Self::new(secret.to_owned()))
    }

    /// The secret itself, for the adapter that sends it.
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

/// A text without invisible characters at its ends: white space and line breaks of any kind, control characters, byte
/// order marks, and characters without width, as they are copied from web pages and chats.
///
/// ```
/// use publisher::domain::secret::trim_pasted;
/// assert_eq!(trim_pasted("\u{feff}\u{a0}two words\u{200b}\r\n"), "two words");
/// ```
#[must_use]
pub fn trim_pasted(text: &str) -> &str {
    text.trim_matches(is_unseen)
}

fn is_unseen(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(
            character,
            // Soft hyphen, zero-width characters and direction marks, word joiner and its kin,
            // and the byte-order mark.
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

/// One secret of a credential.
#[derive(Debug, Clone, Copy)]
pub struct SecretField {
    /// Its name in the orchestrator's answer.
    pub name: &'static str,
    /// Its variable in standalone mode.
    pub variable: &'static str,
    /// Corrects a pasted text where the secret is certain; `None` is the text itself.
    pub tidy: fn(&str) -> Option<Secret>,
    /// The problem of a secret.
    pub check: fn(&str) -> Option<SecretProblem>,
    /// Its value where it is absent or blank; `None` where it is required.
    pub default: Option<&'static str>,
}

impl SecretField {
    /// A field whose text is the secret.
    #[must_use]
    pub const fn new(name: &'static str, variable: &'static str) -> Self {
        Self {
            name,
            variable,
            tidy: |_| None,
            check: |_| None,
            default: None,
        }
    }

    /// The field, which need not be given.
    #[must_use]
    pub const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    /// The field, with a correction of pasted texts and a check.
    #[must_use]
    pub const fn pasted(
        self,
        tidy: fn(&str) -> Option<Secret>,
        check: fn(&str) -> Option<SecretProblem>,
    ) -> Self {
        Self {
            tidy,
            check,
            ..self
        }
    }

    /// Its value where none is given.
    #[must_use]
    pub fn default_value(&self) -> Option<Secret> {
        self.default.map(|default| Secret::new(default.to_owned()))
    }

    /// The corrected secret.
    #[must_use]
    pub fn tidied(&self, secret: Secret) -> Secret {
        (self.tidy)(secret.expose()).unwrap_or(secret)
    }
}

/// The problem of a secret, as the rule that it breaks. Never holds the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretProblem {
    /// The secret looks like a mistake, and is used.
    Suspicious(&'static str),
    /// The secret cannot be used.
    Unusable(&'static str),
}

/// The opaque reference to a secret in a tenant's config. It is not a secret, but never logged: it has no `Display`, and
/// its `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialsRef(Arc<str>);

impl CredentialsRef {
    /// A reference; `None` when the text is blank.
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
    fn a_pasted_secret_is_freed_of_what_cannot_be_seen_around_it_and_of_nothing_else() {
        for around in [
            "",
            " ",
            "\n",
            "\r\n\n",
            "\t",
            "\0",
            "\u{a0}",
            "\u{2003}",
            "\u{3000}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{2060}",
            "\u{202e}",
            "\u{ad}",
            "\u{feff} \u{200b}\n",
        ] {
            for value in [
                format!("{around}s3 cr\u{200b}et"),
                format!("s3 cr\u{200b}et{around}"),
                format!("{around}s3 cr\u{200b}et{around}"),
            ] {
                let secret = Secret::pasted(value.clone()).unwrap();
                assert_eq!(secret.expose(), "s3 cr\u{200b}et", "{value:?}");
            }
            assert!(Secret::pasted(around.to_owned()).is_none(), "{around:?}");
        }
        let quoted = Secret::pasted("\"s3cret\"".to_owned()).unwrap();
        assert_eq!(quoted.expose(), "\"s3cret\"", "quotes may be meant");
    }

    #[test]
    fn a_blank_reference_is_no_reference() {
        assert!(CredentialsRef::new("").is_none());
        assert!(CredentialsRef::new("  ").is_none());
    }
}
