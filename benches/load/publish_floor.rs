//! What a publication takes beyond what it waits for: each upstream is given a latency, and the
//! shortest way through them is known.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use publisher_sandbox::{Sample, Sandbox, TenantSpec, sample_images};
use serde_json::json;

use crate::{controls::UPSTREAM, figures::Figures, service::Serving};

const PUBLICATIONS: usize = 200;

const FIND: u64 = 10;
const DOWNLOAD: u64 = 40;
const VISION: u64 = 60;
const CAPTIONS: u64 = 50;
const TELEGRAM: u64 = 40;
const MAIL: u64 = 30;
const UPLOAD: u64 = 20;
const MOVE: u64 = 15;

/// The shortest way: an exchange with an upstream that does nothing but wait for each step, since
/// nobody gets an answer for less. What one step needs of another comes after it. Finding the image
/// says what it is, so that it is claimed before it is fetched; reading the caption file can go beside
/// any of it. A mail is followed by its confirmation, once it has been taken, which the caption file and
/// the archive do not wait for. The archive is a move of the image, and one of the caption file, which
/// must not go before it.
async fn floor(upstream: &Serving) {
    let wait = async |milliseconds: u64| {
        let answer = upstream.get("upstream", &format!("/{milliseconds}")).send();
        assert_eq!(answer.await.expect("an answer").status(), 200);
    };
    for step in [FIND, DOWNLOAD, VISION, CAPTIONS] {
        wait(step).await;
    }
    tokio::join!(wait(TELEGRAM), wait(MAIL));
    tokio::join!(wait(MAIL), async {
        for step in [UPLOAD, MOVE, MOVE] {
            wait(step).await;
        }
    });
}

/// Measures, and prints.
pub(crate) async fn measure() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let folder = tempfile::tempdir().expect("a folder");
    let [samples, _] = sample_images().expect("samples");
    let jpeg = samples.into_iter().find(|it| it.name == "harbour-dawn.jpg");
    let jpeg = jpeg.expect("a JPEG").bytes;
    let images = (0..=PUBLICATIONS).map(|n| {
        // Small enough to be sent as it is, and each one different.
        let bytes = [&jpeg[..], n.to_string().as_bytes()].concat();
        Sample::new(&format!("image-{n:03}.jpg"), bytes)
    });
    let tenant = sandbox.add_tenant(TenantSpec::new("tenant").email(true).images(images));
    let more = [("AI_RATE_PER_MINUTE", "10000")];
    let serving = Serving::service_with(&sandbox, folder.path(), &more).await;
    for (operation, latency) in [
        ("get_metadata", FIND),
        ("download", DOWNLOAD),
        ("upload", UPLOAD),
        ("move_v2", MOVE),
    ] {
        let latency = Duration::from_millis(latency);
        sandbox.dropbox.switches().set_latency(operation, latency);
    }
    let openai = sandbox.openai.switches();
    openai.set_latency("vision", Duration::from_millis(VISION));
    openai.set_latency("caption", Duration::from_millis(CAPTIONS));
    let telegram = sandbox.telegram.switches();
    telegram.set_latency("sendPhoto", Duration::from_millis(TELEGRAM));
    let smtp = sandbox.smtp.switches();
    smtp.set_latency("DATA_END", Duration::from_millis(MAIL));

    let upstream = Serving::control(UPSTREAM, &[]).await;
    floor(&upstream).await;
    let (mut floors, mut answers, mut over) = (Vec::new(), Vec::new(), Vec::new());
    let mut stages = Stages::default();
    let mut rows = "publication,measured,ms\n".to_owned();
    for (n, image) in tenant.images.iter().enumerate() {
        let path = format!("/api/images/{image}/publish");
        let request = serving
            .post(&tenant.host, &path)
            .bearer_auth(sandbox.web_token())
            .json(&json!({}));
        let started = Instant::now();
        let answer = request.send().await.expect("an answer");
        let took = milliseconds(started.elapsed());
        let status = answer.status();
        let text = answer.text().await.expect("its body");
        assert!(
            status == 200 && text.contains("\"archived\":true"),
            "{text}"
        );
        let each = stages.since_the_last(&serving.metrics().await);
        let started = Instant::now();
        floor(&upstream).await;
        let least = milliseconds(started.elapsed());
        // The first one resolves the tenant and its credentials.
        if n == 0 {
            continue;
        }
        floors.push(least);
        answers.push(took);
        over.push(took - least);
        stages.note(&each);
        let others = [("floor", least), ("answer", took)];
        for (measured, took) in others
            .into_iter()
            .chain(each.iter().map(|(stage, took)| (&**stage, *took)))
        {
            writeln!(rows, "{n},{measured},{took}").expect("a text");
        }
    }
    fs::write("target/publications.csv", rows).expect("a file");
    println!("\n## A publication beyond what it waits for: {PUBLICATIONS} publications\n");
    println!("| | p50 ms | p99 ms | least to most |\n| --- | --- | --- | --- |");
    print_row("the shortest way", floors);
    print_row("a publication", answers);
    print_row("each beyond the way after it", over);
    for (stage, times) in stages.seen {
        print_row(&format!("stage `{stage}`"), times);
    }
}

fn print_row(what: &str, times: Vec<f64>) {
    let times = Figures::new(times);
    let (least, most) = times.range();
    let (median, p99) = (times.median(), times.quantile(0.99));
    println!("| {what} | {median:.1} | {p99:.1} | {least:.1} to {most:.1} |");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The stages of each publication, from the sums that the service counts.
#[derive(Default)]
struct Stages {
    sums: BTreeMap<String, f64>,
    seen: BTreeMap<String, Vec<f64>>,
}

impl Stages {
    /// What has come to the sums since the last look, in milliseconds.
    fn since_the_last(&mut self, metrics: &str) -> Vec<(String, f64)> {
        const SUM: &str = "publisher_publish_duration_seconds_sum{stage=\"";
        let sums = metrics.lines().filter_map(|line| {
            let (stage, sum) = line.strip_prefix(SUM)?.split_once("\"} ")?;
            Some((stage.to_owned(), sum.parse::<f64>().ok()? * 1e3))
        });
        sums.map(|(stage, sum)| {
            let before = self.sums.insert(stage.clone(), sum).unwrap_or_default();
            (stage, sum - before)
        })
        .collect()
    }

    fn note(&mut self, each: &[(String, f64)]) {
        for (stage, took) in each {
            self.seen.entry(stage.clone()).or_default().push(*took);
        }
    }
}
