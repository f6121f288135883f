//! What a large folder costs, at Dropbox and in a bucket: its first listing, a refresh, a random image, and picking the
//! next one to publish.

use std::{
    fmt::Write as _,
    time::{Duration, Instant, SystemTime},
};

use publisher::domain::{
    content_hash::ContentHash,
    image::{ImageName, StoredImage},
    listing::{LetterCase, Listing, ListingChange},
    storage::HashKind,
};
use publisher_sandbox::{DemoTenant, Fault, Sample, Sandbox, TenantSpec};
use serde_json::json;

use crate::{
    figures::Figures,
    service::{Serving, megabytes},
};

const IMAGES: usize = 100_000;
const TIMES: usize = 11;
/// Longer than a listing is taken for what there is, where one call brings it up to date.
const STALE: Duration = Duration::from_millis(5_100);
/// The same where the folder is listed anew behind what is shown.
const SETTLED: Duration = Duration::from_millis(60_100);
/// How often a listing is refreshed at Dropbox; in a bucket, where a minute passes before, once.
const REFRESHES: usize = 5;
/// The keys on a page of a bucket.
const PAGE: usize = 1_000;
const FIRST: &str = "IMG_0.jpg";
const LIST: &str = "/api/images/list?limit=20";

/// Measures, and prints tables. `PUBLISHER` names another build; one that has no buckets ends after the first.
pub(crate) async fn measure() {
    let bytes = listing().bytes();
    println!("\n{IMAGES} images in a listing: {bytes} bytes");
    dropbox().await;
    bucket().await;
}

async fn dropbox() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let tenant = sandbox.add_tenant(spec());
    for number in 0..IMAGES {
        let path = format!("/large/{}", name(number));
        let content = number.to_le_bytes().to_vec();
        assert!(
            sandbox.dropbox.put(&tenant.name, &path, content),
            "it is put"
        );
    }
    let path = format!("/large/{FIRST}");
    assert!(
        sandbox.dropbox.put(&tenant.name, &path, first().bytes),
        "it is put"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::service(&sandbox, folder.path()).await;
    let measured = Measured {
        sandbox: &sandbox,
        serving: &serving,
        tenant: &tenant,
    };
    let idle = measured.begin("at Dropbox").await;
    measured
        .row("list, refreshed", LIST, REFRESHES, STALE)
        .await;
    let random = "/api/images/random";
    measured
        .row("random image", random, TIMES, Duration::ZERO)
        .await;
    measured.row("next", "", TIMES, Duration::ZERO).await;
    measured.memory(idle);
}

async fn bucket() {
    let sandbox = Sandbox::start_empty().await.expect("the sandbox");
    let tenant = sandbox.add_tenant(spec().managed("large"));
    let key = format!("large/{FIRST}");
    assert!(sandbox.s3.put(&key, first().bytes).await, "it is put");
    let etag = sandbox.s3.header(&key, "etag").await.expect("its ETag");
    let pages = pages(&etag);
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::service(&sandbox, folder.path()).await;
    let measured = Measured {
        sandbox: &sandbox,
        serving: &serving,
        tenant: &tenant,
    };
    // A server that keeps objects in files takes longer for a page than all that is measured here.
    let put_pages = || {
        let switches = sandbox.s3.server().switches();
        for page in &pages {
            switches.inject("list", page.clone());
        }
    };
    put_pages();
    let idle = measured.begin("in a bucket").await;
    tokio::time::sleep(SETTLED).await;
    put_pages();
    let (before, switches) = (measured.calls(), sandbox.s3.server().switches());
    let started = Instant::now();
    serving.text(&tenant.host, LIST).await;
    let shown = started.elapsed();
    switches.wait_for_calls("list", before + pages.len()).await;
    let behind = started.elapsed();
    let calls = measured.calls() - before;
    Measured::print("list, while it is refreshed", 0, &[shown]);
    Measured::print("the refresh behind it", calls, &[behind]);
    measured.row("next", "", TIMES, Duration::ZERO).await;
    measured.memory(idle);
}

fn spec() -> TenantSpec {
    TenantSpec::new("large").patch(&json!({ "features": { "auto_view_enabled": true } }))
}

/// The one that is published is an image.
fn first() -> Sample {
    Sample::jpeg("a", 640, 480, 1).expect("an image")
}

fn name(number: usize) -> String {
    format!("IMG_2026-05-04_{number:06}.jpg")
}

/// The pages of the bucket, with the `ETag` of the first image.
fn pages(etag: &str) -> Vec<Fault> {
    let others = (0..IMAGES).map(|number| (name(number), format!("\"{number:032x}\"")));
    let all: Vec<_> = [(FIRST.to_owned(), etag.to_owned())]
        .into_iter()
        .chain(others)
        .collect();
    let last = all.len().div_ceil(PAGE);
    let page = |(index, objects): (usize, &[(String, String)])| {
        let mut body =
            String::from("<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        if index + 1 < last {
            let token = format!("<NextContinuationToken>{index}</NextContinuationToken>");
            body.push_str("<IsTruncated>true</IsTruncated>");
            body.push_str(&token);
        }
        for (name, etag) in objects {
            let etag = etag.replace('"', "&quot;");
            write!(
                body,
                "<Contents><Key>large/{name}</Key><LastModified>2026-05-04T01:02:03.000Z</LastModified>\
                 <ETag>{etag}</ETag><Size>3000000</Size><StorageClass>STANDARD</StorageClass></Contents>"
            )
            .expect("a string takes everything");
        }
        body.push_str("</ListBucketResult>");
        Fault::text(200, &body)
    };
    all.chunks(PAGE).enumerate().map(page).collect()
}

/// The same folder as the service keeps it.
fn listing() -> Listing {
    let image = |number: usize| {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        ListingChange::Found(StoredImage {
            name: ImageName::new(&name(number)).expect("a name"),
            file_id: format!("id:{number:022}"),
            revision: format!("{number:032x}"),
            content_hash: ContentHash::from_digest(HashKind::Dropbox, digest),
            size: 3_000_000,
            last_modified: Some(SystemTime::UNIX_EPOCH),
        })
    };
    Listing::new(LetterCase::Counts).with((0..IMAGES).map(image).collect())
}

struct Measured<'a> {
    sandbox: &'a Sandbox,
    serving: &'a Serving,
    tenant: &'a DemoTenant,
}

impl Measured<'_> {
    /// The first list and those that follow it; returns the memory before.
    async fn begin(&self, place: &str) -> f64 {
        self.serving
            .text(&self.tenant.host, "/api/config/features")
            .await;
        let idle = self.serving.memory();
        println!("\n## A folder of {IMAGES} images {place}\n");
        println!("| | calls that list | median ms | least to most |");
        println!("| --- | --- | --- | --- |");
        self.row("first list", LIST, 1, Duration::ZERO).await;
        self.row("list, in memory", LIST, TIMES, Duration::ZERO)
            .await;
        idle
    }

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
            took.push(started.elapsed());
        }
        Self::print(what, (self.calls() - before).div_ceil(times), &took);
    }

    fn print(what: &str, calls: usize, took: &[Duration]) {
        let took = took.iter().map(|it| it.as_secs_f64() * 1e3);
        let took = Figures::new(took.collect());
        let (least, most) = took.range();
        let median = took.median();
        println!("| {what} | {calls} | {median:.1} | {least:.1} to {most:.1} |");
    }

    fn memory(&self, idle: f64) {
        println!(
            "\n{:.1} MB beyond the idle service, {:.1} MB at most",
            megabytes(self.serving.memory() - idle),
            megabytes(self.serving.peak_memory() - idle)
        );
    }

    /// Picks the next image, without sending it.
    async fn next(&self) {
        let request = self.serving.post(&self.tenant.host, "/api/publish");
        let request = request.bearer_auth(self.sandbox.web_token());
        let answer = request
            .json(&json!({ "dry_run": true, "caption": "A knot." }))
            .send()
            .await;
        let answer = answer.expect("an answer").text().await.expect("its body");
        assert!(answer.contains(FIRST), "{answer}");
    }

    fn calls(&self) -> usize {
        let dropbox = self.sandbox.dropbox.switches();
        let calls = ["list_folder", "list_folder/continue"].map(|it| dropbox.calls(it));
        calls.iter().sum::<usize>() + self.sandbox.s3.server().switches().calls("list")
    }
}
