//! The part of a tenant's config that clients may know.

use poem_openapi::{Enum, Object, types::Example};

use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        platform::{Platform, with_platforms},
        storage::{StorageKind, with_storages},
        tenant_config::{Features, TenantSettings},
    },
};

/// The features of the tenant that are in effect: a flag is off, too, when the config turns it on
/// but lacks what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "clients know one flag for each feature"
)]
pub struct FeatureFlags {
    /// Images may be published.
    pub publish_enabled: bool,
    /// Images may be analyzed and captioned.
    pub analyze_caption_enabled: bool,
    /// Images may be moved to the keep folder.
    pub keep_enabled: bool,
    /// Images may be moved to the remove folder.
    pub remove_enabled: bool,
    /// Everyone may look at the images; else only admins.
    pub auto_view_enabled: bool,
    /// Images may be deleted permanently.
    pub delete_enabled: bool,
    /// Alt text is written, and sent to platforms that have a field for it.
    pub alt_text_enabled: bool,
    /// Captions follow the examples of the voice profile (`GET /api/config/voice-profile`). Without a choice in the
    /// config it is on where the profile has examples.
    pub voice_matching_enabled: bool,
    /// Hashtags that a model chose for the image follow the tenant's, on platforms that have them.
    pub smart_hashtags_enabled: bool,
    /// The tenant is debited for the calls to the storage of its images. Off where that is the tenant's own.
    pub storage_ops_metering_enabled: bool,
    /// Images may be uploaded, and listed and moved in all folders. Off where the storage takes no uploads.
    pub library_enabled: bool,
    /// The storage of the images.
    pub storage_provider: StorageProvider,
    /// How people log in as admins.
    pub auth_mode: AuthMode,
    /// Every way in which admins can authenticate, `openid` first; empty where none is configured, and where
    /// authentication is disabled.
    pub auth_methods: Vec<AuthMethod>,
}

macro_rules! define_enabled_publishers {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident = $id:ident,)*) => {
        /// The platforms that are on for the tenant.
        #[derive(Debug, Clone, PartialEq, Eq, Object)]
        #[oai(example)]
        pub struct EnabledPublishers {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? pub $id: bool,)*
            /// Always off: kept for clients that read it.
            pub instagram: bool,
        }

        impl EnabledPublishers {
            fn of(is_on: impl Fn(Platform) -> bool) -> Self {
                Self {
                    $($(#[cfg($cfg)])? $id: is_on(Platform::$name),)*
                    instagram: false,
                }
            }
        }
    };
}
with_platforms!(define_enabled_publishers);

macro_rules! define_storage_provider {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident = $id:ident $access:tt,)*) => {
        /// A storage of images.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[oai(rename_all = "snake_case")]
        pub enum StorageProvider {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name,)*
        }

        impl From<StorageKind> for StorageProvider {
            fn from(kind: StorageKind) -> Self {
                match kind {
                    $($(#[cfg($cfg)])? StorageKind::$name => Self::$name,)*
                }
            }
        }
    };
}
with_storages!(define_storage_provider);

/// How people log in as admins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AuthMode {
    /// Not at all: `auth_methods` has what programs can send; without any, operations of admins are open to everyone,
    /// or closed because no credential is configured (`admin-not-configured`).
    None,
    /// With a password.
    Password,
    /// With an account at the operator's identity provider (OpenID Connect), and perhaps with a password as well:
    /// `auth_methods` says.
    #[oai(rename = "auth0")]
    Auth0,
}

/// A way in which admins authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A login with an account at the operator's identity provider (OpenID Connect).
    #[oai(rename = "openid")]
    OpenId,
    /// A login with a password.
    Password,
    /// A bearer token.
    Bearer,
    /// User and password in each request.
    Basic,
}

impl FeatureFlags {
    /// The features of a tenant, with whether its captions follow a voice profile, and the ways in which admins
    /// authenticate.
    #[must_use]
    pub fn new(
        tenant: &Tenant,
        matches_voice: bool,
        auth_mode: AuthMode,
        auth_methods: Vec<AuthMethod>,
    ) -> Self {
        let settings = tenant.settings();
        let Features {
            publish_enabled,
            analyze_caption_enabled,
            keep_enabled,
            remove_enabled,
            auto_view_enabled,
            delete_enabled,
            alt_text_enabled,
            // In effect by the profile that is: the caller knows.
            voice_matching_enabled: _,
            smart_hashtags_enabled,
            // In effect only where storage takes uploads: the tenant knows.
            library_enabled: _,
            storage_ops_metering_enabled,
        } = settings.features;
        Self {
            publish_enabled,
            analyze_caption_enabled,
            keep_enabled,
            remove_enabled,
            auto_view_enabled,
            delete_enabled,
            alt_text_enabled,
            voice_matching_enabled: matches_voice,
            smart_hashtags_enabled,
            storage_ops_metering_enabled: storage_ops_metering_enabled
                && settings.storage.kind.is_provided(),
            library_enabled: tenant.has_library(),
            storage_provider: settings.storage.kind.into(),
            auth_mode,
            auth_methods,
        }
    }
}

impl From<&TenantSettings> for EnabledPublishers {
    fn from(settings: &TenantSettings) -> Self {
        Self::of(|platform| settings.has(platform))
    }
}

impl Example for EnabledPublishers {
    fn example() -> Self {
        Self::of(|platform| platform == Platform::Telegram)
    }
}
