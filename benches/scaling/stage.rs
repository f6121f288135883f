//! What is measured: the service on the stand-ins, with a database of its own and as many tenants as are asked for.

use publisher_sandbox::{Sample, Sandbox, Switches, TenantSpec};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{database::Database, meter::Reading, service::Serving};

/// The images of each tenant.
pub(crate) const IMAGES: u8 = 6;
/// Caches that hold every tenant there is.
const SETTINGS: [(&str, &str); 4] = [
    ("RUNTIME_CONFIG_CACHE_MAX_SIZE", "1000000"),
    ("TENANT_SERVICE_CACHE_MAX_SIZE", "1000000"),
    ("CREDENTIAL_CACHE_MAX_SIZE", "1000000"),
    ("AI_RATE_PER_MINUTE", "10000"),
];

/// The service and all that it needs.
pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) database: Database,
    pub(crate) serving: Serving,
    _folder: TempDir,
}

impl Stage {
    /// Starts it for so many tenants, whose configs live so many seconds.
    pub(crate) async fn with_tenants(count: u32, ttl_seconds: i64) -> Self {
        let sandbox = Sandbox::start_empty().await.expect("the sandbox");
        for switches in switches(&sandbox) {
            switches.keep_requests(false);
        }
        let image = |number| Sample::jpeg(&name(number), 64, 48, number).expect("a JPEG");
        let images: Vec<_> = (0..IMAGES).map(image).collect();
        for number in 0..count {
            let spec = TenantSpec::new(&format!("t{number}")).images(images.clone());
            sandbox.add_tenant(spec.ttl_seconds(Some(ttl_seconds)));
        }
        let database = Database::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let url = database.url();
        let mut settings = SETTINGS.to_vec();
        settings.push(("PUBLISH_LEDGER_URL", &url));
        let serving = Serving::service_with(&sandbox, folder.path(), &settings).await;
        Self {
            sandbox,
            database,
            serving,
            _folder: folder,
        }
    }

    /// All counters as they are.
    pub(crate) async fn read(&mut self) -> Reading {
        Reading::take(&self.sandbox, &mut self.database, &self.serving).await
    }

    /// The list of a tenant's images, as a page shows it.
    pub(crate) async fn view(&self, tenant: u32) {
        let request = self.serving.get(&host(tenant), "/api/images/list?limit=20");
        let answer = request.bearer_auth(self.sandbox.web_token()).send().await;
        whole(answer, StatusCode::OK).await;
    }

    /// What the service says of a tenant without asking storage.
    pub(crate) async fn features(&self, tenant: u32) {
        let request = self.serving.get(&host(tenant), "/api/config/features");
        whole(request.send().await, StatusCode::OK).await;
    }

    /// Publishes an image of a tenant, and waits for it.
    pub(crate) async fn publish(&self, tenant: u32, image: u8) {
        let path = format!("/api/images/{}/publish", name(image));
        let request = self.serving.post(&host(tenant), &path).json(&json!({}));
        let answer = request.bearer_auth(self.sandbox.web_token()).send().await;
        let answer = whole(answer, StatusCode::OK).await;
        assert_eq!(
            answer["results"]["telegram"]["outcome"], "published",
            "{answer}"
        );
    }

    /// Has an image of a tenant published in the background, at a time (RFC 3339) or at once.
    pub(crate) async fn add_job(&self, tenant: u32, image: u8, publish_at: Option<&str>) {
        let mut job = json!({"filename": name(image)});
        if let Some(time) = publish_at {
            job["publish_at"] = time.into();
        }
        let request = self.serving.post(&host(tenant), "/api/jobs").json(&job);
        let answer = request.bearer_auth(self.sandbox.web_token()).send().await;
        whole(answer, StatusCode::CREATED).await;
    }

    /// Waits until no job is scheduled before this time (milliseconds since 1970) or running.
    pub(crate) async fn jobs_are_done(&mut self, before: i64) {
        let open = format!(
            "SELECT count(*) FROM ledger_jobs WHERE ended_at IS NULL AND publish_at < {before}"
        );
        while self.database.number(&open).await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let other =
            "SELECT count(*) FROM ledger_jobs WHERE ended_at IS NOT NULL AND status <> 'done'";
        assert_eq!(self.database.number(other).await, 0, "each job is done");
    }

    /// Waits until all usage has been told to the orchestrator.
    pub(crate) async fn usage_is_told(&mut self) {
        while self
            .database
            .number("SELECT count(*) FROM ledger_usage")
            .await
            > 0
        {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// The switches of all stand-ins that are used here, with their operations that are counted one by one.
pub(crate) fn switches(sandbox: &Sandbox) -> [&Switches; 4] {
    [
        sandbox.orchestrator.switches(),
        sandbox.dropbox.switches(),
        sandbox.openai.switches(),
        sandbox.telegram.switches(),
    ]
}

fn host(tenant: u32) -> String {
    format!("t{tenant}.sandbox.localhost")
}

fn name(image: u8) -> String {
    format!("image-{image}.jpg")
}

/// The whole answer, which must have this status.
async fn whole(answer: Result<Response, reqwest::Error>, status: StatusCode) -> Value {
    let answer = answer.expect("an answer");
    let got = answer.status();
    let text = answer.text().await.expect("its body");
    assert_eq!(got, status, "{text}");
    serde_json::from_str(&text).expect("JSON")
}
