//! One tenant from the environment with its images in a folder of the machine: no Dropbox, no orchestrator.

use std::{fs, path::PathBuf};

use publisher_sandbox::{DemoTenant, Sandbox, sample_images};
use reqwest::{Method, header};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    canaries::Canaries,
    check_states,
    crashes::publish_after_crash,
    harness::{Answer, Service},
    metadata::sha256,
};

/// A folder with images, and the settings of a service whose tenant has them.
struct Stage {
    sandbox: Sandbox,
    folder: TempDir,
    images: Vec<String>,
}

impl Stage {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let [images, _] = sample_images().unwrap();
        for image in &images {
            fs::write(folder.path().join(&image.name), &image.bytes).unwrap();
        }
        let mut images: Vec<_> = images.into_iter().map(|image| image.name).collect();
        images.sort();
        Self {
            sandbox,
            folder,
            images,
        }
    }

    fn tenant(&self) -> &DemoTenant {
        &self.sandbox.tenants()[0]
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.sandbox.standalone_environment(self.tenant());
        environment.retain(|(name, _)| !name.starts_with("DROPBOX_") && *name != "STORAGE_PATHS");
        let paths = json!({"root": self.folder.path().to_str().unwrap()});
        environment.extend([
            ("STORAGE_PROVIDER", "local".to_owned()),
            ("STORAGE_PATHS", paths.to_string()),
        ]);
        environment
    }

    async fn start(&self) -> Service {
        Service::start_with(self.environment(), &[]).await
    }

    async fn get(&self, service: &Service, path: &str) -> Answer {
        let host = &self.tenant().host;
        service.get_as_admin(&self.sandbox, host, path).await
    }

    /// The path of the link to an image.
    async fn link(&self, service: &Service, image: &str) -> String {
        let image = self.get(service, &format!("/api/images/{image}")).await;
        assert_eq!(image.status, 200, "{image:?}");
        let url = image.json()["temp_url"].as_str().unwrap().to_owned();
        let expected = format!("http://{}/media/", self.tenant().host);
        assert!(url.starts_with(&expected), "{url}");
        url.replace(&format!("http://{}", self.tenant().host), "")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[tokio::test]
async fn a_folder_is_listed_shown_published_archived_kept_and_cleared() {
    let stage = Stage::new().await;
    let service = stage.start().await;
    let listed = stage.get(&service, "/api/images/list").await.json();
    assert_eq!(listed["filenames"], json!(stage.images));
    let random = stage.get(&service, "/api/images/random").await.json();
    assert!(
        stage
            .images
            .contains(&random["filename"].as_str().unwrap().to_owned())
    );
    let thumbnail = stage
        .get(
            &service,
            "/api/images/harbour-dawn.jpg/thumbnail?size=w256h256",
        )
        .await;
    assert_eq!(thumbnail.status, 200);
    assert_eq!(thumbnail.header("content-type"), "image/jpeg");
    let image = stage.get(&service, "/api/images/harbour-dawn.jpg").await;
    let bytes = fs::read(stage.path("harbour-dawn.jpg")).unwrap();
    assert_eq!(image.json()["sha256"], sha256(&bytes));
    let features = service
        .get(&stage.tenant().host, "/api/config/features")
        .await;
    assert_eq!(features.json()["storage_provider"], "local");

    let published = service
        .publish(
            &stage.sandbox,
            stage.tenant(),
            "harbour-dawn.jpg",
            json!({}),
        )
        .await
        .json();
    assert_eq!(
        published["results"]["telegram"]["outcome"], "published",
        "{published}"
    );
    assert_eq!(published["archived"], true, "{published}");
    assert!(!stage.path("harbour-dawn.jpg").exists());
    assert!(stage.path("archive/harbour-dawn.jpg").exists());
    assert!(stage.path("archive/harbour-dawn.txt").exists());
    let again = service
        .publish(
            &stage.sandbox,
            stage.tenant(),
            "harbour-dawn.jpg",
            json!({}),
        )
        .await
        .json();
    assert_eq!(
        again["results"]["telegram"]["outcome"], "already_published",
        "{again}"
    );

    let rest: Vec<_> = stage
        .images
        .iter()
        .filter(|it| *it != "harbour-dawn.jpg")
        .collect();
    for (image, what, place) in [
        (rest[0], "keep", Some("keep")),
        (rest[1], "remove", Some("reject")),
        (rest[2], "delete", None),
    ] {
        let done = service
            .post(&stage.sandbox, stage.tenant(), image, what)
            .await;
        assert_eq!(done.status, 200, "{done:?}");
        assert!(!stage.path(image).exists());
        if let Some(place) = place {
            assert!(stage.path(place).join(image).exists());
        }
    }
    let listed = stage.get(&service, "/api/images/list").await.json();
    assert_eq!(listed["count"], stage.images.len() - 4);
    // Neither the folder nor a name is in the log, and no link.
    let log = service.whole_log().await;
    let mut canaries = Canaries::default();
    canaries.add([stage.folder.path().to_str().unwrap(), "/media/1"]);
    canaries.assert_not_in("the log", log.as_bytes());
}

#[tokio::test]
async fn a_link_gives_the_file_by_its_host_its_name_and_its_signature_alone() {
    let stage = Stage::new().await;
    let mut environment = stage.environment();
    environment.retain(|(name, _)| *name != "STANDALONE_HOST");
    let service = Service::start_with(environment, &[]).await;
    let host = stage.tenant().host.as_str();
    let link = stage.link(&service, "harbour-dawn.jpg").await;
    let bytes = fs::read(stage.path("harbour-dawn.jpg")).unwrap();
    let whole = service.get(host, &link).await;
    assert_eq!((whole.status, &*whole.bytes), (200, &*bytes));
    for (name, expected) in [
        ("content-type", "image/jpeg"),
        (
            "content-disposition",
            "inline; filename*=UTF-8''harbour-dawn.jpg",
        ),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("x-content-type-options", "nosniff"),
        ("accept-ranges", "bytes"),
        ("content-length", &bytes.len().to_string()),
    ] {
        assert_eq!(whole.header(name), expected, "{name}");
    }
    let age = whole
        .header("cache-control")
        .strip_prefix("private, max-age=")
        .unwrap();
    assert!((1..=3600).contains(&age.parse::<u64>().unwrap()), "{age}");

    let call = async |method, name: header::HeaderName, value: &str| {
        let request = service.request(method, host, &link).header(name, value);
        Answer::to(request).await
    };
    let tag = whole.header("etag").to_owned();
    let unchanged = call(Method::GET, header::IF_NONE_MATCH, &tag).await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));
    let part = call(Method::GET, header::RANGE, "bytes=2-9").await;
    assert_eq!((part.status, &*part.bytes), (206, &bytes[2..10]));
    assert_eq!(
        part.header("content-range"),
        format!("bytes 2-9/{}", bytes.len())
    );
    let head = call(Method::HEAD, header::ACCEPT, "*/*").await;
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), bytes.len().to_string());

    let unknown = service.get(host, "/no/such/path").await;
    let (token, _) = link
        .strip_prefix("/media/")
        .unwrap()
        .split_once('/')
        .unwrap();
    let (_, signature) = token.split_once('.').unwrap();
    fs::write(
        stage.path("page.jpg"),
        "<html><script>alert(1)</script></html>",
    )
    .unwrap();
    let page = stage.link(&service, "page.jpg").await;
    let gone = stage.link(&service, "paper-lantern.png").await;
    fs::remove_file(stage.path("paper-lantern.png")).unwrap();
    for (host, path) in [
        ("elsewhere.example.org", link.clone()),
        (host, format!("/media/{token}/paper-lantern.png")),
        (host, format!("/media/{token}A/harbour-dawn.jpg")),
        (host, format!("/media/1.{signature}/harbour-dawn.jpg")),
        (
            host,
            format!("/media/99999999999.{signature}/harbour-dawn.jpg"),
        ),
        (host, format!("/media/{token}/notes.txt")),
        (host, format!("/media/{token}/..%2F..%2Fetc%2Fpasswd")),
        (host, page),
        (host, gone),
    ] {
        let answer = service.get(host, &path).await;
        answer.assert_problem(404, "not-found");
        let without_id = |answer: &Answer| {
            let mut problem = answer.json();
            problem["request_id"] = Value::Null;
            problem
        };
        assert_eq!(without_id(&answer), without_id(&unknown), "{path}");
    }
}

#[tokio::test]
async fn links_outlive_the_process_with_a_session_secret_and_end_with_it_without() {
    let stage = Stage::new().await;
    let secret = (
        "WEB_SESSION_SECRET",
        "sandbox-secret-of-sessions-0123456789",
    );
    let password = ("WEB_ADMIN_PASSWORD", "sandbox-password-of-admins");
    for (settings, status) in [(vec![password, secret], 200), (vec![], 404)] {
        let first = Service::start_with(stage.environment(), &settings).await;
        let link = stage.link(&first, "harbour-dawn.jpg").await;
        first.kill().await;
        let second = Service::start_with(stage.environment(), &settings).await;
        let answer = second.get(&stage.tenant().host, &link).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn an_orchestrator_cannot_name_a_folder_of_the_machine() {
    let stage = Stage::new().await;
    let root = stage.folder.path().to_str().unwrap();
    let spec = publisher_sandbox::TenantSpec::new("mallory").root(root);
    let storage = json!({"storage": {"provider": "local", "credentials_ref": null}});
    let mallory = stage.sandbox.add_tenant(spec.patch(&storage));
    let service = Service::start(&stage.sandbox).await;
    let answer = service
        .get_as_admin(&stage.sandbox, &mallory.host, "/api/images/list")
        .await;
    answer.assert_problem(503, "tenant-unavailable");
    assert!(service.whole_log().await.contains("storage.provider"));
}

#[tokio::test]
async fn check_lists_the_folder_and_says_what_is_wrong_with_it() {
    let stage = Stage::new().await;
    let quiet = check_states::quiet(stage.environment());
    let cwd = tempfile::tempdir().unwrap();
    let (said, code) = check_states::check(&quiet, &["--migrate"], cwd.path()).await;
    assert_eq!(code, 0, "{said}");
    let listed = format!(
        "it can be listed: {} images in the root folder",
        stage.images.len()
    );
    assert!(said.contains(&listed), "{said}");
    assert!(!said.contains("DROPBOX"), "{said}");
    fs::remove_dir_all(stage.folder.path()).unwrap();
    let (said, code) = check_states::check(&quiet, &[], cwd.path()).await;
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("WRONG  storage"), "{said}");
    assert!(
        !said.contains(stage.folder.path().to_str().unwrap()),
        "{said}"
    );
    assert!(said.contains("create it, or mount the disk"), "{said}");
}

#[tokio::test]
async fn a_kill_while_an_image_is_published_loses_nothing_and_sends_nothing_twice() {
    let stage = Stage::new().await;
    let service = stage.start().await;
    let hold = stage.sandbox.telegram.switches().hold("sendPhoto");
    {
        let image = "harbour-dawn.jpg";
        let publish = service.publish(&stage.sandbox, stage.tenant(), image, json!({}));
        tokio::pin!(publish);
        tokio::select! {
            answer = &mut publish => panic!("it was held: {answer:?}"),
            () = hold.arrived(1) => {}
        }
    }
    service.kill().await;
    hold.release();
    let service = stage.start().await;
    let (sandbox, tenant) = (&stage.sandbox, stage.tenant());
    let again = publish_after_crash(&service, sandbox, tenant, "harbour-dawn.jpg").await;
    let again = again.json();
    assert_eq!(
        again["results"]["telegram"]["outcome"], "unknown",
        "{again}"
    );
    assert_eq!(stage.sandbox.telegram.photos().len(), 1);
    let here = stage.path("harbour-dawn.jpg").exists();
    let archived = stage.path("archive/harbour-dawn.jpg").exists();
    assert!(here ^ archived);
}
