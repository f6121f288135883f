//! Refusals in words: a model says that it will not, where an answer should stand.

use std::sync::LazyLock;

use regex::Regex;

#[expect(
    clippy::expect_used,
    reason = "a constant, compiled by every test of this file"
)]
fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is sound")
}

/// The beginning of a text that can be nothing but a refusal. "I can't let go" is a caption.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    let unable = r"(?:i\s+(?:can['’]?t|cannot|can\s+not|won['’]?t|will\s+not|am\s+(?:not\s+able|unable)\s+to|must\s+decline)|i['’]m\s+(?:not\s+able|unable)\s+to)";
    regex(&format!(
        r"(?i)\A\W*(?:(?:i['’]m|i\s+am)\s+(?:very\s+|so\s+|really\s+)?sorry\b.{{0,40}}?\b{unable}|(?:sorry|apologies|i\s+apologi[sz]e)\b.{{0,40}}?\b{unable}|(?:unfortunately|i['’]m\s+afraid|i\s+regret)\b,?.{{0,20}}?\b{unable}\s+(?:assist|help|comply|fulfil|provide|create|write|generate|describe|analy[sz]e|process|identify|view|continue|complete)|as\s+an\s+ai\b|{unable}\s+(?:assist|comply|help\s+(?:you\s+)?with|fulfill?\s+th|provide\s+(?:a|any|the|an|that|this)\s+(?:caption|description|analysis|response|content)|(?:describe|analy[sz]e|process|identify|caption)\s+(?:this|the|that|these|real|images?|people|individuals|who))|this\s+(?:image|request|content)\s+(?:violates|goes\s+against))"
    ))
});

/// The same anywhere near the beginning of an answer that is none.
static PROSE: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"(?i)\b(?:sorry|apologi[sz]e)\b|\bi(?:['’]m|\s+am)?\s+(?:\w+\s+){0,2}?(?:can['’]?t|cannot|can\s+not|unable|not\s+able|won['’]?t|will\s+not|decline|refuse|not\s+comfortable|not\s+(?:allowed|permitted)|rather\s+not)(?:\W|\z)|\b(?:against|violates?)\s+(?:my|our|the|openai['’]?s?)\s+(?:\w+\s+)?(?:guidelines|polic(?:y|ies))\b",
    )
});

/// How much of an answer is looked at, in bytes.
const LOOKED_AT: usize = 600;

/// The text is a refusal, whatever place it stands in.
pub(crate) fn is_refusal(text: &str) -> bool {
    REFUSAL.is_match(beginning(text))
}

/// The answer, in which nothing was found of what was asked for, reads like a refusal.
pub(crate) fn may_be_refusal(answer: &str) -> bool {
    is_refusal(answer) || PROSE.is_match(beginning(answer))
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOOKED_AT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_in_any_place() {
        for text in [
            "I'm sorry, I can't assist with that.",
            "I’m sorry, but I can’t help with that request.",
            "Sorry, I cannot describe this image.",
            "I cannot assist with this.",
            "I can't help with identifying people.",
            "I'm unable to analyze this image.",
            "I am not able to provide a caption for this.",
            "As an AI language model, I",
            "Unfortunately, I cannot process this image.",
            "**I'm sorry**, but I cannot comply.",
        ] {
            assert!(is_refusal(text) && may_be_refusal(text), "{text}");
        }
        for text in [
            "I would rather not: it violates the policy.",
            "I won't do it.",
        ] {
            assert!(may_be_refusal(text), "{text}");
        }
    }

    #[test]
    fn captions_that_speak_of_not_being_able_to_are_none() {
        for text in [
            "I can't let go of this rope.",
            "I can't help falling in love with this light.",
            "Sorry not sorry.",
            "I cannot see the end of it, and I like that.",
            "I won't forget the knot.",
            "A knot. I'm sorry for nothing.",
            "Unable to move, and calm.",
            "",
        ] {
            assert!(!is_refusal(text), "{text}");
        }
        for text in [
            "It shows a knot that can't be untied, for safety.",
            "",
            "{\"mood\":\"calm\"}",
        ] {
            assert!(!may_be_refusal(text), "{text}");
        }
    }
}
