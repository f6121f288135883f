//! What is remembered of captions: who wrote them, from which angle, and what was published before.
//!
//! The texts are the tenants': they are in no log, and `Debug` leaves them out.

use std::{collections::BTreeMap, fmt};

use super::{platform::Platform, words::words};

words! {
    /// What a caption approaches its image by. A model is given one, so that captions in a row are not alike.
    pub enum Angle {
        /// What can be felt: skin, rope, warmth, weight.
        Sensation = "sensation",
        /// The moment of the picture: what has just happened, or is about to.
        Moment = "moment",
        /// One detail of the frame.
        Detail = "detail",
        /// How the picture, or what it shows, was made.
        Craft = "craft",
        /// Light, place and mood.
        Atmosphere = "atmosphere",
        /// The reader is spoken to.
        DirectAddress = "direct_address",
    }
}

words! {
    /// Who wrote a caption.
    pub enum CaptionAuthor {
        /// A person, who gave it with the request or wrote it into the sidecar.
        Person = "person",
        /// A model.
        Model = "model",
    }
}

/// The caption of one publication on one platform, as it is kept with its outcome.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptCaption {
    /// The text that is sent.
    pub sent: String,
    /// What the model wrote, before it was made to fit; `None` for a person's caption.
    pub written: Option<String>,
    /// Who wrote it.
    pub author: CaptionAuthor,
    /// The angle that the model was given.
    pub angle: Option<Angle>,
    /// The model that wrote it.
    pub model: Option<String>,
}

impl fmt::Debug for KeptCaption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptCaption")
            .field("author", &self.author)
            .field("angle", &self.angle)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// A caption that a platform has published.
#[derive(Clone, PartialEq, Eq)]
pub struct PastCaption {
    /// The text that was sent.
    pub text: String,
    /// The angle, where it is known.
    pub angle: Option<Angle>,
}

/// The captions that platforms have published, newest first.
pub type PastCaptions = BTreeMap<Platform, Vec<PastCaption>>;

impl fmt::Debug for PastCaption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PastCaption")
            .field("angle", &self.angle)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back() {
        for angle in Angle::ALL {
            assert_eq!(Angle::from_name(angle.as_str()), Some(angle));
        }
        for author in CaptionAuthor::ALL {
            assert_eq!(CaptionAuthor::from_name(author.as_str()), Some(author));
        }
        assert_eq!(Angle::from_name("other"), None);
        assert_eq!(CaptionAuthor::from_name("nobody"), None);
    }

    #[test]
    fn debug_has_no_text() {
        let kept = KeptCaption {
            sent: "sent text".into(),
            written: Some("written text".into()),
            author: CaptionAuthor::Model,
            angle: Some(Angle::Craft),
            model: None,
        };
        let past = PastCaption {
            text: "sent text".into(),
            angle: None,
        };
        assert!(!format!("{kept:?}{past:?}").contains("text\""));
    }
}
