//! How captions for a platform are to read: the platform's own entry, and over it, field by field, the tenant's.
//!
//! The texts of a tenant are in no log, and `Debug` leaves them out.

use std::{collections::BTreeMap, fmt};

use super::{platform::Platform, prompt_text::without_comments};

/// The entry of platforms that have none of their own.
const GENERIC: BuiltInStyle = BuiltInStyle::new(include_str!("caption_style/generic.md"));

/// An entry that comes with the service: a file with a line `style: …` and a line `guidance: …`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltInStyle(&'static str);

impl BuiltInStyle {
    /// The entry in a file.
    #[must_use]
    pub const fn new(file: &'static str) -> Self {
        Self(file)
    }

    fn read(self) -> CaptionStyle {
        let text = without_comments(self.0);
        let of = |key: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
            value.unwrap_or_default().trim().to_owned()
        };
        CaptionStyle {
            style: of("style"),
            guidance: of("guidance"),
            examples: Vec::new(),
        }
    }
}

/// How captions for a platform are to read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CaptionStyle {
    /// The style, in a few words.
    pub style: String,
    /// What to mind.
    pub guidance: String,
    /// Captions that suit the platform.
    pub examples: Vec<String>,
}

/// A tenant's entry; what it leaves out is as the platform's own entry has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StyleOverride {
    /// The style.
    pub style: Option<String>,
    /// The guidance.
    pub guidance: Option<String>,
    /// The examples.
    pub examples: Option<Vec<String>>,
    /// The longest caption, in the units of the platform.
    pub max_length: Option<usize>,
}

/// The entries of a tenant.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StyleOverrides {
    /// Those of platforms.
    pub by_platform: BTreeMap<Platform, StyleOverride>,
    /// The one of platforms that have no entry of their own, neither here nor built in.
    pub generic: StyleOverride,
}

impl StyleOverrides {
    /// The longest caption that the tenant wants on a platform with this built-in entry, in its units.
    #[must_use]
    pub fn max_length(&self, platform: Platform, built_in: Option<BuiltInStyle>) -> Option<usize> {
        self.of(platform, built_in).max_length
    }

    /// How captions for a platform with this built-in entry are to read.
    #[must_use]
    pub fn style(&self, platform: Platform, built_in: Option<BuiltInStyle>) -> CaptionStyle {
        let own = self.of(platform, built_in).clone();
        let built_in = built_in.unwrap_or(GENERIC).read();
        let StyleOverride {
            style,
            guidance,
            examples,
            max_length: _,
        } = own;
        CaptionStyle {
            style: style.unwrap_or(built_in.style),
            guidance: guidance.unwrap_or(built_in.guidance),
            examples: examples.unwrap_or(built_in.examples),
        }
    }

    /// The tenant's entry for a platform.
    fn of(&self, platform: Platform, built_in: Option<BuiltInStyle>) -> &StyleOverride {
        static NONE: StyleOverride = StyleOverride {
            style: None,
            guidance: None,
            examples: None,
            max_length: None,
        };
        match self.by_platform.get(&platform) {
            Some(own) => own,
            None if built_in.is_some() => &NONE,
            None => &self.generic,
        }
    }
}

impl fmt::Debug for CaptionStyle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CaptionStyle({} examples)", self.examples.len())
    }
}

impl fmt::Debug for StyleOverride {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StyleOverride")
            .field("style", &self.style.is_some())
            .field("guidance", &self.guidance.is_some())
            .field("examples", &self.examples.as_ref().map(Vec::len))
            .field("max_length", &self.max_length)
            .finish()
    }
}

impl fmt::Debug for StyleOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(&self.by_platform)
            .entry(&"generic", &self.generic)
            .finish()
    }
}
