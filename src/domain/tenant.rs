//! A tenant's name, and the version and life time of its config.

use std::{sync::Arc, time::Duration};

use derive_more::Display;

/// A tenant's name. Safe to log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Display)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// A name of 1 to 255 visible ASCII characters, which is safe in headers and log lines; `None` for other texts.
    #[must_use]
    pub fn new(value: &str) -> Option<Self> {
        let acceptable = !value.is_empty()
            && value.len() <= 255
            && value.bytes().all(|byte| byte.is_ascii_graphic());
        acceptable.then(|| Self(value.into()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The opaque version of a tenant's config. Safe to log. A new version may change everything derived from the config.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Display)]
pub struct ConfigVersion(Arc<str>);

impl ConfigVersion {
    /// A version as the source of the config returns it.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self(value.into())
    }

    /// The version.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The life time of a config: at least 1 s (orchestrators have sent 0) and at most 24 h; 600 s by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigTtl(Duration);

impl ConfigTtl {
    const MIN: i64 = 1;
    const MAX: i64 = 24 * 60 * 60;
    const DEFAULT: i64 = 600;

    /// The number of seconds that a source sent, clamped, or the default.
    #[must_use]
    pub fn from_seconds(seconds: Option<i64>) -> Self {
        let clamped = seconds.unwrap_or(Self::DEFAULT).clamp(Self::MIN, Self::MAX);
        Self(Duration::from_secs(clamped.unsigned_abs()))
    }

    /// The life time.
    #[must_use]
    pub fn as_duration(self) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_is_clamped_to_one_second_and_one_day() {
        for (sent, expected) in [
            (None, 600),
            (Some(0), 1),
            (Some(-5), 1),
            (Some(300), 300),
            (Some(i64::MAX), 86_400),
            (Some(i64::MIN), 1),
        ] {
            assert_eq!(
                ConfigTtl::from_seconds(sent).as_duration().as_secs(),
                expected,
                "{sent:?}"
            );
        }
    }

    #[test]
    fn a_tenant_name_is_something_that_a_header_can_carry() {
        assert_eq!(TenantName::new("alice").unwrap().as_str(), "alice");
        for name in ["", "a b", "a\r\nb", "ä", &"a".repeat(256)] {
            assert!(TenantName::new(name).is_none(), "{name:?}");
        }
    }
}
