//! Writes an error together with everything behind it, for the log.

use std::{error::Error, fmt};

/// An error and its sources on one line, outermost first.
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
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
}
