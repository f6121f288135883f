//! One tenant's calls: each with an access token, a time limit and attempts; a write is repeated
//! only after a look at whether it has happened.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    access_token::{AccessToken, AccessTokens},
    app::App,
    content_hash,
    failure::Failure,
    http::{self, Content, MAX_JSON_BYTES, RESULT, Request},
    wire::{Metadata, Previewed},
};
use crate::{
    adapters::upstream::{self, Answer, RetryPolicy},
    domain::{
        content_hash::ContentHash, image::ImageFormat, storage::DropboxCredential,
        tenant_config::StoragePaths,
    },
};

/// One tenant's way to Dropbox.
pub(super) struct Connection {
    pub(super) app: Arc<App>,
    pub(super) paths: StoragePaths,
    pub(super) credential: DropboxCredential,
    pub(super) tokens: AccessTokens,
}

/// A downloaded file, found to be whole.
pub(super) struct Download {
    pub(super) metadata: Metadata,
    pub(super) bytes: Bytes,
    pub(super) content_hash: ContentHash,
}

impl Connection {
    /// Runs what changes nothing, with attempts.
    pub(super) async fn read<T, A, Fut>(
        &self,
        operation: &'static str,
        attempt: A,
    ) -> Result<T, Failure>
    where
        A: FnMut() -> Fut,
        Fut: Future<Output = Result<Answer<T>, Failure>>,
    {
        let call = self.app.call(operation);
        call.run(self.app.limits.retry, attempt).await
    }

    /// Runs a write, with retries. An attempt that fails may have taken effect all the same. So
    /// `look` then finds out whether it did (and with which result), before another attempt is made
    /// and before the failure is believed.
    pub(super) async fn write<T, A, AFut, L, LFut>(
        &self,
        operation: &'static str,
        attempt: A,
        look: L,
    ) -> Result<T, Failure>
    where
        A: Fn() -> AFut,
        AFut: Future<Output = Result<Answer<T>, Failure>>,
        L: Fn() -> LFut,
        LFut: Future<Output = Result<Option<T>, Failure>>,
    {
        // Stays set: a late first attempt can also overtake the second.
        let doubt = AtomicBool::new(false);
        let result = self
            .read(operation, || async {
                if doubt.load(Ordering::Relaxed)
                    && let Some(value) = look().await?
                {
                    return Ok(Answer { status: 200, value });
                }
                let result = attempt().await;
                if result.as_ref().is_err_and(Failure::may_have_happened) {
                    doubt.store(true, Ordering::Relaxed);
                }
                result
            })
            .await;
        match result {
            Err(failure) if doubt.load(Ordering::Relaxed) => {
                let happened = look().await.ok().flatten();
                happened.ok_or(failure)
            }
            result => result,
        }
    }

    /// What is at a path, or has an `id:…`; `None` if nothing. One attempt, for looking.
    pub(super) async fn look(&self, path: &str) -> Result<Option<Metadata>, Failure> {
        let once = RetryPolicy {
            attempts: 1,
            ..self.app.limits.retry
        };
        let call = self.app.call("get_metadata");
        call.run(once, || self.metadata(path)).await
    }

    /// One attempt at what [`Connection::look`] does.
    pub(super) async fn metadata(&self, path: &str) -> Result<Answer<Option<Metadata>>, Failure> {
        let argument = serde_json::json!({ "path": path });
        or_absent(
            self.rpc("get_metadata", &argument).await,
            &["path/not_found"],
        )
    }

    /// One attempt at a call without content.
    pub(super) async fn rpc<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        argument: &Value,
    ) -> Result<Answer<T>, Failure> {
        let response = self.send(endpoint, argument, Content::Argument).await?;
        http::json(response).await
    }

    /// One attempt at an upload. The content of the answer is not used.
    pub(super) async fn upload(
        &self,
        argument: &Value,
        content: Bytes,
    ) -> Result<Answer<()>, Failure> {
        let response = self
            .send("upload", argument, Content::File(content))
            .await?;
        let status = response.status().as_u16();
        // Read all the same, so that the connection can be used again.
        let _ = upstream::bounded_body(response, MAX_JSON_BYTES).await;
        Ok(Answer { status, value: () })
    }

    /// One attempt at a download of at most `limit` bytes.
    pub(super) async fn download(
        &self,
        path: &str,
        limit: usize,
    ) -> Result<Answer<Download>, Failure> {
        let argument = serde_json::json!({ "path": path });
        let response = self.send("download", &argument, Content::Nothing).await?;
        let status = response.status().as_u16();
        let metadata: Metadata = result(&response)?;
        if metadata.size.is_some_and(|size| size > limit as u64) {
            return Err(Failure::TooLarge);
        }
        let bytes = upstream::bounded_body(response, limit)
            .await
            .map_err(|error| Failure::content(&error))?
            .ok_or(Failure::TooLarge)?;
        if metadata.size.is_some_and(|size| size != bytes.len() as u64) {
            return Err(Failure::Corrupt("a file of another size than it says"));
        }
        // 50 MB take a good part of a second: too long for an async thread.
        let hashed = bytes.clone();
        let content_hash = tokio::task::spawn_blocking(move || content_hash::of(&hashed))
            .await
            .map_err(|_| Failure::Internal("the file could not be hashed"))?;
        if metadata
            .content_hash()
            .is_some_and(|hash| hash != content_hash)
        {
            return Err(Failure::Corrupt("a file of another hash than it says"));
        }
        let value = Download {
            metadata,
            bytes,
            content_hash,
        };
        Ok(Answer { status, value })
    }

    /// One attempt at a thumbnail of at most `limit` bytes: the file that it is of, and the JPEG.
    pub(super) async fn thumbnail(
        &self,
        argument: &Value,
        limit: usize,
    ) -> Result<Answer<(Metadata, Bytes)>, Failure> {
        let response = self
            .send("get_thumbnail_v2", argument, Content::Nothing)
            .await?;
        let status = response.status().as_u16();
        let Previewed { file_metadata } = result(&response)?;
        let jpeg = upstream::bounded_body(response, limit)
            .await
            .map_err(|error| Failure::content(&error))?
            .filter(|bytes| ImageFormat::sniff(bytes) == Some(ImageFormat::Jpeg))
            .ok_or(Failure::Malformed("a thumbnail that is no small JPEG"))?;
        let value = (file_metadata, jpeg);
        Ok(Answer { status, value })
    }

    /// Sends a call; once more, if that takes another access token.
    async fn send(
        &self,
        endpoint: &'static str,
        argument: &Value,
        content: Content,
    ) -> Result<Response, Failure> {
        let request = Request {
            endpoint,
            argument,
            content,
        };
        let token = self.token(None).await?;
        match self.app.exchange(&token, &request).await {
            Err(failure) if failure.is_stale_token() => {
                let token = self.token(Some(&token)).await?;
                self.app.exchange(&token, &request).await
            }
            result => result,
        }
    }

    async fn token(
        &self,
        rejected: Option<&Arc<AccessToken>>,
    ) -> Result<Arc<AccessToken>, Failure> {
        let clock = &*self.app.clock;
        let refresh_token = self.credential.refresh_token();
        let refresh = || self.read("token", || self.app.grant(refresh_token));
        let token = self.tokens.get(clock, rejected, refresh).await;
        token.map_err(Failure::NoToken)
    }
}

/// What the answer to a content call says beside the content.
fn result<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    let result = response.headers().get(RESULT);
    result
        .and_then(|result| serde_json::from_slice(result.as_bytes()).ok())
        .ok_or(Failure::Malformed("a file without its metadata"))
}

/// Takes a refusal with one of these tags for what it says: that there is no such file. It is an
/// answer like any other, and no failure for the log.
pub(super) fn or_absent<T>(
    result: Result<Answer<T>, Failure>,
    tags: &[&str],
) -> Result<Answer<Option<T>>, Failure> {
    match result {
        Ok(Answer { status, value }) => Ok(Answer {
            status,
            value: Some(value),
        }),
        Err(failure) if tags.iter().any(|tags| failure.is_refusal(tags)) => Ok(Answer {
            status: 409,
            value: None,
        }),
        Err(failure) => Err(failure),
    }
}
