//! The calls to an instance as one of its accounts. Used by this folder's adapter; the address and the token leave this
//! file in requests only.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use reqwest::{
    Body, Client, Method, RequestBuilder,
    header::{ACCEPT_LANGUAGE, CONTENT_TYPE},
    multipart::{Form, Part},
};
use serde_json::Value;
use url::Url;

use super::{
    answer::{self, Status},
    credential::MastodonCredential,
    instance::InstanceLimits,
    key::PostKey,
};
use crate::{
    adapters::{
        platform_call::{CallFailure, LOOK_UP_WAITS, POLICY, PlatformAnswer, exchange},
        secret_scrub::SecretScrub,
        upstream::{Answer, Call, RetryPolicy},
        upstream_message::sanitize_upstream_message,
    },
    domain::{
        image::EncodedImage,
        publication::PublishedPost,
        service_url::{InvalidServiceUrl, ServiceUrl},
    },
    ports::Clock,
};

/// The field that the address is from.
const INSTANCE_URL: &str = "`instance_url` of the credential (`MASTODON_INSTANCE_URL`)";
/// The statuses of a page: the most that an instance gives.
const PAGE: &str = "40";
/// How often an upload is looked at while it is processed: more often than there is time for.
const LOOKS: usize = 100;

/// How long things take, and how often they are tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Time for one question.
    pub(super) question: Duration,
    /// Time for one attempt to post a status.
    pub(super) post: Duration,
    /// Time for one upload: 16 MB on a slow line.
    pub(super) upload: Duration,
    /// Time that an instance may take to process an image.
    pub(super) processing: Duration,
    /// The waits before a lost post is looked for: its request may still be at work.
    pub(super) look_ups: [Duration; 4],
    /// How calls are repeated.
    pub(super) policy: RetryPolicy,
    /// The waits between looks at an image that is processed.
    pub(super) look: RetryPolicy,
}

impl Pace {
    /// What holds outside of tests.
    pub(super) const USUAL: Self = Self {
        question: Duration::from_secs(15),
        post: Duration::from_secs(30),
        upload: Duration::from_mins(1),
        processing: Duration::from_secs(30),
        look_ups: LOOK_UP_WAITS,
        policy: POLICY,
        look: RetryPolicy {
            attempts: LOOKS,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(3),
        },
    };
}

/// An account at an instance.
pub(super) struct Account {
    pub(super) http: Client,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pace: Pace,
    pub(super) credential: MastodonCredential,
    /// Where the instance is, unless the credential names no address of one.
    pub(super) instance: Result<ServiceUrl, InvalidServiceUrl>,
}

/// An upload that is attached to no status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Upload {
    /// It may be attached.
    Ready,
    /// The instance is still at work on it.
    Processing,
    /// The instance could not process it, for this reason.
    Failed(String),
    /// It is attached to a status, or there is none.
    NotFound,
}

impl Account {
    /// The address of the instance, to tell instances apart.
    pub(super) fn address(&self) -> String {
        let url = self.instance.as_ref().map(ServiceUrl::expose);
        url.map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The limits of the instance. Asked without the token: everybody may know them.
    pub(super) async fn limits(&self) -> Result<InstanceLimits, CallFailure> {
        let ask = async || {
            let url = self.url(&["api", "v2", "instance"])?;
            let request = self.http.get(url).timeout(self.pace.question);
            let (status, body) = self.ask(request).await?;
            let document = serde_json::from_slice(&body);
            let document: Value = document.map_err(|_| unreadable(status).repeatable())?;
            let value = InstanceLimits::read(&document);
            Ok(Answer { status, value })
        };
        self.call("instance").run(self.pace.policy, ask).await
    }

    /// Uploads an image, and returns its id once it may be attached.
    pub(super) async fn upload(
        &self,
        image: &EncodedImage,
        description: Option<&str>,
    ) -> Result<String, CallFailure> {
        let attempt = async || {
            let request = self.request(Method::POST, &["api", "v2", "media"])?;
            let request = request.timeout(self.pace.upload);
            let request = request.multipart(form(image, description)?);
            let answer = self.ask(request).await;
            let (status, body) = answer.map_err(|failure| match failure {
                CallFailure::Rejected {
                    code: code @ (413 | 422),
                    reason,
                } => unsuitable(code, reason),
                other => other,
            })?;
            let id = answer::id(&body).ok_or_else(|| unreadable(status).repeatable())?;
            let value = (id, status == 200);
            Ok(Answer { status, value })
        };
        let call = self.call("upload_media");
        let (id, is_ready) = call.run(self.pace.policy, attempt).await?;
        if !is_ready {
            self.until_ready(&id).await?;
        }
        Ok(id)
    }

    /// Waits until an upload may be attached.
    async fn until_ready(&self, id: &str) -> Result<(), CallFailure> {
        let look = async || match self.look(id).await? {
            Answer {
                value: Upload::Ready,
                status,
            } => Ok(Answer { status, value: () }),
            Answer {
                value: Upload::Processing,
                ..
            } => Err(processing()),
            Answer {
                value: Upload::Failed(reason),
                status: code,
            } => Err(unsuitable(code, reason)),
            Answer {
                value: Upload::NotFound,
                status,
            } => Err(CallFailure::lost(status, "the upload is gone").repeatable()),
        };
        self.call("get_media")
            .run_within(self.pace.processing, processing, self.pace.look, look)
            .await
    }

    /// The state of an upload. Finds only what is attached to no status.
    pub(super) async fn find_upload(&self, id: &str) -> Result<Upload, CallFailure> {
        let call = self.call("get_media");
        call.run(self.pace.policy, async || self.look(id).await)
            .await
    }

    async fn look(&self, id: &str) -> Result<Answer<Upload>, CallFailure> {
        let request = self.request(Method::GET, &["api", "v1", "media", id])?;
        let request = request.timeout(self.pace.question);
        let (status, value) = match self.ask(request).await {
            // A page of a proxy says nothing of the upload.
            Ok((status, body)) if answer::id(&body).as_deref() != Some(id) => {
                return Err(unreadable(status).repeatable());
            }
            Ok((206, _)) => (206, Upload::Processing),
            Ok((status, _)) => (status, Upload::Ready),
            Err(CallFailure::Rejected { code: 422, reason }) => (422, Upload::Failed(reason)),
            Err(CallFailure::Rejected { code: 404, .. }) => (404, Upload::NotFound),
            Err(other) => return Err(other),
        };
        Ok(Answer { status, value })
    }

    /// Posts a status under a key. Sent again only where it has certainly not been taken.
    pub(super) async fn post(
        &self,
        status: &str,
        key: &PostKey,
    ) -> Result<PublishedPost, CallFailure> {
        let attempt = async || {
            let request = self.request(Method::POST, &["api", "v1", "statuses"])?;
            let request = request
                .timeout(self.pace.post)
                .header("idempotency-key", key.idempotency.to_string())
                .header(CONTENT_TYPE, "application/json")
                .body(status.to_owned());
            let answer = exchange(request, INSTANCE_URL, &*self.clock).await?;
            // Not of the instance but of a proxy, which may have passed the request on.
            if answer.status >= 400 && answer::reason(&answer.body).is_empty() {
                return Err(unreadable(answer.status));
            }
            let (status, body) = self.read(answer)?;
            let value = answer::posted(&body).ok_or_else(|| unreadable(status))?;
            Ok(Answer { status, value })
        };
        self.call("post_status")
            .run(self.pace.policy, attempt)
            .await
    }

    /// The id of the account.
    pub(super) async fn id(&self) -> Result<String, CallFailure> {
        let ask = async || {
            let request = self.request(
                Method::GET,
                &["api", "v1", "accounts", "verify_credentials"],
            )?;
            let request = request.timeout(self.pace.question);
            let (status, body) = self.ask(request).await?;
            let id = answer::id(&body);
            let value = id.ok_or_else(|| unreadable(status).repeatable())?;
            Ok(Answer { status, value })
        };
        let call = self.call("verify_credentials");
        call.run(self.pace.policy, ask).await
    }

    /// A page of the account's own statuses with images, the newest first, from `before` on, which is not among them.
    pub(super) async fn statuses(
        &self,
        account: &str,
        before: Option<&str>,
    ) -> Result<Vec<Status>, CallFailure> {
        let mut query = vec![
            ("limit", PAGE),
            ("only_media", "true"),
            ("exclude_reblogs", "true"),
        ];
        query.extend(before.map(|id| ("max_id", id)));
        let ask = async || {
            let request =
                self.request(Method::GET, &["api", "v1", "accounts", account, "statuses"])?;
            let request = request.timeout(self.pace.question).query(&query);
            let (status, body) = self.ask(request).await?;
            let page = answer::statuses(&body);
            let value = page.ok_or_else(|| unreadable(status).repeatable())?;
            Ok(Answer { status, value })
        };
        self.call("list_statuses").run(self.pace.policy, ask).await
    }

    fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.clock,
            upstream: "mastodon",
            operation,
        }
    }

    /// A request with the token: the only place where it is exposed. The answer is in English where the account's
    /// language is not set.
    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, CallFailure> {
        let request = self.http.request(method, self.url(path)?);
        let request = request.bearer_auth(self.credential.access_token().expose());
        Ok(request.header(ACCEPT_LANGUAGE, "en"))
    }

    fn url(&self, path: &[&str]) -> Result<Url, CallFailure> {
        let instance = self.instance.as_ref().map_err(|problem| {
            let (setting, problem) = (INSTANCE_URL, *problem);
            CallFailure::Unusable { setting, problem }
        })?;
        Ok(instance.join(path))
    }

    /// Sends a request; returns the status and the body of a success.
    async fn exchange(&self, request: RequestBuilder) -> Result<(u16, Bytes), CallFailure> {
        self.read(exchange(request, INSTANCE_URL, &*self.clock).await?)
    }

    fn read(&self, answer: PlatformAnswer) -> Result<(u16, Bytes), CallFailure> {
        answer::check(&answer, |words| {
            sanitize_upstream_message(words, &self.scrub())
        })?;
        Ok((answer.status, answer.body))
    }

    /// The same of a request that does no harm when it is sent twice.
    async fn ask(&self, request: RequestBuilder) -> Result<(u16, Bytes), CallFailure> {
        let answer = self.exchange(request).await;
        answer.map_err(CallFailure::repeatable)
    }

    /// The token, and where the instance is.
    fn scrub(&self) -> SecretScrub {
        let scrub = SecretScrub::default().with(self.credential.access_token().expose());
        match &self.instance {
            Ok(url) => scrub.with_name(url.expose().host_str().unwrap_or_default()),
            Err(_) => scrub,
        }
    }
}

/// The failure of a call that was answered with something else.
fn unreadable(status: u16) -> CallFailure {
    CallFailure::lost(
        status,
        "what answers there does not answer as Mastodon does",
    )
}

fn unsuitable(code: u16, why: String) -> CallFailure {
    CallFailure::ImageUnsuitable {
        code: Some(code),
        why,
    }
}

fn processing() -> CallFailure {
    CallFailure::NotReady("the instance is still processing the image")
}

/// The form; the image's buffer is shared, not copied. The tenant's file name stays here.
fn form(image: &EncodedImage, description: Option<&str>) -> Result<Form, CallFailure> {
    let format = image.format();
    let bytes: Bytes = image.bytes().clone();
    let length = bytes.len() as u64;
    let file = Part::stream_with_length(Body::from(bytes), length)
        .file_name(format!("image{}", format.ending()))
        .mime_str(format.media_type())
        .map_err(|_| CallFailure::Unsendable("the image has no media type"))?;
    let form = Form::new().part("file", file);
    Ok(match description {
        Some(description) => form.text("description", description.to_owned()),
        None => form,
    })
}
