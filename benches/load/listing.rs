//! What a large folder costs: its first listing, a refresh, a random image, and picking the next one to publish.

use std::time::{Duration, Instant};

use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::{
    figures::Figures,
    service::{Serving, megabytes},
};

const IMAGES: usize = 100_000;
const TIMES: usize = 11;
/// Longer than a listing is taken for what there is.
const STALE: Duration = Duration::from_millis(5_100);

/// Measures, and prints a table. `PUBLISHER` names another build.
pub(crate) async fn measure() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let open = json!({ "features": { "auto_view_enabled": true } });
    let tenant = sandbox.add_tenant(TenantSpec::new("large").patch(&open));
    for number in 0..IMAGES {
        let path = format!("/large/IMG_2026-05-04_{number:06}.jpg");
        let content = number.to_le_bytes().to_vec();
        assert!(
            sandbox.dropbox.put(&tenant.name, &path, content),
            "it is put"
        );
    }
    // The one that is published is an image.
    let first = Sample::jpeg("a", 640, 480, 1).expect("an image");
    assert!(
        sandbox
            .dropbox
            .put(&tenant.name, "/large/IMG_0.jpg", first.bytes),
        "it is put"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::service(&sandbox, folder.path()).await;
    serving.text(&tenant.host, "/api/config/features").await;
    let idle = serving.memory();
    let measured = Measured {
        sandbox: &sandbox,
        serving: &serving,
        tenant: &tenant,
    };
    println!("\n## A folder of {IMAGES} images\n");
    println!("| | calls of storage | median ms | least to most |");
    println!("| --- | --- | --- | --- |");
    let list = "/api/images/list?limit=20";
    measured.row("first list", list, 1, Duration::ZERO).await;
    println!(
        "\n{:.1} MB beyond the idle service, {:.1} MB at most\n",
        megabytes(serving.memory() - idle),
        megabytes(serving.peak_memory() - idle)
    );
    measured
        .row("list, in memory", list, TIMES, Duration::ZERO)
        .await;
    measured.row("list, refreshed", list, TIMES, STALE).await;
    let random = "/api/images/random";
    measured
        .row("random image", random, TIMES, Duration::ZERO)
        .await;
    measured
        .row("next, without sending", "", TIMES, Duration::ZERO)
        .await;
    println!(
        "\n{:.1} MB beyond the idle service, {:.1} MB at most",
        megabytes(serving.memory() - idle),
        megabytes(serving.peak_memory() - idle)
    );
}

struct Measured<'a> {
    sandbox: &'a Sandbox,
    serving: &'a Serving,
    tenant: &'a DemoTenant,
}

impl Measured<'_> {
    /// Asks for a path, or without one for the next image, so often, each time after a pause.
    async fn row(&self, what: &str, path: &str, times: usize, pause: Duration) {
        let before = self.calls();
        let mut took = Vec::new();
        for _ in 0..times {
            tokio::time::sleep(pause).await;
            let started = Instant::now();
            if path.is_empty() {
                self.next().await;
            } else {
                self.serving.text(&self.tenant.host, path).await;
            }
            took.push(started.elapsed().as_secs_f64() * 1e3);
        }
        let calls = (self.calls() - before).div_ceil(times);
        let took = Figures::new(took);
        let (least, most) = took.range();
        let median = took.median();
        println!("| {what} | {calls} | {median:.1} | {least:.1} to {most:.1} |");
    }

    async fn next(&self) {
        let request = self.serving.post(&self.tenant.host, "/api/publish");
        let request = request.bearer_auth(self.sandbox.web_token());
        let answer = request.json(&json!({ "dry_run": true })).send().await;
        let answer = answer.expect("an answer").text().await.expect("its body");
        assert!(answer.contains("IMG_0.jpg"), "{answer}");
    }

    fn calls(&self) -> usize {
        let switches = self.sandbox.dropbox.switches();
        let calls = ["list_folder", "list_folder/continue"].map(|it| switches.calls(it));
        calls.iter().sum()
    }
}
