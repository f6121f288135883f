//! Requests that may be sent again: a caller gives each a key, and gets the first answer again
//! when the answer was lost on the way.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    image::{ContentHash, ImageName, hex},
    publication::{PublicationRequest, Target},
    tenant::TenantName,
};

/// What a caller calls a request: 1 to 255 visible ASCII characters, such as a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX_LEN: usize = 255;

    /// Checks a key.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn new(key: &str) -> Result<Self, InvalidKey> {
        let sound = !key.is_empty()
            && key.len() <= Self::MAX_LEN
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        if sound {
            Ok(Self(key.to_owned()))
        } else {
            Err(InvalidKey)
        }
    }
}

/// A key that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 visible ASCII characters")]
pub struct InvalidKey;

/// What a request asks for, cut down to what tells two requests apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a request to publish, the same however its body is written.
    #[must_use]
    pub fn of(target: &Target, request: &PublicationRequest) -> Self {
        let PublicationRequest {
            platforms,
            caption,
            dry_run,
            allow_empty_caption,
            force,
        } = request;
        let target = match target {
            Target::Image(name) => Some(name.as_str()),
            Target::Next => None,
        };
        let platforms = platforms.as_ref().map(|platforms| {
            let mut names: Vec<&str> = platforms.iter().map(|it| it.as_str()).collect();
            names.sort_unstable();
            names
        });
        let all = serde_json::json!([
            target,
            platforms,
            caption,
            dry_run,
            allow_empty_caption,
            force
        ]);
        Self(digest(&all.to_string()))
    }

    /// The fingerprint, as 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A request under its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    tenant: TenantName,
    key_hash: String,
    fingerprint: Fingerprint,
    holder: String,
}

impl KeyedRequest {
    /// A request that has just come in.
    #[must_use]
    pub fn new(tenant: TenantName, key: &IdempotencyKey, fingerprint: Fingerprint) -> Self {
        Self {
            tenant,
            key_hash: digest(&key.0),
            fingerprint,
            holder: Uuid::new_v4().simple().to_string(),
        }
    }

    /// Whose it is. Tenants have keys of their own.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The key's hash: what a caller writes into a key is nobody's business, and may be long.
    #[must_use]
    pub fn key_hash(&self) -> &str {
        &self.key_hash
    }

    /// What it asks for.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Who carries it out: another one for each time that it comes in.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// What has become of a key when a request comes in with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is this request's now, and none under it has sent anything.
    First,
    /// It is this request's now. An earlier one ended without an answer (its process was killed,
    /// say) and may have sent this image.
    Resumed(ChosenImage),
    /// A request under it is being carried out.
    Running,
    /// It belongs to a request that asks for something else.
    Mismatch,
    /// It has been answered with this.
    Answered(String),
}

/// The image that a request is about, noted before the first platform is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenImage {
    /// Its file name.
    pub name: ImageName,
    /// The hash of its content.
    pub content_hash: ContentHash,
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::platform::Platform;

    #[test]
    fn a_key_is_short_and_visible() {
        for key in ["a", "8e03978e-40d5-43dd-bc93-6894a57f9324", "\"quoted\""] {
            assert!(IdempotencyKey::new(key).is_ok(), "{key}");
        }
        for key in ["", "a b", "ä", "a\n", &"a".repeat(256)] {
            assert_eq!(IdempotencyKey::new(key), Err(InvalidKey), "{key:?}");
        }
    }

    #[test]
    fn requests_differ_by_whatever_they_ask_for_and_by_nothing_else() {
        let image = |name: &str| Target::Image(ImageName::new(name).unwrap());
        let plain = PublicationRequest::default();
        let to = |platforms: &[Platform]| PublicationRequest {
            platforms: Some(platforms.to_vec()),
            ..PublicationRequest::default()
        };
        let fingerprints = [
            Fingerprint::of(&image("a.jpg"), &plain),
            Fingerprint::of(&image("b.jpg"), &plain),
            Fingerprint::of(&Target::Next, &plain),
            Fingerprint::of(&Target::Next, &to(&[Platform::Email])),
            Fingerprint::of(&Target::Next, &to(&Platform::ALL)),
            Fingerprint::of(
                &Target::Next,
                &PublicationRequest {
                    caption: Some("x".to_owned()),
                    ..plain.clone()
                },
            ),
            Fingerprint::of(
                &Target::Next,
                &PublicationRequest {
                    force: true,
                    ..plain.clone()
                },
            ),
        ];
        for (index, one) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[index + 1..].contains(one), "{index}");
        }
        let reversed = to(&[Platform::Email, Platform::Telegram]);
        assert_eq!(
            Fingerprint::of(&Target::Next, &reversed),
            Fingerprint::of(&Target::Next, &to(&Platform::ALL))
        );
    }

    #[test]
    fn what_stands_in_a_key_is_not_kept() {
        let request = KeyedRequest::new(
            TenantName::new("alice").unwrap(),
            &IdempotencyKey::new("s3cret").unwrap(),
            Fingerprint::of(&Target::Next, &PublicationRequest::default()),
        );
        assert_eq!(request.key_hash().len(), 64);
        assert!(!format!("{request:?}").contains("s3cret"));
    }
}
