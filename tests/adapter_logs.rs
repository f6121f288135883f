//! Nothing secret is logged at any level, whichever crate writes the line. A process of its own,
//! because whether a line is written at all is decided for a process as a whole.

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
        openai::{OpenAiCaptionWriterFactory, OpenAiSettings},
        platforms,
        smtp::SmtpPublisherFactory,
        telegram::{TelegramApiSettings, TelegramPublisherFactory},
    },
    domain::{
        credential::{AiCredential, Credential, CredentialVersion, Provider, Secrets},
        image::{EncodedImage, ImageName},
        secret::{Secret, SecretField},
        storage::StorageAccess,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, VisionDetail},
    },
    ports::{CaptionWriterFactory as _, Post, PublisherFactory, VisionImage},
};
use publisher_sandbox::{Fault, Sample, Sandbox};

const KEY: &str = "sk-a-secret-key";
const TOKEN: &str = "123456789:AA-a-secret-token";
const PASSWORD: &str = "a-secret-password";
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

fn credential(provider: Provider, secret: &str) -> Option<Arc<Credential>> {
    let secret = |_: &SecretField| Some(Secret::new(secret.to_owned()));
    let secrets = Secrets::read(provider, secret)?;
    let version = CredentialVersion::new("1");
    Some(Arc::new(Credential::new(secrets, version, None)))
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
    let document = json!({
        "features": { "publish_enabled": true, "analyze_caption_enabled": true },
        "storage": { "provider": "dropbox", "credentials_ref": "d", "paths": { "root": "/a" } },
        "ai": { "credentials_ref": "r" },
        "publishers": [
            { "id": "t", "type": "telegram", "credentials_ref": "r", "config": { "channel_id": "1" } },
            { "id": "f", "type": "fetlife", "config": { "recipient": "alice@fetlife.test" } },
        ],
        "email_server": { "host": "localhost", "port": sandbox.smtp.port(), "from_email": SENDER,
            "password_ref": "p" },
    });
    let name = TenantName::new("alice").unwrap();
    let (version, ttl) = (ConfigVersion::new("1"), ConfigTtl::from_seconds(None));
    let tenant = TenantConfig::new(name, version, ttl, SchemaVersion::V2, document);
    let storage = credential(Provider::DROPBOX, "refresh-token").unwrap();
    let tenant = tenant.validate(platforms::spec).unwrap();
    let access = StorageAccess::new(tenant.settings().storage.kind, Some(storage)).unwrap();
    let tenant = Arc::new(tenant).resolve(access);
    let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let clock = Arc::new(SystemClock);
    let openai = OpenAiSettings {
        base_url: format!("{}/v1", sandbox.openai.server().url())
            .parse()
            .unwrap(),
        calls_per_minute: 20.try_into().unwrap(),
    };
    let openai = OpenAiCaptionWriterFactory::new(openai, &roots, clock.clone()).unwrap();
    let telegram = TelegramApiSettings {
        api_url: sandbox.telegram.server().url().parse().unwrap(),
    };
    let telegram = TelegramPublisherFactory::new(telegram, &roots, clock.clone()).unwrap();
    let smtp = SmtpPublisherFactory::new(&roots, clock).unwrap();
    let settings = tenant.settings();
    let key = AiCredential::try_from(credential(Provider::OPENAI, KEY).unwrap()).unwrap();
    let writer = openai.open(&tenant, settings.ai.as_ref().unwrap(), key);
    let open = |factory: &dyn PublisherFactory, secret| {
        let spec = factory.spec();
        let target = settings.platforms.target(spec.platform).unwrap();
        factory
            .open(target, credential(spec.provider, secret).unwrap(), settings)
            .unwrap()
    };
    let publishers = [open(&telegram, TOKEN), open(&smtp, PASSWORD)];
    let sample = Sample::png("a.png", 4, 4, 1).unwrap();
    let image = EncodedImage::new(sample.bytes).unwrap();
    let look = VisionImage {
        image: image.clone(),
        detail: VisionDetail::Low,
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
            sandbox.openai.add_key(KEY);
            sandbox.telegram.add_bot(TOKEN);
            sandbox.smtp.set_user(SENDER, PASSWORD);
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
        }
        assert_eq!(writer.analyze(&look).await.is_ok(), round > 0);
        for publisher in &publishers {
            assert_eq!(publisher.publish(&post).await.is_ok(), round == 2);
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("TRACE") && log.contains("upstream=\"telegram\""));
    let login = STANDARD.encode(format!("\0{SENDER}\0{PASSWORD}"));
    for secret in [KEY, TOKEN, PASSWORD, &login] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
