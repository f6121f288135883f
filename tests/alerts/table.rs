//! The faults, with the alerts that they fire.

/// A fault with everything that belongs to it.
pub(crate) struct Case {
    /// The job of its service.
    pub(crate) job: &'static str,
    /// What goes wrong.
    pub(crate) fault: &'static str,
    /// What has to fire.
    pub(crate) alerts: &'static [&'static str],
    /// What must not.
    pub(crate) silent: &'static [&'static str],
    /// What is done about it.
    pub(crate) done: &'static str,
    /// Settings of its own.
    pub(crate) settings: &'static [(&'static str, &'static str)],
    pub(crate) kind: Kind,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Killed,
    KilledWhileSending,
    TokenRefused,
    OrchestratorAway,
    CredentialsAway,
    DropboxAway,
    TelegramRejects,
    AnswerLost,
    LedgerBroken,
    LedgerLocked,
    BillingAway,
    BillingRefuses,
    ModelEnds,
    JobsNotCarriedOut,
    JobMissed,
    FewFiles,
    LogUnread,
}

const DEFAULT: Case = Case {
    job: "",
    fault: "",
    alerts: &[],
    silent: &[],
    done: "",
    settings: &[],
    kind: Kind::Killed,
};

/// All of them.
pub(crate) const ALL: &[Case] = &[
    Case {
        job: "killed",
        fault: "the process is killed",
        alerts: &["PublisherDown"],
        done: "started it",
        kind: Kind::Killed,
        ..DEFAULT
    },
    Case {
        job: "killed-while-sending",
        fault: "the process is killed while Telegram has the photo, and started again",
        alerts: &["PublisherEntriesUnknown"],
        done: "published the image with force",
        kind: Kind::KilledWhileSending,
        ..DEFAULT
    },
    Case {
        job: "token",
        fault: "the orchestrator takes another service token",
        alerts: &["PublisherServiceTokenRefused", "PublisherNotReady"],
        done: "put it into the file",
        kind: Kind::TokenRefused,
        ..DEFAULT
    },
    Case {
        job: "orchestrator",
        fault: "the orchestrator answers 503",
        alerts: &["PublisherOrchestratorAway", "PublisherServesStaleConfigs"],
        silent: &["PublisherFailsRequests", "PublisherRouteFails"],
        done: "brought it back",
        kind: Kind::OrchestratorAway,
        ..DEFAULT
    },
    Case {
        job: "credentials",
        fault: "the orchestrator hands out no credentials",
        alerts: &["PublisherCredentialsFail"],
        done: "had it hand them out",
        settings: &[
            ("CREDENTIAL_CACHE_TTL_SECONDS", "1"),
            ("TENANT_SERVICE_TTL_SECONDS", "1"),
        ],
        kind: Kind::CredentialsAway,
        ..DEFAULT
    },
    Case {
        job: "dropbox",
        fault: "Dropbox answers 503",
        alerts: &[
            "PublisherUpstreamFails",
            "PublisherRouteFails",
            "PublisherFailsRequests",
            "PublisherRefusesPublishes",
        ],
        done: "brought it back, and published again",
        kind: Kind::DropboxAway,
        ..DEFAULT
    },
    Case {
        job: "telegram",
        fault: "Telegram refuses every photo",
        alerts: &["PublisherPlatformFails", "PublisherPublishesNothing"],
        done: "had it take them, and published again",
        kind: Kind::TelegramRejects,
        ..DEFAULT
    },
    Case {
        job: "answer",
        fault: "the answer to a photo is lost",
        alerts: &["PublisherPostInDoubt"],
        done: "published the image with force",
        kind: Kind::AnswerLost,
        ..DEFAULT
    },
    Case {
        job: "ledger",
        fault: "the database of the ledger fails",
        alerts: &["PublisherLedgerFails", "PublisherNotReady"],
        done: "repaired the database",
        kind: Kind::LedgerBroken,
        ..DEFAULT
    },
    Case {
        job: "lock",
        fault: "another program holds a lock on the ledger",
        alerts: &["PublisherLedgerPoolExhausted"],
        done: "ended that program",
        kind: Kind::LedgerLocked,
        ..DEFAULT
    },
    Case {
        job: "billing",
        fault: "the orchestrator's billing answers 503 for two hours",
        alerts: &["PublisherUsageNotReported"],
        silent: &["PublisherOrchestratorAway", "PublisherUsageLost"],
        done: "brought it back, and started the service again",
        kind: Kind::BillingAway,
        ..DEFAULT
    },
    Case {
        job: "refused-usage",
        fault: "the orchestrator's billing refuses usage events",
        alerts: &["PublisherUsageLost"],
        silent: &["PublisherOrchestratorAway"],
        done: "had it take them",
        kind: Kind::BillingRefuses,
        ..DEFAULT
    },
    Case {
        job: "idle-jobs",
        fault: "no replica carries jobs out",
        alerts: &["PublisherJobsOverdue"],
        silent: &["PublisherJobsMissed"],
        done: "had a replica carry them out",
        settings: &[("JOBS_ENABLED", "false")],
        kind: Kind::JobsNotCarriedOut,
    },
    Case {
        job: "late-jobs",
        fault: "nothing ran at the time of a job, and for two hours after it",
        alerts: &["PublisherJobsMissed"],
        done: "published by hand what was missed",
        kind: Kind::JobMissed,
        ..DEFAULT
    },
    Case {
        job: "files",
        fault: "the limit of open files is low",
        alerts: &["PublisherRunsOutOfFileDescriptors"],
        done: "raised the limit",
        kind: Kind::FewFiles,
        ..DEFAULT
    },
    Case {
        job: "model",
        fault: "a config says that a model has ended",
        alerts: &["PublisherModelEnds"],
        done: "named another model",
        kind: Kind::ModelEnds,
        ..DEFAULT
    },
    Case {
        job: "log",
        fault: "nobody reads standard output",
        alerts: &["PublisherLosesLogLines"],
        done: "read it",
        settings: &[("RUST_LOG", "trace")],
        kind: Kind::LogUnread,
        ..DEFAULT
    },
];
