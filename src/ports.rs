//! What the service needs from outside, as traits in domain terms.
//!
//! Imports `domain` only. `app` calls ports, `adapters` implement them. Each port has its own
//! small error, whose variants are decisions that a caller takes; what the adapter knew beyond
//! that goes along as the source, for the log, and never holds a secret or a shown URL.

mod caption_history;
mod caption_writer;
mod cause;
mod clock;
mod credential_store;
mod idempotency_store;
mod identity_provider;
mod image_previews;
mod image_processor;
mod image_store;
mod image_store_factory;
mod job_events;
mod job_store;
mod ledger;
mod ledger_retention;
mod listing_page;
mod publish_slots;
mod publisher;
mod rate_limits;
mod tenant_config_source;
mod usage_outbox;
mod usage_reporter;
mod usage_sink;
mod voice_profile_store;

#[cfg(test)]
pub use self::{
    caption_history::MockCaptionHistory,
    caption_writer::{MockCaptionWriter, MockCaptionWriterFactory},
    clock::MockClock,
    credential_store::MockCredentialStore,
    idempotency_store::MockIdempotencyStore,
    identity_provider::MockIdentityProvider,
    image_processor::MockImageProcessor,
    image_store_factory::{MockImageStore, MockImageStoreFactory},
    job_events::MockJobEvents,
    job_store::{MockJobQueue, MockJobStore, MockScheduleStore},
    ledger::{MockLedger, MockLedgerReader},
    ledger_retention::MockLedgerRetention,
    publish_slots::MockPublishSlots,
    publisher::{MockPublisher, MockPublisherFactory},
    rate_limits::{MockRateLimits, MockSharedRates},
    tenant_config_source::MockTenantConfigSource,
    usage_outbox::MockUsageOutbox,
    usage_reporter::MockUsageReporter,
    usage_sink::{MockStorageMeter, MockUsageSink},
    voice_profile_store::MockVoiceProfileStore,
};
pub use self::{
    caption_history::{CaptionHistory, RECENT_CAPTIONS},
    caption_writer::{
        CaptionBrief, CaptionError, CaptionWriter, CaptionWriterFactory, OverlongCaption,
        VisionImage,
    },
    cause::Cause,
    clock::Clock,
    credential_store::{CredentialError, CredentialQuery, CredentialStore},
    idempotency_store::{IdempotencyStore, KEY_HELD_FOR, KEY_KEPT_FOR},
    identity_provider::{BegunLogin, IdentityError, IdentityProvider, LoginAnswer, LoginChecks},
    image_previews::{
        ImageContent, ImageContents, ImageLinks, ImageThumbnails, LinkedImage, OpenedImage,
        Thumbnail,
    },
    image_processor::{ImageProcessingError, ImageProcessor, TooManyPixels},
    image_store::{
        FetchedImage, Folder, FoundFile, IfTaken, ImageStore, ImageStoreError, Moved, PageResult,
        PutMode, SidecarFile,
    },
    image_store_factory::{ImageStoreFactory, OpenedStorage},
    job_events::{EventPage, JOB_EVENTS_KEPT, JobEvents},
    job_store::{
        ClaimTerms, ClaimedJob, JOB_CLAIM_RENEWED_EVERY, JOB_CLAIM_TTL, JobClaim, JobClaimError,
        JobCommand, JobCounts, JobQueue, JobStore, JobStoreError, ScheduleStore,
    },
    ledger::{LEASE_RENEWED_EVERY, LEASE_TTL, Ledger, LedgerError, LedgerReader},
    ledger_retention::{KeptFor, LedgerRetention, Swept},
    listing_page::{ListingCursor, ListingPage, ListingRules, NextPage, RefreshCost},
    publish_slots::{PublishSlot, PublishSlots, SLOT_RENEWED_EVERY, SLOT_TTL},
    publisher::{
        FollowUp, LookUp, OpenError, OpenPublisher, Post, PostLimits, Posted, PublishError,
        Publisher, PublisherFactory,
    },
    rate_limits::{RateKey, RateLimit, RateLimits, SharedRates, TooLate},
    tenant_config_source::{ConfigSourceError, TenantConfigSource},
    usage_outbox::{CLAIM_TTL, ClaimedUsage, OutboxState, UsageOutbox, UsageSettlement},
    usage_reporter::{UsageReportError, UsageReporter},
    usage_sink::{StorageMeter, UsageSink},
    voice_profile_store::VoiceProfileStore,
};
