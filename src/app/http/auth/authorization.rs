//! The `Authorization` header: a bearer token, or user and password.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use poem::http::{HeaderMap, HeaderValue, header};
use subtle::Choice;
use zeroize::Zeroizing;

use super::{secret_digest::SecretDigest, settings::BasicCredential};
use crate::domain::secret::Secret;

/// The length from which a token or a password of Basic is accepted while too many wrong ones arrive, in characters.
/// A generated secret of that length cannot be guessed at any rate; a shorter one may be, and is throttled like the
/// password of a login.
pub const STRONG_SECRET: usize = 16;

/// The credentials that the header is compared with.
#[derive(Debug)]
pub(super) struct Authorization {
    token: Option<Token>,
    basic: Option<Basic>,
}

#[derive(Debug)]
struct Token {
    token: SecretDigest,
    is_strong: bool,
}

#[derive(Debug)]
struct Basic {
    user: SecretDigest,
    password: SecretDigest,
    is_strong: bool,
}

/// The scheme of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app::http) enum Scheme {
    /// A token, which a program has put into the request.
    Bearer,
    /// User and password, which a browser may have sent by itself: it adds them to every request that any page
    /// makes it send.
    Basic,
}

/// The credential in a request's `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presented {
    /// No header, or none of a configured scheme: nothing that could be a guess.
    Nothing,
    /// An admin's credential.
    Right {
        /// Its scheme.
        scheme: Scheme,
        /// It has at least [`STRONG_SECRET`] characters.
        is_strong: bool,
    },
    /// Anything else.
    Wrong,
}

impl Authorization {
    /// Accepts each of these credentials.
    pub(super) fn new(given_token: Option<&Secret>, given_basic: Option<&BasicCredential>) -> Self {
        let token = |token: &Secret| Token {
            token: SecretDigest::of(token),
            is_strong: is_strong(token),
        };
        let basic = |BasicCredential { user, password }: &BasicCredential| Basic {
            user: SecretDigest::of(user),
            password: SecretDigest::of(password),
            is_strong: is_strong(password),
        };
        Self {
            token: given_token.map(token),
            basic: given_basic.map(basic),
        }
    }

    /// Whether a bearer token is configured.
    pub(super) fn takes_bearer(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a user and a password are configured.
    pub(super) fn takes_basic(&self) -> bool {
        self.basic.is_some()
    }

    /// Checks the header. A right one must be the only one.
    pub(super) fn check(&self, headers: &HeaderMap) -> Presented {
        let sent = || headers.get_all(header::AUTHORIZATION).iter();
        let is_configured = |(scheme, _): &(Scheme, &[u8])| match scheme {
            Scheme::Bearer => self.takes_bearer(),
            Scheme::Basic => self.takes_basic(),
        };
        let Some((scheme, credential)) = sent().filter_map(read).find(is_configured) else {
            return Presented::Nothing;
        };
        let found = match scheme {
            _ if sent().count() > 1 => None,
            Scheme::Bearer => self.check_token(credential),
            Scheme::Basic => self.check_basic(credential),
        };
        match found {
            Some(is_strong) => Presented::Right { scheme, is_strong },
            None => Presented::Wrong,
        }
    }

    /// `None` if it is wrong, else whether it is strong.
    fn check_token(&self, credential: &[u8]) -> Option<bool> {
        let Token { token, is_strong } = self.token.as_ref()?;
        bool::from(token.matches(credential)).then_some(*is_strong)
    }

    /// `None` if it is wrong, else whether it is strong.
    fn check_basic(&self, credential: &[u8]) -> Option<bool> {
        let Basic {
            user,
            password,
            is_strong,
        } = self.basic.as_ref()?;
        let decoded = Zeroizing::new(STANDARD.decode(credential).ok()?);
        // A password may hold colons, a user cannot.
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        // Both are compared in any case, so that a right user takes no longer than a wrong one.
        let is_same: Choice =
            user.matches(&decoded[..colon]) & password.matches(&decoded[colon + 1..]);
        bool::from(is_same).then_some(*is_strong)
    }
}

fn is_strong(secret: &Secret) -> bool {
    secret.expose().chars().count() >= STRONG_SECRET
}

/// The scheme of a header and its credential; `None` for other schemes.
fn read(value: &HeaderValue) -> Option<(Scheme, &[u8])> {
    let value = value.as_bytes();
    let end = value.iter().position(|byte| *byte == b' ');
    let (scheme, credential) = value.split_at(end.unwrap_or(value.len()));
    let scheme = if scheme.eq_ignore_ascii_case(b"bearer") {
        Scheme::Bearer
    } else if scheme.eq_ignore_ascii_case(b"basic") {
        Scheme::Basic
    } else {
        return None;
    };
    Some((scheme, credential.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        matches!(presented(authorization, sent), Presented::Right { .. })
    }

    fn presented(authorization: &Authorization, sent: &[&str]) -> Presented {
        let mut headers = HeaderMap::new();
        for value in sent {
            headers.append(
                header::AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        authorization.check(&headers)
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
    fn what_could_be_a_guess_is_wrong_and_all_else_is_nothing() {
        let token = Authorization::new(Some(&secret("t0ken")), None);
        let login = Authorization::new(None, None);
        for (sent, of_both, of_token, of_login) in [
            (&[][..], false, false, false),
            (&["Bearer wrong"], true, true, false),
            (&["Bearer"], true, true, false),
            (&["bEARER \u{e4}"], true, true, false),
            (&["Bearer t0ken", "Digest x"], true, true, false),
            (&["Digest x", "Bearer wrong"], true, true, false),
            (&["Basic !"], true, false, false),
            (&["basic"], true, false, false),
            (&["Digest x"], false, false, false),
            (&["", "t0ken"], false, false, false),
            (&["Bearert0ken"], false, false, false),
        ] {
            for (authorization, is_wrong) in
                [(&both(), of_both), (&token, of_token), (&login, of_login)]
            {
                let expected = if is_wrong {
                    Presented::Wrong
                } else {
                    Presented::Nothing
                };
                assert_eq!(presented(authorization, sent), expected, "{sent:?}");
            }
        }
    }

    #[test]
    fn a_secret_of_sixteen_characters_is_strong_and_the_user_does_not_count() {
        for (length, expected) in [(1, false), (15, false), (16, true), (40, true)] {
            let text = "\u{e9}".repeat(length);
            let credential = BasicCredential {
                user: secret("a user with a rather long name"),
                password: secret(&text),
            };
            let token = "t".repeat(length);
            let checks = Authorization::new(Some(&secret(&token)), Some(&credential));
            for sent in [
                format!("Bearer {token}"),
                basic(&format!("a user with a rather long name:{text}")),
            ] {
                let Presented::Right { is_strong, .. } = presented(&checks, &[&sent]) else {
                    panic!("{length} characters are not taken");
                };
                assert_eq!(is_strong, expected, "{length}");
            }
        }
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
