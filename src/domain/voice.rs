//! A tenant's voice: example captions that new ones are to sound like, in tone, length and language.
//!
//! The examples are a person's texts: they are in no log, and `Debug` shows how many there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use sha2::{Digest as _, Sha256};

use super::{caption::is_space, platform::Platform};

/// The most examples that a profile has.
pub const MAX_EXAMPLES: usize = 20;
/// The estimated tokens of all examples that are used, at most. They are part of every request for captions.
pub const MAX_TOKENS: usize = 500;
/// The most characters of an example that can be used at all: one more, and it exceeds [`MAX_TOKENS`] by itself.
pub const MAX_EXAMPLE_CHARS: usize = MAX_TOKENS * 4 - 1;
/// How many examples a request for captions has for a platform, at the least and at the most, where there are so many.
/// All of them each time would have the model repeat them; one or two say too little about a voice.
const SAMPLED: (usize, usize) = (4, 6);

/// The estimated number of tokens of a text: a quarter of its characters, and one.
#[must_use]
pub fn estimated_tokens(text: &str) -> usize {
    text.chars().count() / 4 + 1
}

/// Up to [`MAX_EXAMPLES`] captions, none of them blank, without blanks around them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VoiceProfile {
    examples: Vec<String>,
    used: usize,
}

/// Why texts are no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadExample {
    /// There are more than [`MAX_EXAMPLES`].
    TooMany,
    /// The one at this index, counted from 0, is blank.
    Blank(usize),
}

impl VoiceProfile {
    /// A profile of these texts, in this order.
    ///
    /// # Errors
    /// Every [`BadExample`].
    pub fn new<T: AsRef<str>>(texts: &[T]) -> Result<Self, Vec<BadExample>> {
        let texts = texts
            .iter()
            .map(|text| text.as_ref().trim_matches(is_space));
        let blank = texts.clone().enumerate().filter(|(_, it)| it.is_empty());
        let mut bad: Vec<_> = blank.map(|(index, _)| BadExample::Blank(index)).collect();
        if texts.len() > MAX_EXAMPLES {
            bad.insert(0, BadExample::TooMany);
        }
        if !bad.is_empty() {
            return Err(bad);
        }
        let within = |tokens: &mut usize, text: &str| {
            *tokens += estimated_tokens(text);
            (*tokens <= MAX_TOKENS).then_some(())
        };
        Ok(Self {
            used: texts.clone().scan(0, within).count(),
            examples: texts.map(str::to_owned).collect(),
        })
    }

    /// All examples.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.examples
    }

    /// The examples that are used: the first ones, as long as their estimated tokens stay within [`MAX_TOKENS`].
    #[must_use]
    pub fn used(&self) -> &[String] {
        &self.examples[..self.used]
    }

    /// The examples for the captions of one image: for each platform 4 to 6 of those that are meant for it, chosen by
    /// the hash of the image, so that the same image gets the same ones.
    #[must_use]
    pub fn sample(
        &self,
        tags: &VoiceTags,
        platforms: impl IntoIterator<Item = Platform>,
        image: &str,
    ) -> VoiceExamples {
        let seed = Sha256::digest(image);
        let (least, most) = SAMPLED;
        let count = least + usize::from(seed[0]) % (most - least + 1);
        let rank = |index: &usize| Sha256::digest([&*seed, &index.to_be_bytes()].concat());
        let sampled = |platform: Platform| {
            let mut meant = self.meant_for(tags, platform);
            meant.sort_by_cached_key(rank);
            meant.truncate(count);
            (platform, meant.into_iter().collect::<BTreeSet<_>>())
        };
        let chosen: BTreeMap<_, _> = platforms.into_iter().map(sampled).collect();
        let all: BTreeSet<usize> = chosen.values().flatten().copied().collect();
        let position = |index: &usize| all.range(..index).count();
        VoiceExamples {
            by_platform: chosen
                .iter()
                .map(|(platform, some)| (*platform, some.iter().map(position).collect()))
                .collect(),
            texts: all.iter().map(|it| self.examples[*it].clone()).collect(),
        }
    }

    /// The indices of the examples that are meant for a platform. Tags that name nothing in the profile, as they may
    /// after a change of it, do not count.
    fn meant_for(&self, tags: &VoiceTags, platform: Platform) -> Vec<usize> {
        let all: Vec<usize> = (0..self.used).collect();
        let Some(tagged) = tags.0.get(&platform) else {
            return all;
        };
        let meant = all.iter().copied();
        let meant: Vec<_> = meant
            .filter(|index| tagged.contains(&self.examples[*index]))
            .collect();
        if meant.is_empty() && !tagged.is_empty() {
            return all;
        }
        meant
    }
}

/// Which examples are for which platform. Platforms without an entry have all.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VoiceTags(BTreeMap<Platform, Vec<String>>);

impl VoiceTags {
    /// The examples that are named for each platform.
    #[must_use]
    pub fn new(by_platform: BTreeMap<Platform, Vec<String>>) -> Self {
        Self(by_platform)
    }

    /// The examples that are named for each platform.
    pub fn iter(&self) -> impl Iterator<Item = (Platform, &[String])> {
        self.0
            .iter()
            .map(|(platform, texts)| (*platform, &texts[..]))
    }
}

/// The examples that one request for captions has.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct VoiceExamples {
    texts: Vec<String>,
    by_platform: BTreeMap<Platform, Vec<usize>>,
}

impl VoiceExamples {
    /// The texts, each once.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// The indices of the texts that are for a platform; `None` if all are.
    #[must_use]
    pub fn of(&self, platform: Platform) -> Option<&[usize]> {
        let some = self.by_platform.get(&platform)?;
        (some.len() < self.texts.len()).then_some(some)
    }
}

impl fmt::Debug for VoiceProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VoiceProfile({} of {} used)",
            self.used,
            self.examples.len()
        )
    }
}

impl fmt::Debug for VoiceTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.0.iter().map(|(platform, it)| (platform, it.len()));
        f.debug_map().entries(counts).finish()
    }
}

impl fmt::Debug for VoiceExamples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VoiceExamples({})", self.texts.len())
    }
}

#[cfg(test)]
mod tests;
