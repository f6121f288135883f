//! How long each stage of a publication takes: a histogram, and a span in its trace.

use tracing::Instrument as _;

use crate::ports::Clock;

/// A stage of a publication. A stage that is not reached is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app::usecases) enum Stage {
    /// Finding the image in storage.
    Find,
    /// Taking the lease on the image.
    Claim,
    /// Waiting for the memory budget.
    WaitForRoom,
    /// Fetching the image.
    Fetch,
    /// Leaving out the metadata, opening the platforms' clients, and making the copies that platforms need.
    Prepare,
    /// The vision call.
    Vision,
    /// The caption call.
    Captions,
    /// Giving all platforms the post up to the step that makes it visible, side by side.
    Staging,
    /// Sending the image to all platforms, side by side.
    Send,
    /// Writing the sidecar.
    Sidecar,
    /// Moving the image to the archive.
    Archive,
    /// The whole publication.
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
            Self::Staging => "stage",
            Self::Send => "send",
            Self::Sidecar => "sidecar",
            Self::Archive => "archive",
            Self::Whole => "whole",
        }
    }
}

/// Times the stages of a publication.
#[derive(Clone, Copy)]
pub(in crate::app::usecases) struct Stages<'a>(Option<&'a dyn Clock>);

impl<'a> Stages<'a> {
    /// A timer for a publication.
    pub(in crate::app::usecases) fn by(clock: &'a dyn Clock) -> Self {
        Self(Some(clock))
    }

    /// No timer, for other work that passes through some of the stages.
    pub(in crate::app::usecases) fn untimed() -> Self {
        Self(None)
    }

    /// Runs a stage, and records how long it takes.
    pub(in crate::app::usecases) async fn time<T>(
        self,
        stage: Stage,
        work: impl Future<Output = T>,
    ) -> T {
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
