//! The places that images are published to, and what each of them can take.

use std::fmt;

/// A place to publish to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Platform {
    /// A Telegram channel.
    Telegram,
    /// FetLife, by e-mail (publisher type `fetlife`).
    Email,
}

impl Platform {
    /// Every platform there is, in the order in which answers list them.
    pub const ALL: [Self; 2] = [Self::Telegram, Self::Email];

    /// The name that requests, answers and logs use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Email => "email",
        }
    }

    /// The platform of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == name)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a platform takes as an image. Scaling down meets the first two; a ratio cannot be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// The largest file, in bytes.
    pub max_bytes: u64,
    /// The largest sum of width and height, in pixels.
    pub max_side_sum: u32,
    /// The largest ratio of the longer side to the shorter.
    pub max_ratio: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_platform() {
        for platform in Platform::ALL {
            assert_eq!(Platform::from_name(platform.as_str()), Some(platform));
        }
        assert_eq!(Platform::from_name("instagram"), None);
    }
}
