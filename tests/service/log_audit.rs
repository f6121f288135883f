//! Everything that the service does, at its most talkative: neither the log nor the metrics, the
//! answers or the ledger hold a secret, a reference or a host, in whatever form.

mod failures;

use std::{fs, path::Path, sync::Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use publisher_sandbox::{DemoTenant, Network, Sandbox, TenantSpec, sample_images};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use self::failures::{
    credentials_die, models_fail, networks_fail, orchestrator_fails, platforms_fail, storage_fails,
};
use crate::{
    canaries::Canaries,
    harness::{Answer, Service, command},
    sessions,
};

const WRONG: &str = "wr0ng-passw0rd-of-a-guesser";

/// A service that is listened to, and what it has answered.
struct Audit {
    sandbox: Sandbox,
    service: Service,
    answers: Mutex<Vec<String>>,
    canaries: Mutex<Canaries>,
}

impl Audit {
    async fn of(
        sandbox: Sandbox,
        environment: Vec<(&'static str, String)>,
        more: &[(&str, &str)],
    ) -> Self {
        let more = [&sessions::settings()[..], more].concat();
        let audit = Self {
            service: Service::start_with(environment, &more).await,
            sandbox,
            answers: Mutex::default(),
            canaries: Mutex::default(),
        };
        audit.hide([
            WRONG,
            sessions::USER_PASSWORD,
            sessions::PASSWORD,
            sessions::SESSION_SECRET,
        ]);
        audit
    }

    fn hide<T: Into<String>>(&self, words: impl IntoIterator<Item = T>) {
        self.canaries.lock().unwrap().add(words);
    }

    async fn send(&self, request: RequestBuilder) -> Answer {
        let answer = Answer::of(request.send().await.unwrap()).await;
        self.answers
            .lock()
            .unwrap()
            .push(self.without_link(&answer));
        answer
    }

    /// The text of an answer without the one secret that it may hold, because it is the answer.
    fn without_link(&self, answer: &Answer) -> String {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(&answer.text) else {
            return answer.text.clone();
        };
        let link = fields.remove("temp_url");
        let link = link.as_ref().and_then(Value::as_str);
        self.hide(link.and_then(|it| it.rsplit('/').next()));
        Value::from(fields).to_string()
    }

    fn request(&self, method: Method, host: &str, path: &str) -> RequestBuilder {
        self.service.request(method, host, path)
    }

    async fn get(&self, tenant: &DemoTenant, path: &str) -> Answer {
        let request = self.request(Method::GET, &tenant.host, path);
        self.send(request.bearer_auth(self.sandbox.web_token()))
            .await
    }

    async fn post(&self, tenant: &DemoTenant, path: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, &tenant.host, path).json(&body);
        self.send(request.bearer_auth(self.sandbox.web_token()))
            .await
    }

    async fn publish(&self, tenant: &DemoTenant, image: &str) -> Answer {
        let path = format!("/api/images/{image}/publish");
        self.post(tenant, &path, json!({"force": true})).await
    }

    /// Ends the service, and looks everywhere. Hosts may stand in answers, and so in the ledger:
    /// tenants are asked under them, and told what platforms say.
    async fn conclude(self, hosts: &[&str]) {
        let metrics = self.service.metrics().await.text;
        let ledger = self.ledger();
        self.service.terminate().await;
        let (status, log) = self.service.ended().await;
        assert!(status.success(), "{log}");
        let lines = log.lines().count();
        assert!(lines > 30, "too short to prove anything:\n{log}");
        let mut canaries = self.canaries.into_inner().unwrap();
        canaries.add(self.sandbox.secrets());
        for answer in self.answers.into_inner().unwrap() {
            canaries.assert_not_in("an answer", answer.as_bytes());
        }
        canaries.assert_not_in("the ledger", &ledger);
        canaries.add(hosts.iter().copied());
        canaries.assert_not_in("the metrics", metrics.as_bytes());
        canaries.assert_not_in("the log", log.as_bytes());
    }

    /// The bytes of the database and of what is not in it yet.
    fn ledger(&self) -> Vec<u8> {
        let url = self.sandbox.ledger_url();
        let path = url.trim_start_matches("sqlite://");
        let files = ["", "-wal"].map(|end| fs::read(format!("{path}{end}")).unwrap());
        assert!(files.iter().all(|file| !file.is_empty()));
        files.concat()
    }
}

/// Images, what is known of them, and what is done with them, when all is well.
async fn all_is_well(audit: &Audit, tenant: &DemoTenant) {
    for path in [
        "/health",
        "/health/ready",
        "/api/config/features",
        "/api/config/publishers",
        "/api/images/list?after=c4nary-of-the-query",
        "/api/images/café-夜.jpg/thumbnail?size=w256h256",
        "/api/images/gone.jpg",
        "/api/publications?limit=c4nary-of-the-query",
        "/api/admin/status",
    ] {
        audit.get(tenant, path).await;
    }
    audit.hide(["c4nary-of-the-query"]);
    for path in ["/api/images/random", "/api/images/café-夜.jpg"] {
        let details = audit.get(tenant, path).await.json();
        assert!(details["temp_url"].is_string(), "{details}");
    }
    audit
        .post(tenant, "/api/images/café-夜.jpg/analyze", json!({}))
        .await;
    let answer = audit.publish(tenant, "café-夜.jpg").await;
    assert_eq!(answer.json()["any_success"], true, "{answer:?}");
    audit
        .post(tenant, "/api/images/red-thread.webp/keep", json!({}))
        .await;
    let key = "k3y-that-a-client-has-made-up";
    for _ in 0..2 {
        let request = audit.request(Method::POST, &tenant.host, "/api/publish");
        let request = request.bearer_auth(audit.sandbox.web_token());
        let request = request
            .header("idempotency-key", key)
            .json(&json!({"dry_run": true}));
        assert_eq!(audit.send(request).await.status, 200);
    }
    audit.hide([key]);
}

/// Good, bad and missing credentials, in all the ways that there are to show them.
async fn credentials(audit: &Audit, tenant: &DemoTenant) {
    let host = &tenant.host;
    let login = |password: &str| {
        let request = audit.request(Method::POST, host, "/api/admin/login");
        request.json(&json!({"password": password}))
    };
    for _ in 0..7 {
        assert!(matches!(audit.send(login(WRONG)).await.status, 401 | 429));
    }
    let list = || audit.request(Method::GET, host, "/api/images/list");
    let basic = STANDARD.encode(format!("{}:{WRONG}", sessions::USER));
    for request in [
        list(),
        list().bearer_auth(WRONG),
        list().basic_auth(sessions::USER, Some(WRONG)),
        list().header("authorization", format!("Basic {basic}!")),
        list().header("authorization", format!("Digest {WRONG}")),
        list().header("cookie", format!("pv2_admin={WRONG}; pv2_device={WRONG}")),
    ] {
        assert_eq!(audit.send(request).await.status, 401);
    }
    let right = list().basic_auth(sessions::USER, Some(sessions::USER_PASSWORD));
    assert_eq!(audit.send(right).await.status, 200);
    let garbled = audit.request(Method::POST, host, "/api/admin/login");
    let garbled = garbled.header("content-type", "application/json");
    let garbled = audit
        .send(garbled.body(format!("{{\"{WRONG}\": {WRONG}")))
        .await;
    assert!(matches!(garbled.status, 400 | 429), "{garbled:?}");
}

/// A login, and what is done with its cookies.
async fn cookies(audit: &Audit, tenant: &DemoTenant, other: &DemoTenant) {
    let cookies = sessions::log_in(&audit.service, &tenant.host).await;
    for cookie in [&cookies.session, &cookies.device] {
        audit.hide([cookie.split_once('=').unwrap().1]);
    }
    let both = format!("{}; {}", cookies.session, cookies.device);
    for (host, cookie) in [
        (&tenant.host, both.clone()),
        (&other.host, both.clone()),
        (&tenant.host, both.replace('.', "x.")),
    ] {
        let request = audit.request(Method::GET, host, "/api/images/list");
        audit.send(request.header("cookie", cookie)).await;
    }
    let foreign = audit.request(Method::POST, &tenant.host, "/api/publish");
    let foreign = foreign
        .header("cookie", &both)
        .header("origin", "https://c4nary.example");
    assert_eq!(audit.send(foreign).await.status, 403);
    let logout = audit.request(Method::POST, &tenant.host, "/api/admin/logout");
    audit.send(logout.header("cookie", &both)).await;
    audit.hide(["c4nary.example"]);
}

fn write_token(folder: &Path, token: &str) {
    let next = folder.join("next");
    fs::write(&next, token).unwrap();
    fs::rename(next, folder.join("token")).unwrap();
}

#[tokio::test]
async fn nothing_that_must_not_be_known_is_told_whatever_happens() {
    let sandbox = Sandbox::start().await.unwrap();
    let [images, _] = sample_images().unwrap();
    let spec = |name| TenantSpec::new(name).images(images.clone());
    let carol = sandbox.add_tenant(spec("carol").email(true));
    let [dave, erin] = ["dave", "erin"].map(|name| sandbox.add_tenant(spec(name).archive(false)));
    let nora = spec("nora").archive(false).telegram(false);
    let nora = nora.network(Network::Mastodon).network(Network::Bluesky);
    let nora = sandbox.add_tenant(nora);
    let servers = [sandbox.mastodon.server(), sandbox.bluesky.server()];
    let servers = servers.map(|it| it.url().trim_start_matches("http://").to_owned());
    let (_, _, handle) = nora.account(Network::Bluesky).unwrap().fields[0].clone();
    let bob = sandbox.tenants()[1].clone();
    let folder = tempfile::tempdir().unwrap();
    write_token(folder.path(), &sandbox.orchestrator.service_token());
    let mut environment = sandbox.environment();
    environment.retain(|(name, _)| *name != "ORCHESTRATOR_SERVICE_TOKEN");
    let file = folder.path().join("token");
    let more = [
        ("ORCHESTRATOR_SERVICE_TOKEN_FILE", file.to_str().unwrap()),
        ("AI_RATE_PER_MINUTE", "10000"),
    ];
    let audit = Audit::of(sandbox, environment, &more).await;
    all_is_well(&audit, &carol).await;
    cookies(&audit, &carol, &bob).await;
    credentials(&audit, &carol).await;
    storage_fails(&audit, &erin).await;
    tokio::join!(
        platforms_fail(&audit, &carol),
        models_fail(&audit, &dave),
        networks_fail(&audit, &nora)
    );
    let new = audit.sandbox.orchestrator.rotate_service_token();
    audit.sandbox.orchestrator.set_service_tokens(&new, None);
    audit.get(&bob, "/api/images/list").await;
    write_token(folder.path(), &new);
    audit.get(&bob, "/api/images/list").await;
    credentials_die(&audit, &carol).await;
    orchestrator_fails(&audit, &carol).await;
    let tenants = [&carol, &bob, &dave, &erin, &nora];
    let mut hosts: Vec<_> = tenants.iter().map(|it| it.host.as_str()).collect();
    // Where the networks of a tenant are, nobody is told but in the addresses of its posts.
    hosts.extend(servers.iter().map(String::as_str));
    hosts.push(&handle);
    audit.conclude(&hosts).await;
}

#[tokio::test]
async fn nor_without_an_orchestrator() {
    let sandbox = Sandbox::start().await.unwrap();
    let alice = sandbox.tenants()[0].clone();
    let environment = sandbox.standalone_environment(&alice);
    let audit = Audit::of(sandbox, environment, &[("AI_RATE_PER_MINUTE", "10000")]).await;
    all_is_well(&audit, &alice).await;
    let strange = audit.request(Method::GET, "strang3r.example", "/api/images/list");
    assert_eq!(audit.send(strange).await.status, 404);
    audit.hide(["strang3r"]);
    credentials_die(&audit, &alice).await;
    audit.conclude(&[&alice.host]).await;
}

#[tokio::test]
async fn nor_by_settings_that_are_bad() {
    let canary = "c4nary-value-of-a-setting";
    let mut canaries = Canaries::default();
    canaries.add([canary]);
    let mut named = 0;
    let good = Sandbox::start().await.unwrap().environment();
    for (name, _) in &good {
        let mut serve = command("serve");
        serve.envs(good.clone()).env("LISTEN_ADDRESS", canary);
        serve.env(name, format!("{canary}\u{1}\n{canary}"));
        serve.env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("https://u:{canary}@h/"),
        );
        serve.env("RUST_LOG", "trace");
        let output = serve.output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        named += usize::from(told.contains(*name));
        assert!(told.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{told}");
        canaries.assert_not_in("standard error", &output.stderr);
        canaries.assert_not_in("the log", &output.stdout);
    }
    assert!(named > 5, "bad values are told of by name: {named}");
}
