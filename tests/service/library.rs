//! The library, on a folder of the machine.

use std::{path::Path, time::Duration};

use futures_util::future::join_all;
use reqwest::{
    Method,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Answer, Service};

const TOKEN: &str = "a-token-of-more-than-16-characters";
const MIB: usize = 1024 * 1024;
/// A JPEG of 16 × 16 pixels with hardly any data.
const JPEG: [u8; 29] = *b"\xFF\xD8\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\
    \xFF\xDA\0\x08\x01\x01\0\0\x3F\0\x12\x34\xFF\xD9";

/// A service whose one tenant has a folder, and that folder.
struct Library {
    service: Service,
    folder: TempDir,
}

impl Library {
    async fn start(more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("photos")).unwrap();
        let root = folder.path().join("photos");
        let ledger = folder.path().join("ledger.db");
        let environment = vec![
            ("STORAGE_PROVIDER", "local".to_owned()),
            ("STORAGE_PATHS", json!({"root": root}).to_string()),
            (
                "PUBLISH_LEDGER_URL",
                format!("sqlite://{}", ledger.display()),
            ),
            ("WEB_AUTH_TOKEN", TOKEN.to_owned()),
            ("FEATURE_DELETE", "true".to_owned()),
            ("TRUSTED_PROXIES", "127.0.0.1".to_owned()),
        ];
        let service = Service::start_with(environment, more).await;
        Self { service, folder }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let path = format!("/api/library/{path}");
        self.service
            .request(method, "localhost", &path)
            .bearer_auth(TOKEN)
    }

    async fn upload(&self, query: &str, name: &str, content: Vec<u8>) -> Answer {
        let part = Part::bytes(content).file_name(name.to_owned());
        let form = Form::new().part("file", part);
        let path = format!("upload{query}");
        Answer::to(self.request(Method::POST, &path).multipart(form)).await
    }

    async fn list(&self, query: &str) -> Value {
        let answer = Answer::to(self.request(Method::GET, &format!("objects?{query}"))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn names(&self, query: &str) -> Vec<String> {
        let page = self.list(query).await;
        let objects = page["objects"].as_array().unwrap().iter();
        objects
            .map(|it| it["key"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn move_image(&self, name: &str, body: Value) -> Answer {
        let path = format!("objects/{name}/move");
        Answer::to(self.request(Method::POST, &path).json(&body)).await
    }

    /// A connection on which the head of an upload and these bytes of its body have been sent. The address tells
    /// admins apart.
    async fn begin(&self, address: &str, length: &str, body: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.service.address()).await.unwrap();
        let head = format!(
            "POST /api/library/upload HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
             X-Forwarded-For: {address}\r\nConnection: close\r\n{length}\
             Content-Type: multipart/form-data; boundary=line\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        stream
    }

    /// The names of all files below the folder, but for the ledger's.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.folder.path().join("photos"), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// A JPEG of so many bytes.
fn jpeg_of(length: usize) -> Vec<u8> {
    let mut jpeg = JPEG[..27].to_vec();
    jpeg.resize(length - 2, 0);
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

fn beginning(name: &str) -> String {
    format!("--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
}

const END: &[u8] = b"\r\n--line--\r\n";

/// The status of an answer.
async fn status(stream: &mut TcpStream) -> u16 {
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    std::str::from_utf8(&answer[9..]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_image_is_uploaded_listed_moved_and_deleted() {
    let library = Library::start(&[]).await;
    let features = library
        .service
        .get("localhost", "/api/config/features")
        .await;
    assert_eq!(features.json()["library_enabled"], true);
    let uploaded = library.upload("", "cafe\u{301}.jpg", JPEG.to_vec()).await;
    assert_eq!(uploaded.status, 200, "{uploaded:?}");
    assert_eq!(uploaded.json()["key"], "caf\u{e9}.jpg");
    library
        .upload("", "CAFE.png", JPEG.to_vec())
        .await
        .assert_problem(415, "unsupported-media-type");
    assert_eq!(library.upload("", "b.JPG", JPEG.to_vec()).await.status, 200);

    let page = library.list("q=CAF%C3%89").await;
    let object = &page["objects"][0];
    assert_eq!(
        (&object["key"], &object["size"]),
        (&json!("caf\u{e9}.jpg"), &json!(JPEG.len()))
    );
    assert!(
        object["last_modified"].as_str().unwrap().ends_with('Z'),
        "{object}"
    );
    assert_eq!(
        library.names("sort=name&order=desc").await,
        ["caf\u{e9}.jpg", "b.JPG"]
    );

    let taken = library.upload("", "b.JPG", JPEG.to_vec()).await;
    taken.assert_problem(409, "conflict");
    let replaced = library
        .upload("?overwrite=true", "b.JPG", jpeg_of(1_000))
        .await;
    assert_eq!(replaced.json()["size"], 1_000);
    assert_eq!(library.list("q=b.jpg").await["objects"][0]["size"], 1_000);

    let moved = library
        .move_image("b.JPG", json!({"target_folder": "archive"}))
        .await;
    assert_eq!(
        moved.json(),
        json!({"moved": true, "destination": "archive", "warnings": []})
    );
    assert_eq!(library.names("").await, ["caf\u{e9}.jpg"]);
    assert_eq!(library.names("prefix=archive").await, ["b.JPG"]);
    assert_eq!(library.upload("", "b.JPG", JPEG.to_vec()).await.status, 200);
    let back = json!({"source_folder": "archive", "target_folder": "root"});
    library
        .move_image("b.JPG", back.clone())
        .await
        .assert_problem(409, "conflict");
    assert_eq!(library.names("prefix=archive").await, ["b.JPG"]);
    let same = json!({"source_folder": "archive", "target_folder": "archive"});
    library
        .move_image("b.JPG", same)
        .await
        .assert_problem(400, "invalid-request");

    let delete = library.request(Method::DELETE, "objects/b.JPG");
    let deleted = Answer::to(delete).await;
    assert_eq!(
        deleted.json(),
        json!({"deleted": true, "sidecar_deleted": false})
    );
    let again = library.request(Method::DELETE, "objects/b.JPG");
    Answer::to(again)
        .await
        .assert_problem(404, "image-not-found");
    assert_eq!(library.move_image("b.JPG", back).await.status, 200);
    assert_eq!(library.names("").await, ["b.JPG", "caf\u{e9}.jpg"]);
    assert!(
        !library.service.whole_log().await.contains("b.JPG"),
        "no file name is logged"
    );
}

#[tokio::test]
async fn what_must_not_be_stored_leaves_nothing() {
    let library = Library::start(&[]).await;
    let mut wide = JPEG;
    wide[9..11].copy_from_slice(&12_001_u16.to_be_bytes());
    for (name, content) in [
        ("x.txt", JPEG.to_vec()),
        ("x.jpg", wide.to_vec()),
        ("x.webp", JPEG.to_vec()),
    ] {
        let answer = library.upload("", name, content).await;
        answer.assert_problem(415, "unsupported-media-type");
    }
    let cut = [beginning("x.jpg").as_bytes(), &JPEG, b"\r\n--line"].concat();
    let length = format!("Content-Length: {}\r\n", cut.len());
    let mut stream = library.begin("192.0.2.1", &length, &cut).await;
    assert_eq!(status(&mut stream).await, 400);
    let hidden = library.upload("", ".x.jpg", JPEG.to_vec()).await;
    hidden.assert_problem(400, "invalid-request");
    assert_eq!(library.files(), [""; 0]);
    let metrics = library.service.metrics().await.text;
    for (outcome, count) in [("unsupported", 3), ("malformed", 2), ("stored", 0)] {
        let line = format!("publisher_library_uploads_total{{outcome=\"{outcome}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}");
    }
}

/// How much of an upload of 25 MiB is sent before the answer comes.
async fn sent_before_the_answer(library: &Library, length: &str) -> (usize, u16) {
    let begun = [beginning("x.jpg").as_bytes(), &JPEG[..20]].concat();
    let mut stream = library.begin("192.0.2.1", length, &begun).await;
    let piece = vec![0; 64 * 1024];
    let mut sent = 0;
    while sent < 25 * MIB {
        tokio::select! {
            biased;
            status = status(&mut stream) => return (sent, status),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
        if stream.write_all(&piece).await.is_err() {
            break;
        }
        sent += piece.len();
    }
    (sent, status(&mut stream).await)
}

#[tokio::test]
async fn too_large_an_upload_is_answered_while_it_is_being_sent() {
    let library = Library::start(&[]).await;
    let length = format!("Content-Length: {}\r\n", 25 * MIB);
    let (sent, status) = sent_before_the_answer(&library, &length).await;
    assert_eq!(status, 413);
    assert!(
        sent < 8 * MIB,
        "{sent} bytes were sent though the length was declared"
    );
    assert_eq!(library.files(), [""; 0]);
}

#[tokio::test]
async fn too_large_an_upload_in_chunks_is_answered_while_it_is_being_sent() {
    let library = Library::start(&[("LIBRARY_MAX_UPLOAD_MB", "2")]).await;
    // One chunk that would be a gigabyte.
    let begun = [b"40000000\r\n", beginning("x.jpg").as_bytes(), &JPEG[..20]].concat();
    let mut stream = library
        .begin("192.0.2.1", "Transfer-Encoding: chunked\r\n", &begun)
        .await;
    let piece = vec![0; 64 * 1024];
    let mut sent = 0;
    // The answer comes once the limit is passed; what the system keeps of the rest is never read.
    while sent < 2 * MIB + MIB / 2 {
        stream.write_all(&piece).await.unwrap();
        sent += piece.len();
    }
    assert_eq!(status(&mut stream).await, 413);
    assert_eq!(library.files(), [""; 0]);
}

#[tokio::test]
async fn an_upload_that_is_killed_leaves_nothing() {
    let library = Library::start(&[]).await;
    let begun = [beginning("x.jpg").as_bytes(), &jpeg_of(5 * MIB)].concat();
    let mut stream = library
        .begin("192.0.2.1", "Content-Length: 9000000\r\n", &begun)
        .await;
    assert_eq!(library.names("").await, [""; 0]);
    let Library { service, folder } = library;
    service.kill().await;
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "no answer");
    let mut files = Vec::new();
    collect(&folder.path().join("photos"), &mut files);
    assert_eq!(files, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_uploads_of_20_mb_take_less_than_100_mb() {
    let library = Library::start(&[]).await;
    assert_eq!(
        library.upload("", "first.jpg", jpeg_of(MIB)).await.status,
        200
    );
    let before = library.service.memory();
    let jpeg = jpeg_of(20 * MIB);
    let upload = async |number: usize| {
        let name = format!("{number:03}.jpg");
        let body = [beginning(&name).as_bytes(), &jpeg, END].concat();
        let length = format!("Content-Length: {}\r\n", body.len());
        // All but the end, so that all are there at the same time.
        let (most, end) = body.split_at(body.len() - END.len());
        let address = format!("192.0.2.{}", number / 10);
        let mut stream = library.begin(&address, &length, most).await;
        (
            stream.write_all(end).await.unwrap(),
            status(&mut stream).await,
        )
            .1
    };
    let uploads = join_all((0..100).map(upload));
    let mut most = 0;
    let watch = async {
        loop {
            most = most.max(library.service.memory().saturating_sub(before));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let statuses = tokio::select! {
        statuses = uploads => statuses,
        () = watch => unreachable!(),
    };
    assert_eq!(statuses, [200; 100]);
    println!("100 uploads of 20 MiB at once: {most} bytes more");
    assert!(most < 100_000_000, "{most}");
    assert_eq!(library.files().len(), 101);
    let page = library.list("limit=1").await;
    assert_eq!(page["total_in_window"], 101);
}
