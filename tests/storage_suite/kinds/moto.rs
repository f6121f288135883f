//! A bucket, on the server of moto: it was written elsewhere than the sandbox's, and not after this service.

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{
    adapters::{
        http_client::{self, ExtraRoots},
        storages,
    },
    domain::storage::StorageKind,
    ports::ImageStore,
};
use quick_xml::escape::unescape;
use reqwest::{Method, Response, header::AUTHORIZATION};
use url::Url;

use super::{Kind, opening};
use crate::fixture::{Failing, Fixture, ROOT, Traits};

/// The prefix that all objects of a test have.
const BASE: &str = "home/";
const REGION: &str = "us-east-1";
const CANNOT_FAIL: &str = "moto's server cannot be made to fail; `managed` is asked";
/// Where `.ci/run` installs it.
const VENV: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/target/clients/venv/bin/moto_server"
);

pub(super) fn kind() -> Kind {
    let program = program();
    let missing = program.is_none().then(|| {
        "moto_server is not installed (pip install 'moto[server]', in PATH or named by MOTO_SERVER)"
            .to_owned()
    });
    let server = Arc::new(Server {
        program: program.unwrap_or_default(),
        running: OnceLock::new(),
    });
    Kind {
        name: "moto",
        open: Arc::new(move || {
            let server = Arc::clone(&server);
            Box::pin(async move { Arc::new(Moto::new(server).await) as _ })
        }),
        exceptions: &[
            ("nothing_is_written_while_storage_refuses", CANNOT_FAIL),
            ("nothing_is_written_while_storage_fails", CANNOT_FAIL),
            (
                "nothing_is_written_while_storage_does_not_answer",
                CANNOT_FAIL,
            ),
        ],
        missing,
    }
}

#[expect(clippy::disallowed_methods, reason = "no setting of the service")]
fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os("MOTO_SERVER") {
        return Some(named.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let mut places = env::split_paths(&path).map(|folder| folder.join("moto_server"));
    let found = places.find(|place| place.is_file());
    found.or_else(|| Some(PathBuf::from(VENV)).filter(|place| place.is_file()))
}

/// The server of all tests, which starts with the first one that asks for it and ends with the last.
struct Server {
    program: PathBuf,
    running: OnceLock<(Child, Url)>,
}

impl Server {
    fn url(&self) -> &Url {
        let (_, url) = self.running.get_or_init(|| {
            let mut child = Command::new(&self.program)
                .args(["--host", "127.0.0.1", "--port", "0"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
            let url = lines
                .by_ref()
                .map_while(Result::ok)
                .find_map(|line| line.split_once("Running on ")?.1.trim().parse().ok());
            // It writes a line for each request.
            thread::spawn(move || lines.for_each(drop));
            (child, url.unwrap())
        });
        url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut child, _)) = self.running.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Moto {
    server: Arc<Server>,
    client: reqwest::Client,
    bucket: String,
    store: Arc<dyn ImageStore>,
}

impl Moto {
    async fn new(server: Arc<Server>) -> Self {
        let bucket = format!("images-{}", uuid::Uuid::new_v4().simple());
        let storages = opening::storages("http://localhost/", "", "");
        let fields = [
            ("access_key_id", "testing"),
            ("secret_access_key", "testing"),
            ("endpoint_url", server.url().as_str()),
            ("bucket", &*bucket),
            ("region", REGION),
        ];
        let root = format!("{BASE}{ROOT}");
        let store = opening::open(&storages, StorageKind::Managed, &root, &fields);
        let client = http_client::build(Duration::from_mins(1), &ExtraRoots::default());
        let moto = Self {
            server,
            client: client.unwrap(),
            bucket,
            store,
        };
        let made = moto.call(Method::PUT, "", None, Bytes::new()).await;
        assert!(made.status().is_success(), "{made:?}");
        moto
    }

    /// A call that is not this service's. The server looks at who signed, and not at the signature.
    async fn call(&self, method: Method, key: &str, query: Option<&str>, body: Bytes) -> Response {
        let mut url = self.server.url().clone();
        url.path_segments_mut()
            .unwrap()
            .pop_if_empty()
            .push(&self.bucket)
            .extend(key.split('/').filter(|_| !key.is_empty()));
        // Where one stands in a path, the server reads no further.
        let path = url.path().replace(';', "%3B");
        url.set_path(&path);
        url.set_query(query);
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/s3/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let request = self.client.request(method, url).body(body);
        request.header(AUTHORIZATION, signed).send().await.unwrap()
    }
}

#[async_trait]
impl Fixture for Moto {
    fn traits(&self) -> Traits {
        Traits {
            hash: storages::content_hash(StorageKind::Managed),
            tells_letter_case: true,
            has_folders: false,
            has_times: true,
        }
    }

    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::clone(&self.store)
    }

    async fn write(&self, path: &str, bytes: Bytes) -> bool {
        // The type of URLs drops these.
        if path.contains(['\n', '\t']) {
            return false;
        }
        let key = format!("{BASE}{path}");
        let put = self.call(Method::PUT, &key, None, bytes).await;
        put.status().is_success()
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        let key = format!("{BASE}{path}");
        let got = self.call(Method::GET, &key, None, Bytes::new()).await;
        if !got.status().is_success() {
            return None;
        }
        got.bytes().await.ok()
    }

    async fn paths(&self) -> Vec<String> {
        let listed = self.call(Method::GET, "", Some("list-type=2"), Bytes::new());
        let page = listed.await.text().await.unwrap();
        assert!(
            page.contains("<IsTruncated>false</IsTruncated>"),
            "a test has less than 1,000 objects: {page}"
        );
        let keys = page.split("<Key>").skip(1);
        let path = |key: &str| {
            let key = unescape(key.split("</Key>").next()?).ok()?;
            Some(key.strip_prefix(BASE)?.to_owned())
        };
        let mut paths: Vec<_> = keys.map(|key| path(key).unwrap()).collect();
        paths.sort();
        paths
    }

    async fn make_folder(&self, _: &str) {}

    fn calls(&self) -> usize {
        0
    }

    fn fail(&self, failing: Option<Failing>) {
        assert!(failing.is_none(), "{CANNOT_FAIL}");
    }
}
