//! Removing invisible characters that a text does not need.
//!
//! Removed are control characters other than line ends and tabs, directional controls, zero-width spaces, soft hyphens,
//! tag characters, fillers, byte order marks, replacement characters, private use and noncharacters. A blank of Braille
//! becomes a space. Kept are joiners between emoji and in scripts that need them, variation selectors behind emoji and
//! ideographs, and the tags of a flag.

use unicode_properties::UnicodeEmoji as _;

/// The flag that has tags, and the tag that ends them.
const BLACK_FLAG: char = '\u{1F3F4}';
const END_OF_TAGS: char = '\u{E007F}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
const BRAILLE_BLANK: char = '\u{2800}';
const KEYCAP: char = '\u{20E3}';

/// The text without the invisible characters that it does not need; tabs and all line ends stay. Idempotent, in linear
/// time.
pub(crate) fn without_unseen(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return text.to_owned();
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(tags) = flag_tags(&kept, rest) {
            kept.push_str(tags);
            rest = &rest[tags.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if is_needed(c, &kept, rest.chars().next()) {
            // Braille without a dot is used as a blank.
            kept.push(if c == BRAILLE_BLANK { ' ' } else { c });
        }
    }
    kept
}

/// The tags of a flag with their end, if `rest` begins with them behind a flag.
fn flag_tags<'a>(before: &str, rest: &'a str) -> Option<&'a str> {
    if !before.ends_with(BLACK_FLAG) {
        return None;
    }
    let is_tag = |c: char| matches!(c, '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}');
    // The longest there is has six.
    let end = rest.chars().take(8).position(|c| !is_tag(c))?;
    let length: usize = rest.chars().take(end).map(char::len_utf8).sum();
    let ends = end > 0 && rest[length..].starts_with(END_OF_TAGS);
    ends.then(|| &rest[..length + END_OF_TAGS.len_utf8()])
}

/// Whether a character stays, behind the kept text and in front of the next character.
fn is_needed(c: char, before: &str, next: Option<char>) -> bool {
    let last = before.chars().next_back();
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => true,
        '\u{200C}' => last.is_some_and(joins),
        ZERO_WIDTH_JOINER => {
            last.is_some_and(joins)
                || (last_of_emoji(before).is_some_and(is_emoji) && next.is_some_and(is_emoji))
        }
        '\u{FE0E}' | '\u{FE0F}' => last
            .is_some_and(|last| is_emoji(last) || (is_keycap_base(last) && next == Some(KEYCAP))),
        // Variants of ideographs.
        '\u{FE00}'..='\u{FE0D}' | '\u{E0100}'..='\u{E01EF}' => last.is_some_and(is_ideograph),
        // Variants of Mongolian letters.
        '\u{180B}'..='\u{180D}' | '\u{180F}' => {
            last.is_some_and(|last| matches!(last, '\u{1820}'..='\u{18AA}'))
        }
        c => !(c.is_control() || is_unseen(c)),
    }
}

/// Whether a character is never needed.
fn is_unseen(c: char) -> bool {
    matches!(c,
        // Soft hyphen, grapheme joiner, Arabic letter mark, fillers.
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180E}' | '\u{3164}' | '\u{FFA0}' | '\u{16FE4}' | '\u{1D159}'
        // Zero-width space, directional marks, embeddings and isolates, unseen operators.
        | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        // Byte order mark, specials with the replacement character, noncharacters.
        | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}' | '\u{FDD0}'..='\u{FDEF}'
        // Private use: shown as boxes, or as what one font has there.
        | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}'
        // Format characters of shorthands, musical notation and hieroglyphs.
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{13430}'..='\u{1345F}'
        // Tags, and what else stands on that plane and is no variation selector.
        | '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{EFFFF}')
        || (u32::from(c) & 0xFFFE) == 0xFFFE
}

/// Whether a character is an emoji that can be joined; digits and signs of keycaps are not.
fn is_emoji(c: char) -> bool {
    !c.is_ascii() && c.is_emoji_char()
}

fn is_keycap_base(c: char) -> bool {
    matches!(c, '#' | '*' | '0'..='9')
}

/// The last character that is neither a selector nor a skin tone, which stand between an emoji and its joiner.
fn last_of_emoji(text: &str) -> Option<char> {
    let modifies = |c: &char| matches!(c, '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}');
    // More than one of each is no emoji.
    text.chars().rev().take(3).find(|c| !modifies(c))
}

/// Whether a character is of a script in which joiners matter: Arabic and related ones, those of India and its
/// neighbours, Mongolian.
fn joins(c: char) -> bool {
    let is_of_joining_script = matches!(c,
        '\u{600}'..='\u{8FF}' | '\u{900}'..='\u{DFF}' | '\u{F00}'..='\u{109F}' | '\u{1700}'..='\u{18AF}'
        | '\u{1900}'..='\u{1CFF}' | '\u{A800}'..='\u{ABFF}' | '\u{FB50}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10A00}'..='\u{11FFF}'
        | '\u{1E900}'..='\u{1E95F}');
    is_of_joining_script && !c.is_ascii()
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}'
        | '\u{3005}'..='\u{3007}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_hides_or_turns_text_is_taken_out() {
        for (text, seen) in [
            ("A\u{200b} kn\u{ad}ot\u{2060}", "A knot"),
            (
                "\u{feff}A\u{202e}tonk\u{202c} \u{2066}a\u{2069}\u{200e}\u{200f}\u{61c}",
                "Atonk a",
            ),
            ("A\u{e0041}\u{e0042}\u{e007f}", "A"),
            ("A\0\u{1b}[31m\u{9f}", "A[31m"),
            ("\u{fffd}\u{fffc}\u{fff9}A\u{e200}\u{f8ff}\u{10ffff}", "A"),
            ("A\u{fe0f}\u{fe0e}\u{e0100}\u{180b}", "A"),
            ("A\u{200d}B\u{200c}C", "ABC"),
            ("\u{3164}\u{115f}\u{34f}A", "A"),
            ("A\u{2800}knot\u{16fe4}\u{1d159}", "A knot"),
            ("\u{2800}\u{2800}", "  "),
            ("\u{fffe}\u{1ffff}\u{fdd0}A", "A"),
        ] {
            assert_eq!(without_unseen(text), seen, "{text:?}");
        }
    }

    #[test]
    fn what_a_reader_would_miss_stays() {
        for text in [
            "👩\u{200d}👩\u{200d}👧 and 🏳\u{fe0f}\u{200d}🌈 and 👩🏽\u{200d}🚀 and 🧔🏿\u{200d}♂\u{fe0f}",
            "❤\u{fe0f}\u{200d}🔥 ❤\u{fe0f} ☀\u{fe0e} ©\u{fe0f} #\u{fe0f}\u{20e3} 1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 🇩🇪 👍🏽",
            "می\u{200c}خواهم",
            "क्\u{200d}ष and ന്\u{200d} and ශ්\u{200d}රී and ক্\u{200c}ষ",
            "葛\u{e0100}飾 辻\u{fe00}",
            "ᠮ\u{180b}",
            "a\tb\nc\r\nd\u{2028}e",
            "e\u{301} नमस्ते สวัสดี שָׁלוֹם",
        ] {
            assert_eq!(without_unseen(text), text, "{text:?}");
        }
    }

    #[test]
    fn tags_without_a_flag_or_an_end_hide_text_and_go() {
        for (text, seen) in [
            ("🏴\u{e0067}\u{e0062}", "🏴"),
            ("🏴\u{e007f}x", "🏴x"),
            ("🏳\u{e0067}\u{e0062}\u{e007f}", "🏳"),
            (
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}\u{e0067}",
                "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            ),
            ("👩\u{200d}\u{200d}👧", "👩\u{200d}👧"),
            ("👩\u{200d}", "👩"),
            ("👩\u{200b}\u{200d}👧", "👩\u{200d}👧"),
        ] {
            assert_eq!(without_unseen(text), seen, "{text:?}");
        }
    }

    #[test]
    fn a_text_of_any_length_takes_linear_time() {
        for unit in [
            "🏴\u{e0067}",
            "\u{200d}",
            "👩\u{200d}",
            "\u{fe0f}",
            "\u{e0067}",
        ] {
            let text = unit.repeat(500_000 / unit.len());
            assert!(without_unseen(&text).len() <= text.len());
        }
    }

    proptest! {
        #[test]
        fn the_second_time_nothing_changes_and_what_is_seen_stays(
            text in "([a-z #*1👩🏽🏴❤♂می ക്辻ᠮ]|[\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2069}\u{fe00}-\u{fe0f}\u{feff}\u{ad}]|[\u{e0061}-\u{e007f}\u{e0100}\u{180b}\u{20e3}\u{fffd}\0\u{7f}]){0,60}"
        ) {
            let once = without_unseen(&text);
            prop_assert_eq!(&without_unseen(&once), &once);
            let never = |c: char| matches!(c, '\0' | '\u{7f}' | '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}');
            prop_assert!(!once.contains(never), "{once:?}");
            let plain = |text: &str| text.chars().filter(char::is_ascii_graphic).collect::<String>();
            prop_assert_eq!(plain(&once), plain(&text));
        }
    }
}
