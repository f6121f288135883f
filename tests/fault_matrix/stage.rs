//! The service in this process, on the stand-ins over real sockets, with one tenant and one image;
//! and time, which passes when a test says so.

use std::{
    num::NonZeroUsize,
    sync::{Arc, mpsc},
    time::Duration,
};

use poem::{
    Endpoint as _, Request,
    http::{Method, header},
};
use publisher::{
    adapters::{
        clock::SystemClock,
        dropbox::DropboxSettings,
        http_client::ExtraRoots,
        imaging::ImageScaler,
        ledger::{LedgerSettings, OpenLedger},
        orchestrator::{OrchestratorClient, OrchestratorSettings, ServiceToken},
        rate_limits::OwnRates,
        storages::{self, Storages},
    },
    app::{
        http::{HttpDependencies, Routes, auth::AuthSettings, routes},
        runtime::{
            background_tasks::BackgroundTasks,
            concurrency_limit::ConcurrencyLimit,
            event_hub::EventHub,
            held_lease::Leases,
            keyed_limit::{Capacity, PublishLimit},
            memory_budget::MemoryBudget,
        },
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            listing_cache::ListingCache,
            resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
            voice_profiles::VoiceProfiles,
        },
        usecases::{
            analyze::AnalyzeImage,
            check_publication::CheckPublication,
            curate::CurateImage,
            describe_image::DescribeImage,
            fetch_thumbnail::FetchThumbnail,
            list_images::ListImages,
            list_library::ListLibrary,
            list_publications::ListPublications,
            manage_jobs::{ManageJobs, ManageJobsParts},
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
        host::Host,
        image_memory::ImageMemory,
        ledger::{Entry, EntryQuery, Lease},
        secret::Secret,
        storage::{AllowedStorage, HashKind},
        tenant::TenantName,
        trusted_proxies::TrustedProxies,
    },
    ports::{Clock, CredentialStore, TenantConfigSource},
};
use publisher_sandbox::{DemoTenant, Network, Sample, Sandbox, Switches, TenantSpec};
use serde_json::Value;

use crate::providers::providers;

/// The image that is published.
pub(crate) const IMAGE: &str = "harbour.jpg";

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    pub(crate) tenant: DemoTenant,
    pub(crate) routes: Routes,
    pub(crate) ledger: OpenLedger,
}

const TICK: Duration = Duration::from_millis(5);
const QUIET_TICKS: usize = 10;

/// A moment of real time, whatever the clock says.
async fn tick() {
    tokio::task::spawn_blocking(|| std::thread::sleep(TICK))
        .await
        .unwrap();
}

/// Moves the clock on.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// What the service answered.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) document: Value,
}

impl Stage {
    pub(crate) async fn new(has_bucket: bool) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let image = Sample::jpeg(IMAGE, 32, 24, 1).unwrap();
        let spec = TenantSpec::new("alice").email(true).images([image]);
        let spec = spec.network(Network::Mastodon).network(Network::Bluesky);
        let spec = if has_bucket {
            spec.managed("alice")
        } else {
            spec
        };
        for (key, bytes) in spec.objects() {
            assert!(sandbox.s3.put(&key, bytes).await);
        }
        let tenant = sandbox.add_tenant(spec);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ledger = LedgerSettings::from_url(&Secret::new(sandbox.ledger_url())).unwrap();
        let ledger = OpenLedger::open(ledger, Arc::clone(&clock)).await.unwrap();
        let storages = open_storages(&sandbox, &clock);
        let routes = compose(&sandbox, &ledger, clock, storages);
        Self {
            sandbox,
            tenant,
            routes,
            ledger,
        }
    }

    /// Publishes the image, as an admin.
    pub(crate) async fn publish(&self) -> Answer {
        let request = Request::builder()
            .method(Method::POST)
            .uri_str(format!("/api/images/{IMAGE}/publish"))
            .header(header::HOST, &self.tenant.host)
            .finish();
        let response = self.routes.get_response(request).await;
        let status = response.status().as_u16();
        let body = response.into_body().into_vec().await.unwrap();
        Answer {
            status,
            document: serde_json::from_slice(&body).unwrap(),
        }
    }

    /// Publishes while the calls of an operation hang: each of them for longer than `patience`,
    /// once `is_calm` says that nothing else is under way.
    pub(crate) async fn publish_while_time_passes(
        &self,
        switches: &Switches,
        operation: &str,
        patience: Duration,
        is_calm: impl AsyncFn() -> bool,
    ) -> Answer {
        let publish = self.publish();
        tokio::pin!(publish);
        let mut calls = 0;
        loop {
            tokio::select! {
                answer = &mut publish => return answer,
                () = switches.wait_for_calls(operation, calls + 1) => {}
            }
            calls = switches.calls(operation);
            while !is_calm().await {
                tokio::select! {
                    answer = &mut publish => return answer,
                    () = tokio::time::sleep(Duration::from_millis(5)) => {}
                }
            }
            pass(patience).await;
        }
    }

    /// Waits for a publish while time stands still but for steps, each made once `next` tells how long it is: then all
    /// that goes on waits for it. However slow the machine is, no more time passes.
    pub(crate) async fn while_time_stands_still(
        &self,
        publish: impl Future<Output = Answer>,
        next: impl AsyncFn() -> Option<Duration>,
    ) -> Answer {
        // A clock that is paused jumps to the next timer as soon as nothing is left to do, but not while a thread is at
        // work.
        let (ended, end) = mpsc::channel::<()>();
        let at_work = tokio::task::spawn_blocking(move || end.recv().is_err());
        tokio::time::pause();
        tokio::pin!(publish);
        let answer = loop {
            let step = async {
                loop {
                    tick().await;
                    if let Some(step) = next().await {
                        return step;
                    }
                }
            };
            tokio::select! {
                answer = &mut publish => break answer,
                step = step => tokio::time::advance(step).await,
            }
        };
        tokio::time::resume();
        drop(ended);
        at_work.await.unwrap();
        answer
    }

    /// Whether no call arrives anywhere while all that can go on does. Service and stand-ins are on this thread: each
    /// tick lets all of them go on.
    pub(crate) async fn is_quiet(&self) -> bool {
        let before = self.calls();
        for _ in 0..QUIET_TICKS {
            tick().await;
            if self.calls() != before {
                return false;
            }
        }
        true
    }

    /// Waits until everything that was to be written before is in the ledger.
    pub(crate) async fn has_written(&self) {
        let nothing = ContentHash::from_digest(HashKind::Sha256, [0; 32]);
        let nobody = TenantName::new("nobody").unwrap();
        let lease = Lease::for_new_holder(nobody, nothing);
        self.ledger.ledger.release(&lease).await.unwrap();
    }

    /// The calls at all stand-ins so far.
    fn calls(&self) -> usize {
        let sandbox = &self.sandbox;
        let switches = [
            sandbox.orchestrator.switches(),
            sandbox.dropbox.switches(),
            sandbox.s3.server().switches(),
            sandbox.openai.switches(),
            sandbox.telegram.switches(),
            sandbox.smtp.switches(),
            sandbox.mastodon.switches(),
            sandbox.bluesky.switches(),
        ];
        switches.into_iter().map(Switches::total_calls).sum()
    }

    /// What the ledger has of the image.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        let query = EntryQuery {
            image: None,
            platform: None,
            state: None,
            after: None,
            limit: 10,
        };
        let tenant = TenantName::new(&self.tenant.name).unwrap();
        self.ledger.reader.list(&tenant, &query).await.unwrap()
    }
}

pub(crate) fn open_storages(sandbox: &Sandbox, clock: &Arc<dyn Clock>) -> Storages {
    let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let url = |text: String| text.parse().unwrap();
    let dropbox = DropboxSettings {
        api_url: url(sandbox.dropbox.server().url()),
        content_url: url(sandbox.dropbox.server().url()),
        refresh_token_setting: None,
        app_key: sandbox.dropbox.app_key().to_owned(),
        app_secret: Secret::new(sandbox.dropbox.app_secret().to_owned()),
    };
    Storages::new(dropbox, false, &roots, Arc::clone(clock)).unwrap()
}

pub(crate) fn compose(
    sandbox: &Sandbox,
    ledger: &OpenLedger,
    clock: Arc<dyn Clock>,
    storages: Storages,
) -> Routes {
    let roots = ExtraRoots::from_pem(sandbox.ca_pem().as_bytes()).unwrap();
    let url = |text: String| text.parse().unwrap();
    let orchestrator = OrchestratorSettings {
        base_url: url(sandbox.orchestrator.server().url()),
        service_token: ServiceToken::fixed(Secret::new(sandbox.orchestrator.service_token())),
        base_domain: Host::normalize_any("sandbox.localhost").unwrap(),
        prefer_post: true,
        storage: AllowedStorage::Any,
    };
    let orchestrator = OrchestratorClient::new(orchestrator, &roots, Arc::clone(&clock));
    let orchestrator = Arc::new(orchestrator.unwrap());
    let configs: Arc<dyn TenantConfigSource> = Arc::clone(&orchestrator) as _;
    let credentials = Credentials::new(
        orchestrator as Arc<dyn CredentialStore>,
        Arc::clone(&clock),
        CredentialCacheSettings::default(),
    );
    let resolve_tenant = ResolveTenant::new(
        HostRules::TenantNames,
        Arc::clone(&configs),
        Arc::new(credentials),
        providers(sandbox, &roots, &clock, storages),
        &clock,
        TenancySettings::default(),
    );
    let leases = Leases {
        ledger: Arc::clone(&ledger.ledger),
        tasks: BackgroundTasks::default(),
    };
    let kept = TenancySettings::default().tenants;
    let work = ImageWork {
        scaler: Arc::new(ImageScaler::default()),
        clock: Arc::clone(&clock),
        leases: leases.clone(),
        capacity: Capacity {
            publications: PublishLimit::new(NonZeroUsize::MIN),
            memory: MemoryBudget::for_one_tenant(ImageMemory::default()),
        },
        hash_kinds: storages::hash_kinds().into(),
        voices: Arc::new(VoiceProfiles::new(Arc::clone(&ledger.voices), &clock, kept)),
        captions: Arc::clone(&ledger.captions),
    };
    let listings = Arc::new(ListingCache::new(Arc::clone(&clock)));
    let reader = Arc::clone(&ledger.reader);
    let publish = PublishImage::new(work.clone(), reader, Arc::clone(&listings));
    let (probed, time) = (Arc::clone(&ledger.reader), Arc::clone(&clock));
    let readiness = CheckReadiness::new(Mode::Standalone, configs, probed, time);
    let describe = DescribeImage::new(Arc::clone(&listings), Arc::clone(&clock));
    let (kept, time) = (Arc::clone(&listings), Arc::clone(&clock));
    let draw = RandomImage::new(kept, describe.clone(), time, Arc::new(|| 0));
    let thumbnails = FetchThumbnail::new(
        Arc::clone(&listings),
        ThumbnailMaker::of(&work),
        0,
        Arc::clone(&clock),
    );
    let hub = EventHub::new(Arc::clone(&ledger.job_events));
    routes(HttpDependencies {
        resolve_tenant: Arc::new(resolve_tenant),
        list: ListImages::new(Arc::clone(&listings)),
        describe,
        draw,
        thumbnails,
        publish: PublishOnce::new(publish, Arc::clone(&ledger.requests)),
        check: CheckPublication::new(leases.clone(), Arc::clone(&ledger.reader)),
        show_voice: ShowVoiceProfile::new(Arc::clone(&work.voices)),
        store_voice: StoreVoiceProfile::new(Arc::clone(&work.voices), leases.tasks.clone()),
        jobs: ManageJobs::new(ManageJobsParts {
            jobs: Arc::clone(&ledger.jobs),
            schedules: Arc::clone(&ledger.schedules),
            requests: Arc::clone(&ledger.requests),
            hub: Arc::clone(&hub),
            tasks: leases.tasks.clone(),
            max_late: Duration::from_hours(1),
        }),
        hub,
        curate: CurateImage::new(leases),
        library: ListLibrary::new(listings),
        upload: UploadImage::new(&work),
        max_upload_bytes: 1024 * 1024,
        analyze: AnalyzeImage::new(work),
        publications: ListPublications::new(Arc::clone(&ledger.reader)),
        readiness: Arc::new(readiness),
        concurrency: ConcurrencyLimit::for_one_tenant(NonZeroUsize::MIN),
        auth: AuthSettings::Disabled {
            plain_cookies: false,
        },
        log_in: None,
        trusted_proxies: TrustedProxies::default(),
        rates: Arc::new(OwnRates::new(Arc::clone(&clock))),
        clock,
        records_traces: false,
    })
}
