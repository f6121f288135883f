//! Webhook: posts image and caption as JSON to a URL of the tenant's, signed. Compiled only with the
//! feature `webhook-platform`, which no shipped build enables: it measures what a platform takes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Client, header::CONTENT_TYPE};
use serde_json::{Value, json};
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

use super::{
    http_client,
    registration::{HTTP_STATUSES, Registration},
    upstream::{
        Answer, AttemptError, Call, Retry, RetryPolicy, cause, failed_before_sending, send,
    },
};
use crate::{
    domain::{
        caption::{CaptionRules, CaptionUnit, HashtagPolicy},
        config_block::FieldProblem,
        credential::provider_credential,
        platform::{ImageLimits, Platform},
        platform_spec::{Entries, PlatformSpec, Target},
        publication::{LookupKey, PostId},
        secret::CredentialsRef,
        tenant_config::TenantSettings,
    },
    ports::{Cause, Clock, OpenPublisher, Post, Posted, PublishError, Publisher},
};

/// Time for one attempt, upload included.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(500),
    max_delay: Duration::from_secs(5),
};
/// Carries the HMAC-SHA-256 of the body, in base64.
const SIGNATURE: &str = "x-signature-256";

/// The webhook, among the platforms.
pub(super) const REGISTRATION: Registration = Registration {
    spec: PlatformSpec::of::<WebhookTarget>(),
    upstream: ("webhook", &["post"]),
    statuses: HTTP_STATUSES,
    set_up: |setup| {
        Ok(Arc::new(WebhookFactory {
            http: http_client::build(ATTEMPT_TIMEOUT, &setup.roots)?,
            clock: Arc::clone(&setup.clock),
        }))
    },
};

provider_credential! {
    /// What posts are signed with.
    struct WebhookCredential of "webhook" {
        /// The key of the signature.
        signing_secret: "WEBHOOK_SIGNING_SECRET",
    }
}

/// A URL, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WebhookTarget {
    credentials_ref: CredentialsRef,
    url: Url,
}

impl Target for WebhookTarget {
    const PLATFORM: Platform = Platform::Webhook;
    const TYPES: &'static [&'static str] = &["webhook"];
    const FIELDS: &'static [&'static str] = &["url"];
    const CAPTION: CaptionRules = CaptionRules {
        limit: 2000,
        unit: CaptionUnit::Char,
        max_bytes: None,
        link_length: None,
        hashtags: HashtagPolicy::Tenant,
        plain_ascii_line: false,
        words: None,
    };
    const IMAGE_LIMITS: Option<ImageLimits> = None;
    type Credential = WebhookCredential;

    fn read(entries: Entries<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Self> {
        entries.first(warnings, |entry, config, _| {
            let reference = entry.required_text("credentials_ref");
            let url = config.required_text("url").and_then(|text| {
                let url = Url::parse(text.trim()).ok();
                let url = url.filter(|url| matches!(url.scheme(), "http" | "https"));
                if url.is_none() {
                    config.reject("url", "must be a URL of http or https");
                }
                url
            });
            Some(Self {
                credentials_ref: CredentialsRef::new(reference?)?,
                url: url?,
            })
        })
    }

    fn credentials_ref(&self) -> &CredentialsRef {
        &self.credentials_ref
    }

    fn config(&self) -> Value {
        json!({ "url": self.url.as_str() })
    }
}

/// Opens webhooks for tenants.
struct WebhookFactory {
    http: Client,
    clock: Arc<dyn Clock>,
}

impl OpenPublisher for WebhookFactory {
    type Target = WebhookTarget;

    fn open(
        &self,
        target: &WebhookTarget,
        credential: WebhookCredential,
        _settings: &TenantSettings,
    ) -> Arc<dyn Publisher> {
        Arc::new(WebhookPublisher {
            http: self.http.clone(),
            clock: Arc::clone(&self.clock),
            url: target.url.clone(),
            credential,
        })
    }
}

/// The webhook of one tenant.
struct WebhookPublisher {
    http: Client,
    clock: Arc<dyn Clock>,
    url: Url,
    credential: WebhookCredential,
}

#[async_trait]
impl Publisher for WebhookPublisher {
    async fn publish<'a>(
        &self,
        post: &Post,
        _key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        let id = Uuid::new_v4().to_string();
        let body = json!({
            "id": id,
            "caption": post.caption,
            "alt_text": post.alt_text,
            "media_type": post.image.format().media_type(),
            "image": STANDARD.encode(post.image.bytes()),
        });
        let body = body.to_string();
        let call = Call {
            clock: &*self.clock,
            upstream: "webhook",
            operation: "post",
        };
        call.run(POLICY, || self.attempt(&body)).await?;
        Ok(PostId::new(id).into())
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        Ok("there is a URL, which is not asked before the first post")
    }

    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

impl WebhookPublisher {
    async fn attempt(&self, body: &str) -> Result<Answer<()>, Failure> {
        let request = self.http.post(self.url.clone());
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, self.signature(body)?)
            .body(body.to_owned());
        let response = send(request)
            .await
            .map_err(|error| Failure::from_sending(&error))?;
        match response.status().as_u16() {
            status @ 200..300 => Ok(Answer { status, value: () }),
            status => Err(Failure::Refused(status)),
        }
    }

    fn signature(&self, body: &str) -> Result<String, Failure> {
        let key = self.credential.signing_secret().expose().as_bytes();
        let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Failure::Unsigned)?;
        Ok(STANDARD.encode(mac.chain_update(body).finalize().into_bytes()))
    }
}

/// Why one attempt failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the post could not be signed")]
    Unsigned,
    #[error("not reached")]
    NotSent(Cause),
    #[error("no answer")]
    Lost(Cause),
    #[error("answered {0}")]
    Refused(u16),
}

impl Failure {
    fn from_sending(error: &reqwest::Error) -> Self {
        let cause = cause(error, "`url` of the config");
        if failed_before_sending(error) {
            Self::NotSent(cause)
        } else {
            Self::Lost(cause)
        }
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_) => Retry::Soon,
            Self::Unsigned | Self::Lost(_) | Self::Refused(_) => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Refused(status) => Some(*status),
            Self::Unsigned | Self::NotSent(_) | Self::Lost(_) => None,
        }
    }
}

impl From<Failure> for PublishError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsigned => Self::unavailable(failure),
            Failure::NotSent(cause) => Self::unavailable(cause),
            Failure::Lost(cause) => Self::Unknown(cause),
            Failure::Refused(401 | 403) => Self::unauthorized(failure),
            Failure::Refused(500..) => Self::Unknown(failure.into()),
            Failure::Refused(status) => Self::Rejected(format!("answered {status}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::{
        adapters::{
            clock::SystemClock,
            sample_tenant::{config, credential, target},
        },
        domain::image::{EncodedImage, ImageName},
    };

    fn entry(url: &str) -> Value {
        json!({ "publishers": [
            { "type": "webhook", "credentials_ref": "r", "config": { "url": url } },
        ] })
    }

    fn publisher(url: &str) -> Arc<dyn Publisher> {
        let tenant = config(&entry(url));
        let factory = WebhookFactory {
            http: http_client::build(ATTEMPT_TIMEOUT, &http_client::ExtraRoots::default()).unwrap(),
            clock: Arc::new(SystemClock),
        };
        let target: WebhookTarget = target(&tenant);
        factory.open(&target, credential("k3y"), tenant.settings())
    }

    fn post() -> Post {
        Post {
            name: ImageName::new("a.jpg").unwrap(),
            image: EncodedImage::new(Bytes::from_static(b"\xFF\xD8\xFFimage")).unwrap(),
            caption: "A knot.".to_owned(),
            alt_text: None,
            tags: Vec::new(),
        }
    }

    /// The result of a post that is answered with this status, and the request.
    async fn publish(status: u16) -> (Result<Posted, PublishError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"}") {
                let length = socket.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..length]);
            }
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let outcome = publisher(&url).publish(&post(), None).await;
        (outcome, server.await.unwrap())
    }

    #[tokio::test]
    async fn a_post_arrives_signed() {
        let (outcome, request) = publish(204).await;
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let sent: Value = serde_json::from_str(body).unwrap();
        assert_eq!(outcome.unwrap().post.id.as_str(), sent["id"]);
        assert_eq!(sent["caption"], "A knot.");
        assert_eq!(sent["image"], STANDARD.encode(post().image.bytes()));
        let mac = Hmac::<Sha256>::new_from_slice(b"k3y").unwrap();
        let mac = STANDARD.encode(mac.chain_update(body).finalize().into_bytes());
        assert!(head.contains(&format!("{SIGNATURE}: {mac}")), "{head}");
        assert!(!request.contains("k3y"));
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_status() {
        use PublishError::{Rejected, Unauthorized, Unknown};
        assert!(matches!(publish(401).await.0, Err(Unauthorized { .. })));
        assert!(matches!(publish(422).await.0, Err(Rejected(_))));
        assert!(matches!(publish(503).await.0, Err(Unknown(_))));
    }

    #[test]
    fn a_bad_url_turns_the_webhook_off() {
        for bad in ["", "hook", "ftp://example.org/"] {
            assert!(
                !config(&entry(bad)).settings().has(Platform::Webhook),
                "{bad}"
            );
        }
    }
}
