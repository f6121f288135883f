//! The registrations of the platforms. Only the composition root and tests import this.

use std::sync::Arc;

use super::{
    bluesky, mastodon,
    registration::{Registration, Setup, SetupError},
    smtp, telegram,
};
use crate::{
    domain::{platform::Platform, platform_spec::PlatformSpec},
    ports::PublisherFactory,
};

/// The registration of a platform. Exhaustive: each platform has one.
#[must_use]
pub const fn registration(platform: Platform) -> &'static Registration {
    match platform {
        Platform::Telegram => &telegram::REGISTRATION,
        Platform::Email => &smtp::REGISTRATION,
        Platform::Mastodon => &mastodon::REGISTRATION,
        Platform::Bluesky => &bluesky::REGISTRATION,
        #[cfg(feature = "webhook-platform")]
        Platform::Webhook => &super::webhook::REGISTRATION,
    }
}

/// What is known of a platform.
#[must_use]
pub const fn spec(platform: Platform) -> &'static PlatformSpec {
    &registration(platform).spec
}

/// Sets up all platforms. Sends no request.
///
/// # Errors
/// One could not be set up.
pub fn factories(setup: &Setup) -> Result<Vec<Arc<dyn PublisherFactory>>, SetupError> {
    let factory = |platform| (registration(platform).set_up)(setup);
    Platform::ALL.into_iter().map(factory).collect()
}

/// A setup for the tests of platforms.
#[cfg(test)]
pub(super) fn sample_setup() -> Setup {
    use super::{clock::SystemClock, http_client::ExtraRoots, imaging::ImageScaler};

    Setup {
        roots: ExtraRoots::default(),
        clock: Arc::new(SystemClock),
        images: Arc::new(ImageScaler::default()),
        telegram_api_url: "http://localhost".parse().unwrap(),
        ehlo_name: smtp::EhloName::of_this_host(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::{
        adapters::sample_tenant::config,
        domain::credential::{Credential, Provider},
        ports::OpenError,
    };

    #[test]
    fn each_platform_has_its_own_registration() {
        for platform in Platform::ALL {
            assert_eq!(spec(platform).platform, platform);
            assert!(!spec(platform).types.is_empty(), "{platform}");
        }
    }

    /// Of the platform that is no part of any shipped build there is nothing to document.
    #[test]
    fn the_docs_name_the_types_fields_and_variables_of_each_platform() {
        let guide = include_str!("../../docs/orchestrator.md");
        let settings = include_str!("../../docs/operations.md");
        let shipped = Platform::ALL
            .into_iter()
            .filter(|it| it.as_str() != "webhook");
        for spec in shipped.map(spec) {
            let secrets = spec.provider.fields();
            let names = spec.types.iter().chain(spec.fields).copied();
            for name in names.clone().chain(secrets.iter().map(|it| it.name)) {
                assert!(
                    guide.contains(&format!("`{name}`")) || guide.contains(&format!(".{name}`")),
                    "{}: {name} is not in docs/orchestrator.md",
                    spec.platform
                );
            }
            for name in names.chain(secrets.iter().map(|it| it.variable)) {
                assert!(
                    settings.contains(name),
                    "{}: {name} is not in docs/operations.md",
                    spec.platform
                );
            }
        }
    }

    #[test]
    fn no_two_platforms_share_a_type_a_block_or_a_variable() {
        let mut seen = BTreeSet::from(["DROPBOX_REFRESH_TOKEN", "OPENAI_API_KEY", "instagram"]);
        for spec in Platform::ALL.map(spec) {
            let blocks = spec.block.iter().flat_map(|it| [it.name, it.variable]);
            let variables = spec.provider.fields().iter().map(|it| it.variable);
            for name in spec.types.iter().copied().chain(blocks).chain(variables) {
                assert!(seen.insert(name), "{}: {name}", spec.platform);
            }
        }
    }

    #[test]
    fn a_factory_opens_neither_the_target_nor_the_credential_of_another_platform() {
        let config = config(&json!({
            "publishers": [
                {"type": "telegram", "credentials_ref": "t", "config": {"channel_id": "@a"}},
                {"type": "email", "config": {"recipient": "a@b.c"}},
            ],
            "email_server": {"host": "b.c", "from_email": "a@b.c", "password_ref": "p"},
        }));
        let settings = config.settings();
        let credential = |provider| Arc::new(Credential::sample(provider, "s3cret", "1", None));
        for factory in factories(&sample_setup()).unwrap() {
            let platform = factory.spec().platform;
            if settings.platforms.target(platform).is_none() {
                continue;
            }
            for of in [Platform::Telegram, Platform::Email] {
                let target = settings.platforms.target(of).unwrap();
                let opened = factory.open(target, credential(spec(of).provider), settings);
                assert_eq!(opened.is_ok(), of == platform, "{of} by {platform}");
            }
            let target = settings.platforms.target(platform).unwrap();
            let opened = factory.open(target, credential(Provider::OPENAI), settings);
            assert!(matches!(opened, Err(OpenError::OtherCredential(_))));
        }
    }
}
