//! Links to a route of this service that give one image to all who have them, for an hour at most. They are signed for
//! the host, the tenant, its root folder and the name, so that nothing has to be kept.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

use super::{error::ApiError, request_facts::CallerOrigin};
use crate::{
    app::tenancy::{
        images::{ImageLink, ShownImage},
        tenant::Tenant,
    },
    domain::{host::Host, image::ImageName, secret::Secret},
    ports::Clock,
};

/// The longest life of a link.
const LIFE: Duration = Duration::from_hours(1);
/// Links of the same image are the same for so long, so that browsers can keep the image.
const STEP: Duration = Duration::from_mins(10);
/// What the key is derived for: no cookie is a link, and no link a cookie.
const PURPOSE: &[u8] = b"publisher media link 1";

/// What a link is for.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    host: &'a Host,
    tenant: &'a str,
    root: &'a str,
    name: &'a ImageName,
}

impl<'a> Subject<'a> {
    /// An image of a tenant under a host.
    pub(super) fn of(tenant: &'a Tenant, host: &'a Host, name: &'a ImageName) -> Self {
        Self {
            host,
            tenant: tenant.name().as_str(),
            root: tenant.settings().storage.paths.root.as_str(),
            name,
        }
    }
}

/// Signs links, and verifies them.
pub(super) struct MediaLinks {
    key: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
}

impl MediaLinks {
    /// With a key that is derived from the secret of sessions; without one, with a random key that ends with the process.
    pub(super) fn new(secret: Option<&Secret>, clock: Arc<dyn Clock>) -> Self {
        let derived = secret.map(|secret| {
            let mac = keyed_with(secret.expose().as_bytes()).chain_update(PURPOSE);
            keyed_with(&mac.finalize().into_bytes())
        });
        let random = || {
            keyed_with(
                [Uuid::new_v4(), Uuid::new_v4()]
                    .map(Uuid::into_bytes)
                    .as_flattened(),
            )
        };
        Self {
            key: derived.unwrap_or_else(random),
            clock,
        }
    }

    /// The URL of an image: storage's, or one that is signed for the host of the request.
    pub(super) fn url_of(
        &self,
        image: &ShownImage,
        tenant: &Tenant,
        origin: &CallerOrigin,
    ) -> Result<String, ApiError> {
        if let ImageLink::OfStorage(link) = &image.link {
            return Ok(link.expose().to_owned());
        }
        let name = &image.stored.name;
        let token = self.token(Subject::of(tenant, &origin.host, name));
        let mut url = origin.url.clone();
        url.path_segments_mut()
            .map_err(|()| ApiError::internal())?
            .clear()
            .extend(["media", &token, name.as_str()]);
        Ok(url.into())
    }

    /// The signature of a new link, with its expiry.
    fn token(&self, subject: Subject<'_>) -> String {
        let now = self.since_epoch().as_secs();
        let expires = now - now % STEP.as_secs() + LIFE.as_secs();
        let expires = expires.to_string();
        let signature = self.mac(subject, &expires).finalize().into_bytes();
        format!("{expires}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// How long a link is still valid; `None` if it is not.
    pub(super) fn rest_of(&self, token: &str, subject: Subject<'_>) -> Option<Duration> {
        let (expires, signature) = token.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let mac = self.mac(subject, expires);
        mac.verify_slice(&signature).ok()?;
        // The signature covers the text, so this service has written it.
        let expires = Duration::from_secs(expires.parse().ok()?);
        let rest = expires.checked_sub(self.since_epoch())?;
        (!rest.is_zero()).then_some(rest)
    }

    fn since_epoch(&self) -> Duration {
        let now = self.clock.utc().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default()
    }

    /// None of the parts holds the separator, so no two links sign the same bytes.
    fn mac(&self, subject: Subject<'_>, expires: &str) -> Hmac<Sha256> {
        let Subject {
            host,
            tenant,
            root,
            name,
        } = subject;
        let parts = [host.as_str(), tenant, root, name.as_str(), expires];
        let mut mac = self.key.clone();
        for part in parts {
            mac.update(part.as_bytes());
            mac.update(b"\0");
        }
        mac
    }
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn keyed_with(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl fmt::Debug for MediaLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaLinks(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MockClock;

    const NOW: u64 = 1_780_000_123;

    fn links_at(secret: Option<&str>, now: u64) -> MediaLinks {
        let mut clock = MockClock::new();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        clock.expect_utc().return_const(now);
        let secret = secret.map(|secret| Secret::new(secret.to_owned()));
        MediaLinks::new(secret.as_ref(), Arc::new(clock))
    }

    fn links(now: u64) -> MediaLinks {
        links_at(Some("secret"), now)
    }

    #[test]
    fn a_link_is_valid_for_an_hour_at_most_and_the_same_for_ten_minutes() {
        let host = Host::normalize_any("alice.example.org").unwrap();
        let name = ImageName::new("a.jpg").unwrap();
        let subject = Subject {
            host: &host,
            tenant: "alice",
            root: "/a",
            name: &name,
        };
        let token = links(NOW).token(subject);
        let begun = NOW - NOW % 600;
        for (at, rest) in [
            (begun, Some(3_600)),
            (NOW, Some(3_600 - NOW % 600)),
            (begun + 3_599, Some(1)),
            (begun + 3_600, None),
            (begun + 99_999, None),
        ] {
            let expected = rest.map(Duration::from_secs);
            assert_eq!(links(at).rest_of(&token, subject), expected, "{at}");
        }
        assert_eq!(links(begun + 599).token(subject), token);
        assert_ne!(links(begun + 600).token(subject), token);
    }

    #[test]
    fn another_host_tenant_folder_name_or_key_makes_a_link_worthless() {
        let hosts = ["alice.example.org", "bob.example.org"];
        let hosts = hosts.map(|host| Host::normalize_any(host).unwrap());
        let names = ["a.jpg", "b.jpg"].map(|name| ImageName::new(name).unwrap());
        let subject = Subject {
            host: &hosts[0],
            tenant: "alice",
            root: "/a",
            name: &names[0],
        };
        let token = links(NOW).token(subject);
        for other in [
            Subject {
                host: &hosts[1],
                ..subject
            },
            Subject {
                tenant: "bob",
                ..subject
            },
            Subject {
                root: "/b",
                ..subject
            },
            Subject {
                name: &names[1],
                ..subject
            },
        ] {
            assert_eq!(links(NOW).rest_of(&token, other), None);
        }
        for other in [Some("another"), None] {
            let other = links_at(other, NOW);
            assert_eq!(other.rest_of(&token, subject), None);
        }
        let random = links_at(None, NOW);
        let token = random.token(subject);
        assert!(random.rest_of(&token, subject).is_some());
        for (position, bit) in (0..token.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
            let mut bytes = token.clone().into_bytes();
            bytes[position] ^= 1 << bit;
            let forged = String::from_utf8(bytes).unwrap();
            assert_eq!(random.rest_of(&forged, subject), None, "{forged}");
        }
        for junk in [
            "",
            ".",
            "1.",
            ".x",
            &token[..token.len() - 1],
            &token.replace('.', ""),
        ] {
            assert_eq!(random.rest_of(junk, subject), None, "{junk}");
        }
    }
}
