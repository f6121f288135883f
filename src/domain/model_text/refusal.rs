//! Tells a model that declines from one that answers: some decline in prose, where an answer should be.

use std::sync::LazyLock;

use regex::Regex;

/// How refusals begin. What follows is looked at, too: "I can't get enough of this light" is a caption.
#[expect(
    clippy::expect_used,
    reason = "a constant, compiled by every test of this file"
)]
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?is)\A[\W_]*(?:(?:i(?:['’]m| am)?\s+)?(?:very\s+|really\s+|so\s+)?(?:sorry|afraid|apologi[sz]e)[*_]*",
        r"|(?:my\s+)?apologies|unfortunately|as an ai(?:\s+language)?(?:\s+model)?)?",
        r"[\s,.;:!–—-]*(?:but\s+|that\s+)?",
        r"(?:i\s+(?:can(?:['’]?t|not|\s+not)|am\s+(?:not\s+able|unable)|won['’]?t|will\s+not|must\s+decline)",
        r"|i['’]m\s+(?:not\s+able|unable))\s+(?:to\s+)?",
        r"(?:\w+\s+){0,2}?(?:help|assist|analy[sz]e|describe|identify|provide|create|write|generate|view|see",
        r"|process|comply|continue|fulfil+|do\s+that|discuss|engage|comment|complete|caption|produce|support)\b",
    ))
    .expect("the pattern is sound")
});

/// Is this a refusal, and nothing else?
pub(crate) fn is_refusal(text: &str) -> bool {
    REFUSAL.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_from_captions() {
        for text in [
            "I'm sorry, but I can't assist with that request.",
            "I’m sorry, I can’t help with that.",
            "Sorry, I cannot analyze this image.",
            "I can't help with identifying people in images.",
            "I am unable to provide a description of this image.",
            "Unfortunately, I'm not able to describe this picture.",
            "I apologize, but I cannot fulfill this request.",
            "As an AI language model, I cannot create explicit content.",
            "I won't write a caption for this.",
            "**I'm sorry**, but I can't continue with this.",
        ] {
            assert!(is_refusal(text), "{text}");
        }
        for text in [
            "I can't get enough of this light.",
            "Sorry not sorry: the rope stays.",
            "I'm afraid of heights, and went up all the same.",
            "I cannot feel my hands, and do not mind.",
            "Unfortunately the rain came first.",
            "She said: I can't help it.",
            "A knot. I can't describe it better.",
        ] {
            assert!(!is_refusal(text), "{text}");
        }
    }
}
