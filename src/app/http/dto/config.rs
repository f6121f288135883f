//! What a client may know of a tenant's config.

use poem_openapi::{Enum, Object, types::Example};

use crate::domain::{
    platform::{Platform, with_platforms},
    tenant_config::{Features, TenantSettings},
};

/// What the tenant may do, as it is in effect: a flag is off, too, when the config turns it on
/// but lacks what it needs.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "clients know one flag for each feature"
)]
pub struct FeatureFlags {
    /// Images may be published.
    pub publish_enabled: bool,
    /// Images may be analysed and captioned.
    pub analyze_caption_enabled: bool,
    /// Images may be moved to the keep folder.
    pub keep_enabled: bool,
    /// Images may be moved to the remove folder.
    pub remove_enabled: bool,
    /// Anyone may look at the images; else only admins.
    pub auto_view_enabled: bool,
    /// Images may be deleted for good.
    pub delete_enabled: bool,
    /// Alt text is written, and goes along where a platform has a place for it.
    pub alt_text_enabled: bool,
    /// Where the images are.
    pub storage_provider: StorageProvider,
    /// How admins authenticate.
    pub auth_mode: AuthMode,
}

macro_rules! define_enabled_publishers {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident = $id:ident,)*) => {
        /// The platforms that are on for the tenant.
        #[derive(Debug, Clone, PartialEq, Eq, Object)]
        #[oai(example)]
        pub struct EnabledPublishers {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? pub $id: bool,)*
            /// Always off: kept for clients that ask for it.
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

/// Where images are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum StorageProvider {
    /// Dropbox.
    Dropbox,
}

/// How admins authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AuthMode {
    /// Not at all: admin operations are open to everyone, or shut for lack of a credential to
    /// check (`admin-not-configured`).
    None,
    /// By a bearer token, or by user and password in each request.
    Token,
    /// By logging in with a password; perhaps by a token, too.
    Password,
}

impl FeatureFlags {
    /// The flags of a tenant, and how this service authenticates admins.
    #[must_use]
    pub fn new(features: Features, auth_mode: AuthMode) -> Self {
        let Features {
            publish_enabled,
            analyze_caption_enabled,
            keep_enabled,
            remove_enabled,
            auto_view_enabled,
            delete_enabled,
            alt_text_enabled,
            voice_matching_enabled: _,
        } = features;
        Self {
            publish_enabled,
            analyze_caption_enabled,
            keep_enabled,
            remove_enabled,
            auto_view_enabled,
            delete_enabled,
            alt_text_enabled,
            storage_provider: StorageProvider::Dropbox,
            auth_mode,
        }
    }
}

impl From<&TenantSettings> for EnabledPublishers {
    fn from(settings: &TenantSettings) -> Self {
        Self::of(|platform| settings.has(platform))
    }
}

impl Example for FeatureFlags {
    fn example() -> Self {
        Self {
            publish_enabled: true,
            analyze_caption_enabled: true,
            keep_enabled: true,
            remove_enabled: true,
            auto_view_enabled: false,
            delete_enabled: false,
            alt_text_enabled: true,
            storage_provider: StorageProvider::Dropbox,
            auth_mode: AuthMode::Token,
        }
    }
}

impl Example for EnabledPublishers {
    fn example() -> Self {
        Self::of(|platform| platform == Platform::Telegram)
    }
}
