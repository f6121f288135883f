//! People log in with accounts of their own: from the first link to the end of the session.

use std::collections::HashMap;

use publisher_sandbox::{DemoTenant, IssuerAccount, Sandbox, TenantSpec};
use reqwest::{Method, Url, header::SET_COOKIE};
use serde_json::json;

use crate::{
    harness::{Answer, Service},
    sessions::{PASSWORD, SESSION_SECRET},
};

pub(crate) const JANE: &str = "jane@people.example";

/// A sandbox with one tenant that lets in Jane, who has an account, as Joe has.
pub(crate) struct Place {
    pub(crate) sandbox: Sandbox,
    pub(crate) tenant: DemoTenant,
}

impl Place {
    pub(crate) async fn new() -> Self {
        Self::with(json!({"enabled": true, "allowed_emails": ["Jane@People.Example"]})).await
    }

    /// The same with this block `auth`; null leaves it out.
    pub(crate) async fn with(auth: serde_json::Value) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let mut spec = TenantSpec::new("harbour");
        if !auth.is_null() {
            spec = spec.patch(&json!({"auth": auth}));
        }
        let tenant = sandbox.add_tenant(spec);
        for (name, email) in [("jane", JANE), ("joe", "joe@people.example")] {
            sandbox.issuer.add_account(IssuerAccount::new(name, email));
        }
        Self { sandbox, tenant }
    }

    /// The settings of the identity provider, with those of sessions.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = self.sandbox.environment();
        environment.extend(self.sandbox.issuer.environment());
        environment.push(("WEB_SESSION_SECRET", SESSION_SECRET.to_owned()));
        environment
    }

    pub(crate) async fn service(&self, more: &[(&str, &str)]) -> Service {
        Service::start_with(self.environment(), more).await
    }

    pub(crate) fn browser<'a>(&'a self, service: &'a Service) -> Browser<'a> {
        Browser {
            service,
            host: &self.tenant.host,
            cookies: HashMap::new(),
        }
    }
}

/// A browser at a tenant's host.
#[derive(Clone)]
pub(crate) struct Browser<'a> {
    pub(crate) service: &'a Service,
    pub(crate) host: &'a str,
    pub(crate) cookies: HashMap<String, String>,
}

impl Browser<'_> {
    /// Opens a page of the host, and keeps its cookies.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        let request = self.service.request(Method::GET, self.host, path);
        let answer = Answer::to(request.header("cookie", self.cookie())).await;
        for set in answer.headers.get_all(SET_COOKIE) {
            let set = set.to_str().unwrap();
            let (pair, attributes) = set.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(
                attributes.contains("HttpOnly") && attributes.contains("SameSite=Lax"),
                "{set}"
            );
            assert!(
                attributes.contains("Secure") && attributes.contains("Path=/;"),
                "{set}"
            );
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Where an answer leads.
    pub(crate) async fn led(&mut self, path: &str) -> String {
        let answer = self.open(path).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        answer.header("location").to_owned()
    }

    /// Begins a login, chooses an account there, and returns the path with which the browser comes back.
    pub(crate) async fn returned(&mut self, name: &str, return_to: &str) -> String {
        let login = self
            .led(&format!("/auth/login?return_to={return_to}"))
            .await;
        let mut login = Url::parse(&login).unwrap();
        login.query_pairs_mut().append_pair("account", name);
        let http = publisher::adapters::http_client::build(
            std::time::Duration::from_secs(30),
            &publisher::adapters::http_client::ExtraRoots::default(),
        );
        let answer = http.unwrap().get(login).send().await.unwrap();
        let back = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        assert_eq!(back.host_str(), Some(self.host));
        back[url::Position::BeforePath..].to_owned()
    }

    /// A whole login; where it leads.
    pub(crate) async fn log_in(&mut self, name: &str) -> String {
        let back = self.returned(name, "/").await;
        self.led(&back).await
    }

    pub(crate) async fn status(&mut self) -> serde_json::Value {
        self.open("/api/admin/status").await.json()
    }
}

#[tokio::test]
async fn a_person_logs_in_works_and_logs_out() {
    let place = Place::new().await;
    let service = place.service(&[("WEB_ADMIN_PASSWORD", PASSWORD)]).await;
    let mut browser = place.browser(&service);
    let features = browser.open("/api/config/features").await.json();
    assert_eq!(features["auth_mode"], "auth0");
    assert_eq!(
        features["auth_methods"],
        json!(["openid", "password", "bearer"])
    );
    let back = browser.returned("jane", "/%23/image/a%2520b.jpg").await;
    assert!(browser.cookies.contains_key("__Host-pv2_login"));
    assert_eq!(browser.led(&back).await, "/#/image/a%20b.jpg");
    assert_eq!(
        browser.cookies.keys().collect::<Vec<_>>(),
        ["__Host-pv2_admin"]
    );
    let expected = json!({"admin": true, "email": JANE, "method": "openid"});
    assert_eq!(browser.status().await, expected);
    assert_eq!(browser.open("/api/publications").await.status, 200);

    // What writes has to come from a page of this host.
    let write = |origin: &str| {
        let request = service.request(Method::PUT, browser.host, "/api/config/voice-profile");
        let request = request
            .header("cookie", browser.cookie())
            .header("origin", origin.to_owned());
        Answer::to(request.json(&json!({"voice_profile": []})))
    };
    write("https://evil.example")
        .await
        .assert_problem(403, "forbidden");
    assert_eq!(write(&format!("http://{}", browser.host)).await.status, 200);

    let logged = service.lines("admin logged in with an account").await;
    assert_eq!(logged.len(), 1);
    let log = service.whole_log().await;
    for word in [JANE, "sandbox|jane", SESSION_SECRET] {
        assert!(!log.contains(word), "{word} is in the log");
    }
    let request = service.request(Method::POST, browser.host, "/api/auth/logout");
    let out = Answer::to(request.header("cookie", browser.cookie())).await;
    let nobody = json!({"admin": false, "email": null, "method": null});
    assert_eq!(out.json(), nobody);
    browser.cookies.clear();
    assert_eq!(browser.status().await, nobody);
}

#[tokio::test]
async fn two_replicas_share_a_login_and_its_session() {
    let place = Place::new().await;
    let second = place.sandbox.second_ledger_url();
    let one = place.service(&[]).await;
    let other = place.service(&[("PUBLISH_LEDGER_URL", &second)]).await;
    let mut browser = place.browser(&one);
    let back = browser.returned("jane", "/").await;
    browser.service = &other;
    assert_eq!(browser.led(&back).await, "/");
    browser.service = &one;
    assert_eq!(browser.status().await["email"], JANE);
}

#[tokio::test]
async fn a_new_epoch_ends_the_session_and_a_restart_does_not() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    let mut browser = place.browser(&service);
    browser.log_in("jane").await;
    let cookies = browser.cookies.clone();
    service.kill().await;
    for (epoch, is_admin) in [(" ", true), ("2", false)] {
        let service = place.service(&[("WEB_ADMIN_COOKIE_EPOCH", epoch)]).await;
        let mut browser = place.browser(&service);
        browser.cookies.clone_from(&cookies);
        assert_eq!(browser.status().await["admin"], is_admin, "{epoch}");
        service.kill().await;
    }
}

#[tokio::test]
async fn who_is_taken_off_the_list_is_out_at_the_next_request() {
    let place = Place::new().await;
    let service = place.service(&[]).await;
    let host = &place.tenant.host;
    place.sandbox.orchestrator.set_ttl(host, Some(1));
    let mut browser = place.browser(&service);
    browser.log_in("jane").await;
    let events = service.request(Method::GET, host, "/api/jobs/events");
    let events = events.header("cookie", browser.cookie()).send().await;
    let mut events = events.unwrap();
    assert_eq!(events.status(), 200);
    let lists = |people: serde_json::Value| {
        let block = json!({"enabled": true, "allowed_emails": people});
        place
            .sandbox
            .orchestrator
            .edit_config(host, |config| config["auth"] = block);
    };
    lists(json!(["joe@people.example"]));
    let is_out = async {
        while browser.status().await["admin"] == true {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), is_out)
        .await
        .unwrap();
    browser
        .open("/api/publications")
        .await
        .assert_problem(401, "unauthorized");
    let ended = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        while events.chunk().await.unwrap().is_some() {}
    });
    ended.await.unwrap();
    let calls = place.sandbox.issuer.switches().total_calls();
    lists(json!([JANE]));
    let is_back = async {
        while browser.status().await["admin"] == false {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_mins(1), is_back)
        .await
        .unwrap();
    assert_eq!(
        place.sandbox.issuer.switches().total_calls(),
        calls,
        "nobody is asked"
    );
}

#[tokio::test]
async fn the_operators_list_is_of_tenants_without_a_block_and_the_start_says_so() {
    let place = Place::with(json!(null)).await;
    let other = TenantSpec::new("quay").patch(&json!({"auth": {"enabled": false}}));
    let other = place.sandbox.add_tenant(other);
    let service = place
        .service(&[(
            "ADMIN_LOGIN_EMAILS",
            "joe@people.example, JANE@people.example",
        )])
        .await;
    assert!(
        service
            .whole_log()
            .await
            .contains("whoever is on it is an admin of every tenant")
    );
    let mut browser = place.browser(&service);
    assert_eq!(browser.log_in("jane").await, "/");
    assert_eq!(browser.status().await["email"], JANE);
    let mut there = Browser {
        host: &other.host,
        ..browser.clone()
    };
    assert_eq!(
        there.status().await["admin"],
        false,
        "the session is of one host"
    );
    let features = there.open("/api/config/features").await.json();
    assert_eq!(features["auth_methods"], json!(["bearer"]));
    assert_eq!(
        there.led("/auth/login").await,
        "/?auth_error=auth_not_configured"
    );
}

#[tokio::test]
async fn one_tenant_from_the_environment_lets_in_those_of_its_list() {
    let sandbox = Sandbox::start().await.unwrap();
    let tenant = &sandbox.tenants()[0];
    sandbox.issuer.add_account(IssuerAccount::new("jane", JANE));
    let mut environment = sandbox.standalone_environment(tenant);
    environment.extend(sandbox.issuer.environment());
    environment.push(("ADMIN_LOGIN_EMAILS", JANE.to_owned()));
    let more = [
        ("WEB_SESSION_SECRET", SESSION_SECRET),
        ("STANDALONE_HOST", "harbour.example"),
    ];
    let service = Service::start_with(environment, &more).await;
    let mut browser = Browser {
        service: &service,
        host: "harbour.example",
        cookies: HashMap::new(),
    };
    let login = browser.led("/auth/login").await;
    let login = Url::parse(&login).unwrap();
    let query: HashMap<_, _> = login.query_pairs().into_owned().collect();
    assert_eq!(
        query["redirect_uri"],
        "https://harbour.example/auth/callback"
    );
    assert_eq!(browser.log_in("jane").await, "/");
    assert_eq!(browser.status().await["method"], "openid");
}

#[tokio::test]
async fn uploads_of_a_person_count_wherever_they_come_from() {
    let place = Place::new().await;
    let quay = TenantSpec::new("quay").managed("quay/queue").patch(&json!({
        "auth": {"enabled": true, "allowed_emails": [JANE]},
        "features": {"library_enabled": true},
    }));
    let quay = place.sandbox.add_tenant(quay);
    let service = place.service(&[("TRUSTED_PROXIES", "127.0.0.0/8")]).await;
    let mut browser = Browser {
        host: &quay.host,
        ..place.browser(&service)
    };
    browser.log_in("jane").await;
    let upload = async |number: u8| {
        let form = reqwest::multipart::Form::new().text("nothing", "of use");
        let request = service.request(Method::POST, browser.host, "/api/library/upload");
        let request = request
            .header("cookie", browser.cookie())
            .header("origin", format!("http://{}", browser.host))
            .header("x-forwarded-for", format!("192.0.2.{number}"));
        Answer::to(request.multipart(form)).await.status
    };
    let mut answers = Vec::new();
    for number in 0..11 {
        answers.push(upload(number).await);
    }
    assert_eq!(answers.pop(), Some(429), "the eleventh within a minute");
    assert!(answers.iter().all(|it| *it == 400), "{answers:?}");
}
