//! Signed cookies, which only this service can have made, for this host, and which expire; those of the admin password for
//! this one. The service keeps no list of them: each holds all that is needed to check it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cookie::{Cookie, SameSite};
use hmac::{Hmac, KeyInit as _, Mac as _};
use poem::http::{HeaderMap, header};
use sha2::Sha256;
use uuid::Uuid;

use super::secret_digest::SecretDigest;
use crate::domain::{host::Host, secret::Secret};

/// The length of a signature: 32 bytes in Base64 without padding.
const SIGNATURE_LENGTH: usize = 43;

/// The purpose of a cookie. A cookie of one kind is not accepted as one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieKind {
    /// Its bearer is an admin, by the password.
    Session,
    /// Its bearer is an admin, by an account of its own. It has the name of [`Session`](Self::Session).
    PersonsSession,
    /// Its bearer has been an admin before, and has failed logins counted separately.
    Device,
    /// Its bearer has begun to log in with an account. What it holds is sealed, and not only signed.
    Login,
}

/// Signs cookies, and verifies them.
#[derive(Clone)]
pub struct CookieSigner(Hmac<Sha256>);

impl CookieKind {
    /// The name of the cookie; `is_secure` if browsers send it over TLS only. Browsers accept a name that begins
    /// with `__Host-` from the host itself alone, so no page of a sibling host can set such a cookie.
    #[must_use]
    pub const fn name(self, is_secure: bool) -> &'static str {
        match (self, is_secure) {
            (Self::Session | Self::PersonsSession, true) => "__Host-pv2_admin",
            (Self::Session | Self::PersonsSession, false) => "pv2_admin",
            (Self::Device, true) => "__Host-pv2_device",
            (Self::Device, false) => "pv2_device",
            (Self::Login, true) => "__Host-pv2_login",
            (Self::Login, false) => "pv2_login",
        }
    }

    /// All values of this cookie in a request: pages of sibling hosts can add cookies of the plain name, which must
    /// not hide the right one. Where cookies are secure, those of the plain name come last: they were set before
    /// there was a prefix. Version 0.3 is to read them no more.
    pub(super) fn sent(self, headers: &HeaderMap, is_secure: bool) -> impl Iterator<Item = String> {
        let plain = values(headers, self.name(false));
        let prefixed = is_secure.then(|| values(headers, self.name(true)));
        prefixed.into_iter().flatten().chain(plain)
    }

    /// The `Set-Cookie` header for a value.
    pub(super) fn set(self, value: &str, life: Duration, is_secure: bool) -> String {
        self.set_as(self.name(is_secure), value, life, is_secure)
    }

    /// The `Set-Cookie` headers that end a session in the browser, under both names.
    pub(super) fn end_session(is_secure: bool) -> [String; 2] {
        let end = |name, is_secure| Self::Session.set_as(name, "", Duration::ZERO, is_secure);
        let name = |is_secure| Self::Session.name(is_secure);
        // Without `Secure`, browsers ignore a header for a name with the prefix.
        [end(name(is_secure), is_secure), end(name(!is_secure), true)]
    }

    /// The `Set-Cookie` header that takes the cookie away.
    pub(super) fn end(self, is_secure: bool) -> String {
        self.set("", Duration::ZERO, is_secure)
    }

    fn set_as(self, name: &str, value: &str, life: Duration, is_secure: bool) -> String {
        // Only one route reads the device, and one the login; but the prefix requires the path `/`. What a link of the
        // provider leads to has no strict cookies.
        let (path, same_site) = match (self, is_secure) {
            (Self::Session | Self::PersonsSession, _) | (Self::Login, true) => ("/", SameSite::Lax),
            (Self::Login, false) => ("/auth/callback", SameSite::Lax),
            (Self::Device, true) => ("/", SameSite::Strict),
            (Self::Device, false) => ("/api/admin/login", SameSite::Strict),
        };
        Cookie::build((name, value))
            .path(path)
            .max_age(life.try_into().unwrap_or(time::Duration::MAX))
            .http_only(true)
            .same_site(same_site)
            .secure(is_secure)
            .to_string()
    }

    /// The name that is signed, whatever name is set: a session from before the prefix stays valid.
    const fn label(self) -> &'static str {
        match self {
            Self::PersonsSession => "pv2_person",
            Self::Session | Self::Device | Self::Login => self.name(false),
        }
    }
}

/// What a cookie of this service holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signed {
    /// Its id.
    pub(super) id: Uuid,
    /// When it expires.
    pub(super) ends: SystemTime,
    /// What else it was signed with.
    pub(super) claims: Option<Vec<u8>>,
}

/// The values of the cookies of a name. A cookie that is not UTF-8 hides none of the others.
fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = String> + 'a {
    let lines = headers.get_all(header::COOKIE).into_iter();
    let cookies =
        lines.flat_map(|line| Cookie::split_parse(String::from_utf8_lossy(line.as_bytes())));
    let named = cookies
        .flatten()
        .filter(move |cookie| cookie.name() == name);
    named.map(|cookie| cookie.value().to_owned())
}

impl CookieSigner {
    /// A signer with this secret. A new epoch ends all sessions.
    #[must_use]
    pub fn new(secret: &Secret, epoch: Option<&Secret>) -> Self {
        let mut mac = keyed_with(secret);
        if let Some(epoch) = epoch {
            mac.update(SecretDigest::of(epoch).as_bytes());
        }
        Self(mac)
    }

    /// The same for cookies of a password: a new one ends their sessions, too.
    #[must_use]
    pub fn bound_to(&self, password: &Secret) -> Self {
        let digest = SecretDigest::of(password);
        Self(self.0.clone().chain_update(digest.as_bytes()))
    }

    /// A new cookie for a host, valid until `expires`.
    #[must_use]
    pub fn sign(&self, kind: CookieKind, host: &Host, expires: SystemTime) -> String {
        self.sign_with(kind, host, expires, None)
    }

    /// The same, with more that is signed. Whoever has the cookie can read it.
    pub(super) fn sign_with(
        &self,
        kind: CookieKind,
        host: &Host,
        expires: SystemTime,
        claims: Option<&[u8]>,
    ) -> String {
        let expires = expires
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let mut content = format!("{}.{expires}", Uuid::new_v4().simple());
        if let Some(claims) = claims {
            content.push('.');
            URL_SAFE_NO_PAD.encode_string(claims, &mut content);
        }
        let signature = self.mac(kind, host, &content).finalize().into_bytes();
        format!("{content}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What a cookie holds, if it was signed for this host and has not expired.
    pub(super) fn verify(
        &self,
        kind: CookieKind,
        host: &Host,
        cookie: &str,
        now: SystemTime,
    ) -> Option<Signed> {
        let (content, signature) = cookie.rsplit_once('.')?;
        // There may be any number of cookies: one without a signature costs no digest.
        if signature.len() != SIGNATURE_LENGTH {
            return None;
        }
        // Base64 has one encoding here: no other text is the same cookie.
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.mac(kind, host, content)
            .verify_slice(&signature)
            .ok()?;
        // The signature covers the text, so this service has written it.
        let mut parts = content.splitn(3, '.');
        let (id, expires, claims) = (parts.next()?, parts.next()?, parts.next());
        let expires = Duration::from_secs(expires.parse().ok()?);
        let ends = SystemTime::UNIX_EPOCH.checked_add(expires)?;
        let id = Uuid::try_parse(id).ok().filter(|_| now < ends)?;
        let claims = match claims {
            Some(claims) => Some(URL_SAFE_NO_PAD.decode(claims).ok()?),
            None => None,
        };
        Some(Signed { id, ends, claims })
    }

    /// A name for what must not be kept itself, such as a person: the same for the same.
    pub(super) fn pseudonym(&self, text: &str) -> Uuid {
        let mac = self.0.clone().chain_update(b"\0pseudonym\0");
        let digest = mac.chain_update(text).finalize().into_bytes();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Uuid::from_bytes(id)
    }

    /// The signature's state. Neither names nor hosts hold the separator, so no two cookies sign the same bytes.
    fn mac(&self, kind: CookieKind, host: &Host, content: &str) -> Hmac<Sha256> {
        let parts = [kind.label(), host.as_str(), content];
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(b"\0");
            mac.update(part.as_bytes());
        }
        mac
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed_with(secret: &Secret) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length")
}

impl fmt::Debug for CookieSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSigner(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem::http::HeaderValue;
    use proptest::prelude::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const MINUTE: Duration = Duration::from_mins(1);

    fn signer_of(secret: &str, password: &str) -> CookieSigner {
        let [secret, password] = [secret, password].map(|text| Secret::new(text.to_owned()));
        CookieSigner::new(&secret, None).bound_to(&password)
    }

    fn signer() -> CookieSigner {
        signer_of("session-secret", "password")
    }

    fn host(name: &str) -> Host {
        Host::normalize_any(name).unwrap()
    }

    fn cookie() -> String {
        signer().sign(
            CookieKind::Session,
            &host("alice.example.org"),
            NOW + MINUTE,
        )
    }

    fn is_taken(cookie: &str) -> bool {
        let host = host("alice.example.org");
        signer()
            .verify(CookieKind::Session, &host, cookie, NOW)
            .is_some()
    }

    #[test]
    fn a_cookie_is_good_until_it_expires() {
        let (cookie, host) = (cookie(), host("alice.example.org"));
        let at = |time| signer().verify(CookieKind::Session, &host, &cookie, time);
        assert_eq!(at(NOW).unwrap().ends, NOW + MINUTE);
        assert!(at(NOW).is_some());
        assert_eq!(at(NOW), at(NOW + MINUTE - Duration::from_nanos(1)));
        assert_eq!(at(NOW + MINUTE), None);
    }

    #[test]
    fn another_host_kind_secret_or_password_makes_it_worthless() {
        let (cookie, alice) = (cookie(), host("alice.example.org"));
        let check = |signer: CookieSigner, kind, host: &Host| {
            signer.verify(kind, host, &cookie, NOW).is_some()
        };
        assert!(check(signer(), CookieKind::Session, &alice));
        assert!(!check(
            signer(),
            CookieKind::Session,
            &host("bob.example.org")
        ));
        assert!(!check(signer(), CookieKind::Device, &alice));
        let other = signer_of("another-secret", "password");
        assert!(!check(other, CookieKind::Session, &alice));
        let other = signer_of("session-secret", "another");
        assert!(!check(other, CookieKind::Session, &alice));
    }

    #[test]
    fn a_new_epoch_ends_all_sessions_and_none_is_that_of_before() {
        let alice = host("alice.example.org");
        let secret = |text: &str| Secret::new(text.to_owned());
        let of = |epoch: Option<&str>| {
            let epoch = epoch.map(secret);
            let signer = CookieSigner::new(&secret("session-secret"), epoch.as_ref());
            [signer.bound_to(&secret("password")), signer]
        };
        let kinds = [CookieKind::Session, CookieKind::PersonsSession];
        let epochs = [None, Some("1"), Some("2"), Some("password")];
        for signed in epochs {
            for verified in epochs {
                for (index, kind) in kinds.into_iter().enumerate() {
                    let cookie = of(signed)[index].sign(kind, &alice, NOW + MINUTE);
                    for (other, other_kind) in kinds.into_iter().enumerate() {
                        let is_taken = of(verified)[other]
                            .verify(other_kind, &alice, &cookie, NOW)
                            .is_some();
                        assert_eq!(is_taken, signed == verified && index == other);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_signed_with_a_cookie_comes_back() {
        let alice = host("alice.example.org");
        for claims in [None, Some(&b""[..]), Some(b"a.b\0c"), Some(&[0xff; 600])] {
            let cookie =
                signer().sign_with(CookieKind::PersonsSession, &alice, NOW + MINUTE, claims);
            let signed = signer().verify(CookieKind::PersonsSession, &alice, &cookie, NOW);
            assert_eq!(signed.unwrap().claims.as_deref(), claims);
        }
    }

    #[test]
    fn a_pseudonym_is_the_same_for_the_same_with_the_same_secret() {
        assert_eq!(signer().pseudonym("jane"), signer().pseudonym("jane"));
        assert_ne!(signer().pseudonym("jane"), signer().pseudonym("joe"));
        assert_ne!(
            signer().pseudonym("jane"),
            signer_of("other", "password").pseudonym("jane")
        );
    }

    #[test]
    fn every_cookie_is_another() {
        assert_ne!(cookie(), cookie());
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let cookie = cookie();
        for (position, bit) in (0..cookie.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut bytes = cookie.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let forged = String::from_utf8(bytes).unwrap();
            assert!(!is_taken(&forged), "bit {bit} of byte {position}");
        }
    }

    proptest! {
        #[test]
        fn no_mutation_of_a_cookie_is_accepted(
            position in any::<prop::sample::Index>(),
            removed in 0..4_usize,
            put_in in "[ -~]{0,4}",
        ) {
            let cookie = cookie();
            let start = position.index(cookie.len() + 1);
            let end = (start + removed).min(cookie.len());
            let mut mutated = cookie.clone();
            mutated.replace_range(start..end, &put_in);
            prop_assert_eq!(is_taken(&mutated), mutated == cookie);
        }

        #[test]
        fn whatever_else_is_sent_is_no_cookie(sent: String, id: u128, expires: u64) {
            prop_assert!(!is_taken(&sent));
            let signature = URL_SAFE_NO_PAD.encode([0; 32]);
            let forged = format!("{}.{expires}.{signature}", Uuid::from_u128(id).simple());
            prop_assert!(!is_taken(&forged));
        }
    }

    #[test]
    fn cookies_are_found_among_others_in_one_header_or_more() {
        for is_secure in [true, false] {
            let sent = |values| sent(values, is_secure);
            assert_eq!(sent(&["a=b; pv2_admin=1.2; c=d"]), ["1.2"]);
            assert_eq!(
                sent(&["pv2_admin=1", "x; pv2_admin=2;pv2_admin=a=b"]),
                ["1", "2", "a=b"]
            );
            assert_eq!(
                sent(&["pv2_admin2=1; xpv2_admin=2; PV2_ADMIN=3", ""]),
                [""; 0]
            );
            assert_eq!(sent(&["pv2_admin=x;"; 200]).len(), 200);
        }
    }

    #[test]
    fn a_cookie_that_is_no_text_hides_none_of_those_beside_it() {
        for is_secure in [true, false] {
            let found = sent(&["x=\u{e9}; pv2_admin=1; pv2_admin=\u{e9}"], is_secure);
            assert_eq!(found[0], "1");
            let mut headers = HeaderMap::new();
            let bytes = b"pv2_admin=\xff\xfe; pv2_admin=1; x=\xff";
            headers.insert(header::COOKIE, HeaderValue::from_bytes(bytes).unwrap());
            let found: Vec<_> = CookieKind::Session.sent(&headers, is_secure).collect();
            assert_eq!(found, ["\u{fffd}\u{fffd}", "1"]);
        }
    }

    #[test]
    fn where_cookies_are_secure_those_of_the_host_itself_come_before_plain_ones() {
        let cookies = ["pv2_admin=old; __Host-pv2_admin=1", "__Host-pv2_admin=2"];
        assert_eq!(sent(&cookies, true), ["1", "2", "old"]);
        assert_eq!(sent(&cookies, false), ["old"]);
        assert_eq!(sent(&["__host-pv2_admin=1"], true), [""; 0]);
    }

    /// The values of the session that are found in these headers.
    fn sent(values: &[&str], is_secure: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            headers.append(header::COOKIE, value);
        }
        CookieKind::Session.sent(&headers, is_secure).collect()
    }

    #[test]
    fn browsers_are_told_to_keep_it_from_scripts_and_other_sites() {
        let week = Duration::from_hours(7 * 24);
        assert_eq!(
            CookieKind::Session.set("1.2", week, true),
            "__Host-pv2_admin=1.2; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=604800"
        );
        assert_eq!(
            CookieKind::Session.set("1.2", MINUTE, false),
            "pv2_admin=1.2; HttpOnly; SameSite=Lax; Path=/; Max-Age=60"
        );
        assert_eq!(
            CookieKind::Device.set("1.2", MINUTE, true),
            "__Host-pv2_device=1.2; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=60"
        );
        assert_eq!(
            CookieKind::Device.set("1.2", MINUTE, false),
            "pv2_device=1.2; HttpOnly; SameSite=Strict; Path=/api/admin/login; Max-Age=60"
        );
    }

    #[test]
    fn what_browsers_take_under_the_prefix_is_secure_has_the_whole_host_and_no_domain() {
        let week = Duration::from_hours(7 * 24);
        let mut set = Vec::new();
        let kinds = [
            CookieKind::Session,
            CookieKind::PersonsSession,
            CookieKind::Device,
            CookieKind::Login,
        ];
        for kind in kinds {
            for is_secure in [true, false] {
                set.push(kind.set("1.2", week, is_secure));
                set.push(kind.end(is_secure));
                set.extend(CookieKind::end_session(is_secure));
            }
        }
        let prefixed: Vec<_> = set.iter().filter(|it| it.starts_with("__Host-")).collect();
        assert_eq!(prefixed.len(), 16);
        for cookie in prefixed {
            assert!(cookie.contains("; Secure; Path=/; "), "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
    }

    #[test]
    fn both_names_are_taken_away() {
        let prefixed = "__Host-pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        let plain = "pv2_admin=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0";
        let secure_plain = "pv2_admin=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0";
        assert_eq!(CookieKind::end_session(true), [prefixed, secure_plain]);
        assert_eq!(CookieKind::end_session(false), [plain, prefixed]);
    }
}
