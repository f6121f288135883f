//! Sessions: the cookies that stand for a login that has succeeded.

use std::time::{Duration, SystemTime};

use poem::http::HeaderMap;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    cookie::{CookieKind, CookieSigner, Signed},
    settings::SessionSettings,
};
use crate::domain::{
    email_address::EmailAddress,
    host::Host,
    identity::{Member, Subject},
    secret::Secret,
};

/// The life of a device cookie: the longest that browsers keep a cookie.
const DEVICE_TTL: Duration = Duration::from_hours(400 * 24);

/// A session of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app::http) struct Session {
    /// Whose turns it counts for: of a person, those of all its sessions.
    pub(super) counted_as: Uuid,
    /// When it ends.
    pub(super) ends: SystemTime,
    /// The person, where the login was by an account; `None` where it was by the password.
    pub(super) person: Option<Member>,
}

/// Opens sessions, and finds those of requests.
pub(super) struct Sessions {
    /// Signs those of people, and others without a password.
    signer: CookieSigner,
    /// Signs those of the password, where there is one.
    by_password: Option<CookieSigner>,
    ttl: Duration,
    secure_cookies: bool,
}

/// What the cookie of a person's session is signed with.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    sub: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    email: std::borrow::Cow<'a, str>,
}

impl Sessions {
    /// Sessions that are signed with `secret`; those of `password`, where there is one, with it as well.
    pub(super) fn new(
        settings: &SessionSettings,
        secret: &Secret,
        password: Option<&Secret>,
    ) -> Self {
        let signer = CookieSigner::new(secret, settings.epoch.as_ref());
        Self {
            by_password: password.map(|password| signer.bound_to(password)),
            signer,
            ttl: settings.ttl,
            secure_cookies: settings.secure_cookies,
        }
    }

    /// The `Set-Cookie` headers of a login with the password: the session, and the device.
    pub(super) fn open(&self, host: &Host, now: SystemTime) -> Option<[String; 2]> {
        let signer = self.by_password.as_ref()?;
        let cookie = |kind: CookieKind, life| {
            let value = signer.sign(kind, host, now + life);
            kind.set(&value, life, self.secure_cookies)
        };
        Some([
            cookie(CookieKind::Session, self.ttl),
            cookie(CookieKind::Device, DEVICE_TTL),
        ])
    }

    /// The `Set-Cookie` header of a person's login.
    pub(super) fn open_for(&self, person: &Member, host: &Host, now: SystemTime) -> String {
        let claims = Claims {
            sub: person.subject.expose().into(),
            email: person.email.expose().into(),
        };
        // Two texts can always be written.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        let kind = CookieKind::PersonsSession;
        let value = self
            .signer
            .sign_with(kind, host, now + self.ttl, Some(&claims));
        kind.set(&value, self.ttl, self.secure_cookies)
    }

    /// The session of a request to a host, if `still_admits` the person of it.
    pub(super) fn find(
        &self,
        headers: &HeaderMap,
        host: &Host,
        now: SystemTime,
        still_admits: impl Fn(&EmailAddress) -> bool,
    ) -> Option<Session> {
        let of_password = |cookie: &str| {
            let signer = self.by_password.as_ref()?;
            let Signed { id, ends, claims } =
                signer.verify(CookieKind::Session, host, cookie, now)?;
            claims.is_none().then_some(Session {
                counted_as: id,
                ends,
                person: None,
            })
        };
        let of_person = |cookie: &str| {
            let kind = CookieKind::PersonsSession;
            let Signed { ends, claims, .. } = self.signer.verify(kind, host, cookie, now)?;
            let person = person_of(&claims?)?;
            still_admits(&person.email).then(|| Session {
                counted_as: self.signer.pseudonym(person.subject.expose()),
                ends,
                person: Some(person),
            })
        };
        let mut persons = CookieKind::PersonsSession.sent(headers, self.secure_cookies);
        let mut others = CookieKind::Session.sent(headers, self.secure_cookies);
        let person = persons.find_map(|cookie| of_person(&cookie));
        person.or_else(|| others.find_map(|cookie| of_password(&cookie)))
    }

    /// The id of a browser that has been logged in before, if the request has its cookie.
    pub(super) fn device(&self, headers: &HeaderMap, host: &Host, now: SystemTime) -> Option<Uuid> {
        let signer = self.by_password.as_ref()?;
        let mut sent = CookieKind::Device.sent(headers, self.secure_cookies);
        let device = sent.find_map(|it| signer.verify(CookieKind::Device, host, &it, now));
        device.map(|it| it.id)
    }

    /// Whether browsers send the cookies over TLS only.
    pub(super) fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    /// The challenge of a 401 for browsers: only the session. With `Basic` beside it, they would ask for another password in a
    /// window of their own.
    pub(super) fn challenge(&self) -> &'static str {
        if self.secure_cookies {
            "Cookie cookie-name=\"__Host-pv2_admin\""
        } else {
            "Cookie cookie-name=\"pv2_admin\""
        }
    }
}

fn person_of(claims: &[u8]) -> Option<Member> {
    let claims: Claims<'_> = serde_json::from_slice(claims).ok()?;
    Some(Member {
        subject: Subject::new(claims.sub.into_owned())?,
        email: EmailAddress::parse(&claims.email)?,
    })
}

/// A secret of 244 random bits.
pub(super) fn random_secret() -> Secret {
    Secret::new(format!("{}{}", Uuid::new_v4(), Uuid::new_v4()))
}

#[cfg(test)]
mod tests {
    use poem::http::{HeaderValue, header};

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn sessions(password: Option<&str>) -> Sessions {
        let password = password.map(secret);
        Sessions::new(
            &SessionSettings::default(),
            &secret("s3cret"),
            password.as_ref(),
        )
    }

    fn host() -> Host {
        Host::normalize_any("alice.example.org").unwrap()
    }

    fn jane() -> Member {
        Member {
            subject: Subject::new("auth0|\"jane\"".to_owned()).unwrap(),
            email: EmailAddress::parse("jane@example.org").unwrap(),
        }
    }

    /// The headers with which a browser sends cookies back.
    fn headers(set: &[&str]) -> HeaderMap {
        let pairs = set.iter().map(|it| it.split(';').next().unwrap());
        let pairs: Vec<_> = pairs.collect();
        let value = HeaderValue::from_str(&pairs.join("; ")).unwrap();
        HeaderMap::from_iter([(header::COOKIE, value)])
    }

    fn find(sessions: &Sessions, set: &[&str], admits: bool) -> Option<Session> {
        sessions.find(&headers(set), &host(), NOW, |_| admits)
    }

    #[test]
    fn a_persons_session_says_who_it_is_as_long_as_the_person_is_let_in() {
        let sessions = sessions(Some("password"));
        let cookie = sessions.open_for(&jane(), &host(), NOW);
        let session = find(&sessions, &[&cookie], true).unwrap();
        assert_eq!(session.person, Some(jane()));
        assert_eq!(session.ends, NOW + SessionSettings::default().ttl);
        assert_eq!(find(&sessions, &[&cookie], false), None);
        let again = sessions.open_for(&jane(), &host(), NOW);
        assert_ne!(cookie, again);
        let again = find(&sessions, &[&again], true).unwrap();
        assert_eq!(session.counted_as, again.counted_as, "of one person");
    }

    #[test]
    fn the_session_of_another_kind_counts_where_that_of_a_person_does_not() {
        let sessions = sessions(Some("password"));
        let person = sessions.open_for(&jane(), &host(), NOW);
        let [password, device] = sessions.open(&host(), NOW).unwrap();
        let found = find(&sessions, &[&person, &device, &password], false).unwrap();
        assert_eq!(found.person, None);
        assert!(
            sessions
                .device(&headers(&[&device]), &host(), NOW)
                .is_some()
        );
    }

    #[test]
    fn without_a_password_there_is_no_session_of_one() {
        let with = sessions(Some("password"));
        let [cookie, device] = with.open(&host(), NOW).unwrap();
        let without = sessions(None);
        assert_eq!(without.open(&host(), NOW), None);
        assert_eq!(find(&without, &[&cookie], true), None);
        assert_eq!(without.device(&headers(&[&device]), &host(), NOW), None);
        let cookie = with.open_for(&jane(), &host(), NOW);
        assert!(
            find(&without, &[&cookie], true).is_some(),
            "it was by no password"
        );
    }

    #[test]
    fn the_longest_person_fits_into_a_cookie_that_browsers_keep() {
        let long = Member {
            subject: Subject::new("\"".repeat(255)).unwrap(),
            email: EmailAddress::parse(&format!("{}@{}", "a".repeat(64), "b".repeat(253))).unwrap(),
        };
        let cookie = sessions(None).open_for(&long, &host(), NOW);
        assert!(cookie.len() < 4096, "{}", cookie.len());
        assert!(find(&sessions(None), &[&cookie], true).is_some());
    }
}
