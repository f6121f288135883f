//! The voice profile: what is stored, and what is in effect.

use poem_openapi::Object;
use serde_json::Value;

use crate::{
    app::{
        http::{dto::problem::FieldError, json_body::Fields},
        usecases::voice_profile::VoiceProfileReport,
    },
    domain::{
        caption::is_space,
        voice::{self, BadExample, MAX_EXAMPLE_CHARS, MAX_EXAMPLES},
    },
};

/// The voice profile that is in effect.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct VoiceProfile {
    /// The example captions, in the order in which they are used. Empty if none are wanted; `null` if none are stored and
    /// the config has none.
    #[oai(nullable)]
    pub voice_profile: Option<Vec<String>>,
    /// Captions follow the examples. By the flag `voice_matching_enabled` of the tenant's config; where that says
    /// nothing, if there is an example.
    pub enabled: bool,
    /// The number of examples that are used, the first ones: together they have at most 500 tokens, estimated as a quarter
    /// of the characters of each, and one.
    #[oai(validator(minimum(value = "0"), maximum(value = "20")))]
    pub examples_used: u32,
}

/// A voice profile to store.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct VoiceProfileChange {
    /// Up to 20 example captions, which take the place of those of the tenant's config; blanks around them are left out.
    /// An empty list stands for no examples. `null` forgets what was stored: the config's hold again. The whole body may
    /// have 64 KiB, which 20 long examples exceed if their letters take three bytes each, as Chinese ones do.
    #[oai(nullable)]
    pub voice_profile: Option<Vec<String>>,
    /// Has no effect, so that what was answered can be sent back: only the tenant's config says whether captions follow
    /// the examples.
    pub enabled: Option<bool>,
    /// Has no effect, for the same reason.
    #[oai(validator(minimum(value = "0"), maximum(value = "20")))]
    pub examples_used: Option<u32>,
}

impl VoiceProfileChange {
    /// Reads the profile to store out of a body's fields; `Some(None)` forgets the one that is stored.
    pub fn read(fields: &mut Fields) -> Option<Option<voice::VoiceProfile>> {
        const NAME: &str = "voice_profile";
        fields.flag("enabled");
        let whole = |value: &Value| value.as_u64().filter(|it| *it <= MAX_EXAMPLES as u64);
        fields.take(
            "examples_used",
            "must be a whole number from 0 to 20",
            whole,
        );
        let list = |value: &Value| value.as_array().cloned();
        let list = fields.require_nullable(NAME, "must be a list of texts, or null", list)?;
        let Some(list) = list else {
            return Some(None);
        };
        let at = |index: usize| format!("{NAME}[{index}]");
        let mut texts = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let text = value.as_str();
            if text.is_none() {
                fields.reject(FieldError::new(at(index), "must be a text"));
            }
            let text = text.unwrap_or("-").trim_matches(is_space);
            if text.chars().count() > MAX_EXAMPLE_CHARS {
                let rule = format!("must have at most {MAX_EXAMPLE_CHARS} characters");
                fields.reject(FieldError::new(at(index), rule));
            }
            texts.push(text);
        }
        match voice::VoiceProfile::new(&texts) {
            Ok(profile) => Some(Some(profile)),
            Err(bad) => {
                for bad in bad {
                    fields.reject(match bad {
                        BadExample::TooMany => {
                            let rule = format!("must have at most {MAX_EXAMPLES} examples");
                            FieldError::new(NAME, rule)
                        }
                        BadExample::Blank(index) => FieldError::new(at(index), "must not be blank"),
                    });
                }
                None
            }
        }
    }
}

impl From<VoiceProfileReport> for VoiceProfile {
    fn from(report: VoiceProfileReport) -> Self {
        let VoiceProfileReport { profile, is_on } = report;
        let used = profile.as_ref().map_or(0, |it| it.used().len());
        Self {
            voice_profile: profile.map(|it| it.as_slice().to_vec()),
            enabled: is_on,
            examples_used: u32::try_from(used).unwrap_or(u32::MAX),
        }
    }
}
