//! Idempotency keys: a caller who repeats a request under its key gets the first answer again.

use std::{collections::BTreeMap, time::SystemTime};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    content_hash::hex,
    content_hashes::ContentHashes,
    image::ImageName,
    job::{JobId, JobOrder},
    publication::{PublicationRequest, Target},
    tenant::TenantName,
};

/// A caller's key for a request: 1 to 255 visible ASCII characters, such as a UUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX_LEN: usize = 255;

    /// Checks a key.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn new(key: &str) -> Result<Self, InvalidKey> {
        let is_valid = (1..=Self::MAX_LEN).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_valid.then(|| Self(key.to_owned())).ok_or(InvalidKey)
    }
}

/// The text is not a valid key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must have 1 to 255 visible ASCII characters")]
pub struct InvalidKey;

/// A digest of the options of a request, which differs between different requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a request to publish, the same however its body is written.
    #[must_use]
    pub fn of(target: &Target, request: &PublicationRequest) -> Self {
        let PublicationRequest {
            platforms,
            caption,
            captions,
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
        let mut all = vec![
            json!(target),
            json!(platforms),
            json!(caption),
            json!(dry_run),
            json!(allow_empty_caption),
            json!(force),
        ];
        // A request without them has the fingerprint that versions before `captions` gave it.
        if let Some(captions) = captions {
            let captions = captions
                .iter()
                .map(|(platform, text)| (platform.as_str(), text));
            all.push(json!(captions.collect::<BTreeMap<_, _>>()));
        }
        Self(digest(&Value::from(all).to_string()))
    }

    /// The fingerprint of a request for a job: another than that of the same publication while the caller waits.
    #[must_use]
    pub fn of_job(order: &JobOrder, publish_at: Option<SystemTime>) -> Self {
        let JobOrder {
            image,
            platforms,
            caption,
            captions,
            force,
            allow_empty_caption,
            needs_approval,
        } = order.clone();
        let request = PublicationRequest {
            platforms,
            caption,
            captions,
            dry_run: false,
            allow_empty_caption,
            force,
        };
        let publication = Self::of(&image.map_or(Target::Next, Target::Image), &request);
        let time = publish_at.map(|time| {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.map(|since| since.as_millis().to_string()).ok()
        });
        let all = json!(["job", publication.as_str(), time, needs_approval]);
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
    /// A new request.
    #[must_use]
    pub fn new(tenant: TenantName, key: &IdempotencyKey, fingerprint: Fingerprint) -> Self {
        Self {
            tenant,
            key_hash: digest(&key.0),
            fingerprint,
            holder: Uuid::new_v4().simple().to_string(),
        }
    }

    /// The tenant. Each tenant has its own keys.
    #[must_use]
    pub fn tenant(&self) -> &TenantName {
        &self.tenant
    }

    /// The hash of the key, which is short and hides the key.
    #[must_use]
    pub fn key_hash(&self) -> &str {
        &self.key_hash
    }

    /// The fingerprint of the request.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The holder of the key: a random id, new for each request.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }
}

/// The state of a key when a request begins under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The key belongs to this request now. No request under it has sent anything.
    First,
    /// The key belongs to this request now. An earlier request ended without an answer (because its process was killed,
    /// for example), and may have sent this image.
    Resumed(ChosenImage),
    /// The key belongs to this request now. An earlier request has added this job, and ended without an answer.
    HasJob(JobId),
    /// Another request under the key is running.
    Running,
    /// The key belongs to a different request.
    Mismatch,
    /// The recorded answer.
    Answered(String),
}

/// The image of a request, recorded before the first platform is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenImage {
    /// Its file name.
    pub name: ImageName,
    /// The hashes of its content.
    pub hashes: ContentHashes,
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
                    captions: Some(BTreeMap::from([(Platform::Email, "x".to_owned())])),
                    ..plain.clone()
                },
            ),
            Fingerprint::of(
                &Target::Next,
                &PublicationRequest {
                    captions: Some(BTreeMap::from([(Platform::Email, "y".to_owned())])),
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
        let mut reversed = Platform::ALL;
        reversed.reverse();
        let reversed = to(&reversed);
        assert_eq!(
            Fingerprint::of(&Target::Next, &reversed),
            Fingerprint::of(&Target::Next, &to(&Platform::ALL))
        );
    }

    #[test]
    fn a_job_has_another_fingerprint_than_its_publication_and_than_one_at_another_time() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        let plain = JobOrder::default();
        let approved = JobOrder {
            needs_approval: true,
            ..JobOrder::default()
        };
        let fingerprints = [
            Fingerprint::of(&Target::Next, &PublicationRequest::default()),
            Fingerprint::of_job(&plain, None),
            Fingerprint::of_job(&plain, at(0)),
            Fingerprint::of_job(&plain, at(1)),
            Fingerprint::of_job(&approved, None),
        ];
        for (index, one) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[index + 1..].contains(one), "{index}");
        }
        assert_eq!(fingerprints[3], Fingerprint::of_job(&plain, at(1)));
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
