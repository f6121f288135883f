//! `/health`: probes. Answers under any host and resolves no tenant.

use std::sync::Arc;

use poem_openapi::{ApiResponse, OpenApi, payload::Json};

use super::{
    dto::health::{Liveness, NotReadyStatus, OkStatus, Readiness, Unreadiness},
    error::{ApiError, DEFAULT_RETRY_AFTER, whole_seconds},
    request_facts::CurrentRequestId,
    tag::Tag,
};
use crate::app::usecases::readiness::CheckReadiness;

/// The paths of probes.
pub(super) const PATHS: [&str; 3] = ["/health", "/health/live", "/health/ready"];

pub(super) struct HealthApi {
    pub(super) readiness: Arc<CheckReadiness>,
}

/// Whether tenants can be served.
#[derive(ApiResponse)]
enum ReadinessAnswer {
    /// Tenants can be served.
    #[oai(status = 200)]
    Ready(Json<Readiness>),
    /// No tenant can be served at the moment.
    #[oai(status = 503)]
    NotReady(
        Json<Unreadiness>,
        /// Seconds after which to ask again.
        #[oai(header = "Retry-After")]
        u64,
    ),
}

#[expect(
    clippy::unused_async,
    reason = "the framework wants every handler to be async"
)]
#[OpenApi]
impl HealthApi {
    /// Is the process alive?
    ///
    /// For probes that use this path by convention. The same as `/health/live`.
    #[oai(
        path = "/health",
        method = "get",
        operation_id = "getHealth",
        tag = "Tag::Health"
    )]
    async fn health(&self) -> Json<Liveness> {
        Json(Liveness {
            status: OkStatus::Ok,
        })
    }

    /// Is the process alive?
    ///
    /// For supervisors that restart a process that hangs. It checks nothing else: an upstream that is down is
    /// no reason to restart this process.
    #[oai(
        path = "/health/live",
        method = "get",
        operation_id = "getLiveness",
        tag = "Tag::Health"
    )]
    async fn live(&self) -> Json<Liveness> {
        self.health().await
    }

    /// Can tenants be served?
    ///
    /// For load balancers. Standalone, the service is ready while the publication ledger answers;
    /// orchestrated, while the orchestrator answers, too, unless the operator has turned that check off. Both are
    /// asked at most once in five seconds, however often this is called. A service that is shutting down is not
    /// ready: send no more requests to it.
    #[oai(
        path = "/health/ready",
        method = "get",
        operation_id = "getReadiness",
        tag = "Tag::Health"
    )]
    async fn ready(
        &self,
        CurrentRequestId(request_id): CurrentRequestId,
    ) -> Result<ReadinessAnswer, ApiError> {
        Ok(match self.readiness.run(&request_id).await {
            Ok(()) => ReadinessAnswer::Ready(Json(Readiness {
                status: OkStatus::Ok,
                mode: self.readiness.mode().into(),
            })),
            Err(reason) => {
                let answer = Unreadiness {
                    status: NotReadyStatus::NotReady,
                    reason: reason.into(),
                };
                ReadinessAnswer::NotReady(Json(answer), whole_seconds(DEFAULT_RETRY_AFTER))
            }
        })
    }
}
