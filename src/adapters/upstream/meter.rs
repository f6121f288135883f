//! Counts and times every attempt, whichever adapter makes it. Labels are names of this code's
//! own and HTTP statuses: no tenant, no host.

use std::time::Instant;

use super::{Answer, AttemptError, Call};

/// One attempt under way. It is counted when this is dropped, so that one which is given up
/// counts too.
pub(super) struct Meter<'a> {
    call: Call<'a>,
    started: Instant,
    /// `None`: there was no answer.
    status: Option<u16>,
}

impl<'a> Meter<'a> {
    /// An attempt starts; `number` counts from 1.
    pub(super) fn start(call: Call<'a>, number: u32) -> Self {
        if number > 1 {
            let labels = [("upstream", call.upstream), ("operation", call.operation)];
            metrics::counter!("publisher_upstream_retries_total", &labels).increment(1);
        }
        Self {
            started: call.clock.now(),
            call,
            status: None,
        }
    }

    /// It has ended.
    pub(super) fn end<T, E: AttemptError>(mut self, result: &Result<Answer<T>, E>) {
        self.status = match result {
            Ok(answer) => Some(answer.status),
            Err(error) => error.http_status(),
        };
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        let Call {
            clock,
            upstream,
            operation,
        } = self.call;
        let status = self
            .status
            .map_or_else(|| "error".into(), |status| status.to_string());
        metrics::counter!(
            "publisher_upstream_requests_total",
            "upstream" => upstream, "operation" => operation, "status" => status
        )
        .increment(1);
        metrics::histogram!(
            "publisher_upstream_request_duration_seconds",
            "upstream" => upstream, "operation" => operation
        )
        .record(clock.now().duration_since(self.started));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::adapters::{
        clock::SystemClock,
        upstream::{Retry, RetryPolicy},
    };

    #[derive(Debug, thiserror::Error)]
    #[error("failed")]
    struct Failure(Option<u16>);

    impl AttemptError for Failure {
        fn retry(&self) -> Retry {
            Retry::Soon
        }

        fn http_status(&self) -> Option<u16> {
            self.0
        }
    }

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        first_delay: Duration::from_millis(250),
        max_delay: Duration::from_secs(5),
    };

    #[tokio::test(start_paused = true)]
    async fn each_attempt_is_counted_by_what_it_ended_with() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _guard = metrics::set_default_local_recorder(&recorder);
        let call = Call {
            clock: &SystemClock,
            upstream: "nobody",
            operation: "nothing",
        };
        let mut answers = [Err(None), Err(Some(503)), Ok(200)].into_iter();
        let attempt = || {
            let answer = answers.next().unwrap();
            let answered = |status| Answer { status, value: () };
            async move { answer.map(answered).map_err(Failure) }
        };
        call.run(POLICY, attempt).await.unwrap();
        // One that is given up in the middle.
        let limit = Duration::from_secs(3);
        let silence = std::future::pending::<Result<Answer<()>, Failure>>;
        let given_up = call.run_within(limit, || Failure(None), POLICY, silence);
        given_up.await.unwrap_err();
        let text = recorder.handle().render();
        for line in [
            r#"publisher_upstream_requests_total{upstream="nobody",operation="nothing",status="error"} 2"#,
            r#"publisher_upstream_requests_total{upstream="nobody",operation="nothing",status="503"} 1"#,
            r#"publisher_upstream_requests_total{upstream="nobody",operation="nothing",status="200"} 1"#,
            r#"publisher_upstream_retries_total{upstream="nobody",operation="nothing"} 2"#,
            r#"publisher_upstream_request_duration_seconds_count{upstream="nobody",operation="nothing"} 4"#,
            r#"publisher_upstream_request_duration_seconds_sum{upstream="nobody",operation="nothing"} 3"#,
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
