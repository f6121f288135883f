//! How long each stage of a publication takes: a histogram, and a span in its trace.

use tracing::Instrument as _;

use crate::ports::Clock;

/// A stage of a publication. One that is not come to is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Finding the image in storage.
    Find,
    /// Taking the lease on it.
    Claim,
    /// Waiting until there is room for it in memory.
    WaitForRoom,
    /// Fetching it.
    Fetch,
    /// Making the copies that platforms need, and opening their clients.
    Prepare,
    /// Having it looked at.
    Vision,
    /// Having its captions written.
    Captions,
    /// Sending it to all platforms, side by side.
    Send,
    /// Writing its sidecar.
    Sidecar,
    /// Moving it to the archive.
    Archive,
    /// All of it.
    Whole,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Claim => "claim",
            Self::WaitForRoom => "wait_for_room",
            Self::Fetch => "fetch",
            Self::Prepare => "prepare",
            Self::Vision => "vision",
            Self::Captions => "captions",
            Self::Send => "send",
            Self::Sidecar => "sidecar",
            Self::Archive => "archive",
            Self::Whole => "whole",
        }
    }
}

/// Times the stages of a publication. Other work that passes through some of them is not timed.
#[derive(Clone, Copy)]
pub(super) struct Stages<'a>(Option<&'a dyn Clock>);

impl<'a> Stages<'a> {
    /// For a publication.
    pub(super) fn by(clock: &'a dyn Clock) -> Self {
        Self(Some(clock))
    }

    /// For what is none.
    pub(super) fn untimed() -> Self {
        Self(None)
    }

    /// Does the work of a stage.
    pub(super) async fn time<T>(self, stage: Stage, work: impl Future<Output = T>) -> T {
        let Some(clock) = self.0 else {
            return work.await;
        };
        let stage = stage.as_str();
        let started = clock.now();
        let span = tracing::info_span!("stage", otel.name = stage, stage);
        let done = work.instrument(span).await;
        let took = clock.now().saturating_duration_since(started);
        metrics::histogram!("publisher_publish_duration_seconds", "stage" => stage).record(took);
        done
    }
}
