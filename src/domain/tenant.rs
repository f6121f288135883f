//! Who a request is served for, and which state of their config it is served with.

use std::{fmt, sync::Arc, time::Duration};

/// A tenant's name. Safe to log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantName(Arc<str>);

impl TenantName {
    /// Wraps a name; `None` when it is blank, longer than 255 bytes, or holds anything but
    /// visible ASCII (it travels in a header and stands in log lines).
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

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The opaque version of a tenant's config. Safe to log; a new one means that anything derived
/// from the config may have changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConfigVersion(Arc<str>);

impl ConfigVersion {
    /// Wraps a version as the config's source gives it.
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

impl fmt::Display for ConfigVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long a config may be used without asking again: at least 1 s (orchestrators have sent 0)
/// and at most 24 h, 600 s where its source does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigTtl(Duration);

impl ConfigTtl {
    const MIN: i64 = 1;
    const MAX: i64 = 24 * 60 * 60;
    const DEFAULT: i64 = 600;

    /// Clamps the number of seconds that a source sent, or takes the default.
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
