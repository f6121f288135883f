//! The `Authorization` header: a bearer token, or user and password.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use poem::http::{HeaderMap, header};
use subtle::Choice;
use zeroize::Zeroizing;

use super::{secret_digest::SecretDigest, settings::BasicCredential};
use crate::domain::secret::Secret;

/// What the header is checked by.
#[derive(Debug)]
pub(super) struct Authorization {
    token: Option<SecretDigest>,
    basic: Option<(SecretDigest, SecretDigest)>,
}

/// How a credential came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// A token, which somebody's program has put into the request.
    Bearer,
    /// User and password, which a browser may have sent by itself: once asked for, it sends them
    /// along with whatever any page makes it send.
    Basic,
}

impl Authorization {
    /// Accepts any of these.
    pub(super) fn new(token: Option<&Secret>, basic: Option<&BasicCredential>) -> Self {
        let of_basic = |BasicCredential { user, password }: &BasicCredential| {
            (SecretDigest::of(user), SecretDigest::of(password))
        };
        Self {
            token: token.map(SecretDigest::of),
            basic: basic.map(of_basic),
        }
    }

    /// Is there a bearer token to check by?
    pub(super) fn takes_bearer(&self) -> bool {
        self.token.is_some()
    }

    /// Are there a user and a password to check by?
    pub(super) fn takes_basic(&self) -> bool {
        self.basic.is_some()
    }

    /// The scheme of the header, if there is exactly one and it holds what an admin has.
    pub(super) fn accept(&self, headers: &HeaderMap) -> Option<Scheme> {
        let mut sent = headers.get_all(header::AUTHORIZATION).iter();
        let only = sent.next().filter(|_| sent.next().is_none());
        let (scheme, credential) = only?.to_str().ok()?.split_once(' ')?;
        let credential = credential.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            self.accepts_token(credential).then_some(Scheme::Bearer)
        } else if scheme.eq_ignore_ascii_case("basic") {
            self.accepts_basic(credential).then_some(Scheme::Basic)
        } else {
            None
        }
    }

    fn accepts_token(&self, credential: &str) -> bool {
        let matches = |token: &SecretDigest| token.matches(credential.as_bytes()).into();
        self.token.as_ref().is_some_and(matches)
    }

    fn accepts_basic(&self, credential: &str) -> bool {
        let Some((user, password)) = &self.basic else {
            return false;
        };
        let Ok(decoded) = STANDARD.decode(credential).map(Zeroizing::new) else {
            return false;
        };
        // A password may hold colons, a user cannot.
        let Some(colon) = decoded.iter().position(|byte| *byte == b':') else {
            return false;
        };
        // Both are compared, whatever comes of the first: a right user takes no longer.
        let is_same: Choice =
            user.matches(&decoded[..colon]) & password.matches(&decoded[colon + 1..]);
        is_same.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::HeaderValue;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn both() -> Authorization {
        let basic = BasicCredential {
            user: secret("editor"),
            password: secret("s3:cret"),
        };
        Authorization::new(Some(&secret("t0ken")), Some(&basic))
    }

    fn accepts(authorization: &Authorization, sent: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                header::AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        authorization.accept(&headers).is_some()
    }

    fn basic(user_and_password: &str) -> String {
        format!("Basic {}", STANDARD.encode(user_and_password))
    }

    #[test]
    fn only_the_token_itself_opens_and_only_when_sent_once() {
        for sent in ["Bearer t0ken", "bearer t0ken", "BEARER  t0ken"] {
            assert!(accepts(&both(), &[sent]), "{sent}");
        }
        let refused: [&[&str]; 10] = [
            &[],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &["Bearer t0ke"],
            &["Bearer t0kens"],
            &["Bearer ä"],
            &["Basic t0ken"],
            &["t0ken"],
            &["Bearer t0ken", "Bearer t0ken"],
        ];
        for sent in refused {
            assert!(!accepts(&both(), sent), "{sent:?}");
        }
    }

    #[test]
    fn user_and_password_must_both_be_right() {
        assert!(accepts(&both(), &[&basic("editor:s3:cret")]));
        let lower_case = basic("editor:s3:cret").replace("Basic", "basic");
        assert!(accepts(&both(), &[&lower_case]));
        for wrong in [
            "editor:wrong",
            "wrong:s3:cret",
            "editor:",
            ":s3:cret",
            "editor",
            "editor:s3:cret ",
            "",
        ] {
            assert!(!accepts(&both(), &[&basic(wrong)]), "{wrong}");
        }
        let unpadded = basic("editor:s3:cret").replace('=', "");
        for malformed in ["Basic", "Basic !", "Basic editor:s3:cret", &unpadded] {
            assert!(!accepts(&both(), &[malformed]), "{malformed}");
        }
        assert!(!accepts(
            &both(),
            &[&basic("editor:s3:cret"), "Bearer t0ken"]
        ));
    }

    #[test]
    fn what_is_not_configured_opens_nothing() {
        let none = Authorization::new(None, None);
        for sent in [
            "Bearer ",
            "Bearer t0ken",
            &basic(":"),
            &basic("editor:s3:cret"),
        ] {
            assert!(!accepts(&none, &[sent]), "{sent}");
        }
        let token = Authorization::new(Some(&secret("t0ken")), None);
        assert!(!accepts(&token, &[&basic("editor:s3:cret")]));
    }

    #[test]
    fn nothing_secret_shows_in_debug_output() {
        let shown = format!("{:?}", both());
        assert!(
            !shown.contains("t0ken") && !shown.contains("cret:"),
            "{shown}"
        );
    }
}
