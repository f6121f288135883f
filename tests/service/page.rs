//! The page and its assets, as a browser asks for them. `tests/browser` uses them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read as _,
    path::Path,
};

use flate2::read::GzDecoder;
use publisher_sandbox::Sandbox;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::harness::{Answer, Service};

/// The bound on what a browser loads before it shows anything, compressed: three seconds of a slow phone connection.
const MAX_SHELL: usize = 60 * 1024;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The files of the repository, by their names.
fn files() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app/http/page/assets");
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let named = entries.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read(path).unwrap())
    });
    named.collect()
}

/// The addresses of assets in the page.
fn addresses(html: &str) -> BTreeSet<&str> {
    let after = html.split("\"/assets/").skip(1);
    let addresses = after.map(|it| it.split('"').next().unwrap());
    addresses.collect()
}

/// The modules that a module imports, at once or later.
fn imports(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("\"./").skip(1);
    after.map(|it| it.split('"').next().unwrap())
}

/// What is sent for a path, head and body: the client of the harness decompresses by itself.
async fn sent(service: &Service, host: &str, path: &str, encodings: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {encodings}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
    assert!(
        head.contains("\r\nvary: accept-encoding\r\n"),
        "{path}: {head}"
    );
    (head, body)
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').unwrap().1 {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        other => panic!("{name} has the unknown ending {other}"),
    }
}

#[tokio::test]
async fn the_page_comes_with_its_policy_and_is_asked_for_again_at_each_visit() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let page = service.get(host, "/").await;
    assert_eq!(page.status, 200, "{page:?}");
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("content-security-policy", POLICY),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("vary", "Accept-Encoding"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    for word in ["unsafe", "*", "data:", "blob:", "http"] {
        assert!(!POLICY.contains(word), "{word}");
    }
    // What the policy would refuse is not there.
    for word in [
        "<style",
        " style=",
        " onload=",
        "javascript:",
        "http:",
        "https:",
    ] {
        assert!(!page.text.contains(word), "{word}");
    }
    for script in page.text.split("<script").skip(1) {
        let (attributes, text) = script.split_once('>').unwrap();
        assert!(attributes.contains(" src=\"/assets/"), "{attributes}");
        assert!(text.starts_with("</script>"), "{text}");
    }

    let tag = page.header("etag").to_owned();
    let strong = tag.trim_start_matches("W/").to_owned();
    for (tags, status) in [
        (&*tag, 304),
        (&*strong, 304),
        ("*", 304),
        ("\"other\"", 200),
    ] {
        let request = service
            .request(Method::GET, host, "/")
            .header("if-none-match", tags);
        let again = Answer::to(request).await;
        assert_eq!(again.status, status, "{tags}");
        assert_eq!(again.header("etag"), tag, "{tags}");
        assert_eq!(again.header("cache-control"), "no-cache", "{tags}");
        assert_eq!(again.text.is_empty(), status == 304, "{tags}");
    }
    let head = Answer::to(service.request(Method::HEAD, host, "/")).await;
    assert_eq!(
        (head.status, head.header("etag"), &*head.text),
        (200, &*tag, "")
    );
    // What a login by account leaves in the address changes nothing.
    let returned = service.get(host, "/?auth_error=access_denied").await;
    assert_eq!(returned.text, page.text);
    let posted = Answer::to(service.request(Method::POST, host, "/")).await;
    posted.assert_problem(405, "method-not-allowed");
    assert_eq!(posted.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn every_asset_is_there_as_it_is_in_the_repository_and_is_kept_for_ever() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let page = service.get(host, "/").await;
    let named = addresses(&page.text);
    let folders: BTreeSet<_> = named
        .iter()
        .map(|it| it.split_once('/').unwrap().0)
        .collect();
    let [folder] = *folders.into_iter().collect::<Vec<_>>() else {
        panic!("the page names one folder: {named:?}");
    };
    let mut files = files();
    let index = files.remove("index.html").unwrap();
    let index = String::from_utf8(index).unwrap();
    assert_eq!(
        page.text,
        index.replace("/assets/", &format!("/assets/{folder}/"))
    );
    for address in &named {
        let name = address.split_once('/').unwrap().1;
        assert!(files.contains_key(name), "{name} is named, and not there");
    }
    for (name, content) in &files {
        let path = format!("/assets/{folder}/{name}");
        let asset = service.get(host, &path).await;
        assert_eq!(asset.status, 200, "{name}");
        assert!(asset.bytes == content[..], "{name}");
        for (header, value) in [
            ("content-type", media_type(name)),
            ("cache-control", "public, max-age=31536000, immutable"),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-resource-policy", "same-origin"),
            ("vary", "Accept-Encoding"),
        ] {
            assert_eq!(asset.header(header), value, "{header} of {name}");
        }
        if media_type(name).starts_with("text/javascript") {
            for imported in imports(&asset.text) {
                assert!(files.contains_key(imported), "{name} imports {imported}");
            }
        }
    }
    let other = &sandbox.tenants()[1].host;
    assert_eq!(service.get(other, "/").await.text, page.text);
    // Nothing of this is a tenant's: neither storage nor a platform is asked.
    assert_eq!(sandbox.dropbox.switches().total_calls(), 0);
}

#[tokio::test]
async fn files_are_compressed_for_those_who_say_so_and_the_first_view_takes_little() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let page = service.get(host, "/").await;
    let mut paths = vec!["/".to_owned()];
    paths.extend(
        addresses(&page.text)
            .iter()
            .map(|it| format!("/assets/{it}")),
    );
    let mut shell = 0;
    for path in &paths {
        let (head, plain) = sent(&service, host, path, "identity").await;
        assert!(!head.contains("content-encoding"), "{path}: {head}");
        let (head, packed) = sent(&service, host, path, "gzip, deflate, br").await;
        assert!(
            head.contains("\r\ncontent-encoding: gzip\r\n"),
            "{path}: {head}"
        );
        let mut text = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut text).unwrap();
        assert!(text == plain, "{path}");
        shell += packed.len();
    }
    println!("the shell: {shell} bytes in {} files", paths.len());
    assert!(shell < MAX_SHELL, "{shell}");
}

#[tokio::test]
async fn what_is_not_of_this_version_or_of_no_tenant_is_not_there() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = Service::start(&sandbox).await;
    let host = &sandbox.tenants()[0].host;
    let page = service.get(host, "/").await;
    let folder = addresses(&page.text)
        .first()
        .unwrap()
        .split_once('/')
        .unwrap()
        .0
        .to_owned();
    for path in [
        "/assets/main.js".to_owned(),
        "/assets/0123456789abcdef/main.js".to_owned(),
        format!("/assets/{folder}0/main.js"),
        format!("/assets/{folder}/"),
        format!("/assets/{folder}"),
        format!("/assets/{folder}/index.html"),
        format!("/assets/{folder}/nothing.js"),
        format!("/assets/{folder}/MAIN.js"),
        format!("/assets/{folder}/..%2fassets.rs"),
        format!("/assets/{folder}/x/main.js"),
        format!("/assets/{folder}/%ff"),
        "/index.html".to_owned(),
        "/api".to_owned(),
        "/api/".to_owned(),
        "/api/nothing".to_owned(),
    ] {
        let answer = service.get(host, &path).await;
        answer.assert_problem(404, "not-found");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
    let main = format!("/assets/{folder}/main.js");
    for path in ["/", &*main] {
        let answer = service.get("nobody.sandbox.localhost", path).await;
        answer.assert_problem(404, "tenant-not-found");
    }
    let posted = Answer::to(service.request(Method::POST, host, &main)).await;
    posted.assert_problem(405, "method-not-allowed");
    // The labels of metrics have neither hashes nor names.
    let metrics = service.metrics().await.text;
    assert!(metrics.contains("\"/assets/{hash}/{name}\""), "{metrics}");
    assert!(!metrics.contains(&folder) && !metrics.contains("main.js"));
}
