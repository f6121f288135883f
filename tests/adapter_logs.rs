//! Nothing secret is logged at any level, whichever crate writes the line, and no line of ours says where the server of a
//! tenant is. A process of its own, because whether a line is written at all is decided for a process as a whole.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt as _};

use publisher::{
    adapters::{
        clock::SystemClock,
        http_client::ExtraRoots,
        imaging::ImageScaler,
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        platforms,
        rate_limits::OwnRates,
        registration::Setup,
        smtp::EhloName,
    },
    domain::{
        caption_brief::Sense,
        credential::{AiCredential, Credential, CredentialVersion, Provider, Secrets},
        image::{EncodedImage, ImageName},
        platform::Platform,
        secret::{Secret, SecretField},
        storage::StorageAccess,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{Resolved, SchemaVersion, TenantConfig, VisionDetail},
    },
    ports::{CaptionWriterFactory as _, Post, VisionImage},
};
use publisher_sandbox::{Fault, Sample, Sandbox, app_password};

const KEY: &str = "sk-a-secret-key";
const TOKEN: &str = "123456789:AA-a-secret-token";
const PASSWORD: &str = "a-secret-password";
const ACCESS_TOKEN: &str = "a-secret-access-token";
const HANDLE: &str = "alice.bsky.test";
const SENDER: &str = "alice@mail.test";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A credential of which each field is this secret, but for the address of an instance and the name of an account.
fn credential(instance: &str, provider: Provider, secret: &str) -> Arc<Credential> {
    let secret = |field: &SecretField| {
        let text = match field.name {
            "instance_url" => instance,
            "handle" => HANDLE,
            _ => secret,
        };
        Some(Secret::new(text.to_owned()))
    };
    let secrets = Secrets::read(provider, secret).unwrap();
    let version = CredentialVersion::new("1");
    Arc::new(Credential::new(secrets, version, None))
}

/// A tenant with a publisher for each platform at the stand-ins.
fn tenant(sandbox: &Sandbox) -> TenantConfig<Resolved> {
    let document = json!({
        "features": { "publish_enabled": true, "analyze_caption_enabled": true },
        "storage": { "provider": "dropbox", "credentials_ref": "d", "paths": { "root": "/a" } },
        "ai": { "credentials_ref": "r" },
        "publishers": [
            { "id": "t", "type": "telegram", "credentials_ref": "r", "config": { "channel_id": "1" } },
            { "id": "f", "type": "fetlife", "config": { "recipient": "alice@fetlife.test" } },
            { "id": "m", "type": "mastodon", "credentials_ref": "r" },
            { "id": "b", "type": "bluesky", "credentials_ref": "r",
                "config": { "service_url": sandbox.bluesky.server().url() } },
        ],
        "email_server": { "host": "localhost", "port": sandbox.smtp.port(), "from_email": SENDER,
            "password_ref": "p" },
    });
    let name = TenantName::new("alice").unwrap();
    let (version, ttl) = (ConfigVersion::new("1"), ConfigTtl::from_seconds(None));
    let tenant = TenantConfig::new(name, version, ttl, SchemaVersion::V2, document);
    let storage = credential("", Provider::DROPBOX, "refresh-token");
    let tenant = tenant.validate(platforms::spec).unwrap();
    let access = StorageAccess::new(tenant.settings().storage.kind, Some(storage)).unwrap();
    Arc::new(tenant).resolve(access)
}

/// From now on all secrets are good, and the next calls meet a fault.
fn let_in_and_break(sandbox: &Sandbox, app_password: &str) {
    sandbox.openai.add_key(KEY);
    sandbox.telegram.add_bot(TOKEN);
    sandbox.smtp.set_user(SENDER, PASSWORD);
    sandbox.mastodon.add_account("alice", ACCESS_TOKEN);
    sandbox
        .openai
        .switches()
        .inject("vision", Fault::ResetAfterRequest);
    sandbox
        .telegram
        .switches()
        .inject("sendPhoto", Fault::ResetAfterRequest);
    sandbox
        .smtp
        .switches()
        .inject("DATA_END", Fault::ResetAfterRequest);
    let mastodon = sandbox.mastodon.switches();
    mastodon.inject("upload_media", Fault::ResetAfterRequest);
    mastodon.inject("post_status", Fault::ResetAfterRequest);
    sandbox.bluesky.add_account(HANDLE, app_password);
    let bluesky = sandbox.bluesky.switches();
    bluesky.inject("uploadBlob", Fault::status(503));
    bluesky.inject("createRecord", Fault::ResetAfterRequest);
}

#[tokio::test]
async fn no_secret_is_logged_at_any_level() {
    let log = Log::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish()
        .init();
    let sandbox = Sandbox::start_empty().await.unwrap();
    let tenant = tenant(&sandbox);
    let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let clock = Arc::new(SystemClock);
    let openai = OpenAiSettings {
        base_url: format!("{}/v1", sandbox.openai.server().url())
            .parse()
            .unwrap(),
        calls_per_minute: 20.try_into().unwrap(),
        candidates: 3,
    };
    let rates = Arc::new(OwnRates::new(clock.clone()));
    let openai = OpenAiCaptionWriterFactory::new(openai, &roots, clock.clone(), rates).unwrap();
    let setup = Setup {
        roots,
        clock,
        images: Arc::new(ImageScaler::default()),
        telegram_api_url: sandbox.telegram.server().url().parse().unwrap(),
        ehlo_name: EhloName::of_this_host(),
    };
    let instance = sandbox.mastodon.server().url();
    let settings = tenant.settings();
    let key = AiCredential::try_from(credential("", Provider::OPENAI, KEY)).unwrap();
    let writer = openai.open(&tenant, settings.ai.as_ref().unwrap(), key);
    let app_password = app_password();
    // With the round from which on it publishes: what the last two have taken is found.
    let publishers = [
        (Platform::Telegram, TOKEN, 2),
        (Platform::Email, PASSWORD, 2),
        (Platform::Mastodon, ACCESS_TOKEN, 1),
        (Platform::Bluesky, &*app_password, 1),
    ];
    let publishers = publishers.map(|(platform, secret, from)| {
        let registration = platforms::registration(platform);
        let factory = (registration.set_up)(&setup).unwrap();
        let target = settings.platforms.target(platform).unwrap();
        let credential = credential(&instance, registration.spec.provider, secret);
        (factory.open(target, credential, settings).unwrap(), from)
    });
    let sample = Sample::png("a.png", 4, 4, 1).unwrap();
    let image = EncodedImage::new(sample.bytes).unwrap();
    let look = VisionImage {
        image: image.clone(),
        detail: VisionDetail::Low,
        senses: Sense::offered("image"),
    };
    let post = Post {
        name: ImageName::new("a.png").unwrap(),
        image,
        caption: "A knot.".to_owned(),
        alt_text: None,
        tags: Vec::new(),
    };

    // Refused, then lost, then taken.
    for round in 0..3 {
        if round == 1 {
            let_in_and_break(&sandbox, &app_password);
        }
        // A session is refreshed.
        sandbox.bluesky.expire_access_tokens();
        assert_eq!(writer.analyze(&look).await.is_ok(), round > 0);
        for (publisher, from) in &publishers {
            assert_eq!(publisher.publish(&post, None).await.is_ok(), round >= *from);
        }
    }
    // Asked without a post, and not reached.
    let servers = [sandbox.mastodon.server(), sandbox.bluesky.server()];
    for (publisher, server) in publishers[2..].iter().map(|it| &it.0).zip(servers) {
        assert!(publisher.check().await.is_ok());
        server.stop_listening().await;
        assert!(publisher.publish(&post, None).await.is_err());
    }
    tokio::time::sleep(Duration::from_millis(50)).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE"));
    for upstream in ["telegram", "mastodon", "bluesky"] {
        assert!(
            log.contains(&format!("upstream=\"{upstream}\"")),
            "{upstream}"
        );
    }
    let login = STANDARD.encode(format!("\0{SENDER}\0{PASSWORD}"));
    let mut secrets = sandbox.bluesky.secrets();
    // The password, and the tokens of the sessions.
    assert!(secrets.len() > 4, "{}", secrets.len());
    secrets.extend([KEY, TOKEN, PASSWORD, ACCESS_TOKEN, HANDLE, &login].map(str::to_owned));
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
    for server in servers {
        let url = server.url();
        let address = url.trim_start_matches("http://");
        let mut ours = log.lines().filter(|line| line.contains(" publisher::"));
        assert_eq!(ours.find(|line| line.contains(address)), None);
    }
}
