//! Recognizing placeholders, which models write instead of a text: `string` (from a schema), `[Your caption here]`
//! (from a prompt), `N/A`, `null`, `...`. Only a whole text is a placeholder: "None of us slept." is a caption.

use super::pattern::Pattern;

/// Words for nothing, and those of a schema, as the whole of a text.
static NOTHING: Pattern = Pattern::new(concat!(
    r"(?i)\A(?:none|null|nil|undefined|nan|n\s*/\s*a|n\.a|not\s+(?:available|applicable|provided|specified|given)",
    r"|unknown|empty|blank|tb[ad]|todo|true|false|missing|unavailable|object\s+object",
    r"|(?:string|str|text|value|null|type|object|array|number|boolean)(?:\s*[|,]\s*(?:string|null|undefined|none))*",
    r"|(?:see|same\s+as)\s+(?:above|below|telegram|e-?mail)|no\s+(?:caption|description|text|content|data|answer|response)",
    r"(?:\s+(?:available|provided|given|needed|found|possible|generated|was\s+\w+))?",
    r"|lorem\s+ipsum\b.*|kein(?:e|er|es)?|nichts|aucune?|ninguno|ninguna|nessuno)\z",
));

/// The words of a form, as the whole of a text.
static FORM: Pattern = Pattern::new(concat!(
    r"(?i)\A(?:(?:your|the|a|an|my|this|insert|add|enter|write|put|provide|type|place|some|sample|example|short|actual",
    r"|social(?:\s+media)?|generated|platform|image|photo|picture|sd|stable\s+diffusion|telegram|e-?mail|fetlife",
    r"|mastodon|bluesky|instagram|for|one|new|final)[\s_-]+)*",
    r"(?:captions?|descriptions?|text|alt[\s_-]?text|placeholder|hashtags?|telegram|e-?mail|fetlife|mastodon|bluesky",
    r"|instagram)",
    r"(?:[\s_-]+(?:text|goes|comes|for|to|of|in|here|be|is|will|the|this|your|a|an|written|added|inserted|filled",
    r"|placeholder|below|above|pending|available|provided|generated|telegram|e-?mail|fetlife|mastodon|bluesky",
    r"|instagram|platform|image|photo|picture|post|\d{1,2}))*\z",
));

/// An empty field of a template. A text with such a field cannot be shown.
static FIELD: Pattern = Pattern::new(concat!(
    r"(?i)\{\{[^{}\n]{0,60}\}\}|\$\{[^{}\s]{1,60}\}|<\s*(?:insert|your|enter|add)\b[^<>\n]{0,60}>",
    r"|[\[{]\s*(?:(?:insert|enter)\b[^\[\]{}\n]{1,80}|(?:your|add)\b[^\[\]{}\n]{0,60}\bhere|(?:caption|description|hashtags?|placeholder)",
    r"(?:\s+(?:here|text|goes here|for [^\[\]{}\n]{1,40}))?)\s*[\]}]",
));

/// Whether a text is a placeholder, or has no words.
pub(crate) fn is_placeholder(text: &str) -> bool {
    if FIELD.is_match(text) {
        return true;
    }
    let words = text.trim_matches(is_around);
    // A placeholder is short.
    words.is_empty()
        || (words.len() <= 200
            && (NOTHING.is_match(words) || (has_letters(words) && FORM.is_match(words))))
}

/// Whether a character may stand around a placeholder: punctuation, quotes, brackets.
fn is_around(c: char) -> bool {
    c.is_whitespace()
        || (c.is_ascii_punctuation() && !matches!(c, '#' | '@'))
        || matches!(
            c,
            '\u{2010}'
                ..='\u{205E}'
                    | '«'
                    | '»'
                    | '¡'
                    | '¿'
                    | '·'
                    | '、'
                    | '。'
                    | '「'
                    | '」'
                    | '『'
                    | '』'
                    | '・'
        )
}

fn has_letters(text: &str) -> bool {
    text.contains(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_stands_for_a_text_is_told() {
        for text in [
            "[Your caption here]",
            "Your caption here.",
            "{{caption}}",
            "{{ captions.telegram }}",
            "${caption}",
            "<caption for telegram>",
            "<your caption>",
            "[Insert a caption about rope]",
            "A knot. [insert link]",
            "Hello {{name}}, look.",
            "{{ légende | upper }}",
            "Bonjour {{ user's name }}.",
            "${légende:-}",
            "Caption goes here",
            "caption text goes here…",
            "telegram caption",
            "Telegram",
            "email_caption",
            "Caption for e-mail",
            "Caption",
            "\"caption\"",
            "string",
            "<string>",
            "string | null",
            "N/A",
            "n.a.",
            "None",
            "None.",
            "(none)",
            "null",
            "NULL",
            "undefined",
            "NaN",
            "[object Object]",
            "TBD",
            "Lorem ipsum dolor sit amet",
            "no description available",
            "Description of the image",
            "Not available.",
            "...",
            "…",
            "---",
            "—",
            "\"\"",
            "“”",
            "''",
            "* * *",
            "?",
            "",
            " ",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn captions_that_only_hold_such_words_are_none() {
        for text in [
            "None of us slept.",
            "Null and void, and tied.",
            "N/A is not an answer, rope is.",
            "A caption goes here, she said, and pulled.",
            "The string holds.",
            "A string of pearls",
            "Undefined shapes in the dark",
            "Your caption is late.",
            "[Silence.]",
            "[sic]",
            "(whispered)",
            "Wait... what?",
            "--- rope ---",
            "🪢",
            "❤️",
            "1",
            "縄",
            "#rope",
            "@rope",
            "<3",
            "No text me back",
            "Nothing.",
            "Unknown shores",
            "Text me when you are home.",
            "{A knot}",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_word_for_nothing_spoils_a_sentence(
            word in "None|Null|Undefined|N/A|String|Caption|Telegram|Your caption|\\.\\.\\.|---|Placeholder|TBD",
            rest in "(of us slept|holds the rope|of light and knots|was never enough)( [a-z]{2,8}){0,6}",
        ) {
            let after = format!("{word} {rest}.");
            let before = format!("She {rest}: {word}");
            prop_assert!(!is_placeholder(&after), "{}", after);
            prop_assert!(!is_placeholder(&before), "{}", before);
        }

        #[test]
        fn any_text_is_told_or_not(text in any::<String>()) {
            let _ = is_placeholder(&text);
        }
    }
}
