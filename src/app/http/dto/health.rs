//! The answers to probes.

use poem_openapi::{Enum, Object};

use crate::app::usecases::readiness::{Mode, NotReady};

/// The process is alive.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Liveness {
    /// Always `ok`.
    pub status: OkStatus,
}

/// The service can serve tenants.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Readiness {
    /// Always `ok`.
    pub status: OkStatus,
    /// The source of the tenants.
    pub mode: ServiceMode,
}

/// The service cannot serve tenants at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct Unreadiness {
    /// Always `not_ready`.
    pub status: NotReadyStatus,
    /// The reason.
    pub reason: NotReadyReason,
}

/// The status of a service that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum OkStatus {
    /// It works.
    Ok,
}

/// The status of a service that cannot serve tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NotReadyStatus {
    /// It cannot serve tenants.
    NotReady,
}

/// The source of the tenants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ServiceMode {
    /// The environment of the process, which describes one tenant.
    Standalone,
    /// The orchestrator.
    Orchestrated,
}

/// The reason why no tenant can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NotReadyReason {
    /// The orchestrator does not answer.
    OrchestratorUnavailable,
    /// The orchestrator refuses the service token.
    OrchestratorUnauthorized,
    /// The ledger does not answer, so nothing can be published.
    LedgerUnavailable,
    /// The service is shutting down; it finishes the requests that it has accepted.
    ShuttingDown,
}

impl From<&Mode> for ServiceMode {
    fn from(mode: &Mode) -> Self {
        match mode {
            Mode::Standalone => Self::Standalone,
            Mode::Orchestrated { probe_host: _ } => Self::Orchestrated,
        }
    }
}

same_variants!(NotReady => NotReadyReason:
    OrchestratorUnavailable,
    OrchestratorUnauthorized,
    LedgerUnavailable,
    ShuttingDown,
);
