//! Calls about one object, with attempts. A write has a condition, so that another attempt never
//! replaces what somebody else has written; in doubt a look shows whether it was ours.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH, RANGE},
};
use sha2::{Digest as _, Sha256};

use super::{
    bucket::{Body, Bucket, Request},
    failure::Failure,
    keys::Key,
    wire::{self, Stat},
};
use crate::{
    adapters::upstream::{self, Answer},
    domain::content_hash::{ContentHash, hex},
};

/// The metadata in which we leave the SHA-256 of what we write, in hex. It is a hint: anyone who may write there
/// can write another.
const DIGEST: HeaderName = HeaderName::from_static("x-amz-meta-sha256");

/// What is written.
pub(super) struct Upload {
    pub(super) body: Body,
    pub(super) content_type: &'static str,
}

/// The condition of a write.
#[derive(Debug, Clone, Copy)]
pub(super) enum Condition<'a> {
    /// None: it replaces whatever is there.
    Always,
    /// Nothing is there.
    Absent,
    /// An object with this `ETag` is there.
    Unchanged(&'a str),
}

/// The outcome of a write on a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    /// The condition does not hold; nothing was written.
    Refused,
}

impl Bucket {
    /// What is known of an object; `None` if there is none.
    pub(super) async fn head(&self, key: &Key) -> Result<Option<Stat>, Failure> {
        let request = Request {
            method: Method::HEAD,
            ..of_object(key, self.limits.timeout)
        };
        let found = self
            .call("head")
            .run(self.limits.retry, || async {
                or_absent(self.send(&request).await.and_then(|response| {
                    let status = response.status().as_u16();
                    let value = Stat::of(response.headers())?;
                    Ok(Answer { status, value })
                }))
            })
            .await;
        match found {
            Err(failure) if failure.is_unexplained() => Err(self.explained(key, failure).await),
            found => found,
        }
    }

    /// The answer to HEAD has no body, so that it does not say whether the access key is refused or not
    /// allowed to do this. A read of the first byte does.
    async fn explained(&self, key: &Key, unexplained: Failure) -> Failure {
        let request = Request {
            headers: vec![(RANGE, "bytes=0-0".to_owned())],
            ..of_object(key, self.limits.timeout)
        };
        let call = self.call("get").run(self.limits.retry, || async {
            let sent = self.send(&request).await;
            sent.map(|response| Answer {
                status: response.status().as_u16(),
                value: (),
            })
        });
        match call.await {
            Err(failure) if !failure.is_absence() => failure,
            _ => unexplained,
        }
    }

    /// An object of at most `limit` bytes; `None` if there is none.
    pub(super) async fn get(
        &self,
        key: &Key,
        limit: usize,
        timeout: Duration,
    ) -> Result<Option<(Stat, Bytes)>, Failure> {
        let request = of_object(key, timeout);
        self.call("get")
            .run(self.limits.retry, || async {
                or_absent(self.download(&request, limit).await)
            })
            .await
    }

    async fn download(
        &self,
        request: &Request<'_>,
        limit: usize,
    ) -> Result<Answer<(Stat, Bytes)>, Failure> {
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        // Of a body that is shorter the client says that it ended too early.
        let stat = Stat::of(response.headers())?;
        let bytes = upstream::bounded_body(response, limit)
            .await
            .map_err(|error| Failure::content(&error, self.origin))?
            .ok_or(Failure::TooLarge)?;
        if bytes.len() as u64 != stat.size {
            return Err(Failure::Malformed(
                "an object of another length than it says",
            ));
        }
        let value = (stat, bytes);
        Ok(Answer { status, value })
    }

    /// The SHA-256 of an object, read piece by piece; `None` if there is none.
    pub(super) async fn digest(&self, key: &Key) -> Result<Option<[u8; 32]>, Failure> {
        let request = of_object(key, self.limits.content_timeout);
        let content = |error: reqwest::Error| Failure::content(&error, self.origin);
        self.call("get")
            .run(self.limits.retry, || async {
                let digest = async {
                    let mut response = self.send(&request).await?;
                    let status = response.status().as_u16();
                    let mut digest = Sha256::new();
                    while let Some(piece) = response.chunk().await.map_err(content)? {
                        digest.update(&piece);
                    }
                    let value = digest.finalize().into();
                    Ok(Answer { status, value })
                };
                or_absent(digest.await)
            })
            .await
    }

    /// Writes an object. The name has been looked at before, so that a store that does not know the
    /// condition, or ignores it, still replaces nothing that was there then.
    pub(super) async fn put(
        &self,
        key: &Key,
        upload: &Upload,
        condition: Condition<'_>,
    ) -> Result<Written, Failure> {
        self.write("put", (key, &upload.body.etag), |is_conditional| {
            self.put_once(key, upload, condition, is_conditional)
        })
        .await
    }

    async fn put_once(
        &self,
        key: &Key,
        upload: &Upload,
        condition: Condition<'_>,
        is_conditional: bool,
    ) -> Result<Answer<()>, Failure> {
        let mut headers = vec![
            (CONTENT_TYPE, upload.content_type.to_owned()),
            (DIGEST, hex(&upload.body.digest)),
        ];
        headers.extend(match condition {
            Condition::Absent if is_conditional => Some((IF_NONE_MATCH, "*".to_owned())),
            Condition::Unchanged(etag) if is_conditional => Some((IF_MATCH, format!("\"{etag}\""))),
            _ => None,
        });
        let request = Request {
            method: Method::PUT,
            headers,
            body: Some(&upload.body),
            ..of_object(key, self.limits.content_timeout)
        };
        let response = self.send(&request).await?;
        let status = response.status().as_u16();
        Ok(Answer { status, value: () })
    }

    /// Copies an object, as it was there, to a name that is free, with its content type and metadata.
    pub(super) async fn copy(
        &self,
        from: &Key,
        there: &Stat,
        to: &Key,
    ) -> Result<Written, Failure> {
        self.write("copy", (to, there.hash()), |is_conditional| {
            self.copy_once(from, there, to, is_conditional)
        })
        .await
    }

    async fn copy_once(
        &self,
        from: &Key,
        there: &Stat,
        to: &Key,
        is_conditional: bool,
    ) -> Result<Answer<()>, Failure> {
        let request = Request {
            method: Method::PUT,
            headers: self.copy_headers(from, there.revision(), is_conditional)?,
            ..of_object(to, self.limits.content_timeout)
        };
        let response = self.send(&request).await?;
        let status = response.status();
        let body = upstream::bounded_body(response, MAX_ANSWER_BYTES)
            .await
            .map_err(|error| Failure::content(&error, self.origin))?
            .unwrap_or_default();
        if let Some(code) = wire::error_code(&body) {
            return Err(Failure::of(status, code, None, self.origin));
        }
        if !wire::is_copied(&body) {
            return Err(Failure::Malformed(
                "an answer that does not say that it copied",
            ));
        }
        let status = status.as_u16();
        Ok(Answer { status, value: () })
    }

    /// Deletes an object; what is not there counts as deleted.
    pub(super) async fn delete(&self, key: &Key) -> Result<(), Failure> {
        let request = Request {
            method: Method::DELETE,
            ..of_object(key, self.limits.timeout)
        };
        self.call("delete")
            .run(self.limits.retry, || async {
                let deleted = self.send(&request).await.map(|response| Answer {
                    status: response.status().as_u16(),
                    value: (),
                });
                or_absent(deleted)
            })
            .await
            .map(|_| ())
    }

    /// Runs a write on a condition. An attempt that fails may have taken effect all the same: then the
    /// condition of the next one fails, and a look at `target` shows whether that is why: it has the
    /// `expected` content then. The same before a failure is believed. A store that does not know the
    /// condition is asked without it.
    async fn write<A, AFut>(
        &self,
        operation: &'static str,
        (target, expected): (&Key, &ContentHash),
        attempt: A,
    ) -> Result<Written, Failure>
    where
        A: Fn(bool) -> AFut,
        AFut: Future<Output = Result<Answer<()>, Failure>>,
    {
        // Stays set: a late first attempt can also overtake the second.
        let (doubt, is_conditional) = (AtomicBool::new(false), AtomicBool::new(true));
        let result = self
            .call(operation)
            .run(self.limits.retry, || async {
                let mut result = attempt(is_conditional.load(Ordering::Relaxed)).await;
                if result.as_ref().is_err_and(Failure::is_unknown_condition)
                    && is_conditional.swap(false, Ordering::Relaxed)
                {
                    result = attempt(false).await;
                }
                match result {
                    Ok(Answer { status, value: () }) => Ok(Answer {
                        status,
                        value: Written::Done,
                    }),
                    Err(failure) if failure.is_failed_condition() => Ok(Answer {
                        status: 412,
                        value: Written::Refused,
                    }),
                    Err(failure) => {
                        if failure.may_have_happened() {
                            doubt.store(true, Ordering::Relaxed);
                        }
                        Err(failure)
                    }
                }
            })
            .await;
        if matches!(result, Ok(Written::Done)) || !doubt.load(Ordering::Relaxed) {
            return result;
        }
        match self.head(target).await {
            Ok(Some(there)) if there.has(expected) => Ok(Written::Done),
            _ => result,
        }
    }
}

/// The longest answer without content that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// A request that reads an object.
fn of_object(key: &Key, timeout: Duration) -> Request<'_> {
    Request {
        method: Method::GET,
        key: Some(key),
        query: &[],
        headers: Vec::new(),
        body: None,
        timeout,
    }
}

/// Takes the refusal that says so for what it is: there is no such object. It is an answer like any other, and no
/// failure for the log.
fn or_absent<T>(result: Result<Answer<T>, Failure>) -> Result<Answer<Option<T>>, Failure> {
    match result {
        Ok(Answer { status, value }) => Ok(Answer {
            status,
            value: Some(value),
        }),
        Err(failure) if failure.is_absence() => Ok(Answer {
            status: 404,
            value: None,
        }),
        Err(failure) => Err(failure),
    }
}
