//! Credentials: named secret fields, with their provider, version and expiry.
//!
//! Each provider names its fields once, with `provider_credential!`: that makes the typed
//! credential, and the [`Provider`] by which config sources read the fields.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::SystemTime,
};

use crate::domain::{
    pasted,
    secret::{Secret, SecretField},
};

/// The provider that accepts a credential, with the secret fields of the credential. Two are equal
/// when their names are.
#[derive(Clone, Copy)]
pub struct Provider {
    name: &'static str,
    fields: &'static [SecretField],
}

impl Provider {
    /// Captions.
    pub const OPENAI: Self = AiCredential::PROVIDER;

    /// A provider of that name, with these fields.
    #[must_use]
    pub const fn new(name: &'static str, fields: &'static [SecretField]) -> Self {
        Self { name, fields }
    }

    /// The name, which the orchestrator, labels and logs use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.name
    }

    /// The secret fields of its credential.
    #[must_use]
    pub const fn fields(self) -> &'static [SecretField] {
        self.fields
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Provider {}

impl Hash for Provider {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The opaque version of a credential. It changes when a secret does, and is never logged.
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

/// The secrets of a credential: one for each field of its provider. Each is shared as `Arc`, so that it is in memory
/// only once.
#[derive(Debug)]
pub struct Secrets {
    provider: Provider,
    /// In the order of the provider's fields.
    values: Vec<Arc<Secret>>,
}

impl Secrets {
    /// Takes a secret for each field of the provider, or its default; `None` where there is neither for one.
    pub fn read(
        provider: Provider,
        mut secret: impl FnMut(&'static SecretField) -> Option<Secret>,
    ) -> Option<Self> {
        let value = |field: &'static SecretField| secret(field).or_else(|| field.default_value());
        // All of them are asked for, so that each is wiped whatever else is wrong.
        let values: Vec<_> = provider.fields.iter().map(value).collect();
        let values = values.into_iter().map(|value| value.map(Arc::new));
        Some(Self {
            provider,
            values: values.collect::<Option<_>>()?,
        })
    }
}

/// A resolved credential of some provider. Shared as `Arc`.
#[derive(Debug)]
pub struct Credential {
    secrets: Secrets,
    version: CredentialVersion,
    expires_at: Option<SystemTime>,
}

impl Credential {
    /// Puts together what a credential source answered.
    #[must_use]
    pub fn new(
        secrets: Secrets,
        version: CredentialVersion,
        expires_at: Option<SystemTime>,
    ) -> Self {
        Self {
            secrets,
            version,
            expires_at,
        }
    }

    /// A credential for tests, of which each field is this secret.
    #[cfg(test)]
    pub(crate) fn sample(
        provider: Provider,
        secret: &str,
        version: &str,
        expires_at: Option<SystemTime>,
    ) -> Self {
        let secrets = Secrets::read(provider, |_| Some(Secret::new(secret.to_owned())));
        Self::new(
            secrets.unwrap(),
            CredentialVersion::new(version),
            expires_at,
        )
    }

    /// The provider that accepts it.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.secrets.provider
    }

    /// Its secrets, in the order of the provider's fields.
    pub fn secrets(&self) -> impl Iterator<Item = &Arc<Secret>> {
        self.secrets.values.iter()
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &CredentialVersion {
        &self.version
    }

    /// Whether it has the same secrets, in the same version, of the same provider: then a client
    /// that was opened with the one need not be opened again with the other.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let secrets = || self.secrets().zip(other.secrets());
        self.provider() == other.provider()
            && self.version == other.version
            && secrets().all(|(one, other)| one.expose() == other.expose())
    }

    /// When it stops being good, where its source knows.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at
    }
}

/// A credential is of another provider than its user needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a credential for {expected}, got {}", .actual.map_or("none", Provider::as_str))]
pub struct WrongProvider {
    /// The provider of the credential that was needed.
    pub expected: Provider,
    /// The provider of the credential that came; `None` where none did.
    pub actual: Option<Provider>,
}

/// A credential that is known to be of one provider: its secrets are fields.
pub trait ProviderCredential:
    fmt::Debug + Send + Sync + Sized + TryFrom<Arc<Credential>, Error = WrongProvider>
{
    /// The provider.
    const PROVIDER: Provider;

    /// The credential that it was made of.
    fn whole(&self) -> &Arc<Credential>;
}

/// Makes the typed credential of a provider: for each secret its name at the orchestrator, and how
/// it is read. A field with `or "default"` need not be given.
macro_rules! provider_credential {
    ($(#[$doc:meta])* $visibility:vis struct $name:ident of $provider:literal {
        $($(#[$field_doc:meta])* $field:ident: $variable:literal $(($tidy:expr, $check:expr))? $(or $default:literal)?,)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        $visibility struct $name {
            whole: std::sync::Arc<$crate::domain::credential::Credential>,
            $($field: std::sync::Arc<$crate::domain::secret::Secret>,)+
        }

        impl $name {
            $($(#[$field_doc])*
            #[must_use]
            $visibility fn $field(&self) -> &$crate::domain::secret::Secret {
                &self.$field
            })+
        }

        impl $crate::domain::credential::ProviderCredential for $name {
            const PROVIDER: $crate::domain::credential::Provider =
                $crate::domain::credential::Provider::new($provider, &[$(
                    $crate::domain::secret::SecretField::new(stringify!($field), $variable)
                        $(.pasted($tidy, $check))?
                        $(.or($default))?,
                )+]);

            fn whole(&self) -> &std::sync::Arc<$crate::domain::credential::Credential> {
                &self.whole
            }
        }

        impl TryFrom<std::sync::Arc<$crate::domain::credential::Credential>> for $name {
            type Error = $crate::domain::credential::WrongProvider;

            fn try_from(
                whole: std::sync::Arc<$crate::domain::credential::Credential>,
            ) -> Result<Self, Self::Error> {
                use $crate::domain::credential::{ProviderCredential as _, WrongProvider};
                let expected = Self::PROVIDER;
                let wrong = WrongProvider { expected, actual: Some(whole.provider()) };
                if whole.provider() != expected {
                    return Err(wrong);
                }
                let mut secrets = whole.secrets().cloned();
                $(let $field = secrets.next().ok_or(wrong)?;)+
                drop(secrets);
                Ok(Self { whole, $($field),+ })
            }
        }
    };
}
pub(crate) use provider_credential;

provider_credential! {
    /// What captions are written with.
    pub struct AiCredential of "openai" {
        /// The API key.
        api_key: "OPENAI_API_KEY" (pasted::api_key, pasted::api_key_problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(provider: Provider) -> Arc<Credential> {
        Arc::new(Credential::sample(provider, "s3cret", "v1", None))
    }

    #[test]
    fn a_credential_serves_only_its_own_provider() {
        assert!(AiCredential::try_from(credential(Provider::OPENAI)).is_ok());
        let wrong = AiCredential::try_from(credential(Pair::PROVIDER)).unwrap_err();
        assert_eq!(
            wrong,
            WrongProvider {
                expected: Provider::OPENAI,
                actual: Some(Pair::PROVIDER)
            }
        );
    }

    provider_credential! {
        /// Two secrets.
        struct Pair of "pair" {
            /// One.
            one: "PAIR_ONE",
            /// Two.
            two: "PAIR_TWO",
            /// Three, which may be absent.
            three: "PAIR_THREE" or "3",
        }
    }

    #[test]
    fn each_field_has_a_secret_of_its_own_and_none_may_be_missing() {
        let pair = |two: &str| {
            let secret = |field: &SecretField| match field.name {
                "two" => Secret::pasted(two.to_owned()),
                "three" => None,
                _ => Some(Secret::new(field.variable.to_owned())),
            };
            let secrets = Secrets::read(Pair::PROVIDER, secret)?;
            let credential = Credential::new(secrets, CredentialVersion::new("v1"), None);
            Some(Pair::try_from(Arc::new(credential)).unwrap())
        };
        let one = pair("2").unwrap();
        assert_eq!((one.one().expose(), one.two().expose()), ("PAIR_ONE", "2"));
        assert_eq!(one.three().expose(), "3", "what it is where none is given");
        assert!(pair(" ").is_none());
        assert!(one.whole().is_same_as(pair("2").unwrap().whole()));
        assert!(!one.whole().is_same_as(pair("3").unwrap().whole()));
    }

    #[test]
    fn debug_output_shows_neither_secret_nor_version() {
        let shown = format!(
            "{:?}",
            AiCredential::try_from(credential(Provider::OPENAI)).unwrap()
        );
        assert!(
            !shown.contains("s3cret") && !shown.contains("v1"),
            "{shown}"
        );
    }
}
