//! A model's reasoning, which some put in front of their answer, or around it, and special tokens of its
//! template that were not taken out.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// An answer without the reasoning around it.
pub(crate) struct Answer<'a> {
    /// What is left.
    pub(crate) text: Cow<'a, str>,
    /// Reasoning has begun without an end, or ended without a beginning: the answer may stand in what was
    /// taken for reasoning.
    pub(crate) is_torn: bool,
}

#[expect(
    clippy::expect_used,
    reason = "a constant, compiled by every test of this file"
)]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is sound")
}

/// The beginning or end of reasoning, in the ways in which it is marked.
static MARKS: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)<\s*(?P<end>/?)\s*(?:[a-z]+:)?",
        r"(?:think|thinking|thought|thoughts|reasoning|reflection|reflect|scratchpad|inner_monologue)",
        r#"(?:\s+[a-z_-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*\s*>"#,
        r"|\[(?P<bracketed_end>/?)THINK\]",
        r"|◁(?P<kimi_end>/?)think▷",
        r"|<\|(?:(?P<token_end>end_of_|/)|begin_of_)?(?:thought|thinking|think|reasoning)\|>",
    ))
});

/// The last channel of an answer in OpenAI's open format, which is the one that is for the user.
static FINAL_CHANNEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)(?:<\|channel\|>\s*final\s*(?:<\|constrain\|>\s*\w*\s*)?<\|message\|>)|\A\s*analysis[^{}]*assistantfinal",
    )
});

/// A channel that is not for the user, with its message.
static OTHER_CHANNEL: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?is)<\|channel\|>\s*(?:analysis|commentary)\b.*?(?:<\|end\|>|<\|return\|>|<\|call\|>|<\|start\|>|\z)",
    )
});

/// A token of a model's template, with the role that goes with it.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    regex(r"(?i)<\|start(?:_header_id)?\|>\s*assistant|<[|｜]/?[a-z][a-z0-9_▁]{0,40}[|｜]>")
});

/// The text without reasoning and special tokens.
pub(crate) fn without_reasoning(text: &str) -> Answer<'_> {
    let has_mark = |sign: char| text.contains(sign);
    if !(has_mark('<') || has_mark('[') || has_mark('◁') || text.contains("assistantfinal")) {
        return Answer {
            text: Cow::Borrowed(text),
            is_torn: false,
        };
    }
    let (text, mut is_torn) = if let Some(found) = FINAL_CHANNEL.find_iter(text).last() {
        (Cow::Borrowed(&text[found.end()..]), false)
    } else {
        let other = OTHER_CHANNEL.replace_all(text, " ");
        let is_torn = matches!(other, Cow::Owned(_));
        (other, is_torn)
    };
    let (text, torn_marks) = without_marked(&text);
    is_torn |= torn_marks;
    Answer {
        text: Cow::Owned(TOKEN.replace_all(&text, "").into_owned()),
        is_torn,
    }
}

/// The text outside of all marks; whether they do not match.
fn without_marked(text: &str) -> (String, bool) {
    let mut kept = String::with_capacity(text.len());
    let (mut depth, mut at, mut is_torn) = (0_usize, 0, false);
    for mark in MARKS.captures_iter(text) {
        let Some(whole) = mark.get(0) else { continue };
        let ends = ["end", "bracketed_end", "kimi_end", "token_end"]
            .into_iter()
            .any(|name| mark.name(name).is_some_and(|it| !it.is_empty()));
        match (ends, depth) {
            // What stands before was reasoning, too: the template had its beginning.
            (true, 0) => {
                kept.clear();
                is_torn = true;
            }
            (true, 1) => depth = 0,
            (true, _) => depth -= 1,
            (false, 0) => {
                kept.push_str(&text[at..whole.start()]);
                depth = 1;
            }
            (false, _) => depth += 1,
        }
        at = whole.end();
    }
    if depth == 0 {
        kept.push_str(&text[at..]);
    } else {
        is_torn = true;
    }
    (kept, is_torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> (String, bool) {
        let Answer { text, is_torn } = without_reasoning(text);
        (text.trim().to_owned(), is_torn)
    }

    #[test]
    fn reasoning_before_and_after_an_answer_is_taken_out() {
        for text in [
            "<think>So {\"a\":1} it is.</think>A knot.",
            "<THINK>\nhm\n</Think>\n\nA knot.",
            "< thinking >hm</ thinking >A knot.",
            "<thinking depth=\"2\">hm</thinking>A knot.",
            "<reasoning>hm</reasoning>A knot.<reflection>good</reflection>",
            "A knot.<think>done</think>",
            "<think>a<think>b</think>c</think>A knot.",
            "<seed:think>hm</seed:think>A knot.",
            "[THINK]hm[/THINK]A knot.",
            "◁think▷hm◁/think▷A knot.",
            "<|begin_of_thought|>hm<|end_of_thought|>A knot.<|im_end|>",
            "<|channel|>analysis<|message|>hm {\"a\":1}<|end|><|start|>assistant<|channel|>final<|message|>A knot.<|return|>",
            "<|channel|>final <|constrain|>json<|message|>A knot.",
            "analysisThe user wants a caption.assistantfinalA knot.",
            "<|start|>assistant A knot.<｜end▁of▁sentence｜>",
            "<|begin_of_box|>A knot.<|end_of_box|>",
        ] {
            assert_eq!(left(text), ("A knot.".to_owned(), false), "{text}");
        }
    }

    #[test]
    fn reasoning_that_is_torn_is_taken_out_and_told() {
        for (text, answer) in [
            ("hm</think>A knot.", "A knot."),
            ("A knot.<think>hm", "A knot."),
            ("<think>hm", ""),
            ("<think>a<think>b</think>A knot.", ""),
            ("<|channel|>analysis<|message|>hm", ""),
        ] {
            assert_eq!(left(text), (answer.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn words_and_signs_that_are_no_marks_stay() {
        for text in [
            "I think <3 of rope",
            "a <thin> line, [thinking] aloud",
            "3 < 5 |> x",
            "analysis of a knot",
            "<|>",
        ] {
            assert_eq!(left(text).0, text, "{text}");
        }
    }
}
