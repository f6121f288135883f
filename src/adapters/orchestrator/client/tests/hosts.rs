//! By-host: what is sent, and what each answer means.

use super::*;
use crate::adapters::platforms;

#[tokio::test]
async fn a_known_host_brings_its_config() {
    let stage = Stage::new().await;
    stage.orchestrator().set_ttl(HOST, Some(90));
    stage.orchestrator().bump_config_version(HOST);
    let config = stage.fetch().await.unwrap();
    assert_eq!(config.tenant().as_str(), "alice");
    assert_eq!(config.version().as_str(), "v2");
    assert_eq!(config.ttl().as_duration(), Duration::from_secs(90));
    let config = config.validate(platforms::spec).unwrap();
    assert_eq!(
        config
            .settings()
            .storage
            .credentials_ref
            .as_ref()
            .unwrap()
            .expose(),
        "ref-1"
    );
}

#[tokio::test]
async fn a_host_is_asked_for_by_post_with_token_and_request_id() {
    let stage = Stage::new().await;
    stage.fetch().await.unwrap();
    let requests = stage.switches().requests(BY_HOST);
    let [request] = &requests[..] else {
        panic!("{} requests", requests.len());
    };
    assert_eq!(
        (request.method.as_str(), request.path()),
        ("POST", "/v1/runtime/by-host")
    );
    assert_eq!(request.json(), Some(json!({"host": HOST})));
    assert_eq!(
        request.bearer(),
        Some(stage.orchestrator().service_token().as_str())
    );
    assert_eq!(request.header("x-request-id"), Some("request-1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-tenant"), None);
}

#[tokio::test]
async fn the_path_of_the_base_url_is_kept() {
    let stage = Stage::new().await;
    for base in ["/api", "/api/"] {
        let url = format!("{}{base}", stage.orchestrator().server().url());
        let settings = OrchestratorSettings {
            base_url: url.parse().unwrap(),
            service_token: ServiceToken::fixed(Secret::new(stage.orchestrator().service_token())),
            base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
            prefer_post: true,
            storage: AllowedStorage::WithCredential,
        };
        let roots = ExtraRoots::default();
        let client = OrchestratorClient::new(settings, &roots, Arc::new(SystemClock)).unwrap();
        assert_eq!(client.by_host_url.path(), "/api/v1/runtime/by-host");
        assert_eq!(client.resolve_url.path(), "/api/v1/credentials/resolve");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let new = |url: &str, token: &str| {
        let settings = OrchestratorSettings {
            base_url: url.parse().unwrap(),
            service_token: ServiceToken::fixed(Secret::new(token.to_owned())),
            base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
            prefer_post: true,
            storage: AllowedStorage::WithCredential,
        };
        let roots = ExtraRoots::default();
        OrchestratorClient::new(settings, &roots, Arc::new(SystemClock)).map(drop)
    };
    assert!(new("https://orchestrator.test", "token").is_ok());
    let url = new("mailto:a@b.test", "token");
    assert!(matches!(url, Err(OrchestratorSetupError::BaseUrl)));
    let token = new("https://orchestrator.test", "two\nlines").unwrap_err();
    assert!(matches!(token, OrchestratorSetupError::ServiceToken));
    assert!(!format!("{token} {token:?}").contains("two"));
}

#[tokio::test]
async fn after_a_405_hosts_are_asked_for_by_get_for_good_with_one_warning() {
    let stage = Stage::new().await;
    stage.orchestrator().refuse_post(true);
    let log = Log::start();
    assert!(stage.fetch().await.is_ok());
    stage.orchestrator().refuse_post(false);
    assert!(stage.fetch().await.is_ok());
    assert!(stage.fetch().await.is_ok());
    let requests = stage.switches().requests(BY_HOST);
    let methods: Vec<_> = requests.iter().map(|it| it.method.as_str()).collect();
    assert_eq!(methods, ["POST", "GET", "GET", "GET"]);
    let get = &requests[1];
    assert_eq!(
        get.path_and_query,
        format!("/v1/runtime/by-host?host={HOST}")
    );
    assert_eq!(
        get.bearer(),
        Some(stage.orchestrator().service_token().as_str())
    );
    assert_eq!(get.header("x-request-id"), Some("request-1"));
    assert_eq!(log.text().matches("GET is used from now on").count(), 1);
    assert!(!log.text().contains(HOST), "{}", log.text());
}

#[tokio::test]
async fn by_choice_hosts_are_asked_for_by_get_at_once_and_its_405_is_a_fault() {
    let mut stage = Stage::new().await;
    stage.client = client(stage.orchestrator(), false);
    assert!(stage.fetch().await.is_ok());
    stage.switches().inject(BY_HOST, Fault::status(405));
    let refused = stage.fetch().await;
    assert!(matches!(refused, Err(ConfigSourceError::Malformed(_))));
    let requests = stage.switches().requests(BY_HOST);
    assert!(requests.iter().all(|it| it.method == "GET"));
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn only_a_405_means_get() {
    let stage = Stage::new().await;
    for status in [400, 401, 403, 404, 406, 501] {
        stage.switches().inject(BY_HOST, Fault::status(status));
        assert!(stage.fetch().await.is_err());
    }
    let requests = stage.switches().requests(BY_HOST);
    assert!(requests.iter().all(|it| it.method == "POST"));
}

#[tokio::test]
async fn each_status_has_its_meaning_and_its_number_of_attempts() {
    let stage = Stage::new().await;
    let of = |error: &ConfigSourceError| match error {
        ConfigSourceError::NotFound => "not found",
        ConfigSourceError::Unauthorized(_) => "unauthorized",
        ConfigSourceError::Unavailable { .. } => "unavailable",
        ConfigSourceError::Malformed(_) => "malformed",
    };
    for (status, meaning, attempts) in [
        (404, "not found", 1),
        (403, "unauthorized", 1),
        (429, "unavailable", 3),
        (500, "unavailable", 3),
        (502, "unavailable", 3),
        (503, "unavailable", 3),
        (504, "unavailable", 3),
        (204, "malformed", 1),
        (301, "malformed", 1),
        (400, "malformed", 1),
        (401, "malformed", 1),
        (410, "malformed", 1),
        (501, "malformed", 1),
    ] {
        stage.switches().always(BY_HOST, Fault::status(status));
        let error = stage.fetch().await.unwrap_err();
        assert_eq!(of(&error), meaning, "{status}");
        assert_eq!(stage.switches().calls(BY_HOST), attempts, "{status}");
        stage.switches().clear(BY_HOST);
        stage.switches().forget_calls();
    }
}

#[tokio::test]
async fn unknown_suspended_and_foreign_hosts_are_not_told_apart() {
    let stage = Stage::new().await;
    let unknown = Host::normalize("nobody.sandbox.localhost").unwrap();
    let unknown = stage.client.fetch(&unknown, &request_id()).await;
    assert!(matches!(unknown, Err(ConfigSourceError::NotFound)));
    stage.orchestrator().suspend(HOST, true);
    assert!(matches!(
        stage.fetch().await,
        Err(ConfigSourceError::NotFound)
    ));
    stage.orchestrator().suspend(HOST, false);
    stage
        .orchestrator()
        .edit_tenant(HOST, |tenant| tenant.app_type = "gallery".to_owned());
    assert!(matches!(
        stage.fetch().await,
        Err(ConfigSourceError::NotFound)
    ));
    assert_eq!(stage.switches().calls(BY_HOST), 3);
}

#[tokio::test]
async fn a_host_that_is_answered_with_another_tenant_is_as_unknown_and_an_error_in_the_log() {
    let stage = Stage::new().await;
    assert!(stage.fetch().await.is_ok());
    stage
        .orchestrator()
        .edit_tenant(HOST, |tenant| tenant.tenant = "bob".to_owned());
    let log = Log::start();
    let answer = stage.fetch().await;
    assert!(matches!(answer, Err(ConfigSourceError::NotFound)));
    let line = log
        .text()
        .lines()
        .find(|line| line.contains("another tenant"))
        .unwrap()
        .to_owned();
    for told in ["ERROR", "\"alice\"", "\"bob\"", "request-1"] {
        assert!(line.contains(told), "{told}: {line}");
    }
    assert!(!log.text().contains("sandbox.localhost"), "{}", log.text());
    let host = Host::normalize(HOST).unwrap();
    assert!(stage.client.probe(&host, &request_id()).await.is_ok());
    stage
        .orchestrator()
        .edit_tenant(HOST, |tenant| tenant.tenant = "ALICE".to_owned());
    assert!(stage.fetch().await.is_ok(), "letter case does not count");
}

#[tokio::test]
async fn a_withdrawn_service_token_is_unauthorized() {
    let stage = Stage::new().await;
    stage.orchestrator().rotate_service_token();
    assert!(stage.fetch().await.is_ok());
    stage.orchestrator().rotate_service_token();
    let refused = stage.fetch().await;
    assert!(matches!(refused, Err(ConfigSourceError::Unauthorized(_))));
}

#[tokio::test]
async fn a_body_that_cannot_be_understood_is_malformed_at_once() {
    let stage = Stage::new().await;
    let long = json!({"filler": "x".repeat(1024 * 1024)});
    for fault in [
        Fault::MalformedBody,
        Fault::status(200),
        Fault::json(200, &json!([])),
        Fault::json(200, &long),
        Fault::json(200, &json!({"app_type": "publisher_v2", "tenant": "a b"})),
    ] {
        stage.switches().inject(BY_HOST, fault);
        let error = stage.fetch().await.unwrap_err();
        assert!(matches!(error, ConfigSourceError::Malformed(_)), "{error}");
    }
    assert_eq!(stage.switches().calls(BY_HOST), 5);
}

#[tokio::test]
async fn the_log_line_of_a_call_says_whose_it_was_but_never_names_the_host() {
    let stage = Stage::new().await;
    let log = Log::start();
    stage.fetch().await.unwrap();
    stage.switches().inject(BY_HOST, Fault::status(404));
    stage.fetch().await.unwrap_err();
    let [succeeded, failed] = &log.calls()[..] else {
        panic!("{}", log.text());
    };
    let fields = &succeeded["fields"];
    assert_eq!(fields["upstream"], "orchestrator");
    assert_eq!(fields["operation"], "runtime_by_host");
    assert_eq!(
        (&fields["http_status"], &fields["attempts"]),
        (&json!(200), &json!(1))
    );
    let span = &succeeded["span"];
    assert_eq!(span["tenant"], "alice");
    assert_eq!(span["config_version"], "v1");
    assert_eq!(span["request_id"], "request-1");
    assert_eq!(failed["fields"]["http_status"], 404);
    assert_eq!(failed["span"]["request_id"], "request-1");
    let token = stage.orchestrator().service_token();
    for hidden in [HOST, token.as_str(), "ref-1"] {
        assert!(!log.text().contains(hidden), "{hidden}: {}", log.text());
    }
}

#[tokio::test]
async fn a_probe_is_one_attempt_and_a_404_is_an_answer() {
    let stage = Stage::new().await;
    let stranger = Host::normalize("healthcheck.sandbox.localhost").unwrap();
    let id = request_id();
    let probe = || stage.client.probe(&stranger, &id);
    assert!(probe().await.is_ok());
    stage.switches().always(BY_HOST, Fault::status(503));
    let refused = probe().await;
    assert!(matches!(
        refused,
        Err(ConfigSourceError::Unavailable { .. })
    ));
    assert_eq!(stage.switches().calls(BY_HOST), 2);
}
