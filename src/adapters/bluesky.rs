//! Bluesky: posts images to an account by the AT Protocol.
//!
//! The key of a post is ours, and a server takes a key once. So a post that is sent again under its key is there once,
//! and `getRecord` tells what became of a lost answer. Where the tenant's server is, is a secret: no address leaves this
//! module.
//!
//! | file | holds |
//! | --- | --- |
//! | `target.rs` | the credential, and the config of an entry |
//! | `account.rs` | an account, and the calls to its server |
//! | `session.rs` | the session that the server grants |
//! | `key.rs` | the key of a post |
//! | `record.rs` | the record of a post |
//! | `answer.rs` | how answers are read |

mod account;
mod answer;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod key;
mod record;
mod session;
mod target;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use self::{
    account::{Account, Shared},
    answer::{CREATE_RECORD, GET_RECORD, UPLOAD_BLOB, no_server},
    key::{COLLECTION, RecordKey, Tids},
    record::record,
    session::Session,
    target::{BlueskyCredential, BlueskyTarget},
};
use super::{
    http_client::{self, HttpSetupError},
    kept::Kept,
    platform_call::{CallFailure, LOOK_UP_WAITS, POLICY, look_until_settled},
    registration::{HTTP_STATUSES, Registration, Setup},
    renewal::Renewed,
};
use crate::{
    domain::{
        image::EncodedImage,
        platform::ImageLimits,
        platform_spec::{PlatformSpec, Target as _},
        publication::LookupKey,
        service_url::ServiceUrl,
        tenant_config::TenantSettings,
    },
    ports::{
        ImageProcessingError, LookUp, OpenPublisher, Post, PostLimits, Posted, PublishError,
        Publisher,
    },
};

/// Time for an upload: 2 MB on a slow line.
const UPLOAD_TIMEOUT: Duration = Duration::from_mins(1);
/// The most accounts whose session is kept, those last used.
const MAX_ACCOUNTS: usize = 10_000;
/// How long a server that has refused an image counts as an older one.
const OLDER_FOR: Duration = Duration::from_hours(24);
const OTHER_ACCOUNT: CallFailure =
    CallFailure::Unsendable("the credential is of another account than the post was prepared for");

/// Bluesky, among the platforms.
pub(super) const REGISTRATION: Registration = Registration {
    spec: PlatformSpec::of::<BlueskyTarget>(),
    upstream: (
        "bluesky",
        &[
            "createSession",
            "refreshSession",
            "uploadBlob",
            "createRecord",
            "getRecord",
        ],
    ),
    statuses: HTTP_STATUSES,
    set_up: |setup| Ok(Arc::new(BlueskyFactory::new(setup)?)),
};

/// Opens Bluesky for tenants.
struct BlueskyFactory {
    shared: Arc<Shared>,
    /// By service, handle and password: a config that is read anew needs no new login.
    accounts: Kept<Account>,
}

impl BlueskyFactory {
    fn new(setup: &Setup) -> Result<Self, HttpSetupError> {
        Ok(Self {
            shared: Arc::new(Shared {
                http: http_client::build(UPLOAD_TIMEOUT, &setup.roots)?,
                policy: POLICY,
                look_up_waits: LOOK_UP_WAITS,
                clock: Arc::clone(&setup.clock),
                images: Arc::clone(&setup.images),
                tids: Tids::default(),
            }),
            accounts: Kept::at_most(MAX_ACCOUNTS),
        })
    }
}

impl OpenPublisher for BlueskyFactory {
    type Target = BlueskyTarget;

    fn open(
        &self,
        target: &BlueskyTarget,
        credential: BlueskyCredential,
        _settings: &TenantSettings,
    ) -> Arc<dyn Publisher> {
        let parts = [
            target.service.expose().as_str(),
            credential.handle().expose(),
            credential.app_password().expose(),
        ];
        let account = self.accounts.get(&parts, || Account {
            shared: Arc::clone(&self.shared),
            service: target.service.clone(),
            credential: credential.clone(),
            session: Renewed::default(),
            log_in_after: Mutex::default(),
            older_until: Mutex::default(),
        });
        Arc::new(BlueskyPublisher {
            account,
            labels: target.labels.clone(),
        })
    }
}

/// Bluesky for one tenant.
struct BlueskyPublisher {
    account: Arc<Account>,
    labels: Vec<&'static str>,
}

#[async_trait]
impl Publisher for BlueskyPublisher {
    async fn limits(&self) -> Option<PostLimits> {
        let image = self.image_limits();
        (image != BlueskyTarget::IMAGE).then_some(PostLimits {
            caption: BlueskyTarget::CAPTION,
            image,
        })
    }

    /// Asks the server only if there is no session: without one it is not known in which repository the post will be.
    async fn stage<'a>(
        &self,
        _post: &Post,
        earlier: Option<&'a LookupKey>,
    ) -> Result<Option<LookupKey>, PublishError> {
        let session = self.account.session(None).await?;
        let earlier = earlier.and_then(|key| RecordKey::parse(key.as_str()));
        let earlier = earlier.filter(|key| key.did == session.did);
        let key = earlier.unwrap_or_else(|| self.new_key(&session));
        Ok(Some(LookupKey::new(key.to_string())))
    }

    async fn publish<'a>(
        &self,
        post: &Post,
        key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        let session = self.account.session(None).await?;
        let key = match key {
            None => Some(self.new_key(&session)),
            Some(key) => RecordKey::parse(key.as_str()),
        };
        let key = key.filter(|key| key.did == session.did);
        let key = key.ok_or(OTHER_ACCOUNT)?;
        let (limits, older) = (self.image_limits(), BlueskyTarget::OLDER_IMAGE);
        match self.send(post, limits, &key, &session.server).await {
            Err(CallFailure::TooLarge { .. }) if limits != older => {
                *self.account.older_until.lock() =
                    Some(self.account.shared.clock.now() + OLDER_FOR);
                self.send(post, older, &key, &session.server).await?;
            }
            result => result?,
        }
        Ok(key.post().into())
    }

    async fn look_up(&self, key: &LookupKey) -> Result<LookUp, PublishError> {
        let Some(key) = RecordKey::parse(key.as_str()) else {
            return Ok(LookUp::Undetermined);
        };
        let session = self.account.session(None).await?;
        // Other servers answer for what they have heard of, which may be late.
        if key.did != session.did {
            return Ok(LookUp::Undetermined);
        }
        Ok(self.look_until_settled(&key, &session.server).await?)
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        let session = self.account.session(None).await?;
        // An access token outlives its password: only a new session shows that one can be had.
        let session = self.account.session(Some(&session)).await?;
        Ok(if session.handle_resolves {
            "the account can be logged in to"
        } else {
            "the account can be logged in to, but its handle does not resolve"
        })
    }

    /// Connections are kept, and shared by all tenants.
    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

impl BlueskyPublisher {
    /// What the server takes as an image, as far as it is known.
    fn image_limits(&self) -> ImageLimits {
        let older_until = *self.account.older_until.lock();
        if older_until.is_some_and(|until| self.account.shared.clock.now() < until) {
            BlueskyTarget::OLDER_IMAGE
        } else {
            BlueskyTarget::IMAGE
        }
    }

    fn new_key(&self, session: &Session) -> RecordKey {
        let shared = &self.account.shared;
        RecordKey {
            did: session.did.clone(),
            rkey: shared.tids.next(shared.clock.utc()),
        }
    }

    /// Uploads the image and makes the post.
    async fn send(
        &self,
        post: &Post,
        limits: ImageLimits,
        key: &RecordKey,
        server: &ServiceUrl,
    ) -> Result<(), CallFailure> {
        let unsuitable = |it: ImageProcessingError| CallFailure::ImageUnsuitable {
            code: None,
            why: it.to_string(),
        };
        let images = &self.account.shared.images;
        let image = images.meet(&post.image, limits).await.map_err(unsuitable)?;
        let sides = images.sides(&image).await.map_err(unsuitable)?;
        let blob = self.upload(&image).await?;
        let now = OffsetDateTime::from(self.account.shared.clock.utc());
        let now = now.truncate_to_millisecond().format(&Rfc3339);
        let now = now.map_err(|_| CallFailure::Unsendable("the clock is wrong"))?;
        let record = record(post, &self.labels, &blob, sides, &now);
        let body = json!({
            "repo": key.did.0, "collection": COLLECTION, "rkey": key.rkey, "record": record,
        });
        self.create(&body, key, server).await
    }

    /// Uploads an image, and returns the reference to it. Nothing of it is visible.
    async fn upload(&self, image: &EncodedImage) -> Result<Value, CallFailure> {
        let request = |session: &Session| {
            let request = self.account.procedure(UPLOAD_BLOB, &session.server);
            let request = request.timeout(UPLOAD_TIMEOUT);
            let request = request.header(CONTENT_TYPE, image.format().media_type());
            request.body(image.bytes().clone())
        };
        let answer = self.account.run_in_session(UPLOAD_BLOB, request).await?;
        let blob = answer.get("blob").filter(|blob| blob.is_object());
        blob.cloned().ok_or_else(no_server)
    }

    /// Makes the post. Where the answer is lost, looks for it, and sends it again once: its key is taken only once.
    async fn create(
        &self,
        body: &Value,
        key: &RecordKey,
        server: &ServiceUrl,
    ) -> Result<(), CallFailure> {
        let request = |session: &Session| {
            self.account
                .procedure(CREATE_RECORD, &session.server)
                .json(body)
        };
        for was_lost in [false, true] {
            let failure = match self.account.run_in_session(CREATE_RECORD, request).await {
                Ok(answer) if answer["uri"] == *key.to_string() => return Ok(()),
                Ok(_) => no_server(),
                Err(failure) => failure,
            };
            let found = match &failure {
                CallFailure::Lost { .. } => self.look_until_settled(key, server).await,
                // A key that is taken is refused, too.
                CallFailure::Rejected { .. } => self.look(key, server).await,
                _ => return Err(failure),
            };
            match (found, failure) {
                (Ok(LookUp::Posted(_)), _) => return Ok(()),
                (Ok(LookUp::NotPosted), CallFailure::Lost { .. }) => {}
                (_, CallFailure::Lost { why, .. }) => return Err(CallFailure::Undecided(why)),
                // Also "already exists", from a server whose records lag behind: our first request may be there.
                (_, _) if was_lost => {
                    return Err(CallFailure::Undecided(
                        "refused at the second time".to_owned(),
                    ));
                }
                (_, refused) => return Err(refused),
            }
        }
        Err(CallFailure::NotTaken)
    }

    async fn look_until_settled(
        &self,
        key: &RecordKey,
        server: &ServiceUrl,
    ) -> Result<LookUp, CallFailure> {
        look_until_settled(&self.account.shared.look_up_waits, || {
            self.look(key, server)
        })
        .await
    }

    /// Whether the post is there, asked once. Anyone may ask, so that no session is needed.
    async fn look(&self, key: &RecordKey, server: &ServiceUrl) -> Result<LookUp, CallFailure> {
        let post = [("repo", &*key.did.0), ("rkey", &key.rkey)];
        let request = || {
            let request = self.account.query(GET_RECORD, server);
            request.query(&[("collection", COLLECTION)]).query(&post)
        };
        match self.account.run(GET_RECORD, None, request).await {
            Ok(Value::Null) => Ok(LookUp::NotPosted),
            Ok(answer) if answer["uri"] == *key.to_string() => Ok(LookUp::Posted(key.post())),
            Ok(_) => Err(no_server()),
            // It will not say.
            Err(CallFailure::Rejected { .. }) => Ok(LookUp::Undetermined),
            Err(failure) => Err(failure),
        }
    }
}
