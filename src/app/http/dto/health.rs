//! What probes get to see.

use poem_openapi::{Enum, Object, types::Example};

use crate::app::usecases::readiness::{Mode, NotReady};

/// The process is alive.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Liveness {
    /// Always `ok`.
    pub status: OkStatus,
}

/// The service can serve tenants.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Readiness {
    /// Always `ok`.
    pub status: OkStatus,
    /// Where tenants come from.
    pub mode: ServiceMode,
}

/// The service cannot serve tenants at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct Unreadiness {
    /// Always `not_ready`.
    pub status: NotReadyStatus,
    /// Why.
    pub reason: NotReadyReason,
}

/// All is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum OkStatus {
    /// All is well.
    Ok,
}

/// All is not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NotReadyStatus {
    /// All is not well.
    NotReady,
}

/// Where tenants come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ServiceMode {
    /// From the environment of the process; there is one.
    Standalone,
    /// From the orchestrator.
    Orchestrated,
}

/// Why no tenant can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum NotReadyReason {
    /// The orchestrator does not answer.
    OrchestratorUnavailable,
    /// The orchestrator refuses the service token.
    OrchestratorUnauthorized,
    /// The ledger does not answer, so nothing can be published.
    LedgerUnavailable,
    /// The service was told to end; it finishes what it has begun.
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

impl From<NotReady> for NotReadyReason {
    fn from(reason: NotReady) -> Self {
        match reason {
            NotReady::OrchestratorUnavailable => Self::OrchestratorUnavailable,
            NotReady::OrchestratorUnauthorized => Self::OrchestratorUnauthorized,
            NotReady::LedgerUnavailable => Self::LedgerUnavailable,
            NotReady::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl Example for Liveness {
    fn example() -> Self {
        Self {
            status: OkStatus::Ok,
        }
    }
}

impl Example for Readiness {
    fn example() -> Self {
        Self {
            status: OkStatus::Ok,
            mode: ServiceMode::Orchestrated,
        }
    }
}

impl Example for Unreadiness {
    fn example() -> Self {
        Self {
            status: NotReadyStatus::NotReady,
            reason: NotReadyReason::OrchestratorUnavailable,
        }
    }
}
