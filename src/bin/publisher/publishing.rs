//! What publishes, wired the same way for `serve` and for `publisher publish`.

use std::sync::Arc;

use publisher::{
    adapters::{imaging::ImageScaler, ledger::OpenLedger, rate_limits::SlotsOfAll, storages},
    app::{
        runtime::{
            background_tasks::BackgroundTasks,
            event_hub::EventHub,
            held_lease::Leases,
            keyed_limit::{Capacity, PublishLimit},
            memory_budget::MemoryBudget,
            usage_recorder::UsageRecorder,
        },
        tenancy::{
            credentials::{CredentialCacheSettings, Credentials},
            listing_cache::ListingCache,
            resolve_tenant::{HostRules, ResolveTenant, TenancySettings},
            tenant::ProviderFactories,
            voice_profiles::VoiceProfiles,
        },
        usecases::{publish::PublishImage, publish_once::PublishOnce, steps::ImageWork},
    },
    ports::{Clock, CredentialStore, TenantConfigSource},
};

/// The settings of publishing.
pub(crate) struct PublishingSettings {
    /// How tenants are cached.
    pub(crate) tenancy: TenancySettings,
    /// How credentials are cached.
    pub(crate) credentials: CredentialCacheSettings,
    /// How much one tenant publishes at a time; over all replicas, once it is wired.
    pub(crate) publishes: PublishLimit,
}

/// What publishing is made of.
pub(crate) struct Parts<'a> {
    pub(crate) settings: PublishingSettings,
    pub(crate) configs: Arc<dyn TenantConfigSource>,
    pub(crate) secrets: Arc<dyn CredentialStore>,
    pub(crate) host_rules: HostRules,
    pub(crate) providers: ProviderFactories,
    pub(crate) scaler: ImageScaler,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) ledger: &'a OpenLedger,
    /// Who tells those that watch publications, if anybody does.
    pub(crate) hub: Option<Arc<EventHub>>,
    /// Where the use of storage is recorded, if it is.
    pub(crate) recorder: Option<Arc<UsageRecorder>>,
    /// The memory for images.
    pub(crate) memory: MemoryBudget,
}

/// What publishes, and what it shares with others.
pub(crate) struct Publishing {
    pub(crate) resolve_tenant: Arc<ResolveTenant>,
    /// What goes on when its caller has left.
    pub(crate) work: BackgroundTasks,
    pub(crate) image_work: ImageWork,
    pub(crate) listings: Arc<ListingCache>,
    /// What publishes for requests, and what publishes for jobs.
    pub(crate) publish: PublishOnce,
    pub(crate) publish_image: PublishImage,
    /// The most publications of a tenant at a time.
    pub(crate) most_at_a_time: u32,
}

impl Publishing {
    /// Wires it. Makes no connection.
    pub(crate) fn compose(parts: Parts<'_>) -> Self {
        let Parts {
            settings,
            configs,
            secrets,
            host_rules,
            providers,
            scaler,
            clock,
            ledger,
            hub,
            recorder,
            memory,
        } = parts;
        let voices =
            VoiceProfiles::new(Arc::clone(&ledger.voices), clock, settings.tenancy.tenants);
        let credentials = Credentials::new(secrets, Arc::clone(clock), settings.credentials);
        let resolve_tenant = Arc::new(ResolveTenant::new(
            host_rules,
            configs,
            Arc::new(credentials),
            providers,
            clock,
            settings.tenancy,
        ));
        let most_at_a_time = settings.publishes.max().get();
        let most_at_a_time = u32::try_from(most_at_a_time).unwrap_or(u32::MAX);
        let slots = SlotsOfAll::new(Arc::clone(&ledger.slots), Arc::clone(clock));
        let publishes = settings.publishes.over_all_processes(Arc::new(slots));
        let work = BackgroundTasks::default();
        let image_work = ImageWork {
            scaler: Arc::new(scaler),
            clock: Arc::clone(clock),
            leases: Leases {
                ledger: Arc::clone(&ledger.ledger),
                tasks: work.clone(),
            },
            capacity: Capacity::new(publishes, memory),
            hash_kinds: storages::hash_kinds().into(),
            voices: Arc::new(voices),
            captions: Arc::clone(&ledger.captions),
        };
        let listings = Arc::new(ListingCache::new(Arc::clone(clock)));
        let reader = Arc::clone(&ledger.reader);
        let publish = PublishImage::new(image_work.clone(), reader, Arc::clone(&listings))
            .metered_by(recorder)
            .watched_by(hub);
        Self {
            resolve_tenant,
            work,
            image_work,
            listings,
            publish: PublishOnce::new(publish.clone(), Arc::clone(&ledger.requests)),
            publish_image: publish,
            most_at_a_time,
        }
    }
}
