//! The analysis of an image by a vision model. Its answer is untrusted: fields may be missing, of a wrong type, or too
//! long.

mod answer;
mod nested;
mod relaxed;

use serde::Serialize;
use serde_json::{Map, Value};

pub(crate) use self::{
    answer::best_in,
    nested::{text_in, texts_in},
};
use super::model_text::{is_placeholder, is_refusal, may_be_refusal, plain, without_reasoning};

/// The longest text of a field, in characters.
const MAX_TEXT: usize = 4_000;
/// The most entries of a list.
const MAX_LIST: usize = 50;
/// The fewest words of a description.
const MIN_PROSE_WORDS: usize = 4;
/// The fewest letters of a description, in any script.
const MIN_PROSE_LETTERS: usize = 8;

/// The analysis of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// What the image shows.
    pub description: String,
    /// The mood.
    pub mood: String,
    /// Keywords.
    pub tags: Vec<String>,
    /// Whether the image is not safe for work.
    pub nsfw: bool,
    /// Labels for moderation.
    pub safety_labels: Vec<String>,
    /// The subject.
    pub subject: Option<String>,
    /// The style.
    pub style: Option<String>,
    /// The lighting.
    pub lighting: Option<String>,
    /// The camera and its settings.
    pub camera: Option<String>,
    /// The clothing or accessories.
    pub clothing_or_accessories: Option<String>,
    /// Words for the look of the image.
    pub aesthetic_terms: Vec<String>,
    /// The pose of the subject.
    pub pose: Option<String>,
    /// The composition.
    pub composition: Option<String>,
    /// The background.
    pub background: Option<String>,
    /// The colors.
    pub color_palette: Option<String>,
    /// The alt text.
    pub alt_text: Option<String>,
    /// The Stable-Diffusion caption, where vision was asked for it.
    #[serde(skip)]
    pub sd_caption: Option<String>,
    /// What the owner of the image would say of it.
    #[serde(skip)]
    pub owner: OwnerNotes,
}

/// The part of an analysis that is for captions alone: it is never in a sidecar or an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerNotes {
    /// What only this image has.
    pub distinctive_detail: Option<String>,
    /// What could be felt, heard or smelled.
    pub sensory_details: Vec<String>,
    /// The mood, in a sentence in the first person.
    pub mood_note: Option<String>,
}

/// The most words of [`OwnerNotes::distinctive_detail`], and the most [`OwnerNotes::sensory_details`].
const MAX_DETAIL_WORDS: usize = 20;
const MAX_SENSORY_DETAILS: usize = 3;

/// A model's answer is unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableAnswer {
    /// The answer has no analysis.
    #[error("the model's answer holds no analysis")]
    NoAnalysis,
    /// The answer is a refusal in words.
    #[error("the model refuses the image")]
    Refusal,
}

impl Analysis {
    /// The analysis in a model's answer, which has JSON anywhere in it. Wrong types are converted where that is obvious,
    /// and left out otherwise. Texts become plain text. Sentences without JSON are a description.
    ///
    /// # Errors
    /// [`UnusableAnswer`] when there are neither sentences nor a JSON object, or neither a description nor a tag
    /// in it; and when what it says is a refusal.
    pub fn from_answer(answer: &str) -> Result<Self, UnusableAnswer> {
        let read = |fields: &Map<String, Value>| {
            let analysis = Self::read(fields);
            let is_usable = !(analysis.description.is_empty() && analysis.tags.is_empty());
            is_usable.then(|| (analysis.rank(), analysis))
        };
        match best_in(answer, read) {
            Some(analysis) if is_refusal(&analysis.description) => Err(UnusableAnswer::Refusal),
            Some(analysis) => Ok(analysis),
            None if may_be_refusal(answer) => Err(UnusableAnswer::Refusal),
            None => Self::from_prose(answer).ok_or(UnusableAnswer::NoAnalysis),
        }
    }

    /// An answer in words, without JSON, as a description.
    fn from_prose(answer: &str) -> Option<Self> {
        let answer = without_reasoning(answer);
        let description = one_line(&answer);
        let letters = description.chars().filter(|c| c.is_alphabetic()).count();
        // A script without spaces needs one word for it.
        let is_sentence = description.split(' ').count() >= MIN_PROSE_WORDS
            || (letters >= MIN_PROSE_LETTERS && !description.is_ascii());
        let is_prose = is_sentence
            && letters >= MIN_PROSE_LETTERS
            && !answer.contains(['{', '}'])
            && !answer.trim_start().starts_with('[')
            && !is_placeholder(&description);
        is_prose.then(|| Self {
            description,
            ..Self::default()
        })
    }

    fn read(fields: &Map<String, Value>) -> Self {
        let text = |key: &str| text(field(fields, key));
        let list = |key: &str| list(field(fields, key));
        let optional = |key: &str| Some(text(key)).filter(|text| !text.is_empty());
        Self {
            description: description(field(fields, "description")),
            mood: text("mood"),
            tags: list("tags")
                .iter()
                .map(|tag| tag.trim_start_matches(['#', ' ']).to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
            nsfw: flag(field(fields, "nsfw")),
            safety_labels: list("safety_labels"),
            subject: optional("subject"),
            style: optional("style"),
            lighting: optional("lighting"),
            camera: optional("camera"),
            clothing_or_accessories: optional("clothing_or_accessories"),
            aesthetic_terms: list("aesthetic_terms"),
            pose: optional("pose"),
            composition: optional("composition"),
            background: optional("background"),
            color_palette: optional("color_palette"),
            alt_text: optional("alt_text").filter(|text| !is_refusal(text)),
            sd_caption: optional("sd_caption").filter(|text| !is_refusal(text)),
            owner: OwnerNotes::read(fields),
        }
    }

    /// The number of fields with content: an answer has more than a draft.
    fn rank(&self) -> usize {
        let texts = [
            &self.subject,
            &self.style,
            &self.lighting,
            &self.camera,
            &self.clothing_or_accessories,
            &self.pose,
            &self.composition,
            &self.background,
            &self.color_palette,
            &self.alt_text,
        ];
        let said = [
            !self.description.is_empty(),
            !self.mood.is_empty(),
            !self.tags.is_empty(),
        ];
        texts.into_iter().flatten().count() + said.into_iter().filter(|said| *said).count()
    }
}

impl OwnerNotes {
    /// The notes among the fields of an answer, or in an object of their own.
    fn read(fields: &Map<String, Value>) -> Self {
        let nested = field(fields, "owner").and_then(Value::as_object);
        let of = |key: &str| field(fields, key).or_else(|| field(nested?, key));
        let said = |text: String| Some(text).filter(|text| !text.is_empty() && !is_refusal(text));
        let detail = text(of("distinctive_detail"));
        let detail: Vec<&str> = detail.split(' ').take(MAX_DETAIL_WORDS).collect();
        let mut sensory_details = list(of("sensory_detail").or_else(|| of("sensory_details")));
        sensory_details.truncate(MAX_SENSORY_DETAILS);
        Self {
            distinctive_detail: said(detail.join(" ")),
            sensory_details,
            mood_note: said(text(of("mood_note"))),
        }
    }
}

/// A field, whose name may be written differently: `alt_text` as `altText`, or `Alt text`.
fn field<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    let letters = |name: &str| {
        let letters = name.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect::<String>()
    };
    let other_name = || {
        let wanted = letters(key);
        let mut fields = fields.iter();
        fields
            .find(|(name, _)| letters(name) == wanted)
            .map(|it| it.1)
    };
    fields.get(key).or_else(other_name)
}

/// The description, which may be wrapped in an object, or in JSON within a string.
fn description(value: Option<&Value>) -> String {
    match value {
        Some(value @ (Value::String(_) | Value::Object(_))) => {
            let names = ["description"];
            let read = |it: &str| Some(text(Some(&it.into()))).filter(|text| !text.is_empty());
            text_in(value, &names, &read).unwrap_or_default()
        }
        value => text(value),
    }
}

/// A value as one line of text; empty for a placeholder.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => Some(one_line(text))
            .filter(|text| !is_placeholder(text))
            .unwrap_or_default(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Array(_)) => one_line(&list(value).join(", ")),
        _ => String::new(),
    }
}

/// The longest text that is read, in bytes: with its mark-up, a text is longer than `MAX_TEXT`.
const MAX_WRITTEN: usize = 4 * MAX_TEXT;

/// The plain text as one line, cut at `MAX_TEXT`.
fn one_line(text: &str) -> String {
    let text = plain(&text[..text.floor_char_boundary(MAX_WRITTEN)]);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let line: String = words.join(" ").chars().take(MAX_TEXT).collect();
    line.trim_end().to_owned()
}

/// A value as a list.
pub(crate) fn list(value: Option<&Value>) -> Vec<String> {
    let said = |item: &Value| Some(text(Some(item))).filter(|text| !text.is_empty());
    match value {
        Some(Value::Array(items)) => {
            let flat = items.iter().filter(|item| !item.is_array());
            flat.filter_map(said).take(MAX_LIST).collect()
        }
        Some(Value::String(joined)) => {
            let items = joined.split(',').map(Value::from);
            items
                .filter_map(|item| said(&item))
                .take(MAX_LIST)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn flag(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(word)) => {
            let word = word.trim();
            ["true", "yes", "1"]
                .iter()
                .any(|yes| word.eq_ignore_ascii_case(yes))
        }
        Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
