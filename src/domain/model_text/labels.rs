//! Additions of models around an answer: a label in front, a count of characters behind, quotes around the whole, and
//! further answers under numbered labels.

use super::pattern::Pattern;

/// The label of a text that models are asked for, with an introduction.
static LABEL: Pattern = Pattern::new(concat!(
    r"(?i)\A\s*(?:(?:sure|certainly|of course|okay|ok)[,!.:]?\s+)?",
    r"(?:here(?:'|’)?s?\s+(?:is\s+)?)?(?:(?:the|your|my|a|an|one)\s+)?",
    r"(?:",
    r"(?:(?:telegram|e-?mail|mastodon|bluesky|fetlife|instagram|social(?:[ -]media)?|photo|image|picture",
    r"|final|short|suggested|possible|new|sd|stable[ -]diffusion)\s+)*",
    r"(?:captions?|subject(?:[ -]line)?|alt[ -]?text|description|title)",
    r"(?:\s*(?:#|no\.?\s*)?(?P<number>\d{1,2}))?",
    r"(?:\s+(?:for|of)\s+[^:\n]{1,60})?",
    r"|(?:option|version|variant|alternative|candidate|suggestion|draft)\s*#?(?P<option>\d{1,2}|[A-C])",
    r"|telegram|e-?mail|mastodon|bluesky|fetlife|instagram",
    r"|shortened(?:\s+(?:text|caption|version))?|shorter(?:\s+(?:text|caption|version))?|draft|post|toot|text",
    r"|(?:angle\s*)?(?:sensation|moment|detail|craft|atmosphere|direct[ _]address)|angle",
    r"|betreff|bildunterschrift|légende|标题)",
    r"(?:\s*\([^()\n]{1,40}\))?\s*[:：]\s*",
));

/// A label in brackets.
static BRACKETED: Pattern = Pattern::new(concat!(
    r"(?i)\A\s*[\[(](?:captions?|option\s*\w|candidate\s*\d|telegram|e-?mail|mastodon|bluesky|fetlife|shortened",
    r"|(?:angle:?\s*)?(?:sensation|moment|detail|craft|atmosphere|direct[ _]address))[\])]\s*[:：–-]?\s+",
));

/// A dot or a dash in front of a text, as in a list.
static BULLET: Pattern = Pattern::new(r"\A\s*(?:[•·▪‣]|[-–—*]\s)\s*");

/// The label of the next of several texts, on a line of its own or at the beginning of one.
static NEXT: Pattern = Pattern::new(
    r"(?i)\n[\s*_-]*(?:captions?|option|version|variant|alternative|candidate|suggestion|draft)\s*#?(?:\d{1,2}|[A-C])\s*[*_]*\s*[:：]",
);

/// The length of a text, which models add behind it.
static COUNT: Pattern = Pattern::new(concat!(
    r"(?i)\s*(?:[(\[]\s*(?:(?:length|count|total|character count|~|≈|about|approx(?:\.|imately)?)\s*:?\s*)?",
    r"\d{1,5}(?:\s*/\s*\d{1,5})?\s*(?:characters?|chars?|words?|zeichen|wörter|caract[eè]res)",
    r"(?:,?\s*(?:long|total|with spaces|including [a-z ]{1,30}|incl\.? [a-z ]{1,30}|\d{1,5} words?))*\s*[)\]]",
    r"|\n\s*(?:character|word)\s+count\s*:\s*\d{1,5})[.\s]*\z",
));

/// Pairs of quotes.
const QUOTES: [(char, char); 12] = [
    ('"', '"'),
    ('\'', '\''),
    ('“', '”'),
    ('„', '“'),
    ('„', '”'),
    ('”', '”'),
    ('‘', '’'),
    ('‚', '‘'),
    ('«', '»'),
    ('»', '«'),
    ('「', '」'),
    ('『', '』'),
];

/// A text without labels in front, a count behind, and quotes and white space around it.
pub(super) fn without_labels(text: &str) -> &str {
    let mut text = text.trim();
    loop {
        let mut inner = text;
        if let Some(label) = LABEL.captures(text) {
            inner = &text[label[0].len()..];
            if (label.name("number").is_some() || label.name("option").is_some())
                && let Some(next) = NEXT
                    .find(inner)
                    .filter(|next| is_text(&inner[..next.start()]))
            {
                inner = &inner[..next.start()];
            }
        }
        let bracketed = BRACKETED.find(inner).map_or(0, |label| label.end());
        inner = &inner[bracketed..];
        // Of several lines each may have one.
        let bullet = BULLET.find(inner).filter(|_| !inner.contains('\n'));
        inner = &inner[bullet.map_or(0, |bullet| bullet.end())..];
        if inner.trim_end().ends_with([')', ']', '.'])
            || inner.ends_with(|c: char| c.is_ascii_digit())
        {
            let count = COUNT.find(inner).map_or(inner.len(), |count| count.start());
            inner = &inner[..count];
        }
        inner = without_quotes(inner.trim()).trim();
        if inner.len() == text.len() {
            return text;
        }
        text = inner;
    }
}

fn is_text(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// A text without the quotes around the whole of it, and without one that has no other.
fn without_quotes(text: &str) -> &str {
    const DOUBLE: [char; 4] = ['"', '“', '”', '„'];
    if text.chars().filter(|c| DOUBLE.contains(c)).count() == 1 {
        return text.trim_matches(DOUBLE).trim();
    }
    let mixed = text
        .strip_prefix(DOUBLE)
        .and_then(|it| it.strip_suffix(DOUBLE));
    if let Some(inner) = mixed.filter(|inner| !inner.contains(DOUBLE)) {
        return inner.trim();
    }
    let pair = |(open, close): (char, char)| {
        let inner = text.strip_prefix(open)?.strip_suffix(close)?;
        (!inner.contains([open, close])).then_some(inner.trim())
    };
    QUOTES.into_iter().find_map(pair).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_quotes_around_the_whole_go() {
        for text in [
            "Caption: A knot.",
            "SUBJECT:A knot.",
            "Subject line: A knot.",
            "Telegram caption: A knot.",
            "E-mail: A knot.",
            "Here's the caption: \"A knot.\"",
            "Here is a short caption for Telegram:\n\nA knot.",
            "Sure! Here's your caption: A knot.",
            "Alt text: A knot.",
            "Caption (email): A knot.",
            "“A knot.”",
            "«A knot.»",
            "\"A knot.\"",
            "'A knot.'",
            "„A knot.“",
            "Option 1: A knot.",
            "Option A: A knot.",
            "Caption 1: A knot.",
            "Caption #2: A knot.",
            "Telegram caption 1: A knot.",
            "Version 2: A knot. (7 characters)",
            "A knot. (43 characters)",
            "A knot. (123 chars)",
            "A knot. [43/240 characters]",
            "A knot. (about 43 characters, 2 words)",
            "\"A knot.\" (7 characters)",
            "A knot.\nCharacter count: 7",
            "A knot. (7 Zeichen)",
            "Option 1: A knot.\n\nOption 2: A rope.",
            "Caption 1: A knot.\nCaption 2: A rope. (7 chars)",
            "[Caption] A knot.",
            "(sensation) A knot.",
            "[Telegram]: A knot.",
            "Sensation: A knot.",
            "Angle (detail): A knot.",
            "direct_address: A knot.",
            "Shortened: \"A knot.\"",
            "Shorter text: A knot.",
            "Here is the shortened caption: A knot.",
            "Draft: A knot.",
            "Betreff: A knot.",
            "• A knot.",
            "- A knot.",
            "“A knot.\"",
            "\"A knot.",
            "A knot.\"",
        ] {
            assert_eq!(without_labels(text), "A knot.", "{text}");
        }
    }

    #[test]
    fn words_and_quotes_of_the_text_itself_stay() {
        for text in [
            "\"A\" and \"B\"",
            "\"Hold still,\" she said.",
            "The subject is rope: a knot.",
            "Body: a landscape.",
            "Caption this",
            "Light: soft",
            "'Twas the knot",
            "-18 degrees",
            "A 24\" rope holds 12\" more",
            "(rope) holds",
            "Here: a knot.",
            "A play (for 12 characters) in rope.",
            "A cast of 43 characters.",
            "Option 1 was the rope.",
            "Two lines\nOption 2: rope",
            "(rope)",
        ] {
            assert_eq!(without_labels(text), text, "{text}");
        }
    }
}
