//! Stock phrases: what captions say when they say nothing, each with what to write instead.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use super::text::Text;

/// The separator between a phrase and what to write instead.
const INSTEAD: &str = "=>";
/// The word of a phrase that stands for others.
const WILDCARD: &str = "*";
/// How many words a wildcard stands for, at most.
const MOST_BETWEEN: usize = 4;
const BETWEEN_WORDS: &str = "`*` stands by itself between two words";
/// The most words of a phrase.
const MOST_WORDS: usize = 12;

static BUILT_IN: LazyLock<Lexicon> = LazyLock::new(|| {
    // The tests read the file strictly: what is not a phrase there does not get here.
    Lexicon::of(parsed(include_str!("stock_phrases.txt")).filter_map(Result::ok))
});

/// Stock phrases, in the order of their file.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    phrases: Vec<StockPhrase>,
    /// The indices of the phrases that begin with a word.
    by_first_word: HashMap<String, Vec<usize>>,
}

/// A stock phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockPhrase {
    phrase: String,
    instead: String,
    pattern: Vec<Part>,
}

/// A part of a phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Word(String),
    /// One to [`MOST_BETWEEN`] words.
    Between,
}

/// Why a file is no lexicon. Repeats nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {rule}")]
pub struct LexiconError {
    /// The line, counted from 1.
    pub line: usize,
    /// The rule that it breaks, as a clause for people.
    pub rule: &'static str,
}

impl StockPhrase {
    /// The phrase as it is written in the file; `*` stands for one to four words.
    #[must_use]
    pub fn phrase(&self) -> &str {
        &self.phrase
    }

    /// What to write instead, for people and models.
    #[must_use]
    pub fn instead(&self) -> &str {
        &self.instead
    }

    /// How many of these words the phrase takes from their beginning; `None` if they do not begin with it.
    fn taken_from(&self, words: &[&str]) -> Option<usize> {
        taken(&self.pattern, words)
    }
}

fn taken(pattern: &[Part], words: &[&str]) -> Option<usize> {
    let Some((first, rest)) = pattern.split_first() else {
        return Some(0);
    };
    match first {
        Part::Word(word) => {
            let (next, words) = words.split_first()?;
            (next == word).then(|| taken(rest, words))?.map(|it| it + 1)
        }
        Part::Between => {
            let most = MOST_BETWEEN.min(words.len());
            (1..=most).find_map(|skipped| Some(skipped + taken(rest, &words[skipped..])?))
        }
    }
}

impl Lexicon {
    /// Ours, of `stock_phrases.txt`.
    #[must_use]
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The phrases of a file: one a line, as `phrase => what to write instead`. Lines that are blank or begin with `#` are
    /// left out.
    ///
    /// # Errors
    /// The first line that is no phrase, or has one that is there already; and when there is none at all.
    pub fn parse(text: &str) -> Result<Self, LexiconError> {
        let lexicon = Self::of(parsed(text).collect::<Result<Vec<_>, _>>()?);
        if lexicon.phrases.is_empty() {
            let line = text.lines().count().max(1);
            let rule = "there is no phrase up to here";
            return Err(LexiconError { line, rule });
        }
        Ok(lexicon)
    }

    fn of(phrases: impl IntoIterator<Item = StockPhrase>) -> Self {
        let mut lexicon = Self::default();
        for phrase in phrases {
            if let Some(Part::Word(first)) = phrase.pattern.first() {
                let with_it = lexicon.by_first_word.entry(first.clone()).or_default();
                with_it.push(lexicon.phrases.len());
                lexicon.phrases.push(phrase);
            }
        }
        lexicon
    }

    /// The phrases, in the order of the file.
    #[must_use]
    pub fn phrases(&self) -> impl ExactSizeIterator<Item = &StockPhrase> {
        self.phrases.iter()
    }

    /// The phrases by what to write instead of them, both in the order of the file: each advice once.
    #[must_use]
    pub fn by_advice(&self) -> Vec<(&str, Vec<&str>)> {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        for StockPhrase {
            phrase, instead, ..
        } in &self.phrases
        {
            let at = *known.entry(instead).or_insert(groups.len());
            if at == groups.len() {
                groups.push((instead, Vec::new()));
            }
            groups[at].1.push(phrase);
        }
        groups
    }

    /// How often a text has a stock phrase. Words count, in any case; punctuation, hashtags and the form of apostrophes do
    /// not. Of phrases that begin at the same word the longest counts, and none begins inside of another.
    #[must_use]
    pub fn hits(&self, text: &str) -> usize {
        self.found(text).len()
    }

    /// The stock phrases of a text, in its order.
    #[must_use]
    pub fn found(&self, text: &str) -> Vec<&StockPhrase> {
        let text = Text::of(text);
        let words = text.words();
        let (mut found, mut at) = (Vec::new(), 0);
        while at < words.len() {
            let here = self.by_first_word.get(words[at]).into_iter().flatten();
            let here = here.map(|index| &self.phrases[*index]);
            let matching = here.filter_map(|it| Some((it.taken_from(&words[at..])?, it)));
            // The first of several that are as long.
            let longest = matching.reduce(|one, other| if other.0 > one.0 { other } else { one });
            at += longest.map_or(1, |(length, _)| length);
            found.extend(longest.map(|(_, phrase)| phrase));
        }
        found
    }
}

/// Each line that is to have a phrase.
fn parsed(text: &str) -> impl Iterator<Item = Result<StockPhrase, LexiconError>> {
    // As editors on Windows write it.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut known: HashSet<Vec<String>> = HashSet::new();
    let lines = text.lines().zip(1..).map(|(it, line)| (it.trim(), line));
    let lines = lines.filter(|(it, _)| !it.is_empty() && !it.starts_with('#'));
    lines.map(move |(it, line)| {
        let phrase = phrase(it).map_err(|rule| LexiconError { line, rule })?;
        let key = phrase.pattern.iter().map(|part| match part {
            Part::Word(word) => word.clone(),
            Part::Between => WILDCARD.to_owned(),
        });
        let rule = "the phrase is there already";
        let is_new = known.insert(key.collect());
        is_new.then_some(phrase).ok_or(LexiconError { line, rule })
    })
}

fn phrase(line: &str) -> Result<StockPhrase, &'static str> {
    let (phrase, instead) = line
        .split_once(INSTEAD)
        .ok_or("a line is `phrase => what to write instead`")?;
    let (phrase, instead) = (phrase.trim(), instead.trim());
    let parts: Vec<&str> = phrase.split_whitespace().collect();
    if parts
        .iter()
        .any(|it| it.contains(WILDCARD) && *it != WILDCARD)
    {
        return Err(BETWEEN_WORDS);
    }
    let mut pattern = Vec::new();
    for (index, parts) in parts.split(|it| *it == WILDCARD).enumerate() {
        pattern.extend((index > 0).then_some(Part::Between));
        // Read as a caption is, so that the same words are found there.
        let text = Text::of(&parts.join(" "));
        let words = text.words().into_iter();
        pattern.extend(words.map(|word| Part::Word(word.to_owned())));
    }
    if pattern.is_empty() {
        return Err("there is no word in front of `=>`");
    }
    if instead.is_empty() {
        return Err("what to write instead is missing behind `=>`");
    }
    if pattern.len() > MOST_WORDS {
        return Err("a phrase has at most 12 words");
    }
    let ends = [pattern.first(), pattern.last()];
    let in_a_row = pattern
        .windows(2)
        .any(|it| it == [Part::Between, Part::Between]);
    if in_a_row || ends.contains(&Some(&Part::Between)) {
        return Err(BETWEEN_WORDS);
    }
    Ok(StockPhrase {
        phrase: phrase.to_owned(),
        instead: instead.to_owned(),
        pattern,
    })
}
