//! What the service of a test stands on.

use super::*;
use crate::{
    adapters::platforms,
    app::{
        runtime::{
            background_tasks::BackgroundTasks,
            keyed_limit::{Capacity, PublishLimit},
            memory_budget::MemoryBudget,
        },
        usecases::manage_jobs::{ManageJobs, ManageJobsParts},
    },
    domain::{content_hash::ContentHashKind, image_memory::ImageMemory},
    ports::OpenedStorage,
};

pub(super) fn source_of(document: Value) -> MockTenantConfigSource {
    let mut source = MockTenantConfigSource::new();
    source.expect_fetch().returning(move |host, _| {
        if host.as_str() == HOST {
            Ok(config(document.clone()))
        } else {
            Err(ConfigSourceError::NotFound)
        }
    });
    source
}

pub(super) fn config(document: Value) -> TenantConfig<Unvalidated> {
    TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    )
}

pub(super) fn capacity() -> Capacity {
    Capacity {
        publications: PublishLimit::new(NonZeroUsize::MIN),
        memory: MemoryBudget::for_one_tenant(ImageMemory::default()),
    }
}

pub(super) fn clock() -> Arc<dyn Clock> {
    #[expect(clippy::disallowed_methods, reason = "somewhere a clock has to start")]
    let (now, utc) = (Instant::now(), SystemTime::now());
    let mut clock = MockClock::new();
    clock.expect_now().returning(move || now);
    clock.expect_utc().returning(move || utc);
    Arc::new(clock)
}

pub(super) fn credential_store() -> impl CredentialStore {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .returning(|query| Ok(Credential::sample(query.provider, "s3cret", "1", None)));
    store
}

pub(super) fn providers(
    mut images: MockImageStore,
    writer: MockCaptionWriter,
    mut telegram: MockPublisher,
) -> ProviderFactories {
    telegram.expect_connecting().returning(|| None);
    telegram.expect_limits().returning(|| None);
    telegram.expect_stage().returning(|_, _| Ok(None));
    images.expect_in_folder().returning(|_| {
        let mut empty = MockImageStore::new();
        empty
            .expect_find()
            .returning(|_| Err(ImageStoreError::NotFound));
        Arc::new(empty)
    });
    let images = Arc::new(images);
    let mut storage = MockImageStoreFactory::new();
    storage
        .expect_open()
        .returning(move |_| OpenedStorage::with_previews(Arc::clone(&images)));
    let writer: Arc<dyn CaptionWriter> = Arc::new(writer);
    let mut captions = MockCaptionWriterFactory::new();
    captions
        .expect_open()
        .returning(move |_, _, _| Arc::clone(&writer));
    let telegram: Arc<dyn Publisher> = Arc::new(telegram);
    let mut platform = MockPublisherFactory::new();
    let mut spec = *platforms::spec(Platform::Telegram);
    // The images of tests are no images.
    spec.image_limits = None;
    platform.expect_spec().return_const(spec);
    platform
        .expect_open()
        .returning(move |_, _, _| Ok(Arc::clone(&telegram)));
    ProviderFactories {
        images: Arc::new(storage),
        content_hashes: |_| ContentHashKind::SAMPLE,
        takes_uploads: |_| true,
        captions: Arc::new(captions),
        platforms: platforms::spec,
        publishers: vec![Arc::new(platform)],
    }
}

/// What people do with the jobs of this store, at noon.
pub(super) fn manage_jobs(
    mut jobs: MockJobStore,
    schedules: MockScheduleStore,
    requests: Arc<dyn IdempotencyStore>,
    hub: &Arc<EventHub>,
) -> ManageJobs {
    jobs.expect_now()
        .returning(|| Ok(SystemTime::UNIX_EPOCH + NOON));
    ManageJobs::new(ManageJobsParts {
        jobs: Arc::new(jobs),
        schedules: Arc::new(schedules),
        requests,
        hub: Arc::clone(hub),
        tasks: BackgroundTasks::default(),
        max_late: MAX_LATE,
    })
}
