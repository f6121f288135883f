//! What another team does with a generated Rust client. Run by `tests/clients/run`.

#[expect(
    unused,
    clippy::all,
    clippy::pedantic,
    reason = "generated code is as its generator likes it"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use std::{collections::BTreeSet, env, error::Error};

use generated::{ByteStream, Client, Error as ClientError, types};
use reqwest::header::{AUTHORIZATION, HOST, HeaderMap};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = client()?;
    let images = client.list_images().send().await?.into_inner();
    let image = images
        .filenames
        .first()
        .ok_or("there is no image")?
        .to_string();
    say(&format!("lists {} images", images.count));
    let published = publish_twice(&client, &image).await?;
    let problem = problem_of(client.get_image().filename("no-such.jpg").send().await).await?;
    assert_eq!(problem.type_.as_str(), "/problems/image-not-found");
    assert_eq!(problem.status, 404);
    say(&format!(
        "reads a problem: {}, {}",
        *problem.type_, *problem.detail
    ));
    page_through(&client, &image, published).await?;
    add_and_cancel(&client).await
}

fn client() -> Result<Client, Box<dyn Error>> {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, env::var("TENANT_HOST")?.parse()?);
    let token = format!("Bearer {}", env::var("TOKEN")?);
    headers.insert(AUTHORIZATION, token.parse()?);
    let http = reqwest::Client::builder()
        .default_headers(headers)
        .build()?;
    Ok(Client::new_with_client(&env::var("BASE_URL")?, http))
}

/// Publishes under a key, and once more; the number of platforms that have the image.
async fn publish_twice(client: &Client, image: &str) -> Result<usize, Box<dyn Error>> {
    let key = uuid::Uuid::new_v4().to_string();
    let publish = || {
        client
            .publish_image()
            .filename(image)
            .idempotency_key(key.as_str())
            .body_map(|body| body.caption(Some("From Rust".parse().expect("a caption"))))
            .send()
    };
    let first = publish().await?;
    let telegram = first.results.get("telegram").ok_or("no Telegram")?;
    assert_eq!(telegram.outcome, types::PublishOutcome::Published);
    say(&format!(
        "publishes {image:?} as post {:?}",
        telegram.post_id
    ));
    let again = publish().await?;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.results.len(), first.results.len());
    say("gets the first answer again under the same key");
    Ok(first.results.len())
}

/// The problem that an operation was answered with.
async fn problem_of<T>(
    answer: Result<T, ClientError<ByteStream>>,
) -> Result<types::Problem, Box<dyn Error>> {
    match answer {
        Err(ClientError::ErrorResponse(response)) => {
            let body = response.into_inner().into_inner();
            let body = reqwest::Body::wrap_stream(body);
            let body = http_body_util::BodyExt::collect(body).await?.to_bytes();
            Ok(serde_json::from_slice(&body)?)
        }
        Err(other) => Err(other.to_string().into()),
        Ok(_) => Err("there is no problem".into()),
    }
}

async fn page_through(
    client: &Client,
    image: &str,
    published: usize,
) -> Result<(), Box<dyn Error>> {
    let (mut seen, mut pages, mut cursor) = (BTreeSet::new(), 0, None);
    loop {
        let mut request = client.list_publications().limit(1);
        if let Some(cursor) = cursor.take() {
            request = request.cursor(String::from(cursor));
        }
        let page = request.send().await?.into_inner();
        for entry in page.publications {
            seen.insert((entry.filename.map(|it| it.to_string()), entry.platform));
        }
        pages += 1;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let of_image = seen
        .iter()
        .filter(|(name, _)| name.as_deref() == Some(image))
        .count();
    assert_eq!(of_image, published);
    say(&format!(
        "pages through {} publications in {pages} pages",
        seen.len()
    ));
    Ok(())
}

/// Has a job made that waits for somebody's yes, and cancels it.
async fn add_and_cancel(client: &Client) -> Result<(), Box<dyn Error>> {
    let add = client.add_job();
    let job = add
        .body_map(|body| body.needs_approval(true))
        .send()
        .await?;
    let job = job.into_inner();
    assert_eq!(job.status, types::JobStatus::AwaitingApproval);
    let list = client.list_jobs();
    let list = list
        .status(types::JobStatus::AwaitingApproval)
        .send()
        .await?;
    assert!(list.jobs.iter().any(|it| it.id == job.id));
    let cancelled = client.cancel_job().id(job.id.to_string()).send().await?;
    assert_eq!(cancelled.status, types::JobStatus::Cancelled);
    say(&format!(
        "adds job {}, finds it among {}, and cancels it",
        *job.id,
        list.jobs.len()
    ));
    Ok(())
}

fn say(what: &str) {
    println!("rust: {what}");
}
