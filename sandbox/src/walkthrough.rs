//! The demo: publishes one image over HTTP like any client would, and tells what each stand-in
//! received of it.

use std::{fmt::Write as _, time::Duration};

use reqwest::{Client, RequestBuilder, header::HOST};
use serde_json::Value;

use super::{DemoTenant, Sandbox};

/// What came of the demo.
#[derive(Clone, Debug)]
pub struct Walkthrough {
    /// What happened, for people.
    pub report: String,
    /// What did not happen as it should; empty when all is well.
    pub complaints: Vec<String>,
}

/// How often a job is looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(250);
/// How often at most: a minute, in which a job that is due now has long been carried out.
const MOST_LOOKS: u32 = 240;

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum WalkthroughError {
    /// The service did not answer.
    #[error("the service did not answer")]
    Http(#[from] reqwest::Error),
    /// The service answered with a problem.
    #[error("the service answered {operation} with {status}: {body}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The status.
        status: u16,
        /// The problem.
        body: String,
    },
    /// The sandbox has no tenant or the tenant no image.
    #[error("there is nothing to publish")]
    Nothing,
}

impl Sandbox {
    /// Publishes the first image of the first tenant, of each with a bucket, and of each with accounts at social
    /// networks, through the service at `base_url`; then another one of the first tenant in the background.
    ///
    /// # Errors
    /// [`WalkthroughError`].
    pub async fn walk_through(
        &self,
        client: &Client,
        base_url: &str,
    ) -> Result<Walkthrough, WalkthroughError> {
        let tenant = self.tenants().first().ok_or(WalkthroughError::Nothing)?;
        let (image, list, answer) = self.publish_first(client, base_url, tenant).await?;
        let mut told = self.tell(tenant, &image, &list, &answer);
        for tenant in self.tenants().iter().filter(|it| it.is_managed) {
            let (image, _, answer) = self.publish_first(client, base_url, tenant).await?;
            self.tell_bucket(&mut told, tenant, &image, &answer);
        }
        for tenant in self.tenants().iter().filter(|it| !it.accounts.is_empty()) {
            let (image, _, answer) = self.publish_first(client, base_url, tenant).await?;
            self.tell_networks(&mut told, tenant, &image, &answer);
        }
        self.tell_job(&mut told, client, base_url, tenant).await?;
        told.line(
            "",
            "the stand-ins make addresses of posts up: they lead nowhere",
        );
        Ok(Walkthrough {
            report: told.report,
            complaints: told.complaints,
        })
    }

    /// The first image of a tenant, the list that it is from, and what its publication comes to.
    async fn publish_first(
        &self,
        client: &Client,
        base_url: &str,
        tenant: &DemoTenant,
    ) -> Result<(String, Value, Value), WalkthroughError> {
        let list = client.get(format!("{base_url}/api/images/list"));
        let list = self.ask("the list", tenant, list).await?;
        let image = list["filenames"][0]
            .as_str()
            .ok_or(WalkthroughError::Nothing)?
            .to_owned();
        let mut url = url::Url::parse(base_url).map_err(|_| WalkthroughError::Nothing)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(["api", "images", &image, "publish"]);
        }
        let answer = self.ask("the publish", tenant, client.post(url)).await?;
        Ok((image, list, answer))
    }

    /// Has the next image published in the background, and waits until it is.
    async fn tell_job(
        &self,
        told: &mut Telling,
        client: &Client,
        base_url: &str,
        tenant: &DemoTenant,
    ) -> Result<(), WalkthroughError> {
        let publish = client.post(format!("{base_url}/api/publish"));
        let publish = publish.header("prefer", "respond-async");
        let mut job = self.ask("the job", tenant, publish).await?;
        let id = job["id"].as_str().unwrap_or_default().to_owned();
        let added = job["status"].as_str().unwrap_or("missing").to_owned();
        for _ in 0..MOST_LOOKS {
            if !matches!(job["status"].as_str(), Some("scheduled" | "running")) {
                break;
            }
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            let look = client.get(format!("{base_url}/api/jobs/{id}"));
            job = self.ask("the look at the job", tenant, look).await?;
        }
        let status = job["status"].as_str().unwrap_or("missing");
        let image = job["filename"].as_str().unwrap_or("–");
        told.line("Job", &format!("{id}: {added}, then {status}; {image}"));
        told.must(
            status == "done",
            &format!("the job is not carried out: {job}"),
        );
        for platform in ["telegram", "email"] {
            told.result(platform, &job);
        }
        Ok(())
    }

    async fn ask(
        &self,
        operation: &'static str,
        tenant: &DemoTenant,
        request: RequestBuilder,
    ) -> Result<Value, WalkthroughError> {
        let request = request
            .header(HOST, &tenant.host)
            .bearer_auth(self.web_token());
        let response = request.send().await?;
        let status = response.status();
        if status.is_success() {
            return Ok(response.json().await?);
        }
        let body = response.text().await?;
        Err(WalkthroughError::Refused {
            operation,
            status: status.as_u16(),
            body,
        })
    }

    fn tell(&self, tenant: &DemoTenant, image: &str, list: &Value, answer: &Value) -> Telling {
        let mut told = Telling::default();
        told.line(
            "Tenant",
            &format!("{}, {} images", tenant.host, list["count"]),
        );
        told.line("Image", image);
        self.tell_upstreams(&mut told, tenant);
        self.tell_platforms(&mut told, tenant);
        self.tell_archive(&mut told, tenant, image);
        told.must(
            answer["archived"] == true,
            "the service says that the image is not archived",
        );
        for platform in ["telegram", "email"] {
            told.result(platform, answer);
        }
        told
    }

    fn tell_bucket(&self, told: &mut Telling, tenant: &DemoTenant, image: &str, answer: &Value) {
        let s3 = self.s3.server().switches();
        told.line("Tenant", &format!("{}, {image}", tenant.host));
        told.line(
            "S3",
            &format!(
                "{}, {}, {} in {}",
                counted(s3.calls("get"), "read"),
                counted(s3.calls("put"), "write"),
                counted(s3.calls("delete"), "move"),
                tenant.root
            ),
        );
        let key = format!("{}/archive/{image}", tenant.root);
        told.must(
            self.s3.object(&key).is_some(),
            &format!("{key} is not in the archive"),
        );
        let outcome = &answer["results"]["telegram"]["outcome"];
        told.must(
            outcome == "published" && answer["archived"] == true,
            &format!("the image in the bucket is not published and archived: {answer}"),
        );
        told.line("Archive", &key);
    }

    fn tell_networks(&self, told: &mut Telling, tenant: &DemoTenant, image: &str, answer: &Value) {
        told.line("Tenant", &format!("{}, {image}", tenant.host));
        for account in &tenant.accounts {
            let id = account.network.id();
            let posts = account.posts(self);
            for (line, text) in &posts {
                told.line(&format!("{:?}", account.network), line);
                told.quote(text);
            }
            told.result(id, answer);
            told.must(
                posts.len() == 1,
                &format!("{id} should have one post: {answer}"),
            );
        }
    }

    fn tell_upstreams(&self, told: &mut Telling, tenant: &DemoTenant) {
        let orchestrator = self.orchestrator.switches();
        told.line(
            "Orchestrator",
            &format!(
                "{}, {} resolved",
                counted(orchestrator.calls("by_host"), "config lookup"),
                counted(orchestrator.calls("resolve"), "credential")
            ),
        );
        let dropbox = self.dropbox.switches();
        told.line(
            "Dropbox",
            &format!(
                "{}, {}, {} in {}",
                counted(dropbox.calls("download"), "download"),
                counted(dropbox.calls("upload"), "upload"),
                counted(dropbox.calls("move_v2"), "move"),
                tenant.root
            ),
        );
        let (vision, caption) = (
            self.openai.switches().calls("vision"),
            self.openai.switches().calls("caption"),
        );
        told.line(
            "OpenAI",
            &format!("{vision} vision call, {caption} caption call"),
        );
        told.must(
            (vision, caption) == (1, 1),
            "there should be one vision and one caption call",
        );
    }

    fn tell_platforms(&self, told: &mut Telling, tenant: &DemoTenant) {
        let photos = self.telegram.photos_of(&tenant.bot_token);
        for photo in &photos {
            told.line(
                "Telegram",
                &format!(
                    "message {} to {}: {}×{} pixels, {} bytes",
                    photo.message_id,
                    photo.chat_id,
                    photo.width,
                    photo.height,
                    photo.photo.len()
                ),
            );
            told.quote(photo.caption.as_deref().unwrap_or_default());
        }
        told.must(photos.len() == 1, "Telegram should have received one photo");
        let mails = self.smtp.mails();
        for mail in &mails {
            let security = if mail.tls { "TLS" } else { "no TLS" };
            let to = mail.to.join(", ");
            told.line(
                "E-mail",
                &format!("to {to}, {} bytes, {security}", mail.data.len()),
            );
            told.quote(&mail.header("Subject").unwrap_or_default());
        }
        told.must(
            mails.len() == 2,
            "the mail server should have received a mail and its copy",
        );
    }

    fn tell_archive(&self, told: &mut Telling, tenant: &DemoTenant, image: &str) {
        let stem = image.rsplit_once('.').map_or(image, |(stem, _)| stem);
        let paths = self.dropbox.paths(&tenant.name);
        for name in [image.to_owned(), format!("{stem}.txt")] {
            let path = format!("{}/archive/{name}", tenant.root);
            let is_there = paths.contains(&path);
            told.line(
                "Archive",
                &if is_there {
                    path.clone()
                } else {
                    format!("no {path}")
                },
            );
            told.must(is_there, &format!("{path} is not in the archive"));
        }
    }
}

/// A number of things.
fn counted(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[derive(Default)]
struct Telling {
    report: String,
    complaints: Vec<String>,
}

impl Telling {
    fn line(&mut self, what: &str, text: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.report, "  {what:<13} {text}");
    }

    fn quote(&mut self, text: &str) {
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            self.line("", &format!("  “{line}”"));
        }
    }

    /// What the service says of a platform, which should have the post.
    fn result(&mut self, platform: &str, answer: &Value) {
        let result = &answer["results"][platform];
        let outcome = result["outcome"].as_str().unwrap_or("missing");
        let post_id = result["post_id"].as_str().unwrap_or("–");
        self.line(
            "Result",
            &format!("{platform}: {outcome}, post id {post_id}"),
        );
        if let Some(url) = result["post_url"].as_str() {
            self.line("", &format!("  {url}"));
        }
        self.must(
            outcome == "published",
            &format!("{platform} is not published: {result}"),
        );
    }

    fn must(&mut self, holds: bool, complaint: &str) {
        if !holds {
            self.complaints.push(complaint.to_owned());
        }
    }
}
