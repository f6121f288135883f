//! What a login with an account is checked against when the person comes back, kept by the person's browser. Sealed, so that
//! nobody reads or changes it, and bound to the host: replicas share nothing but the secret of sessions.

use std::time::{Duration, SystemTime};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::return_to::ReturnTo;
use crate::{
    domain::{host::Host, secret::Secret},
    ports::LoginChecks,
};

/// The longest that a login may take.
pub(super) const LIFE: Duration = Duration::from_mins(10);
/// What the key is derived for: nothing else that this service makes is a login.
const PURPOSE: &[u8] = b"publisher login state 1";

/// A login under way.
pub(super) struct LoginState {
    /// What the answer is checked against.
    pub(super) checks: LoginChecks,
    /// Where the person goes afterwards.
    pub(super) return_to: ReturnTo,
}

/// Seals logins, and opens them.
pub(super) struct LoginStates(RandomizedNonceKey);

#[derive(Serialize, Deserialize)]
struct Content {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    /// In seconds since 1970.
    ends: u64,
}

impl LoginStates {
    /// With a key that is derived from the secret of sessions.
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length, and makes one of the length that AES takes"
    )]
    pub(super) fn new(secret: &Secret) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
        let mac = mac
            .expect("HMAC takes keys of any length")
            .chain_update(PURPOSE);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &mac.finalize().into_bytes());
        Self(key.expect("it has 32 bytes"))
    }

    /// The value of the cookie for a login to a host that begins now; `None` where it cannot be sealed.
    pub(super) fn seal(&self, login: &LoginState, host: &Host, now: SystemTime) -> Option<String> {
        let LoginChecks {
            state,
            nonce,
            verifier,
        } = &login.checks;
        let content = Content {
            state: state.expose().to_owned(),
            nonce: nonce.expose().to_owned(),
            verifier: verifier.expose().to_owned(),
            return_to: login.return_to.as_str().to_owned(),
            ends: seconds(now + LIFE),
        };
        let mut sealed = serde_json::to_vec(&content).ok()?;
        let aad = Aad::from(host.as_str());
        let nonce = self.0.seal_in_place_append_tag(aad, &mut sealed).ok()?;
        let whole = [nonce.as_ref().as_slice(), &sealed].concat();
        Some(URL_SAFE_NO_PAD.encode(whole))
    }

    /// The login that a cookie holds, if it was sealed for this host, and the time for it is not over.
    pub(super) fn open(&self, cookie: &str, host: &Host, now: SystemTime) -> Option<LoginState> {
        let mut whole = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (nonce, sealed) = whole.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let aad = Aad::from(host.as_str());
        let content = self.0.open_in_place(nonce, aad, sealed).ok()?;
        let content: Content = serde_json::from_slice(content).ok()?;
        (seconds(now) < content.ends).then(|| LoginState {
            checks: LoginChecks {
                state: Secret::new(content.state),
                nonce: Secret::new(content.nonce),
                verifier: Secret::new(content.verifier),
            },
            return_to: ReturnTo::of(&content.return_to),
        })
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    fn host(name: &str) -> Host {
        Host::normalize_any(name).unwrap()
    }

    fn sealed(return_to: &str) -> String {
        let login = LoginState {
            checks: LoginChecks {
                state: secret("the state"),
                nonce: secret("the nonce"),
                verifier: secret("the verifier"),
            },
            return_to: ReturnTo::of(return_to),
        };
        let states = LoginStates::new(&secret("s3cret"));
        states
            .seal(&login, &host("alice.example.org"), now())
            .unwrap()
    }

    fn opened(cookie: &str, key: &str, host_name: &str, after: Duration) -> Option<LoginState> {
        let states = LoginStates::new(&secret(key));
        states.open(cookie, &host(host_name), now() + after)
    }

    #[test]
    fn a_login_comes_back_as_it_was_within_ten_minutes() {
        let cookie = sealed("/#/image/a.jpg");
        let open = |after| opened(&cookie, "s3cret", "alice.example.org", after);
        let login = open(Duration::ZERO).unwrap();
        assert_eq!(login.checks.state.expose(), "the state");
        assert_eq!(login.checks.nonce.expose(), "the nonce");
        assert_eq!(login.checks.verifier.expose(), "the verifier");
        assert_eq!(login.return_to.as_str(), "/#/image/a.jpg");
        assert!(open(Duration::from_secs(599)).is_some());
        assert!(open(LIFE).is_none());
    }

    #[test]
    fn another_host_or_secret_cannot_open_it_and_it_shows_nothing() {
        let cookie = sealed("/");
        let none = Duration::ZERO;
        assert!(opened(&cookie, "s3cret", "bob.example.org", none).is_none());
        assert!(opened(&cookie, "another", "alice.example.org", none).is_none());
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("verifier") && !text.contains("state"));
        assert_ne!(cookie, sealed("/"), "the nonce is another");
    }

    #[test]
    fn the_longest_one_fits_into_a_cookie() {
        let path = format!("/{}", "\u{1}\"".repeat(4_000));
        assert!(sealed(&path).len() < 3_800);
        let path = format!("/{}", "a".repeat(ReturnTo::MAX_BYTES - 1));
        let cookie = sealed(&path);
        assert!(cookie.len() < 3_800, "{}", cookie.len());
        let opened = opened(&cookie, "s3cret", "alice.example.org", Duration::ZERO);
        assert_eq!(opened.unwrap().return_to.as_str(), path);
    }

    proptest! {
        #[test]
        fn no_other_text_is_one(text: String, position in any::<prop::sample::Index>(), letter in "[A-Za-z0-9_-]") {
            let open = |it: &str| opened(it, "s3cret", "alice.example.org", Duration::ZERO).is_some();
            prop_assert!(!open(&text));
            let cookie = sealed("/");
            let at = position.index(cookie.len());
            let mut mutated = cookie.clone();
            mutated.replace_range(at..=at, &letter);
            prop_assert_eq!(open(&mutated), mutated == cookie);
        }
    }
}
