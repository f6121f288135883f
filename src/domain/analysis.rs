//! What a vision model says of an image. Its answer is data: nothing in it is trusted to be
//! there, to be of the right type, or to be of a sane size.

mod answer;
mod nested;
mod relaxed;

use serde_json::{Map, Value};

pub(crate) use self::{answer::best_in, nested::text_in};
use super::model_text::{is_placeholder, is_refusal, may_be_refusal, plain, without_reasoning};

/// The longest text that is taken over from one field, in characters.
const MAX_TEXT: usize = 4_000;
/// The most entries that are taken over from one list.
const MAX_LIST: usize = 50;
/// Fewer words than these describe nothing.
const MIN_PROSE_WORDS: usize = 4;
/// Fewer letters than these describe nothing, in whatever script.
const MIN_PROSE_LETTERS: usize = 8;

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
pub enum UnusableAnswer {
    /// It has no analysis.
    #[error("the model's answer holds no analysis")]
    NoAnalysis,
    /// It says in words that the model will not look at this image.
    #[error("the model refuses the image")]
    Refusal,
}

impl Analysis {
    /// Reads a model's answer, wherever in it the JSON stands. Wrong types are converted where
    /// that is plain, and left out where it is not. Texts are taken over as plain text. Sentences without any
    /// JSON are a description.
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

    /// An answer in words, without any JSON, as a description.
    fn from_prose(answer: &str) -> Option<Self> {
        let answer = without_reasoning(answer);
        let description = one_line(&answer);
        let letters = description.chars().filter(|c| c.is_alphabetic()).count();
        // A script without spaces says as much in one word.
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
        }
    }

    /// How much it says: of a draft and an answer, the answer says more.
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

/// A field, whose name may be written in other letters: `alt_text` as `altText`, or `Alt text`.
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

/// The description, also where it is wrapped in an object, or in JSON of its own.
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

/// One line of text out of whatever stands there; nothing for a placeholder.
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

/// A text as far as it is looked at, in bytes: mark-up takes more than what is left of it.
const MAX_WRITTEN: usize = 4 * MAX_TEXT;

/// The words of a text in one line, as plain text, as far as it is taken over.
fn one_line(text: &str) -> String {
    let text = plain(&text[..text.floor_char_boundary(MAX_WRITTEN)]);
    let mut line = String::new();
    let mut room = MAX_TEXT;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
            room -= 1;
        }
        let before = line.len();
        line.extend(word.chars().take(room));
        room -= line[before..].chars().count();
        if room <= 1 {
            break;
        }
    }
    line
}

/// A list out of whatever stands there.
pub(crate) fn list(value: Option<&Value>) -> Vec<String> {
    let taken_over = |entries: &mut dyn Iterator<Item = String>| {
        let entries = entries.filter(|entry| !entry.is_empty());
        entries.take(MAX_LIST).collect()
    };
    match value {
        Some(Value::Array(items)) => {
            let flat = items.iter().filter(|item| !item.is_array());
            taken_over(&mut flat.map(|item| text(Some(item))))
        }
        Some(Value::String(joined)) => {
            taken_over(&mut joined.split(',').map(|item| text(Some(&item.into()))))
        }
        _ => Vec::new(),
    }
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
mod tests;
