//! The senses that a vision model is asked about. All of them each time would give the same answers each time.

use sha2::{Digest as _, Sha256};

use crate::domain::words::words;

/// How many senses are offered for one image.
pub const OFFERED: usize = 4;

words! {
    /// What somebody who was there could have felt.
    pub enum Sense {
        /// What the skin feels.
        Touch = "touch",
        /// Warm, cold.
        Temperature = "temperature",
        /// What presses, hangs or rests.
        Weight = "weight",
        /// What is pulled tight or gives.
        Tension = "tension",
        /// What holds itself upright.
        Balance = "balance",
        /// What moves, or has just moved.
        Movement = "movement",
        /// Breath.
        Breath = "breath",
        /// What can be heard.
        Sound = "sound",
        /// What is quiet.
        Silence = "silence",
        /// What can be smelled.
        Smell = "smell",
        /// What can be tasted.
        Taste = "taste",
        /// How light falls, and on what.
        Light = "light",
    }
}

impl Sense {
    /// The senses that are offered for an image, by its hash: the same ones each time that it is looked at.
    #[must_use]
    pub fn offered(image: &str) -> [Self; OFFERED] {
        let rank = |sense: &Self| Sha256::digest(format!("{}:{image}", sense.as_str()));
        let mut all = Self::ALL;
        all.sort_by_cached_key(rank);
        let [first, second, third, fourth, ..] = all;
        [first, second, third, fourth]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_image_has_four_of_twelve_each_once_and_others_have_others() {
        assert_eq!(Sense::ALL.len(), 12);
        let mut seen = HashSet::new();
        for image in 0..100 {
            let offered = Sense::offered(&image.to_string());
            assert_eq!(offered, Sense::offered(&image.to_string()));
            assert_eq!(HashSet::from(offered).len(), OFFERED);
            seen.extend(offered);
        }
        assert_eq!(seen.len(), Sense::ALL.len());
    }
}
