//! Whether memory grows while the service is used for twenty minutes.

use std::time::{Duration, Instant};

use publisher_sandbox::{Sandbox, TenantSpec, sample_images};
use serde_json::json;

use crate::service::{Serving, megabytes};

const LENGTH: Duration = Duration::from_mins(20);
const LOOK: Duration = Duration::from_mins(1);
const TENANTS: usize = 50;

/// Lists, looks and publishes on many tenants, and prints the memory of each minute.
pub(crate) async fn measure() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    // Every request would be kept as a record otherwise.
    for switches in [
        sandbox.orchestrator.switches(),
        sandbox.dropbox.switches(),
        sandbox.openai.switches(),
        sandbox.telegram.switches(),
        sandbox.smtp.switches(),
    ] {
        switches.keep_requests(false);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let [images, _] = sample_images().expect("samples");
    let tenants: Vec<_> = (0..TENANTS)
        .map(|n| {
            // Configs and images come again and again: nothing is archived.
            let spec = TenantSpec::new(&format!("tenant-{n}")).archive(false);
            let spec = spec.ttl_seconds(Some(30)).images(images.clone());
            sandbox.add_tenant(spec)
        })
        .collect();
    let more = [("AI_RATE_PER_MINUTE", "10000")];
    let serving = Serving::service_with(&sandbox, folder.path(), &more).await;
    println!(
        "\n## Memory over {} minutes of use\n",
        LENGTH.as_secs() / 60
    );
    println!("| minute | requests | MB |");
    println!("| --- | --- | --- |");
    let (started, mut next, mut requests) = (Instant::now(), LOOK, 0_u64);
    while started.elapsed() < LENGTH {
        for tenant in &tenants {
            for path in [
                "/api/config/features",
                "/api/images/list",
                "/api/images/random",
                "/api/images/harbour-dawn.jpg/thumbnail",
                "/api/images/missing.jpg",
            ] {
                let request = serving.get(&tenant.host, path);
                let answer = request.bearer_auth(sandbox.web_token()).send().await;
                answer.expect("an answer").bytes().await.expect("its body");
                requests += 1;
            }
            let path = "/api/images/harbour-dawn.jpg/publish";
            let request = serving
                .post(&tenant.host, path)
                .json(&json!({"force": true}));
            let answer = request.bearer_auth(sandbox.web_token()).send().await;
            assert_eq!(answer.expect("an answer").status(), 200);
            requests += 1;
        }
        if started.elapsed() >= next {
            let minute = next.as_secs() / 60;
            println!(
                "| {minute} | {requests} | {:.1} |",
                megabytes(serving.memory())
            );
            next += LOOK;
        }
    }
}
