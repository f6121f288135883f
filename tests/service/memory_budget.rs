//! A small budget of memory: images wait for each other, and all of them are published.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::LazyLock,
    time::Duration,
};

use futures_util::future::join_all;
use publisher_sandbox::{DemoTenant, Sample, Sandbox, TenantSpec};
use serde_json::json;
use tokio::process::Command;

use crate::harness::Service;

const IMAGES: usize = 10;
/// Half of 128 MiB, in MiB; 3 parts in 11 of it are for files.
const BUDGET: &str = "64";
const FOR_FILES: usize = 64 * 1024 * 1024 * 3 / 11;

/// A PNG of 12 megapixels as a camera would have it: smooth, with noise in the last bits.
static PHOTOGRAPH: LazyLock<Vec<u8>> = LazyLock::new(|| {
    const WIDTH: u32 = 4_000;
    const HEIGHT: u32 = 3_000;
    let mut state = 0x2545_f491_u32;
    let mut pixels = Vec::new();
    for row in 0..HEIGHT {
        for column in 0..WIDTH {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let [red, green, blue, _] = state.to_le_bytes();
            let shade = u8::try_from((row + column) / 32).unwrap_or(u8::MAX);
            pixels.extend([red, green, blue].map(|noise| shade ^ (noise & 7)));
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    file
});

/// Publishes until there was room for it, as clients do that heed `Retry-After`.
async fn publish(service: &Service, sandbox: &Sandbox, tenant: &DemoTenant, image: &str) {
    loop {
        let answer = service.publish(sandbox, tenant, image, json!({})).await;
        if answer.status == 503 {
            answer.assert_problem(503, "overloaded");
            continue;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        let outcome = &answer.json()["results"]["telegram"]["outcome"];
        assert_eq!(outcome, "published", "{answer:?}");
        return;
    }
}

/// A tenant with ten of them, all of which differ.
async fn stage() -> (Sandbox, DemoTenant, Vec<Sample>) {
    let sandbox = Sandbox::start_empty().await.unwrap();
    for switches in [sandbox.dropbox.switches(), sandbox.telegram.switches()] {
        switches.keep_requests(false);
    }
    sandbox.openai.switches().keep_requests(false);
    let file = &*PHOTOGRAPH;
    // So no two of them have a place side by side.
    assert!(file.len() > FOR_FILES / 2, "{}", file.len());
    let images: Vec<Sample> = (0..IMAGES)
        .map(|number| {
            let mut bytes = file.clone();
            // Behind the end of the picture, where no decoder looks.
            bytes.extend_from_slice(&number.to_be_bytes());
            Sample::new(&format!("image-{number}.png"), bytes)
        })
        .collect();
    let spec = TenantSpec::new("alice").email(false).images(images.clone());
    let alice = sandbox.add_tenant(spec);
    (sandbox, alice, images)
}

/// Publishes all of them at a time.
#[expect(clippy::print_stdout, reason = "the figures are to be seen")]
async fn publish_all(
    service: &Service,
    (sandbox, alice, images): &(Sandbox, DemoTenant, Vec<Sample>),
) {
    let before = service.memory();
    let all = images
        .iter()
        .map(|image| publish(service, sandbox, alice, &image.name));
    join_all(all).await;
    println!(
        "ten files of some {} MB: peak memory {} bytes, {before} before",
        FOR_FILES / 1_000_000,
        service.peak_memory()
    );
    assert_eq!(sandbox.telegram.switches().calls("sendPhoto"), IMAGES);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_pngs_of_twelve_megapixels_are_all_published_within_a_small_budget() {
    let stage = stage().await;
    let more = [
        ("MEMORY_BUDGET_MB", BUDGET),
        ("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10"),
    ];
    let service = Service::start_with(stage.0.environment(), &more).await;
    publish_all(&service, &stage).await;
    // One at a time. A second is a download that the service has given up and asked for again, which the
    // stand-in may not have noticed yet; without a budget, all ten come at once.
    let at_once = stage.0.dropbox.switches().peak_concurrency("download");
    assert!(
        at_once <= 2,
        "files have no more than their part: {at_once}"
    );
}

/// A control group that may take no more memory; gone with this, if nothing runs in it.
struct Limited(PathBuf);

impl Limited {
    /// Says so where this process may not make one.
    #[expect(clippy::print_stdout, reason = "a test that was skipped must say so")]
    fn to(bytes: u64) -> Option<Self> {
        let name = format!("publisher-test-{}", std::process::id());
        // Version 1, and version 2.
        for (hierarchy, limit) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ] {
            let group = Path::new(hierarchy).join(&name);
            if fs::create_dir(&group).is_ok() {
                let group = Self(group);
                if fs::write(group.0.join(limit), bytes.to_string()).is_ok() {
                    return Some(group);
                }
            }
        }
        println!("skipped: no control group can be made here");
        None
    }

    /// Has a command run in it.
    fn wrap(&self, command: &mut Command) {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"echo $$ > "$0"; exec "$@""#]);
        shell.arg(self.0.join("cgroup.procs"));
        let inner = command.as_std();
        shell.arg(inner.get_program()).args(inner.get_args());
        let set = inner.get_envs();
        let set = set.filter_map(|(name, value)| Some((name, value?)));
        shell.env_clear().envs(set);
        shell.current_dir(inner.get_current_dir().unwrap());
        shell.stdin(Stdio::null()).kill_on_drop(true);
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        *command = shell;
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        // A process that has just ended may still count.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_pngs_of_twelve_megapixels_are_all_published_within_128_mib_of_memory() {
    let Some(group) = Limited::to(128 * 1024 * 1024) else {
        return;
    };
    let stage = stage().await;
    // The budget is cut to half of the limit by itself.
    let service = Service::spawn(|command| {
        command.envs(stage.0.environment());
        command.env("MAX_CONCURRENT_PUBLISHES_PER_TENANT", "10");
        group.wrap(command);
    })
    .await;
    publish_all(&service, &stage).await;
    service.kill().await;
}

#[tokio::test]
async fn a_file_of_more_than_half_of_the_budget_is_refused_before_it_is_fetched() {
    let sandbox = Sandbox::start_empty().await.unwrap();
    let mut bytes = vec![0xff, 0xd8, 0xff];
    bytes.resize(24 * 1024 * 1024 + 1, 0);
    let image = Sample::new("large.jpg", bytes);
    let alice = sandbox.add_tenant(TenantSpec::new("alice").images([image]));
    let more = [("MEMORY_BUDGET_MB", "48")];
    let service = Service::start_with(sandbox.environment(), &more).await;
    let answer = service.publish(&sandbox, &alice, "large.jpg", json!({}));
    let answer = answer.await;
    answer.assert_problem(422, "unusable-image");
    assert!(answer.text.contains("24 MiB"), "{answer:?}");
    assert_eq!(sandbox.dropbox.switches().calls("download"), 0);
}
