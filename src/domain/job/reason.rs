//! Why a job did not do what was asked.

use crate::domain::words::words;

words! {
    /// Why an attempt did not succeed, or a job will not be carried out, by its name in answers, metrics and the database.
    pub enum JobReason {
        /// Storage is unavailable at the moment.
        StorageUnavailable = "storage_unavailable",
        /// The provider of captions is unavailable at the moment.
        AiUnavailable = "ai_unavailable",
        /// An upstream, or a limit of the tenant, limits requests.
        RateLimited = "rate_limited",
        /// The tenant's config, or one of its credentials, cannot be had at the moment.
        TenantUnavailable = "tenant_unavailable",
        /// The ledger is unavailable.
        LedgerUnavailable = "ledger_unavailable",
        /// Another request works on the image, or too many of the tenant or of the process are under way.
        Busy = "busy",
        /// The image was replaced while it was being fetched.
        ImageReplaced = "image_replaced",
        /// The attempt ended without a report. It may have sent something.
        Interrupted = "interrupted",
        /// Publishing is off for the tenant.
        PublishingOff = "publishing_off",
        /// No platform of the job is on for the tenant.
        NoPlatform = "no_platform",
        /// The captions do not go with the platforms, or nothing is left of one.
        CaptionsUnusable = "captions_unusable",
        /// No caption could be written, and an empty one is not allowed.
        NoCaption = "no_caption",
        /// There is no image that the tenant has not published.
        NothingToPublish = "nothing_to_publish",
        /// The image is not there any more.
        ImageMissing = "image_missing",
        /// The file cannot be published as an image.
        ImageUnsuitable = "image_unsuitable",
        /// Storage refused the tenant's credential.
        StorageRefused = "storage_refused",
        /// The tenant is out of credit.
        OutOfCredit = "out_of_credit",
        /// Platforms have not taken the image: the results say why.
        PlatformsFailed = "platforms_failed",
        /// The tenant's config is for trying things out (`content.debug`): nothing was sent.
        DryRun = "dry_run",
        /// It was not carried out in time.
        TooLate = "too_late",
        /// A later posting time had come before it could begin.
        Superseded = "superseded",
        /// Somebody cancelled it.
        ByRequest = "by_request",
        /// The posting times were changed.
        ScheduleChanged = "schedule_changed",
        /// The tenant is gone.
        TenantGone = "tenant_gone",
    }
}

impl JobReason {
    /// Whether a later attempt may succeed without anybody doing something about it.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::StorageUnavailable
            | Self::AiUnavailable
            | Self::RateLimited
            | Self::TenantUnavailable
            | Self::LedgerUnavailable
            | Self::Busy
            | Self::ImageReplaced
            | Self::Interrupted => true,
            Self::PublishingOff
            | Self::NoPlatform
            | Self::CaptionsUnusable
            | Self::NoCaption
            | Self::NothingToPublish
            | Self::ImageMissing
            | Self::ImageUnsuitable
            | Self::StorageRefused
            | Self::OutOfCredit
            | Self::PlatformsFailed
            | Self::DryRun
            | Self::TooLate
            | Self::Superseded
            | Self::ByRequest
            | Self::ScheduleChanged
            | Self::TenantGone => false,
        }
    }
}
