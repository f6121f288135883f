//! The platforms that images are published to, by name. Everything else about each is in its own adapter: see
//! [`platform_spec`](super::platform_spec).

use std::fmt;

/// Calls a macro with the table of platforms: for each what it is, its name in code, and its id. In
/// the order in which answers list them.
macro_rules! with_platforms {
    ($then:ident) => {
        $then! {
            /// A Telegram channel.
            Telegram = telegram,
            /// FetLife, by e-mail.
            Email = email,
            /// An account at a Mastodon instance.
            Mastodon = mastodon,
            /// A Bluesky account.
            Bluesky = bluesky,
            /// A URL that posts are sent to, signed.
            #[cfg(feature = "webhook-platform")]
            Webhook = webhook,
        }
    };
}
pub(crate) use with_platforms;

macro_rules! define_platforms {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident = $id:ident,)*) => {
        /// A platform to publish to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Platform {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name,)*
        }

        impl Platform {
            /// How many platforms there are.
            pub const COUNT: usize = [$($(#[cfg($cfg)])? stringify!($id),)*].len();

            /// Every platform, in the order in which answers list them.
            pub const ALL: [Self; Self::COUNT] = [$($(#[cfg($cfg)])? Self::$name,)*];

            /// The id, which requests, answers, the ledger, labels and logs use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(#[cfg($cfg)])? Self::$name => stringify!($id),)*
                }
            }
        }
    };
}
with_platforms!(define_platforms);

impl Platform {
    /// The platform of that id.
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

/// The limits of a platform for an image. Scaling down meets all of them but a ratio, which cannot be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageLimits {
    /// The largest file, in bytes.
    pub max_bytes: u64,
    /// The longest side, in pixels.
    pub max_side: Option<u32>,
    /// The largest sum of width and height, in pixels.
    pub max_side_sum: Option<u32>,
    /// The most pixels.
    pub max_pixels: Option<u64>,
    /// The largest ratio of the longer side to the shorter.
    pub max_ratio: Option<u32>,
    /// Whether it takes JPEG alone.
    pub jpeg_only: bool,
}

impl ImageLimits {
    /// A limit of the size of the file, and no other.
    #[must_use]
    pub const fn of_bytes(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            max_side: None,
            max_side_sum: None,
            max_pixels: None,
            max_ratio: None,
            jpeg_only: false,
        }
    }
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
