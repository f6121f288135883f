//! How the time to an answer grows with tenants, with the images of a folder and with the size of an
//! image. Also written to `target/growth.csv`.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use publisher_sandbox::{Sample, Sandbox, TenantSpec, sample_images};
use reqwest::RequestBuilder;
use serde_json::json;

use crate::{
    figures::Figures,
    photo::{Kind, Photo},
    service::{Serving, megabytes},
};

const TENANTS: [usize; 4] = [1, 10, 100, 1_000];
const IMAGES: [usize; 4] = [10, 100, 1_000, 5_000];
const PHOTOS: [(u32, u32); 4] = [(1_200, 800), (3_000, 2_000), (4_240, 2_830), (6_000, 4_000)];
/// How often each is asked for what is in memory.
const REQUESTS: usize = 2_000;
/// How many first requests there are, each to a tenant that has not been asked for.
const FIRST: usize = 11;
const PUBLICATIONS: usize = 11;

/// The rows of the file: the plot that each is drawn in, what is measured, with how many, and the figures.
struct Rows(String);

impl Rows {
    fn add(&mut self, plot: &str, measured: &str, with: f64, figures: &Figures) {
        let (least, most) = figures.range();
        let median = figures.median();
        writeln!(self.0, "{plot},{measured},{with},{median},{least},{most}").expect("a text");
    }
}

/// Measures, and prints tables.
pub(crate) async fn measure() {
    let mut rows = Rows("plot,measured,with,median,least,most\n".to_owned());
    tenants(&mut rows).await;
    images(&mut rows).await;
    image_size(&mut rows).await;
    fs::create_dir_all("target").expect("the folder of the build");
    fs::write("target/growth.csv", rows.0).expect("a file");
}

async fn tenants(rows: &mut Rows) {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let most = TENANTS[TENANTS.len() - 1];
    let tenant = |n| sandbox.add_tenant(TenantSpec::new(&format!("tenant-{n}")));
    let hosts: Vec<String> = (0..most).map(|n| tenant(n).host).collect();
    let serving = Serving::service(&sandbox, folder.path()).await;
    println!("\n## One request after the other, by tenants in memory\n");
    println!("| tenants | p50 µs | p99 µs |");
    println!("| --- | --- | --- |");
    for tenants in TENANTS {
        for host in &hosts[..tenants] {
            timed(serving.get(host, "/api/config/features")).await;
        }
        let mut times = Vec::new();
        for host in hosts[..tenants].iter().cycle().take(REQUESTS) {
            let took = timed(serving.get(host, "/api/config/features")).await;
            times.push(took.as_secs_f64() * 1e6);
        }
        let times = Figures::new(times);
        let memory = Figures::new(vec![megabytes(serving.memory())]);
        println!(
            "| {tenants} | {:.0} | {:.0} |",
            times.median(),
            times.quantile(0.99)
        );
        rows.add("tenants", "features", whole(tenants), &times);
        rows.add("tenant-memory", "the service", whole(tenants), &memory);
    }
}

async fn images(rows: &mut Rows) {
    let [samples, _] = sample_images().expect("samples");
    let bytes = samples.into_iter().next().expect("one").bytes;
    println!("\n## Images by how many there are in a folder\n");
    println!("| images | first list ms | list from memory ms | random from memory ms |");
    println!("| --- | --- | --- | --- |");
    for images in IMAGES {
        let sandbox = Sandbox::start_empty().await.expect("the sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let files = (0..images).map(|n| Sample::new(&format!("image-{n:05}.jpg"), bytes.clone()));
        let files: Vec<_> = files.collect();
        let tenants: Vec<_> = (0..FIRST)
            .map(|n| {
                let spec = TenantSpec::new(&format!("tenant-{n}")).images(files.clone());
                sandbox.add_tenant(spec)
            })
            .collect();
        let serving = Serving::service(&sandbox, folder.path()).await;
        let ask = |host: &str, path| serving.get(host, path).bearer_auth(sandbox.web_token());
        let (mut first, mut again, mut random) = (Vec::new(), Vec::new(), Vec::new());
        for tenant in &tenants {
            // The tenant itself is in memory by then.
            timed(ask(&tenant.host, "/api/config/features")).await;
            first.push(timed(ask(&tenant.host, "/api/images/list")).await);
            again.push(timed(ask(&tenant.host, "/api/images/list")).await);
            // The first one fetches what an image is shown by.
            timed(ask(&tenant.host, "/api/images/random")).await;
            random.push(timed(ask(&tenant.host, "/api/images/random")).await);
        }
        let milliseconds = |times: Vec<Duration>| {
            Figures::new(times.iter().map(|time| time.as_secs_f64() * 1e3).collect())
        };
        let figures = [
            ("first list", milliseconds(first)),
            ("list from memory", milliseconds(again)),
            ("random image", milliseconds(random)),
        ];
        let [first, again, random] = figures.each_ref().map(|(_, figures)| figures.median());
        println!("| {images} | {first:.1} | {again:.1} | {random:.1} |");
        for (measured, figures) in &figures {
            rows.add("images", measured, whole(images), figures);
        }
    }
}

async fn image_size(rows: &mut Rows) {
    println!("\n## A publication by the size of its image, with upstreams that answer at once\n");
    println!(
        "| photo | MB of the file | p50 ms | least to most | memory at most, beyond idle, MB |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for (width, height) in PHOTOS {
        let sandbox = Sandbox::start_empty().await.expect("the sandbox");
        let folder = tempfile::tempdir().expect("a folder");
        let photo = Photo::write(folder.path(), "photo", (width, height), Kind::Baseline);
        let jpeg = fs::read(&photo.path).expect("the photo");
        let files = (0..=PUBLICATIONS).map(|n| {
            // Each is another image: what stands behind its end is not looked at.
            let bytes = [&jpeg[..], n.to_string().as_bytes()].concat();
            Sample::new(&format!("image-{n}.jpg"), bytes)
        });
        let spec = TenantSpec::new("tenant").images(files);
        let tenant = sandbox.add_tenant(spec);
        let more = [("AI_RATE_PER_MINUTE", "10000")];
        let serving = Serving::service_with(&sandbox, folder.path(), &more).await;
        let idle = serving.memory();
        let mut times = Vec::new();
        for image in &tenant.images {
            let path = format!("/api/images/{image}/publish");
            let request = serving.post(&tenant.host, &path).json(&json!({}));
            times.push(timed(request.bearer_auth(sandbox.web_token())).await);
        }
        // The first one resolves the tenant and its credentials.
        let times = times[1..].iter().map(|time| time.as_secs_f64() * 1e3);
        let times = Figures::new(times.collect());
        let (least, most) = times.range();
        let peak = Figures::new(vec![megabytes(serving.peak_memory() - idle)]);
        println!(
            "| {width} × {height} | {:.1} | {:.0} | {least:.0} to {most:.0} | {:.0} |",
            megabytes(whole(jpeg.len())),
            times.median(),
            peak.median()
        );
        let pixels = f64::from(width) * f64::from(height) / 1e6;
        rows.add("publication", "publication", pixels, &times);
        rows.add("publication-memory", "the service", pixels, &peak);
    }
}

/// How long a request takes, to the end of its body.
async fn timed(request: RequestBuilder) -> Duration {
    let started = Instant::now();
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    let body = answer.text().await.expect("its body");
    let took = started.elapsed();
    assert_eq!(status, 200, "{body}");
    took
}

#[expect(clippy::cast_precision_loss, reason = "there are far fewer")]
fn whole(number: usize) -> f64 {
    number as f64
}
