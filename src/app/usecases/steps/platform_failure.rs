//! What an error of a platform means to the tenant, and to the log.

use std::error::Error;

use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::publication::{Failure, FailureReason},
    ports::PublishError,
};

/// Why a platform does not certainly have a post.
pub(in crate::app::usecases) fn failure(error: &PublishError) -> Failure {
    let reason = match error {
        PublishError::RateLimited {
            retry_after: Some(wait),
        } => {
            return Failure {
                reason: FailureReason::RateLimited,
                text: format!("{error}; try again in {} s", wait.as_secs()),
                retry_after: Some(*wait),
            };
        }
        PublishError::Unknown(_) => {
            let text = format!("{error}; look there before publishing it again");
            return Failure::new(FailureReason::LostAnswer, text);
        }
        PublishError::RateLimited { retry_after: None } => FailureReason::RateLimited,
        PublishError::Rejected(_) => FailureReason::Rejected,
        PublishError::ImageUnsuitable(_) => FailureReason::ImageUnsuitable,
        PublishError::Unauthorized { .. } => FailureReason::Unauthorized,
        PublishError::Unavailable { .. } => FailureReason::Unavailable,
    };
    Failure::new(reason, error.to_string())
}

/// The text for the log. That of a platform is for the tenant alone: it may hold anything, hosts for instance.
pub(in crate::app::usecases) fn logged(error: &PublishError) -> String {
    match error {
        PublishError::Unauthorized { source, .. }
        | PublishError::Unavailable { source, .. }
        | PublishError::Unknown(source) => {
            let source: &(dyn Error + 'static) = &**source;
            format!("{}: {}", error.sentence(), ErrorChain(source))
        }
        PublishError::Rejected(_)
        | PublishError::ImageUnsuitable(_)
        | PublishError::RateLimited { .. } => error.sentence().to_owned(),
    }
}
