//! Credentials: a secret together with whose it is, which version, and until when it is good.

use std::{fmt, sync::Arc, time::SystemTime};

use crate::domain::secret::Secret;

/// Who accepts a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Storage; its secret is a refresh token.
    Dropbox,
    /// Captions; its secret is an API key.
    OpenAi,
    /// A platform; its secret is a bot token.
    Telegram,
    /// The mail server of a platform; its secret is a password.
    Smtp,
}

impl Provider {
    /// The name that the orchestrator and the logs use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropbox => "dropbox",
            Self::OpenAi => "openai",
            Self::Telegram => "telegram",
            Self::Smtp => "smtp",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The opaque version of a credential. It changes when the secret does, and is never logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialVersion(Arc<str>);

impl CredentialVersion {
    /// Wraps a version as the credential's source gives it.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.into())
    }
}

impl fmt::Debug for CredentialVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialVersion(***)")
    }
}

/// A resolved credential, not yet known to be of the kind that its user needs. Shared as `Arc`,
/// so that its secret stands in memory once.
#[derive(Debug)]
pub struct Credential {
    provider: Provider,
    secret: Secret,
    version: CredentialVersion,
    expires_at: Option<SystemTime>,
}

impl Credential {
    /// Puts together what a credential source answered.
    #[must_use]
    pub fn new(
        provider: Provider,
        secret: Secret,
        version: CredentialVersion,
        expires_at: Option<SystemTime>,
    ) -> Self {
        Self {
            provider,
            secret,
            version,
            expires_at,
        }
    }

    /// Who accepts it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &CredentialVersion {
        &self.version
    }

    /// Whether this is the same secret, in the same version, of the same provider: then a client
    /// that was opened with the one need not be opened again with the other.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.provider == other.provider
            && self.version == other.version
            && self.secret.expose() == other.secret.expose()
    }

    /// When it stops being good, where its source knows.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

/// A credential is of another provider than its user needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a credential for {expected}, got one for {actual}")]
pub struct WrongProvider {
    /// Whose credential was needed.
    pub expected: Provider,
    /// Whose credential came.
    pub actual: Provider,
}

macro_rules! typed_credential {
    ($(#[$doc:meta])* $name:ident, $provider:expr, $(#[$accessor_doc:meta])* $accessor:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(Arc<Credential>);

        impl $name {
            $(#[$accessor_doc])*
            #[must_use]
            pub fn $accessor(&self) -> &Secret {
                &self.0.secret
            }

            /// The version of the credential.
            #[must_use]
            pub fn version(&self) -> &CredentialVersion {
                &self.0.version
            }
        }

        impl TryFrom<Arc<Credential>> for $name {
            type Error = WrongProvider;

            fn try_from(credential: Arc<Credential>) -> Result<Self, WrongProvider> {
                if credential.provider == $provider {
                    Ok(Self(credential))
                } else {
                    Err(WrongProvider { expected: $provider, actual: credential.provider })
                }
            }
        }
    };
}

typed_credential!(
    /// What storage is reached with.
    StorageCredential,
    Provider::Dropbox,
    /// The long-lived token from which access tokens are got.
    refresh_token
);
typed_credential!(
    /// What captions are written with.
    AiCredential,
    Provider::OpenAi,
    /// The API key.
    api_key
);
typed_credential!(
    /// What Telegram is published to with.
    TelegramCredential,
    Provider::Telegram,
    /// The bot's token; it stands in Telegram's URLs, so these are never shown.
    bot_token
);
typed_credential!(
    /// What the mail server is logged in to with.
    SmtpCredential,
    Provider::Smtp,
    /// The password.
    password
);

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(provider: Provider) -> Arc<Credential> {
        let secret = Secret::new("s3cret".to_owned());
        Arc::new(Credential::new(
            provider,
            secret,
            CredentialVersion::new("v1"),
            None,
        ))
    }

    #[test]
    fn a_credential_serves_only_its_own_provider() {
        assert!(StorageCredential::try_from(credential(Provider::Dropbox)).is_ok());
        let wrong = AiCredential::try_from(credential(Provider::Telegram)).unwrap_err();
        assert_eq!(
            wrong,
            WrongProvider {
                expected: Provider::OpenAi,
                actual: Provider::Telegram
            }
        );
    }

    #[test]
    fn debug_output_shows_neither_secret_nor_version() {
        let shown = format!(
            "{:?}",
            SmtpCredential::try_from(credential(Provider::Smtp)).unwrap()
        );
        assert!(
            !shown.contains("s3cret") && !shown.contains("v1"),
            "{shown}"
        );
    }
}
