//! API keys as people paste them: behind a scheme, or with a blank inside. They are corrected where the key is certain.

use super::secret::{Secret, SecretProblem};

/// The key behind the scheme of a header.
pub(super) fn api_key(text: &str) -> Option<Secret> {
    let (scheme, key) = text.split_once(char::is_whitespace)?;
    let scheme = scheme.trim_end_matches(':');
    let key = key.trim();
    let is_certain = scheme.eq_ignore_ascii_case("bearer")
        && !key.is_empty()
        && !key.contains(char::is_whitespace);
    is_certain.then(|| Secret::new(key.to_owned()))
}

/// The problem of a key.
pub(super) fn api_key_problem(text: &str) -> Option<SecretProblem> {
    if text.contains(char::is_control) {
        let rule = "must have no control characters: a header carries none";
        return Some(SecretProblem::Unusable(rule));
    }
    text.contains(char::is_whitespace)
        .then_some(SecretProblem::Suspicious(
            "has a blank within, which no key has: copy it again",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_certain_is_taken() {
        for pasted in [
            "Bearer sk-a",
            "bearer  sk-a",
            "BEARER\tsk-a",
            "Bearer: sk-a",
        ] {
            assert_eq!(api_key(pasted).unwrap().expose(), "sk-a", "{pasted:?}");
        }
        for pasted in ["sk-a", "Basic sk-a", "Bearer", "Bearer sk a", "sk -a"] {
            assert!(api_key(pasted).is_none(), "{pasted:?}");
        }
    }

    #[test]
    fn what_is_not_certain_is_doubted() {
        let suspicious = api_key_problem("sk -a");
        assert!(matches!(suspicious, Some(SecretProblem::Suspicious(_))));
        let unusable = api_key_problem("sk\t-a");
        assert!(matches!(unusable, Some(SecretProblem::Unusable(_))));
        assert_eq!(api_key_problem("sk-a"), None);
    }
}
