//! A service on mocks, and answers that are easy to look into.

mod forms;
mod ports;

use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use poem::{
    Body, Endpoint as _, EndpointExt as _, Request, Response,
    endpoint::BoxEndpoint,
    http::{HeaderMap, Method, StatusCode},
};
use serde_json::{Value, json};

pub(super) use self::forms::{file, form};
use self::ports::{capacity, clock, credential_store, providers, source_of};
use crate::{
    adapters::rate_limits::OwnRates,
    app::{
        http::{
            HttpDependencies,
            auth::{AdminCredentials, AuthSettings},
            routes,
            tests::conforming::Conforming,
        },
        runtime::{concurrency_limit::ConcurrencyLimit, event_hub::EventHub},
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            listing_cache::ListingCache,
            resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
            tenant::ProviderFactories,
            tenant_cache::TenantCacheSettings,
            voice_profiles::VoiceProfiles,
        },
        usecases::{
            analyze::AnalyzeImage,
            check_publication::CheckPublication,
            curate::CurateImage,
            describe_image::DescribeImage,
            fetch_thumbnail::FetchThumbnail,
            fixtures::{empty_ledger, image_work, jpeg, no_voices},
            list_images::ListImages,
            list_library::ListLibrary,
            list_publications::ListPublications,
            log_in::LogIn,
            publish::PublishImage,
            publish_once::PublishOnce,
            random_image::RandomImage,
            readiness::{CheckReadiness, Mode},
            steps::{ImageWork, own_thumbnail::ThumbnailMaker},
            upload_image::UploadImage,
            voice_profile::{ShowVoiceProfile, StoreVoiceProfile},
        },
    },
    domain::{
        content_hash::ContentHash,
        credential::Credential,
        image::{ImageName, StoredImage},
        platform::Platform,
        secret::Secret,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, Unvalidated},
        trusted_proxies::TrustedProxies,
    },
    ports::{
        CaptionWriter, Clock, ConfigSourceError, CredentialStore, FetchedImage, IdempotencyStore,
        ImageStoreError, Ledger, LedgerReader, MockCaptionWriter, MockCaptionWriterFactory,
        MockClock, MockCredentialStore, MockIdempotencyStore, MockImageStore,
        MockImageStoreFactory, MockJobEvents, MockJobStore, MockLedger, MockLedgerReader,
        MockPublisher, MockPublisherFactory, MockScheduleStore, MockTenantConfigSource,
        MockVoiceProfileStore, Publisher, TenantConfigSource,
    },
};

pub(super) const HOST: &str = "alice.example.org";
/// A JPEG of 16 × 16 pixels with hardly any data.
pub(super) const SMALL_JPEG: [u8; 29] = *b"\xFF\xD8\xFF\xC0\0\x0B\x08\0\x10\0\x10\x01\x01\x11\0\
    \xFF\xDA\0\x08\x01\x01\0\0\x3F\0\x12\x34\xFF\xD9";
/// The largest upload, in bytes.
pub(super) const MAX_UPLOAD: u64 = 1024 * 1024;
pub(super) const TOKEN: &str = "adm1n-t0ken";
/// When jobs are added and schedules put: 2026-05-04T12:00:00Z, a Monday.
pub(super) const NOON: Duration = Duration::from_hours(493_860);
/// How late a job can begin.
pub(super) const MAX_LATE: Duration = Duration::from_hours(1);

/// What a service is made of; change what a test is about.
pub(super) struct Service {
    pub(super) auth: AuthSettings,
    pub(super) log_in: Option<LogIn>,
    pub(super) document: Value,
    /// `None` knows the tenant of `document`, and no other.
    pub(super) source: Option<MockTenantConfigSource>,
    pub(super) images: MockImageStore,
    pub(super) writer: MockCaptionWriter,
    pub(super) telegram: MockPublisher,
    pub(super) mode: Mode,
    /// `None` knows nothing and takes everything.
    pub(super) ledger: Option<MockLedger>,
    pub(super) reader: MockLedgerReader,
    pub(super) requests: MockIdempotencyStore,
    /// `None` has nothing stored.
    pub(super) voices: Option<MockVoiceProfileStore>,
    pub(super) jobs: MockJobStore,
    pub(super) schedules: MockScheduleStore,
    pub(super) hub: Arc<EventHub>,
    pub(super) concurrency: ConcurrencyLimit,
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Service {
    /// Knows one tenant, at [`HOST`], who publishes to Telegram; admins have [`TOKEN`].
    pub(super) fn new() -> Self {
        Self {
            auth: AuthSettings::Enforced(AdminCredentials {
                token: Some(Secret::new(TOKEN.to_owned())),
                ..AdminCredentials::default()
            }),
            log_in: None,
            document: json!({
                "features": {"publish_enabled": true, "analyze_caption_enabled": true},
                "storage": {
                    "provider": "dropbox",
                    "credentials_ref": "storage-ref",
                    "paths": {"root": "/images"},
                },
                "publishers": [{
                    "type": "telegram",
                    "credentials_ref": "telegram-ref",
                    "config": {"channel_id": "@alice"},
                }],
                "content": {"archive": false},
            }),
            source: None,
            images: MockImageStore::new(),
            writer: MockCaptionWriter::new(),
            telegram: MockPublisher::new(),
            mode: Mode::Standalone,
            ledger: None,
            reader: MockLedgerReader::new(),
            requests: MockIdempotencyStore::new(),
            voices: None,
            jobs: MockJobStore::new(),
            schedules: MockScheduleStore::new(),
            hub: EventHub::new(Arc::new(MockJobEvents::new())),
            concurrency: ConcurrencyLimit::for_one_tenant(NonZeroUsize::MIN),
        }
    }

    /// Lets everyone look at the images.
    pub(super) fn open_to_viewers(mut self) -> Self {
        self.document["features"]["auto_view_enabled"] = true.into();
        self
    }

    /// Has captions written.
    pub(super) fn with_captions(mut self) -> Self {
        self.document["ai"] = json!({"credentials_ref": "ai-ref", "vision_max_dimension": 0});
        self
    }

    /// Has one image.
    pub(super) fn with_image(mut self) -> Self {
        self.images
            .expect_find()
            .returning(|name| Ok(stored(name.as_str())));
        self.images.expect_fetch().returning(|name| {
            let stored = stored(name.as_str());
            let bytes = jpeg();
            Ok(FetchedImage { stored, bytes })
        });
        self.images
            .expect_read_sidecar()
            .returning(|_, _| Ok(crate::ports::SidecarFile::Missing));
        self.images
            .expect_write_sidecar()
            .returning(|_, _, _, _| Ok(()));
        self
    }

    /// Answers one request.
    pub(super) async fn answer(self, request: Request) -> Answer {
        Answer::of(self.routes().get_response(request).await).await
    }

    pub(super) fn routes(self) -> BoxEndpoint<'static, Response> {
        let Self {
            auth,
            log_in,
            document,
            source,
            images,
            writer,
            telegram,
            mode,
            ledger,
            mut reader,
            requests,
            voices,
            jobs,
            schedules,
            hub,
            concurrency,
        } = self;
        let requests: Arc<dyn IdempotencyStore> = Arc::new(requests);
        reader.expect_probe().returning(|| Ok(()));
        let reader: Arc<dyn LedgerReader> = Arc::new(reader);
        let ledger: Arc<dyn Ledger> = Arc::new(ledger.unwrap_or_else(empty_ledger));
        let source = source.unwrap_or_else(|| source_of(document));
        let source: Arc<dyn TenantConfigSource> = Arc::new(source);
        let clock = clock();
        let credentials = Credentials::new(
            Arc::new(credential_store()),
            Arc::clone(&clock),
            CredentialCacheSettings::default(),
        );
        let resolve_tenant = ResolveTenant::new(
            HostRules::TenantNames,
            Arc::clone(&source),
            Arc::new(credentials),
            providers(images, writer, telegram),
            &clock,
            TenancySettings::default(),
        );
        let listings = Arc::new(ListingCache::new(Arc::clone(&clock)));
        let describe = DescribeImage::new(Arc::clone(&listings), Arc::clone(&clock));
        let draw = RandomImage::new(
            Arc::clone(&listings),
            describe.clone(),
            Arc::clone(&clock),
            Arc::new(|| 0),
        );
        let list = ListImages::new(Arc::clone(&listings));
        let library = ListLibrary::new(Arc::clone(&listings));
        let readiness = CheckReadiness::new(mode, source, Arc::clone(&reader), Arc::clone(&clock));
        let voices = voices.map_or_else(no_voices, |store| {
            let settings = TenantCacheSettings::default();
            Arc::new(VoiceProfiles::new(Arc::new(store), &clock, settings))
        });
        let work = ImageWork {
            capacity: capacity(),
            voices: Arc::clone(&voices),
            ..image_work(Arc::clone(&ledger))
        };
        let maker = ThumbnailMaker::of(&work);
        let thumbnails = FetchThumbnail::new(
            Arc::clone(&listings),
            maker,
            1024 * 1024,
            Arc::clone(&clock),
        );
        let routes = routes(HttpDependencies {
            resolve_tenant: Arc::new(resolve_tenant),
            list,
            describe,
            draw,
            thumbnails,
            publish: PublishOnce::new(
                PublishImage::new(work.clone(), Arc::clone(&reader), listings),
                Arc::clone(&requests),
            ),
            check: CheckPublication::new(work.leases.clone(), Arc::clone(&reader)),
            curate: CurateImage::new(work.leases.clone()),
            library,
            upload: UploadImage::new(&work),
            max_upload_bytes: MAX_UPLOAD,
            show_voice: ShowVoiceProfile::new(Arc::clone(&voices)),
            store_voice: StoreVoiceProfile::new(voices, work.leases.tasks.clone()),
            analyze: AnalyzeImage::new(work),
            publications: ListPublications::new(reader),
            jobs: ports::manage_jobs(jobs, schedules, requests, &hub),
            hub,
            readiness: Arc::new(readiness),
            concurrency,
            auth,
            trusted_proxies: TrustedProxies::default(),
            log_in,
            rates: Arc::new(OwnRates::new(Arc::clone(&clock))),
            clock,
            records_traces: false,
        });
        Conforming(routes).boxed()
    }
}

impl Answer {
    pub(super) async fn of(mut response: Response) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.take_body().into_string().await.unwrap(),
        }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that this is a problem of the kind with everything that every problem has, and
    /// hands its document over.
    #[track_caller]
    pub(super) fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{slug}"));
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        let has_wait = self.header("retry-after").is_some();
        assert_eq!(has_wait, [409, 429, 503].contains(&status));
        problem
    }

    /// The names of the bad fields of a problem.
    pub(super) fn bad_fields(&self) -> Vec<String> {
        let problem = self.problem(400, "invalid-request");
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        let field = |error: Value| {
            assert!(error["message"].is_string());
            error["field"].as_str().unwrap().to_owned()
        };
        errors.into_iter().map(field).collect()
    }
}

/// A request to the tenant, as nobody in particular.
pub(super) fn get(path: &str) -> Request {
    at(HOST, path)
}

/// A request to a host.
pub(super) fn at(host: &str, path: &str) -> Request {
    Request::builder()
        .uri_str(path)
        .header("host", host)
        .finish()
}

/// An admin's request to publish an image; without a body if that is empty.
pub(super) fn publish(filename: &str, body: &str) -> Request {
    post(&format!("{filename}/publish"), body)
}

/// An admin's request to do something with an image; without a body if that is empty.
pub(super) fn post(path: &str, body: &str) -> Request {
    let request = Request::builder()
        .method(Method::POST)
        .uri_str(format!("/api/images/{path}"))
        .header("host", HOST)
        .header("authorization", format!("Bearer {TOKEN}"));
    if body.is_empty() {
        request.finish()
    } else {
        let request = request.content_type("application/json");
        request.body(Body::from_string(body.to_owned()))
    }
}

pub(super) fn stored(name: &str) -> StoredImage {
    StoredImage {
        name: ImageName::new(name).unwrap(),
        file_id: "id:1".to_owned(),
        revision: "1".to_owned(),
        content_hash: ContentHash::of(&jpeg()),
        size: jpeg().len() as u64,
        last_modified: None,
    }
}
