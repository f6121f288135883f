//! What the Bluesky stand-in knows, and whose a token is. Used by the files of this folder.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    received_image::ReceivedImage, record::RecordedRequest, reply::Reply, secrets::Issued,
};

/// The calls of `createSession` in five minutes for one identifier, on a real server.
pub(super) const LOGINS: usize = 30;

/// Everything that the stand-in knows.
pub(super) struct State {
    /// Where an account's data is, as `didDoc` says; `None` leaves the document out.
    pub(super) data_server: Option<String>,
    pub(super) accounts: Vec<Account>,
    /// By access token.
    pub(super) access: HashMap<String, Session>,
    /// By refresh token.
    pub(super) refresh: HashMap<String, Session>,
    pub(super) expired_status: u16,
    pub(super) max_logins: Option<usize>,
    /// By identifier.
    pub(super) logins: HashMap<String, Logins>,
    pub(super) blob_limit: (usize, LargeBlobs),
    /// By DID and CID.
    pub(super) blobs: HashMap<(String, String), Blob>,
    pub(super) records: Vec<Record>,
    pub(super) issued: Issued,
}

/// An account of the server.
pub(super) struct Account {
    pub(super) did: String,
    pub(super) handle: String,
    pub(super) app_passwords: Vec<String>,
}

/// What a token stands for.
pub(super) struct Session {
    pub(super) did: String,
    pub(super) expired: bool,
}

/// The logins of one window.
pub(super) struct Logins {
    pub(super) count: usize,
    /// The end of the window in Unix seconds.
    pub(super) reset: u64,
}

/// An upload.
#[derive(Clone)]
pub(super) struct Blob {
    /// By the content, or else as the request said.
    pub(super) mime_type: String,
    pub(super) size: usize,
    /// `None` for what is no image.
    pub(super) image: Option<ReceivedImage>,
}

/// A record of a repository.
pub(super) struct Record {
    pub(super) uri: String,
    pub(super) cid: String,
    pub(super) did: String,
    pub(super) rkey: String,
    pub(super) value: Value,
}

/// Where, and how, a server refuses an image that is too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LargeBlobs {
    /// `uploadBlob` answers 400 `BlobTooLarge`.
    AtUpload,
    /// `uploadBlob` answers 413 `PayloadTooLarge`, as beyond a server's limit for uploads of any kind.
    AtUploadAsPayload,
    /// `uploadBlob` takes it, and `createRecord` answers 400 `BlobTooLarge`: reference servers until 2026.
    AtRecord,
    /// `uploadBlob` takes it, and `createRecord` answers 400 `InvalidRequest` with the words of the schema: the
    /// reference server since.
    AtRecordBySchema,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            data_server: None,
            accounts: Vec::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            expired_status: 400,
            max_logins: Some(LOGINS),
            logins: HashMap::new(),
            blob_limit: (2_000_000, LargeBlobs::AtUpload),
            blobs: HashMap::new(),
            records: Vec::new(),
            issued: Issued::default(),
        }
    }

    /// An account by handle or DID, whatever the case of its letters.
    pub(super) fn account(&self, identifier: &str) -> Option<&Account> {
        self.accounts
            .iter()
            .find(|it| it.did == identifier || it.handle.eq_ignore_ascii_case(identifier))
    }

    /// Whose the request's access token is.
    pub(super) fn authorize(&self, request: &RecordedRequest) -> Result<String, Reply> {
        self.owner(&self.access, request)
    }

    /// Whose the request's refresh token is.
    pub(super) fn authorize_refresh(&self, request: &RecordedRequest) -> Result<String, Reply> {
        self.owner(&self.refresh, request)
    }

    fn owner(
        &self,
        sessions: &HashMap<String, Session>,
        request: &RecordedRequest,
    ) -> Result<String, Reply> {
        let Some(header) = request.header("authorization") else {
            return Err(refusal(401, "AuthMissing", "Authentication Required"));
        };
        let token = request.bearer();
        let token = token.filter(|token| !token.contains(' ')).ok_or_else(|| {
            let kind = header.split(' ').next().unwrap_or_default();
            refusal(
                400,
                "InvalidToken",
                &format!("Unsupported authorization type: {kind}"),
            )
        })?;
        let session = sessions
            .get(token)
            .ok_or_else(|| refusal(400, "InvalidToken", "Token could not be verified"))?;
        if session.expired {
            return Err(refusal(
                self.expired_status,
                "ExpiredToken",
                "Token has expired",
            ));
        }
        Ok(session.did.clone())
    }
}

/// An error as the protocol words it.
pub(super) fn refusal(status: u16, error: &str, message: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "message": message }))
}

/// 400 `InvalidRequest`.
pub(super) fn invalid(message: &str) -> Reply {
    refusal(400, "InvalidRequest", message)
}

/// The JSON body, which must be said to be one.
pub(super) fn input(request: &RecordedRequest) -> Result<Value, Reply> {
    let content_type = request.header("content-type").unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json" => request
            .json()
            .ok_or_else(|| invalid("Input must be an object")),
        "" => Err(invalid(
            "Request encoding (Content-Type) required but not provided",
        )),
        other => Err(invalid(&format!(
            "Wrong request encoding (Content-Type): {other}"
        ))),
    }
}
