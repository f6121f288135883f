//! Writes an error together with everything behind it, for the log.

use std::{error::Error, fmt};

/// An error and its sources on one line, outermost first.
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some have the text of their source in their own: those of sqlx do.
            if !told.ends_with(&text) {
                told.push_str(": ");
                told.push_str(&text);
            }
            source = error.source();
        }
        f.write_str(&told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::ConfigSourceError;

    #[test]
    fn sources_follow_the_error() {
        let error = ConfigSourceError::Malformed("no JSON".into());
        assert_eq!(
            ErrorChain(&error).to_string(),
            "the config source sent a malformed answer: no JSON"
        );
    }

    #[test]
    fn what_an_error_says_of_its_source_is_not_said_again() {
        #[derive(Debug, thiserror::Error)]
        #[error("the database says: {0}")]
        struct Outer(#[source] std::io::Error);

        let error = ConfigSourceError::Malformed(Outer(std::io::Error::other("no")).into());
        assert_eq!(
            ErrorChain(&error).to_string(),
            "the config source sent a malformed answer: the database says: no"
        );
    }
}
