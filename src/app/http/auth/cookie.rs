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
    /// not hide the right one. Where cookies are secure, those of the plain name come last, for the kinds that were set before
    /// there was a prefix. Version 0.3 is to read them no more.
    pub(super) fn sent(self, headers: &HeaderMap, is_secure: bool) -> impl Iterator<Item = String> {
        let is_old = matches!(self, Self::Session | Self::Device);
        let plain = (is_old || !is_secure).then(|| values(headers, self.name(false)));
        let plain = plain.into_iter().flatten();
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
mod tests;
