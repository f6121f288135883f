//! The store's word for a refusal, such as `NoSuchKey`.

/// The code of an error, such as `NoSuchKey`: a word, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, derive_more::Display)]
#[display("{}", if _0.is_empty() { "no code" } else { _0.as_str() })]
pub(super) struct Code(String);

impl Code {
    /// What is no word is not kept, so that no text of a store reaches the log.
    pub(super) fn new(code: &str) -> Self {
        let is_word = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Self(if is_word {
            code.to_owned()
        } else {
            String::new()
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_word_never_reaches_the_log() {
        for code in ["AKIA 1", "https://x", "é", "a/b", "", &"a".repeat(65)] {
            assert_eq!(Code::new(code).to_string(), "no code", "{code:?}");
        }
        assert_eq!(Code::new("NoSuchKey").to_string(), "NoSuchKey");
    }
}
