//! What a vision model says of an image. Its answer is data: nothing in it is trusted to be
//! there, to be of the right type, or to be of a sane size.

use serde_json::{Map, Value};

/// The longest text that is taken over from one field, in characters.
const MAX_TEXT: usize = 4_000;
/// The most entries that are taken over from one list.
const MAX_LIST: usize = 50;

/// What a vision model saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analysis {
    /// What the image shows.
    pub description: String,
    /// Its mood.
    pub mood: String,
    /// Words that it can be found by.
    pub tags: Vec<String>,
    /// Not for everybody's eyes.
    pub nsfw: bool,
    /// What a moderator would want to know.
    pub safety_labels: Vec<String>,
    /// Who or what it is of.
    pub subject: Option<String>,
    /// Its style.
    pub style: Option<String>,
    /// How it is lit.
    pub lighting: Option<String>,
    /// How it was taken.
    pub camera: Option<String>,
    /// What is worn or held.
    pub clothing_or_accessories: Option<String>,
    /// Words for its looks.
    pub aesthetic_terms: Vec<String>,
    /// How the subject is posed.
    pub pose: Option<String>,
    /// How it is composed.
    pub composition: Option<String>,
    /// What is behind the subject.
    pub background: Option<String>,
    /// Its colours.
    pub color_palette: Option<String>,
    /// For those who do not see it.
    pub alt_text: Option<String>,
}

/// A model's answer holds nothing that could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model's answer holds no analysis")]
pub struct UnusableAnswer;

impl Analysis {
    /// Reads a model's answer, wherever in it the JSON stands. Wrong types are converted where
    /// that is plain, and left out where it is not.
    ///
    /// # Errors
    /// [`UnusableAnswer`] when there is no JSON object, or neither a description nor a tag in it.
    pub fn from_answer(answer: &str) -> Result<Self, UnusableAnswer> {
        let fields = json_object_in(answer).ok_or(UnusableAnswer)?;
        let optional = |key: &str| Some(text(fields.get(key))).filter(|text| !text.is_empty());
        let analysis = Self {
            description: text(fields.get("description")),
            mood: text(fields.get("mood")),
            tags: list(fields.get("tags")),
            nsfw: flag(fields.get("nsfw")),
            safety_labels: list(fields.get("safety_labels")),
            subject: optional("subject"),
            style: optional("style"),
            lighting: optional("lighting"),
            camera: optional("camera"),
            clothing_or_accessories: optional("clothing_or_accessories"),
            aesthetic_terms: list(fields.get("aesthetic_terms")),
            pose: optional("pose"),
            composition: optional("composition"),
            background: optional("background"),
            color_palette: optional("color_palette"),
            alt_text: optional("alt_text"),
        };
        let empty = analysis.description.is_empty() && analysis.tags.is_empty();
        if empty {
            Err(UnusableAnswer)
        } else {
            Ok(analysis)
        }
    }
}

/// The JSON object in a model's answer, which may be wrapped in prose or a code fence.
pub(crate) fn json_object_in(answer: &str) -> Option<Map<String, Value>> {
    let (start, end) = (answer.find('{')?, answer.rfind('}')?);
    match serde_json::from_str(answer.get(start..=end)?).ok()? {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

/// One line of text out of whatever stands there.
fn text(value: Option<&Value>) -> String {
    let raw = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(_)) => list(value).join(", "),
        _ => String::new(),
    };
    let words = raw.split(|c: char| c.is_whitespace() || c.is_control());
    let line = words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    line.chars().take(MAX_TEXT).collect()
}

/// A list out of whatever stands there.
pub(crate) fn list(value: Option<&Value>) -> Vec<String> {
    let entries: Vec<String> = match value {
        Some(Value::Array(items)) => items
            .iter()
            .filter(|item| !item.is_array())
            .map(|item| text(Some(item)))
            .collect(),
        Some(Value::String(joined)) => joined
            .split(',')
            .map(|item| text(Some(&Value::from(item))))
            .collect(),
        _ => Vec::new(),
    };
    entries
        .into_iter()
        .filter(|entry| !entry.is_empty())
        .take(MAX_LIST)
        .collect()
}

fn flag(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(word)) => {
            matches!(
                word.trim().to_ascii_lowercase().as_str(),
                "true" | "yes" | "1"
            )
        }
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_good_answer_is_read_in_full() {
        let answer = r#"{"description":"A knot.","mood":"calm","tags":["rope","knot"],"nsfw":true,
            "safety_labels":["none"],"pose":"standing","alt_text":"A knot in a rope"}"#;
        let analysis = Analysis::from_answer(answer).unwrap();
        assert_eq!(analysis.description, "A knot.");
        assert_eq!(analysis.tags, ["rope", "knot"]);
        assert!(analysis.nsfw);
        assert_eq!(analysis.pose.as_deref(), Some("standing"));
        assert_eq!(analysis.style, None);
    }

    #[test]
    fn odd_types_are_converted_or_left_out() {
        let answer = "```json\n{\"description\":[\"a\",\"b\"],\"tags\":\"x, y,\",\"nsfw\":\"Yes\",\"mood\":{},\"pose\":3}\n```";
        let analysis = Analysis::from_answer(answer).unwrap();
        assert_eq!(analysis.description, "a, b");
        assert_eq!(analysis.tags, ["x", "y"]);
        assert!(analysis.nsfw);
        assert_eq!(
            (analysis.mood.as_str(), analysis.pose.as_deref()),
            ("", Some("3"))
        );
    }

    #[test]
    fn an_answer_without_anything_usable_is_refused() {
        for answer in [
            "",
            "I cannot help with that.",
            "{}",
            "[1]",
            "}{",
            r#"{"mood":"calm"}"#,
            r#"{"description":" "}"#,
        ] {
            assert_eq!(
                Analysis::from_answer(answer),
                Err(UnusableAnswer),
                "{answer}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(answer in "\\PC{0,200}") {
            let _ = Analysis::from_answer(&answer);
            let _ = Analysis::from_answer(&format!("{{\"description\":{answer}}}"));
        }
    }
}
