//! Telegram: posts photos to a channel, by its Bot API.
//!
//! Plain requests rather than a client library: whether a photo may be sent again depends on the moment of the
//! failure. URLs contain the bot's token, so that none may leave this file.

mod advice;
mod checking;
mod target;
#[cfg(test)]
mod tests;
mod verdict;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use reqwest::{
    Body, Client, Response,
    multipart::{Form, Part},
};
use url::Url;

pub use self::target::{TelegramCredential, TelegramTarget};
use self::verdict::{Refusal, Verdict, of_photo};
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    registration::{HTTP_STATUSES, Registration},
    secret_scrub::SecretScrub,
    upstream::{
        Answer, AttemptError, Call, Retry, RetryPolicy, bounded_body, cause, failed_before_sending,
        retry_after, send,
    },
    upstream_message::sanitize_upstream_message,
};
use crate::{
    domain::{
        platform_spec::PlatformSpec,
        publication::{LookupKey, PublishedPost},
        tenant_config::TenantSettings,
    },
    ports::{Cause, Clock, OpenPublisher, Post, Posted, PublishError, Publisher},
};

/// The setting of the URL.
const URL_SETTING: &str = "TELEGRAM_API_URL";

/// Time for one attempt, upload included: 10 MB on a slow line.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);
/// The largest answer that is read; a message with its photo sizes takes a few KiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Three attempts, with a wait of up to 30 s where Telegram asks for one.
const POLICY: RetryPolicy = RetryPolicy {
    attempts: 3,
    first_delay: Duration::from_millis(500),
    max_delay: Duration::from_secs(30),
};

/// Telegram, among the platforms.
pub(super) const REGISTRATION: Registration = Registration {
    spec: PlatformSpec::of::<TelegramTarget>(),
    upstream: ("telegram", &["sendPhoto"]),
    statuses: HTTP_STATUSES,
    set_up: |setup| {
        let api_url = setup.telegram_api_url.clone();
        let (settings, clock) = (TelegramApiSettings { api_url }, Arc::clone(&setup.clock));
        let factory = TelegramPublisherFactory::new(settings, &setup.roots, clock)?;
        Ok(Arc::new(factory))
    },
};

/// The settings of Telegram.
#[derive(Debug, Clone)]
pub struct TelegramApiSettings {
    /// The URL of the Bot API: `https://api.telegram.org`.
    pub api_url: Url,
}

/// Opens Telegram for tenants.
pub struct TelegramPublisherFactory {
    api: Api,
}

impl TelegramPublisherFactory {
    /// Sets up what all tenants share. Sends no request.
    ///
    /// # Errors
    /// The TLS set-up failed.
    pub fn new(
        settings: TelegramApiSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, HttpSetupError> {
        let TelegramApiSettings { api_url } = settings;
        Ok(Self {
            api: Api {
                http: http_client::build(ATTEMPT_TIMEOUT, roots)?,
                url: api_url,
                policy: POLICY,
                clock,
            },
        })
    }
}

impl OpenPublisher for TelegramPublisherFactory {
    type Target = TelegramTarget;

    fn open(
        &self,
        target: &TelegramTarget,
        credential: TelegramCredential,
        _settings: &TenantSettings,
    ) -> Arc<dyn Publisher> {
        Arc::new(TelegramPublisher {
            api: self.api.clone(),
            chat_id: Mutex::new(target.channel_id.clone()),
            credential,
        })
    }
}

/// The parts that all tenants share.
#[derive(Clone)]
struct Api {
    http: Client,
    url: Url,
    policy: RetryPolicy,
    clock: Arc<dyn Clock>,
}

/// Telegram for one tenant.
struct TelegramPublisher {
    api: Api,
    /// Changes when Telegram says that the chat has another one.
    chat_id: Mutex<String>,
    credential: TelegramCredential,
}

#[async_trait]
impl Publisher for TelegramPublisher {
    async fn publish<'a>(
        &self,
        post: &Post,
        _key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        let call = Call {
            clock: &*self.api.clock,
            upstream: "telegram",
            operation: "sendPhoto",
        };
        let mut outcome = call.run(self.api.policy, || self.attempt(post)).await;
        let mut warning = None;
        if let Err(Failure::Moved(chat)) = outcome {
            self.follow(chat);
            let chat = self.scrub().scrub(&chat.to_string());
            warning = Some(format!(
                "telegram: the chat has moved to {chat}, and was posted to there; set that as the \
                 channel's id"
            ));
            outcome = call.run(self.api.policy, || self.attempt(post)).await;
        }
        if let Err(Failure::Moved(chat)) = outcome {
            let chat = self.scrub().scrub(&chat.to_string());
            return Err(PublishError::Rejected(format!(
                "the chat has moved more than once, at last to {chat}; set it as the channel's id"
            )));
        }
        Ok(Posted {
            warning,
            ..outcome?.into()
        })
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        self.look().await
    }

    /// Connections are kept, and shared by all tenants.
    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

impl TelegramPublisher {
    async fn attempt(&self, post: &Post) -> Result<Answer<PublishedPost>, Failure> {
        let request = self.api.http.post(self.method_url("sendPhoto")?);
        let request = request.multipart(self.form(post)?);
        let response = send(request).await.map_err(Failure::from_sending)?;
        let status = response.status().as_u16();
        let hint = retry_after(response.headers(), &*self.api.clock);
        let body = read(response).await;
        match of_photo(status, body.as_deref().ok(), hint) {
            Verdict::Taken(post) => Ok(Answer {
                status,
                value: post,
            }),
            Verdict::Unknown => Err(Failure::Unknown {
                status: Some(status),
                error: body.err(),
            }),
            Verdict::Refused(refusal) => Err(self.refused(refusal)),
        }
    }

    /// The failure that a refusal becomes.
    fn refused(&self, refusal: Refusal) -> Failure {
        let scrub = self.scrub();
        let reason = |description: &str| sanitize_upstream_message(description, &scrub);
        match refusal {
            Refusal::Unauthorized { code } => Failure::Unauthorized { code },
            Refusal::RateLimited(wait) => Failure::RateLimited(wait),
            Refusal::Moved(chat) => Failure::Moved(chat),
            Refusal::ImageUnsuitable { code, description } => Failure::ImageUnsuitable {
                code,
                reason: reason(&description),
            },
            Refusal::Rejected { code, description } => {
                let mut reason = reason(&description);
                if let Some(advice) = advice::advice(&description) {
                    reason = format!("{reason}; {advice}");
                }
                Failure::Rejected { code, reason }
            }
        }
    }

    /// The token as a whole, and each of its halves, of which the second is the secret one.
    fn scrub(&self) -> SecretScrub {
        let token = self.credential.bot_token().expose();
        let scrub = SecretScrub::default().with(token);
        match token.split_once(':') {
            // The bot's id is no secret, and a part of it a number like any other.
            Some((id, key)) => scrub.with_name(id).with(key),
            None => scrub,
        }
    }

    fn chat_id(&self) -> String {
        self.chat_id.lock().clone()
    }

    /// Posts to this chat from now on.
    fn follow(&self, chat: i64) {
        tracing::warn!(
            upstream = "telegram",
            chat = self.scrub().scrub(&chat.to_string()),
            "the chat has moved, and its new id is used until the config is read anew: set it there \
             as the channel's id"
        );
        *self.chat_id.lock() = chat.to_string();
    }

    /// The URL of a method: the only place where the token is exposed. Segments are escaped, so that no token can
    /// lead elsewhere.
    fn method_url(&self, method: &str) -> Result<Url, Failure> {
        let mut url = self.api.url.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Unsendable("the address cannot have a path"))?
            .pop_if_empty()
            .push(&format!("bot{}", self.credential.bot_token().expose()))
            .push(method);
        Ok(url)
    }

    /// The form; the image's buffer is shared, not copied. The tenant's file name stays here.
    fn form(&self, post: &Post) -> Result<Form, Failure> {
        let format = post.image.format();
        let bytes: Bytes = post.image.bytes().clone();
        let length = bytes.len() as u64;
        let photo = Part::stream_with_length(Body::from(bytes), length)
            .file_name(format!("photo{}", format.ending()))
            .mime_str(format.media_type())
            .map_err(|_| Failure::Unsendable("the image has no media type"))?;
        let mut form = Form::new().text("chat_id", self.chat_id());
        if !post.caption.is_empty() {
            form = form.text("caption", post.caption.clone());
        }
        Ok(form.part("photo", photo))
    }
}

/// The body of an answer; empty when it is too long to be one of Telegram's.
async fn read(response: Response) -> Result<Bytes, reqwest::Error> {
    let body = bounded_body(response, MAX_ANSWER_BYTES).await?;
    Ok(body.unwrap_or_default())
}

/// Why one attempt failed. No text here holds the token or the URL.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the request could not be built: {0}")]
    Unsendable(&'static str),
    #[error("not reached")]
    NotSent(Cause),
    #[error("no answer by which the photo was taken or refused")]
    Unknown {
        status: Option<u16>,
        error: Option<reqwest::Error>,
    },
    /// To a question, which can be asked again.
    #[error("no answer of use")]
    Unanswered { status: Option<u16>, cause: Cause },
    #[error("refused the token with {code}")]
    Unauthorized { code: u16 },
    #[error("too many requests")]
    RateLimited(Option<Duration>),
    #[error("the chat has moved")]
    Moved(i64),
    #[error("answered {code}, for the image")]
    ImageUnsuitable { code: u16, reason: String },
    #[error("answered {code}")]
    Rejected { code: u16, reason: String },
}

impl Failure {
    fn from_sending(error: reqwest::Error) -> Self {
        if failed_before_sending(&error) {
            return Self::NotSent(cause(&error, URL_SETTING));
        }
        Self::Unknown {
            status: None,
            error: Some(error.without_url()),
        }
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_) | Self::Unanswered { .. } => Retry::Soon,
            Self::RateLimited(wait) => wait.map_or(Retry::Soon, Retry::After),
            Self::Unsendable(_)
            | Self::Unknown { .. }
            | Self::Unauthorized { .. }
            | Self::Moved(_)
            | Self::ImageUnsuitable { .. }
            | Self::Rejected { .. } => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Unsendable(_) | Self::NotSent(_) => None,
            Self::Unknown { status, .. } | Self::Unanswered { status, .. } => *status,
            Self::RateLimited(_) => Some(429),
            Self::Moved(_) => Some(400),
            Self::Unauthorized { code }
            | Self::ImageUnsuitable { code, .. }
            | Self::Rejected { code, .. } => Some(*code),
        }
    }
}

impl From<Failure> for PublishError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(cause) | Failure::Unanswered { cause, .. } => Self::unavailable(cause),
            Failure::Unsendable(_) => Self::unavailable(failure),
            Failure::Unknown {
                error: Some(error), ..
            } => Self::Unknown(cause(&error, URL_SETTING)),
            Failure::Unknown { error: None, .. } => Self::Unknown(Cause::from(failure)),
            Failure::Unauthorized { .. } => Self::Unauthorized {
                detail: "Telegram knows no bot with this token; @BotFather has the right one, and \
                         TELEGRAM_API_URL, if it is set, must be the address of a Bot API"
                    .into(),
                source: Cause::from(failure),
            },
            Failure::RateLimited(retry_after) => Self::RateLimited { retry_after },
            // The new id is in the text where it can be scrubbed.
            Failure::Moved(_) => Self::Rejected("the chat has moved more than once".to_owned()),
            Failure::ImageUnsuitable { code, reason } => {
                Self::ImageUnsuitable(or_code(reason, code))
            }
            Failure::Rejected { code, reason } => Self::Rejected(or_code(reason, code)),
        }
    }
}

fn or_code(reason: String, code: u16) -> String {
    if reason.is_empty() {
        return format!("answered {code}");
    }
    reason
}
