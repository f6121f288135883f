//! The S3 stand-in: one bucket of `s3s-fs`, a server that was written elsewhere, on a temporary folder.
//! It checks signatures. What it lacks is put in front of it here: a copy on the condition that its
//! destination does not exist, one write at a time, so that a condition holds until it is acted on, and the
//! `ETag`s in listings.
//!
//! Operations: `list`, `head`, `get` (links too), `put`, `copy`, `delete`.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::{Method, Request, StatusCode};
use parking_lot::Mutex;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::runtime::Handle;

use super::{
    PrivateFolder,
    record::RecordedRequest,
    reply::Reply,
    secrets,
    server::{HttpServer, StandIn},
};

/// Headers by which a copy is made only if its destination does not exist.
const COPY_CONDITIONS: [&str; 2] = ["if-none-match", "cf-copy-destination-if-none-match"];

/// The S3 stand-in.
pub struct S3 {
    server: HttpServer,
    door: Arc<Door>,
    access_key_id: String,
    secret_access_key: String,
}

impl S3 {
    /// Starts it with an empty bucket.
    pub(super) async fn start() -> io::Result<Self> {
        let folder = PrivateFolder::new()?;
        let bucket = secrets::random("images-");
        std::fs::create_dir(folder.path().join(&bucket))?;
        let access_key_id = secrets::random("AKIA-");
        let secret_access_key = secrets::random("s3-");
        let auth = SimpleAuth::from_single(access_key_id.clone(), secret_access_key.clone());
        let mut wire = S3ServiceBuilder::new(files(&folder)?);
        wire.set_auth(auth);
        let door = Arc::new(Door {
            wire: wire.build(),
            own: S3ServiceBuilder::new(files(&folder)?).build(),
            writes: Mutex::default(),
            folder,
            bucket,
        });
        Ok(Self {
            server: HttpServer::start(Arc::clone(&door) as _).await?,
            door,
            access_key_id,
            secret_access_key,
        })
    }

    /// The server, with its switches.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// The fields of the credential, by their names at the orchestrator.
    #[must_use]
    pub fn credential(&self) -> [(&'static str, String); 5] {
        [
            ("access_key_id", self.access_key_id.clone()),
            ("secret_access_key", self.secret_access_key.clone()),
            ("endpoint_url", self.server.url()),
            ("bucket", self.door.bucket.clone()),
            ("region", "auto".to_owned()),
        ]
    }

    /// What must not stand in a log: the keys, and the name of the bucket, which all of its URLs have.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let (id, key) = (&self.access_key_id, &self.secret_access_key);
        vec![id.clone(), key.clone(), self.door.bucket.clone()]
    }

    /// Puts an object there as somebody else would; false if it cannot have that key.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> bool {
        let request = request(Method::PUT, &self.door.bucket, key, bytes.into());
        let Some(request) = request else {
            return false;
        };
        let answer = self.door.own.call(request).await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// An object's content.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<Bytes> {
        std::fs::read(self.bucket().join(key)).ok().map(Bytes::from)
    }

    /// A header of an object, such as `content-type`.
    pub async fn header(&self, key: &str, name: &str) -> Option<String> {
        let request = request(Method::HEAD, &self.door.bucket, key, Bytes::new())?;
        let answer = self.door.own.call(request).await.ok()?;
        let value = answer.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    }

    /// All keys, sorted.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys = Vec::new();
        collect(&self.bucket(), "", &mut keys);
        keys.sort_unstable();
        keys
    }

    fn bucket(&self) -> std::path::PathBuf {
        self.door.folder.path().join(&self.door.bucket)
    }
}

fn files(folder: &PrivateFolder) -> io::Result<FileSystem> {
    FileSystem::new(folder.path()).map_err(|_| io::Error::other("no folder for objects"))
}

fn collect(folder: &Path, prefix: &str, keys: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{key}/"), keys);
        } else {
            keys.push(key);
        }
    }
}

/// A request of our own, which is not signed.
fn request(method: Method, bucket: &str, key: &str, body: Bytes) -> Option<s3s::HttpRequest> {
    let mut url = url::Url::parse("http://localhost").ok()?;
    url.path_segments_mut()
        .ok()?
        .push(bucket)
        .extend(key.split('/'));
    Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("content-length", body.len())
        .body(s3s::Body::from(body))
        .ok()
}

struct Door {
    wire: S3Service,
    /// The same files without signatures.
    own: S3Service,
    writes: Mutex<()>,
    folder: PrivateFolder,
    /// The name of the only bucket.
    bucket: String,
}

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let is_bucket = head.path().trim_matches('/') == self.bucket;
        let name = match head.method.as_str() {
            "GET" if is_bucket => "list",
            "GET" => "get",
            "HEAD" => "head",
            "PUT" if head.header("x-amz-copy-source").is_some() => "copy",
            "PUT" => "put",
            "DELETE" => "delete",
            _ => "unknown",
        };
        name.to_owned()
    }

    /// It reads and writes files, and is asked from a thread that may wait.
    fn is_heavy(&self, _: &str) -> bool {
        true
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let writes = request.method != "GET" && request.method != "HEAD";
        let _writing = writes.then(|| self.writes.lock());
        if request.operation == "copy" && self.is_taken(request) {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let reply = answer(&self.wire, request, request.body.clone())
            .unwrap_or_else(|| error(StatusCode::BAD_REQUEST, "InvalidRequest"));
        if request.operation == "list" && reply.status == 200 {
            return self.with_etags(request, reply);
        }
        reply
    }
}

impl Door {
    /// A page of a listing, with the `ETag` of each object behind its key.
    fn with_etags(&self, list: &RecordedRequest, reply: Reply) -> Reply {
        const END: &str = "</Key>";
        let page = String::from_utf8_lossy(&reply.body);
        let mut body = String::with_capacity(page.len() * 2);
        for part in page.split_inclusive(END) {
            body.push_str(part);
            let key = part
                .strip_suffix(END)
                .and_then(|it| it.rsplit_once("<Key>"));
            let key = key.and_then(|(_, key)| quick_xml::escape::unescape(key).ok());
            let etag = key.and_then(|key| self.etag(list, &key));
            if let Some(etag) = etag {
                let etag = quick_xml::escape::escape(&etag);
                body.extend(["<ETag>", &etag, "</ETag>"]);
            }
        }
        Reply {
            body: Bytes::from(body),
            headers: reply
                .headers
                .into_iter()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
                .collect(),
            ..reply
        }
    }

    fn etag(&self, list: &RecordedRequest, key: &str) -> Option<String> {
        let request = request(Method::HEAD, &self.bucket, key, Bytes::new())?;
        let head = RecordedRequest {
            method: "HEAD".to_owned(),
            headers: [("host".to_owned(), "localhost".to_owned())].into(),
            path_and_query: request.uri().path().to_owned(),
            ..list.clone()
        };
        let headers = answer(&self.own, &head, Bytes::new())?.headers;
        let etag = headers
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("etag"));
        etag.map(|(_, etag)| etag)
    }

    /// Whether the destination of a copy exists that was to be made only if it does not.
    fn is_taken(&self, request: &RecordedRequest) -> bool {
        let is_conditional = COPY_CONDITIONS
            .iter()
            .any(|name| request.header(name) == Some("*"));
        let head = RecordedRequest {
            method: "HEAD".to_owned(),
            headers: [("host".to_owned(), "localhost".to_owned())].into(),
            ..request.clone()
        };
        is_conditional
            && answer(&self.own, &head, Bytes::new()).is_some_and(|reply| reply.status == 200)
    }
}

/// What the server answers; `None` where the request is none.
fn answer(service: &S3Service, request: &RecordedRequest, body: Bytes) -> Option<Reply> {
    let mut builder = Request::builder()
        .method(request.method.as_str())
        .uri(request.path_and_query.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name.as_str(), value.as_str());
    }
    let request = builder.body(s3s::Body::from(body)).ok()?;
    Handle::current().block_on(async {
        let (head, body) = service.call(request).await.ok()?.into_parts();
        let headers = head.headers.iter().filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        Some(Reply {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: body.collect().await.ok()?.to_bytes(),
        })
    })
}

fn error(status: StatusCode, code: &str) -> Reply {
    let body =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>");
    Reply::new(status.as_u16(), "application/xml", Bytes::from(body))
}
