//! How long each stage of a publication takes: a histogram, a span in its trace, and what those are told who watch it.

use tracing::Instrument as _;

use super::progress::Progress;
use crate::{domain::publication::PublishStage, ports::Clock};

/// The name of the whole publication, in the histogram.
const WHOLE: &str = "whole";

/// Times the stages of a publication. A stage that is not reached is not counted.
#[derive(Clone, Copy)]
pub(in crate::app::usecases) struct Stages<'a>(Option<Watched<'a>>);

#[derive(Clone, Copy)]
struct Watched<'a> {
    clock: &'a dyn Clock,
    progress: Option<&'a Progress>,
}

impl<'a> Stages<'a> {
    /// A timer for a publication, which tells of its progress.
    pub(in crate::app::usecases) fn by(
        clock: &'a dyn Clock,
        progress: Option<&'a Progress>,
    ) -> Self {
        Self(Some(Watched { clock, progress }))
    }

    /// No timer, for other work that passes through some of the stages.
    pub(in crate::app::usecases) fn untimed() -> Self {
        Self(None)
    }

    /// Runs a stage, and records how long it takes.
    pub(in crate::app::usecases) async fn time<T>(
        self,
        stage: PublishStage,
        work: impl Future<Output = T>,
    ) -> T {
        if let Some(progress) = self.0.and_then(|watched| watched.progress) {
            progress.reached(stage);
        }
        self.record(stage.as_str(), work).await
    }

    /// Runs the whole publication, and records how long it takes.
    pub(in crate::app::usecases) async fn time_whole<T>(self, work: impl Future<Output = T>) -> T {
        self.record(WHOLE, work).await
    }

    async fn record<T>(self, stage: &'static str, work: impl Future<Output = T>) -> T {
        let Some(Watched { clock, .. }) = self.0 else {
            return work.await;
        };
        let started = clock.now();
        let span = tracing::info_span!("stage", otel.name = stage, stage);
        let done = work.instrument(span).await;
        let took = clock.now().saturating_duration_since(started);
        metrics::histogram!("publisher_publish_duration_seconds", "stage" => stage).record(took);
        done
    }
}
