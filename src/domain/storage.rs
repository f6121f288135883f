//! The kinds of storage that hold tenants' images: their names, and what access each needs. What
//! opens a kind, and the hash that its listings carry, are in its registration: see
//! `adapters::storages`.

mod managed;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

pub use self::managed::ManagedCredential;

use super::{
    credential::{Credential, Provider, ProviderCredential, WrongProvider, provider_credential},
    words::words,
};

/// Calls a macro with the table of kinds: for each its doc, its name in code, its name in configs,
/// the credential that it needs ([`NoCredential`] for none), and how its root is read.
macro_rules! with_storages {
    ($then:ident) => {
        $then! {
            /// Dropbox.
            Dropbox = dropbox (DropboxCredential, LeadingSlash),
            /// A bucket of an S3-compatible store.
            Managed = managed (ManagedCredential, Prefix),
            /// A folder of the machine.
            Local = local (NoCredential, LeadingSlash),
            /// The memory of the process.
            #[cfg(feature = "memory-storage")]
            Memory = memory (NoCredential, Prefix),
        }
    };
}
pub(crate) use with_storages;

provider_credential! {
    /// The credential of a Dropbox account.
    pub struct DropboxCredential of "dropbox" {
        /// The long-lived token from which access tokens are got.
        refresh_token: "DROPBOX_REFRESH_TOKEN",
    }
}

impl Provider {
    /// Dropbox.
    pub const DROPBOX: Self = DropboxCredential::PROVIDER;
    /// S3-compatible stores.
    pub const MANAGED: Self = ManagedCredential::PROVIDER;
}

macro_rules! define_storages {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])?
        $name:ident = $id:ident ($credential:ident, $root:ident),)*) => {
        /// A kind of storage.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum StorageKind {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name,)*
        }

        /// What the storage of a tenant is reached with, by its kind.
        #[derive(Debug)]
        pub enum StorageAccess {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name($credential),)*
        }

        impl StorageKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$($(#[cfg($cfg)])? Self::$name,)*];

            /// Its name in configs, answers and logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(#[cfg($cfg)])? Self::$name => stringify!($id),)*
                }
            }

            /// The provider of its credential; `None` for a kind that needs none.
            #[must_use]
            pub const fn provider(self) -> Option<Provider> {
                match self {
                    $($(#[cfg($cfg)])? Self::$name => $credential::NEEDED,)*
                }
            }

            /// How its root path is read.
            #[must_use]
            pub const fn root_path(self) -> RootPath {
                match self {
                    $($(#[cfg($cfg)])? Self::$name => RootPath::$root,)*
                }
            }
        }

        impl StorageAccess {
            /// The access to storage of this kind.
            ///
            /// # Errors
            /// The kind needs a credential, and this is none, or another provider's.
            pub fn new(
                kind: StorageKind,
                credential: Option<Arc<Credential>>,
            ) -> Result<Self, WrongProvider> {
                Ok(match kind {
                    $($(#[cfg($cfg)])? StorageKind::$name => {
                        Self::$name($credential::take(credential)?)
                    })*
                })
            }

            /// The credential; `None` for a kind that needs none.
            #[must_use]
            pub fn credential(&self) -> Option<&Arc<Credential>> {
                match self {
                    $($(#[cfg($cfg)])? Self::$name(credential) => credential.given(),)*
                }
            }
        }
    };
}
with_storages!(define_storages);

words! {
    /// A kind of hash of a file's content, by its name in answers and the ledger.
    pub enum HashKind {
        /// SHA-256.
        Sha256 = "sha256",
        /// The SHA-256 of the SHA-256s of each 4 MiB: what Dropbox calls `content_hash`.
        Dropbox = "dropbox",
        /// The `ETag` of an S3-compatible store: the MD5 of what was put in one request.
        Etag = "etag",
    }
}

impl HashKind {
    /// The kind of the hashes that versions without a kind wrote down.
    pub const FIRST: Self = Self::Dropbox;
}

impl StorageKind {
    /// Whether the service provides it, so that a tenant can be debited for its calls.
    #[must_use]
    pub const fn is_provided(self) -> bool {
        matches!(self, Self::Managed)
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut kinds = Self::ALL.iter().copied();
        kinds.find(|kind| kind.as_str() == name)
    }

    /// The rule for a name where these kinds are allowed, as a clause for people.
    #[must_use]
    pub fn rule(allowed: AllowedStorage) -> &'static str {
        static RULES: LazyLock<[String; 2]> = LazyLock::new(|| {
            [AllowedStorage::WithCredential, AllowedStorage::Any].map(|allowed| {
                let kinds = StorageKind::ALL.iter().filter(|kind| allowed.has(**kind));
                let names: Vec<_> = kinds.map(|kind| format!("`{kind}`")).collect();
                format!("must be {}", names.join(" or "))
            })
        });
        let [with_credential, any] = &*RULES;
        match allowed {
            AllowedStorage::WithCredential => with_credential,
            AllowedStorage::Any => any,
        }
    }
}

/// The kinds of storage that a source of configs may name. A kind without a credential is open to whoever can
/// name it, so only the operator of the process may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedStorage {
    /// Those that need a credential.
    WithCredential,
    /// All kinds.
    Any,
}

impl AllowedStorage {
    /// Whether a kind is one of them.
    #[must_use]
    pub fn has(self, kind: StorageKind) -> bool {
        self == Self::Any || kind.provider().is_some()
    }
}

impl fmt::Display for StorageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How the root path of a kind is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootPath {
    /// An absolute path, with a leading slash.
    LeadingSlash,
    /// A prefix of names; slashes around it do not count.
    Prefix,
}

/// The access to a storage that needs no credential.
#[derive(Debug)]
pub struct NoCredential;

/// What a kind is reached with.
trait Access: Sized {
    const NEEDED: Option<Provider>;

    fn take(credential: Option<Arc<Credential>>) -> Result<Self, WrongProvider>;

    fn given(&self) -> Option<&Arc<Credential>>;
}

impl<T: ProviderCredential> Access for T {
    const NEEDED: Option<Provider> = Some(T::PROVIDER);

    fn take(credential: Option<Arc<Credential>>) -> Result<Self, WrongProvider> {
        let none = WrongProvider {
            expected: T::PROVIDER,
            actual: None,
        };
        credential.ok_or(none)?.try_into()
    }

    fn given(&self) -> Option<&Arc<Credential>> {
        Some(self.whole())
    }
}

impl Access for NoCredential {
    const NEEDED: Option<Provider> = None;

    fn take(_: Option<Arc<Credential>>) -> Result<Self, WrongProvider> {
        Ok(Self)
    }

    fn given(&self) -> Option<&Arc<Credential>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_kind() {
        for kind in StorageKind::ALL {
            assert_eq!(StorageKind::from_name(kind.as_str()), Some(*kind));
        }
        assert_eq!(StorageKind::from_name("floppy"), None);
    }

    #[test]
    fn a_kind_takes_the_credential_of_its_provider_and_no_other() {
        for kind in StorageKind::ALL {
            let sample = |provider| Arc::new(Credential::sample(provider, "s3cret", "1", None));
            let Some(provider) = kind.provider() else {
                let access = StorageAccess::new(*kind, None).unwrap();
                assert!(access.credential().is_none());
                continue;
            };
            let access = StorageAccess::new(*kind, Some(sample(provider))).unwrap();
            assert_eq!(access.credential().unwrap().provider(), provider);
            for wrong in [None, Some(sample(Provider::OPENAI))] {
                let actual = wrong.as_ref().map(|it| it.provider());
                let error = StorageAccess::new(*kind, wrong).unwrap_err();
                assert_eq!((error.expected, error.actual), (provider, actual));
            }
        }
    }
}
