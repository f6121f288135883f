//! Memory, and the time from the start of the process to the first answer.

use std::time::{Duration, Instant};

use publisher_sandbox::{Sandbox, TenantSpec, sample_images};

use crate::{
    figures::Figures,
    service::{Serving, megabytes},
};

const STARTS: usize = 21;
const TENANTS: [usize; 4] = [1, 10, 100, 1_000];
/// Long enough for what runs beside the start to have ended.
const REST: Duration = Duration::from_secs(2);

/// Measures, and prints.
pub(crate) async fn measure() {
    starts().await;
    tenants().await;
    publications().await;
}

async fn starts() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    // Settled first: the time to an answer counts from before the process.
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = port.local_addr().expect("its address").to_string();
    drop(port);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let more = [("LISTEN_ADDRESS", address.as_str())];
        let serving = Serving::service_with(&sandbox, folder.path(), &more).await;
        let answer = serving.get("any", "/health").send().await;
        assert_eq!(answer.expect("an answer").status(), 200);
        times.push(started.elapsed().as_secs_f64() * 1e3);
        drop(serving);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let times = Figures::new(times);
    let (least, most) = times.range();
    println!(
        "\n## Start: from exec to the first 200\n\nmedian {:.1} ms, {least:.1} to {most:.1} ms, of {STARTS} starts",
        times.median()
    );
}

async fn tenants() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let most = TENANTS[TENANTS.len() - 1];
    let hosts: Vec<String> = (0..most)
        .map(|n| {
            let spec = TenantSpec::new(&format!("tenant-{n}")).email(true);
            sandbox.add_tenant(spec).host
        })
        .collect();
    let serving = Serving::service(&sandbox, folder.path()).await;
    tokio::time::sleep(REST).await;
    let idle = serving.memory();
    println!("\n## Memory by tenants that are kept with their services\n");
    println!("| tenants | MB | KB for each |");
    println!("| --- | --- | --- |");
    println!("| 0 | {:.1} | |", megabytes(idle));
    let mut touched = 0;
    let mut first = idle;
    for tenants in TENANTS {
        for host in &hosts[touched..tenants] {
            let answer = serving.get(host, "/api/config/features").send().await;
            assert_eq!(answer.expect("an answer").status(), 200);
        }
        touched = tenants;
        tokio::time::sleep(REST).await;
        let memory = serving.memory();
        if tenants == 1 {
            // The first one brings what all share: a connection, tables of the TLS library.
            first = memory;
            println!("| 1 | {:.1} | |", megabytes(memory));
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "there are a thousand of them")]
        let each = (memory - first) / (tenants - 1) as f64 / 1e3;
        println!("| {tenants} | {:.1} | {each:.1} |", megabytes(memory));
    }
}

/// Two hundred publications at once of 10 MB each, over twenty tenants.
async fn publications() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let [images, _] = sample_images().expect("samples");
    let jpeg = images.into_iter().find(|it| it.name == "harbour-dawn.jpg");
    let jpeg = jpeg.expect("a JPEG");
    let large = |n: usize| {
        let mut bytes = jpeg.bytes.to_vec();
        // Behind its end, so that it stays an image.
        bytes.extend(format!("{n}").bytes());
        bytes.resize(10_000_000, 0);
        publisher_sandbox::Sample::new(&format!("image-{n}.jpg"), bytes)
    };
    let images: Vec<_> = (0..10).map(large).collect();
    let tenants: Vec<_> = (0..20)
        .map(|n| {
            let spec = TenantSpec::new(&format!("tenant-{n}")).email(true);
            sandbox.add_tenant(spec.images(images.clone()))
        })
        .collect();
    let all_at_once = [("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10")];
    let serving = Serving::service_with(&sandbox, folder.path(), &all_at_once).await;
    let mut requests = tokio::task::JoinSet::new();
    for tenant in &tenants {
        for image in &tenant.images {
            let path = format!("/api/images/{image}/publish");
            let request = serving.post(&tenant.host, &path);
            requests.spawn(request.bearer_auth(sandbox.web_token()).send());
        }
    }
    let mut by_status = std::collections::BTreeMap::<u16, usize>::new();
    while let Some(answer) = requests.join_next().await {
        let status = answer.expect("a task").expect("an answer").status();
        *by_status.entry(status.as_u16()).or_default() += 1;
    }
    println!(
        "\n## 200 publications of 10 MB at once\n\nanswers by status: {by_status:?}; {:.0} MB at most",
        megabytes(serving.peak_memory())
    );
}
