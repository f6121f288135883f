//! The sandbox: loopback stand-ins for every upstream, spoken to over real sockets.
//!
//! Two users: `publisher sandbox`, which shows the whole service without a single account, and
//! the tests, which break the stand-ins on purpose through their [`Switches`]. It knows
//! the wires, and nothing of the service.
//!
//! Everything is random per start and ends when the [`Sandbox`] is dropped.
//!
//! ```no_run
//! # use publisher_sandbox::{Fault, Sandbox, SandboxError, Telegram};
//! # async fn example() -> Result<(), SandboxError> {
//! let sandbox = Sandbox::start().await?;
//! let telegram = sandbox.telegram.switches();
//! telegram.inject("sendPhoto", Telegram::rate_limited(1)); // once, then
//! telegram.inject("sendPhoto", Fault::ResetAfterRequest); // posted, but nobody hears of it
//! let hold = sandbox.orchestrator.switches().hold("by_host");
//! // … start the service with `sandbox.environment()` and send it 100 requests …
//! hold.arrived(1).await;
//! hold.release();
//! assert_eq!(sandbox.orchestrator.switches().calls("by_host"), 1);
//! assert_eq!(sandbox.telegram.photos().len(), 1);
//! # Ok(())
//! # }
//! ```

use std::convert::Infallible;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;

mod billing;
mod bluesky;
mod certificate;
mod dropbox;
mod dropbox_arguments;
mod dropbox_content;
mod dropbox_files;
mod dropbox_rpc;
mod fault;
mod hold;
mod image_metadata;
mod issuer;
mod latency;
mod listener;
mod mastodon;
mod multipart;
mod networks;
mod openai;
mod openai_answers;
mod orchestrator;
mod orchestrator_answers;
mod received_image;
mod record;
mod reply;
mod s3;
mod samples;
mod secrets;
mod server;
mod smtp;
mod smtp_session;
mod standalone;
mod switches;
mod telegram;
mod tenants;
mod walkthrough;
mod wire;

#[cfg(test)]
mod tests;

pub use billing::Debit;
pub use bluesky::{Bluesky, BlueskyImage, BlueskyPost, LargeBlobs};
pub use dropbox::Dropbox;
pub use fault::Fault;
pub use hold::Hold;
pub use issuer::{Issuer, IssuerAccount, Signer};
pub use latency::Latency;
pub use mastodon::{Mastodon, OnRepeat, PostedImage, PostedStatus, Processing};
pub use networks::{Network, NetworkAccount};
pub use openai::{OpenAi, Unsupported};
pub use orchestrator::Orchestrator;
pub use orchestrator_answers::{Credential, TenantRecord};
pub use received_image::ReceivedImage;
pub use record::RecordedRequest;
pub use s3::S3;
pub use samples::{Sample, sample_images};
pub use secrets::{app_password, mastodon_token};
pub use server::HttpServer;
pub use smtp::{ReceivedMail, SmtpServer};
pub use switches::Switches;
pub use telegram::{SentPhoto, Telegram};
pub use tenants::{BASE_DOMAIN, DemoTenant, TenantSpec};
pub use walkthrough::{Walkthrough, WalkthroughError};

use certificate::Authority;

/// How often [`Sandbox::keep_stocked`] looks.
const RESTOCKING: Duration = Duration::from_millis(200);

/// Every upstream on loopback, with four tenants: `alice.sandbox.localhost` (Telegram, e-mail, AI),
/// `bob.sandbox.localhost` (Telegram, AI), `dana.sandbox.localhost`, as Bob, with images in a bucket
/// instead of Dropbox, and `erin.sandbox.localhost` (Mastodon, Bluesky, AI).
pub struct Sandbox {
    /// Who the tenants are, and their credentials.
    pub orchestrator: Orchestrator,
    /// The tenants' images.
    pub dropbox: Dropbox,
    /// The images of tenants that have theirs in a bucket.
    pub s3: S3,
    /// Analyses and captions.
    pub openai: OpenAi,
    /// Posts.
    pub telegram: Telegram,
    /// E-mail.
    pub smtp: SmtpServer,
    /// Posts.
    pub mastodon: Mastodon,
    /// Posts.
    pub bluesky: Bluesky,
    /// Accounts of people.
    pub issuer: Issuer,
    tenants: Vec<DemoTenant>,
    authority_pem: String,
    folder: PrivateFolder,
    web_token: String,
    web_password: String,
}

impl Sandbox {
    /// Starts all stand-ins with the demo tenants.
    ///
    /// # Errors
    /// No loopback port, no temporary folder, or no certificate to be had.
    pub async fn start() -> Result<Self, SandboxError> {
        let mut sandbox = Self::start_empty().await?;
        for spec in tenants::demo_tenants()? {
            let images = spec.objects();
            let tenant = sandbox.add_tenant(spec);
            for (key, bytes) in images {
                sandbox.s3.put(&key, bytes).await;
            }
            sandbox.tenants.push(tenant);
        }
        Ok(sandbox)
    }

    /// Starts all stand-ins without any tenant.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub async fn start_empty() -> Result<Self, SandboxError> {
        let authority = Authority::new()?;
        let folder = PrivateFolder::new()?;
        folder.write("ca.pem", authority.pem.as_bytes())?;
        Ok(Self {
            orchestrator: Orchestrator::start().await?,
            dropbox: Dropbox::start().await?,
            s3: S3::start().await?,
            openai: OpenAi::start().await?,
            telegram: Telegram::start().await?,
            smtp: SmtpServer::start(authority.server).await?,
            mastodon: Mastodon::start().await?,
            bluesky: Bluesky::start().await?,
            issuer: Issuer::start().await?,
            tenants: Vec::new(),
            authority_pem: authority.pem,
            folder,
            web_token: secrets::random("web-"),
            web_password: secrets::random("password-"),
        })
    }

    /// The demo tenants; those of [`Sandbox::add_tenant`] are not among them.
    #[must_use]
    pub fn tenants(&self) -> &[DemoTenant] {
        &self.tenants
    }

    /// The first demo tenant with an account at this network.
    #[must_use]
    pub fn tenant_at(&self, network: Network) -> Option<&DemoTenant> {
        let mut tenants = self.tenants.iter();
        tenants.find(|tenant| tenant.account(network).is_some())
    }

    /// Puts the images of the demo tenants back whenever they have left their folder, for good.
    pub async fn keep_stocked(&self) -> Infallible {
        let images = self.tenants.iter().flat_map(|tenant| {
            let image = move |name| {
                let path = format!("{}/{name}", tenant.root);
                let bytes = self.file(tenant, &path)?;
                Some((tenant, path, bytes))
            };
            tenant.images.iter().filter_map(image)
        });
        let images: Vec<_> = images.collect();
        loop {
            tokio::time::sleep(RESTOCKING).await;
            for (tenant, path, bytes) in &images {
                if self.file(tenant, path).is_some() {
                    continue;
                }
                if tenant.is_managed {
                    self.s3.put(path, bytes.clone()).await;
                } else {
                    self.dropbox.put(&tenant.name, path, bytes.clone());
                }
            }
        }
    }

    /// Gives a tenant a person with an account at the issuer, both of the tenant's name, whom its config lets in by OpenID
    /// Connect.
    pub fn let_person_in(&self, tenant: &DemoTenant) {
        let email = format!("{}@{BASE_DOMAIN}", tenant.name);
        let block = serde_json::json!({ "enabled": true, "allowed_emails": [email] });
        self.orchestrator
            .edit_config(&tenant.host, |config| config["auth"] = block);
        self.issuer
            .add_account(IssuerAccount::new(&tenant.name, &email));
    }

    /// Gives each demo tenant a person with an account at the issuer, whom its config lets in by OpenID Connect, and the
    /// issuer some accounts that no tenant lets in. A service is told of the issuer by [`Issuer::environment`].
    pub fn let_people_in(&self) {
        for tenant in &self.tenants {
            self.let_person_in(tenant);
        }
        let others = ["mallory", "una", "noel"]
            .map(|name| IssuerAccount::new(name, &format!("{name}@{BASE_DOMAIN}")));
        let [mallory, mut una, mut noel] = others;
        una.email_verified = Some(false);
        noel.email = None;
        for account in [mallory, una, noel] {
            self.issuer.add_account(account);
        }
    }

    /// A file in a tenant's storage.
    fn file(&self, tenant: &DemoTenant, path: &str) -> Option<Bytes> {
        if tenant.is_managed {
            return self.s3.object(path);
        }
        self.dropbox.file(&tenant.name, path)
    }

    /// Adds a tenant at every stand-in that it needs. Images in a bucket are put by the caller: see
    /// [`TenantSpec::managed`].
    pub fn add_tenant(&self, spec: TenantSpec) -> DemoTenant {
        tenants::add(self, spec)
    }

    /// The settings that make the service use this sandbox.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("ORCHESTRATOR_BASE_URL", self.orchestrator.server().url()),
            (
                "ORCHESTRATOR_SERVICE_TOKEN",
                self.orchestrator.service_token(),
            ),
            ("ORCHESTRATOR_BASE_DOMAIN", BASE_DOMAIN.to_owned()),
            ("DROPBOX_API_URL", self.dropbox.server().url()),
            ("DROPBOX_CONTENT_URL", self.dropbox.server().url()),
            ("DROPBOX_APP_KEY", self.dropbox.app_key().to_owned()),
            ("DROPBOX_APP_SECRET", self.dropbox.app_secret().to_owned()),
            (
                "OPENAI_BASE_URL",
                format!("{}/v1", self.openai.server().url()),
            ),
            ("TELEGRAM_API_URL", self.telegram.server().url()),
            (
                "EXTRA_CA_CERTS_FILE",
                self.ca_file().to_string_lossy().into_owned(),
            ),
            ("WEB_AUTH_TOKEN", self.web_token.clone()),
            ("PUBLISH_LEDGER_URL", self.ledger_url()),
        ]
    }

    /// The settings that make the service serve this one tenant without the orchestrator.
    #[must_use]
    pub fn standalone_environment(&self, tenant: &DemoTenant) -> Vec<(&'static str, String)> {
        standalone::environment(self, tenant)
    }

    /// Every secret and every credentials ref handed out so far: none of them may ever stand in
    /// a log.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let mut all = self.orchestrator.secrets();
        all.extend(self.dropbox.secrets());
        all.extend(self.s3.secrets());
        all.extend(self.openai.secrets());
        all.extend(self.telegram.secrets());
        all.extend(self.smtp.secrets());
        all.extend(self.mastodon.secrets());
        all.extend(self.bluesky.secrets());
        all.extend(self.issuer.secrets());
        all.push(self.web_token.clone());
        all.push(self.web_password.clone());
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The bearer token of the service's own HTTP API.
    #[must_use]
    pub fn web_token(&self) -> &str {
        &self.web_token
    }

    /// A password to log in with, for whoever starts the service with one.
    #[must_use]
    pub fn web_password(&self) -> &str {
        &self.web_password
    }

    /// A ledger that goes away with the sandbox, for one service at a time.
    #[must_use]
    pub fn ledger_url(&self) -> String {
        format!(
            "sqlite://{}",
            self.folder.path().join("ledger.db").display()
        )
    }

    /// The same for another service, beside the first.
    #[must_use]
    pub fn second_ledger_url(&self) -> String {
        format!(
            "sqlite://{}",
            self.folder.path().join("second-ledger.db").display()
        )
    }

    /// The certificate authority's PEM file; it goes away with the sandbox.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The certificate authority as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.authority_pem
    }
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// A port or the temporary folder.
    #[error("the sandbox could not get a port or a temporary folder")]
    Io(#[from] io::Error),
    /// The throw-away certificates.
    #[error("the sandbox could not make its certificates")]
    Certificate(#[from] rcgen::Error),
    /// The TLS set-up.
    #[error("the sandbox could not set up TLS")]
    Tls(#[from] rustls::Error),
    /// The sample images.
    #[error("the sandbox could not draw its sample images")]
    Image(#[from] image::ImageError),
}

/// A temporary folder that only this user can read, removed on drop.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> io::Result<Self> {
        let name = format!("publisher-sandbox-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(self.0.join(name))?.write_all(content)
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!(%error, "the sandbox could not remove its temporary folder");
        }
    }
}
