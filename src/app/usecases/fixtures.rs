//! Tenants for unit tests, on mocked ports.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;
use serde_json::{Value, json};

use crate::{
    adapters::{imaging::ImageScaler, platforms, storages},
    app::{
        runtime::{
            background_tasks::BackgroundTasks,
            held_lease::Leases,
            keyed_limit::{Capacity, PublishLimit},
            memory_budget::MemoryBudget,
        },
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            tenant::{ProviderFactories, Tenant},
            tenant_cache::TenantCacheSettings,
            voice_profiles::VoiceProfiles,
        },
        usecases::steps::ImageWork,
    },
    domain::{
        content_hash::{ContentHash, ContentHashKind},
        credential::{Credential, Provider},
        image::{ImageName, StoredImage},
        image_memory::ImageMemory,
        ledger::{Claim, PriorState},
        platform::Platform,
        request_id::RequestId,
        sidecar::SidecarName,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, Unvalidated},
    },
    ports::{
        CaptionWriter, Clock, Folder, ImageStore, ImageStoreError, Ledger, MockCaptionHistory,
        MockCaptionWriter, MockCaptionWriterFactory, MockClock, MockCredentialStore,
        MockImageStore, MockImageStoreFactory, MockLedger, MockPublisher, MockPublisherFactory,
        MockVoiceProfileStore, Moved, OpenedStorage, Publisher, SidecarFile,
    },
};

/// What is written into a sidecar, as text.
pub(in crate::app) fn text_of(content: &[u8]) -> String {
    String::from_utf8(content.to_vec()).unwrap()
}

/// A config document with everything on.
pub(crate) fn full_document() -> Value {
    json!({
        "features": {"publish_enabled": true, "analyze_caption_enabled": true},
        "storage": {"provider": "dropbox", "credentials_ref": "ref-storage", "paths": {"root": "/photos"}},
        "publishers": [
            {"type": "telegram", "credentials_ref": "ref-telegram", "config": {"channel_id": "@channel"}},
            {"type": "fetlife", "config": {"recipient": "post@example.org"}}
        ],
        "email_server": {"host": "mail.example.org", "from_email": "me@example.org", "password_ref": "ref-smtp"},
        "ai": {"credentials_ref": "ref-ai"},
        "content": {"hashtag_string": "#tenant"}
    })
}

pub(crate) fn unvalidated(document: Value) -> TenantConfig<Unvalidated> {
    unvalidated_version("7", document)
}

/// A config with a life time of a minute.
pub(crate) fn unvalidated_version(version: &str, document: Value) -> TenantConfig<Unvalidated> {
    unvalidated_of("alice", version, document)
}

fn unvalidated_of(name: &str, version: &str, document: Value) -> TenantConfig<Unvalidated> {
    TenantConfig::new(
        TenantName::new(name).unwrap(),
        ConfigVersion::new(version),
        ConfigTtl::from_seconds(Some(60)),
        SchemaVersion::V2,
        document,
    )
}

pub(crate) fn credential(provider: Provider) -> Credential {
    Credential::sample(provider, "s3cret", "1", None)
}

/// A store that has every credential.
pub(crate) fn generous_store() -> MockCredentialStore {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .returning(|query| Ok(credential(query.provider)));
    store
}

/// A store whose every answer is a new version of the credential.
pub(crate) fn rotating_store() -> MockCredentialStore {
    let version = AtomicUsize::new(0);
    let mut store = MockCredentialStore::new();
    store.expect_resolve().returning(move |query| {
        let version = version.fetch_add(1, Ordering::SeqCst).to_string();
        let secret = format!("secret of version {version}");
        Ok(Credential::sample(query.provider, &secret, &version, None))
    });
    store
}

/// The clock of the test runtime, which can be paused.
pub(crate) fn clock() -> Arc<dyn Clock> {
    let mut clock = MockClock::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the test runtime can be paused"
    )]
    clock
        .expect_now()
        .returning(|| tokio::time::Instant::now().into_std());
    clock.expect_utc().returning(|| SystemTime::UNIX_EPOCH);
    Arc::new(clock)
}

/// What images are published and analyzed with, one image of a tenant at a time.
pub(crate) fn image_work(ledger: Arc<dyn Ledger>) -> ImageWork {
    ImageWork {
        scaler: Arc::new(ImageScaler::default()),
        clock: clock(),
        leases: leases(ledger),
        capacity: Capacity {
            publications: PublishLimit::new(NonZeroUsize::MIN),
            memory: MemoryBudget::for_one_tenant(ImageMemory::default()),
        },
        hash_kinds: storages::hash_kinds().into(),
        voices: no_voices(),
        captions: Arc::new(no_captions()),
    }
}

/// A history without a caption.
pub(crate) fn no_captions() -> MockCaptionHistory {
    let mut history = MockCaptionHistory::new();
    history.expect_recent().returning(|_, _| Ok([].into()));
    history.expect_kept().returning(|_, _, _| Ok([].into()));
    history
}

/// No stored voice profile of any tenant.
pub(crate) fn no_voices() -> Arc<VoiceProfiles> {
    let mut store = MockVoiceProfileStore::new();
    store.expect_load().returning(|_| Ok(None));
    let settings = TenantCacheSettings::default();
    Arc::new(VoiceProfiles::new(Arc::new(store), &clock(), settings))
}

pub(crate) fn leases(ledger: Arc<dyn Ledger>) -> Leases {
    Leases {
        ledger,
        tasks: BackgroundTasks::default(),
    }
}

/// A ledger that grants every lease.
pub(crate) fn claimed(known: BTreeMap<Platform, PriorState>) -> MockLedger {
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .returning(move |_, _| Ok(Claim::Held(known.clone().into())));
    ledger.expect_release().returning(|_| Ok(()));
    ledger
}

/// An empty ledger that accepts every write.
pub(crate) fn empty_ledger() -> MockLedger {
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .returning(|_, _, _, _, _| Ok(()));
    ledger.expect_record_outcome().returning(|_, _, _| Ok(()));
    ledger
}

pub(crate) fn request_id() -> RequestId {
    RequestId::from_caller("test-request").unwrap()
}

pub(crate) fn image_name() -> ImageName {
    ImageName::new("a.jpg").unwrap()
}

/// A file with these bytes as storage describes it.
pub(crate) fn stored(name: &str, bytes: &Bytes) -> StoredImage {
    StoredImage {
        name: ImageName::new(name).unwrap(),
        file_id: "id:1".to_owned(),
        revision: "rev1".to_owned(),
        content_hash: ContentHash::of(bytes),
        size: bytes.len() as u64,
        last_modified: None,
    }
}

/// A file with these bytes where a sidecar can be, in the revision `file1`.
pub(crate) fn found(bytes: impl Into<Bytes>) -> SidecarFile {
    SidecarFile::Found {
        bytes: bytes.into(),
        revision: "file1".to_owned(),
    }
}

/// What stands under one of the names of a sidecar, where nothing stands under the other.
pub(crate) fn standing(
    at: SidecarName,
    text: impl Into<Bytes>,
) -> impl Fn(&ImageName, SidecarName) -> Result<SidecarFile, ImageStoreError> {
    let text = text.into();
    move |_, name| {
        let there = found(text.clone());
        Ok(if name == at {
            there
        } else {
            SidecarFile::Missing
        })
    }
}

/// A move of an image with its sidecar.
pub(crate) fn moved(name: &str) -> Moved {
    Moved {
        name: name.to_owned(),
        sidecar: Ok(()),
    }
}

/// A small, valid JPEG.
pub(crate) fn jpeg() -> Bytes {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 6)
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    bytes.into_inner().into()
}

/// The ports of one tenant, to be filled with expectations.
pub(crate) struct TenantFixture {
    pub(crate) document: Value,
    pub(crate) store: MockCredentialStore,
    pub(crate) images: MockImageStore,
    /// The images in the archive folder.
    pub(crate) archive: Box<MockImageStore>,
    pub(crate) writer: MockCaptionWriter,
    pub(crate) telegram: MockPublisher,
    pub(crate) email: MockPublisher,
}

impl TenantFixture {
    pub(crate) fn new() -> Self {
        Self {
            document: full_document(),
            store: generous_store(),
            images: MockImageStore::new(),
            archive: Box::new(MockImageStore::new()),
            writer: MockCaptionWriter::new(),
            telegram: MockPublisher::new(),
            email: MockPublisher::new(),
        }
    }

    pub(crate) fn build(self) -> Arc<Tenant> {
        self.build_as("alice")
    }

    /// The same under another name.
    pub(crate) fn build_as(mut self, name: &str) -> Arc<Tenant> {
        let archive: Arc<dyn ImageStore> = Arc::new(*self.archive);
        self.images
            .expect_in_folder()
            .withf(|folder| *folder == Folder::Archive)
            .returning(move |_| Arc::clone(&archive));
        let settings = CredentialCacheSettings::default();
        let credentials = Credentials::new(Arc::new(self.store), clock(), settings);
        let providers = providers_of(self.images, self.writer, self.telegram, self.email);
        let config = unvalidated_of(name, "7", self.document);
        let config = Arc::new(config.validate(platforms::spec).unwrap());
        let storage = Some(Arc::new(credential(Provider::DROPBOX)));
        Arc::new(Tenant::open(config, storage, &providers, Arc::new(credentials)).unwrap())
    }
}

/// Factories whose clients expect no call.
pub(crate) fn providers() -> ProviderFactories {
    providers_of(
        MockImageStore::new(),
        MockCaptionWriter::new(),
        MockPublisher::new(),
        MockPublisher::new(),
    )
}

pub(crate) fn providers_of(
    images: MockImageStore,
    writer: MockCaptionWriter,
    telegram: MockPublisher,
    email: MockPublisher,
) -> ProviderFactories {
    let images = Arc::new(images);
    let mut image_factory = MockImageStoreFactory::new();
    image_factory
        .expect_open()
        .returning(move |_| OpenedStorage::with_previews(Arc::clone(&images)));
    let writer: Arc<dyn CaptionWriter> = Arc::new(writer);
    let mut caption_factory = MockCaptionWriterFactory::new();
    caption_factory
        .expect_open()
        .returning(move |_, _, _| Arc::clone(&writer));
    ProviderFactories {
        images: Arc::new(image_factory),
        content_hashes: |_| ContentHashKind::SAMPLE,
        takes_uploads: |_| true,
        captions: Arc::new(caption_factory),
        platforms: platforms::spec,
        publishers: vec![
            Arc::new(publisher_factory(Platform::Telegram, telegram)),
            Arc::new(publisher_factory(Platform::Email, email)),
        ],
    }
}

fn publisher_factory(platform: Platform, mut publisher: MockPublisher) -> MockPublisherFactory {
    publisher.expect_connecting().returning(|| None);
    publisher.expect_limits().returning(|| None);
    publisher.expect_stage().returning(|_, _| Ok(None));
    let publisher: Arc<dyn Publisher> = Arc::new(publisher);
    let mut factory = MockPublisherFactory::new();
    let mut spec = *platforms::spec(platform);
    // The images of tests are no images.
    spec.image_limits = None;
    factory.expect_spec().return_const(spec);
    factory
        .expect_open()
        .returning(move |_, _, _| Ok(Arc::clone(&publisher)));
    factory
}
