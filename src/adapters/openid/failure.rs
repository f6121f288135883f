//! Why a call to the provider failed. No text here holds a secret, an address, a person, or words of the provider.

use std::sync::Arc;

use openidconnect::{
    ClaimsVerificationError, DiscoveryError, RequestTokenError, SignatureVerificationError,
    StandardErrorResponse, UserInfoError, core::CoreErrorResponseType,
};

use crate::{
    adapters::upstream::{AttemptError, Retry},
    ports::{Cause, IdentityError},
};

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Failure {
    /// The library has made a request that cannot be sent, or an answer cannot be handed to it.
    #[error("the request or its answer cannot be processed")]
    Unsendable,
    /// It failed before a byte of it was sent.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It may have been processed.
    #[error("no answer of use: {0}")]
    Lost(String),
    /// The provider is not at work.
    #[error("answered {0}")]
    Status(u16),
    /// What the provider says cannot be used, whoever logs in.
    #[error("what the provider says cannot be used: {0}")]
    Provider(&'static str),
    /// The provider refuses the client: its operator has to look at it.
    #[error("the provider refuses the client: check OIDC_CLIENT_ID and OIDC_CLIENT_SECRET ({0})")]
    Client(&'static str),
    /// The provider gives nothing for the code, which has expired, was used before, or is made up.
    #[error("the provider refuses the code ({0})")]
    Code(&'static str),
    /// The proof is signed with a key that is not among the provider's.
    #[error("the proof is signed with an unknown key")]
    UnknownKey,
    /// The proof is none.
    #[error("the proof is none: {0}")]
    Proof(&'static str),
}

impl Failure {
    pub(super) fn of_discovery(error: DiscoveryError<Self>) -> Self {
        match error {
            DiscoveryError::Request(failure) => failure,
            DiscoveryError::Parse(_) => {
                Self::Provider("its configuration or its keys are not those of OpenID Connect")
            }
            DiscoveryError::Response(status, ..) => Self::Status(status.as_u16()),
            DiscoveryError::Validation(_) => Self::Provider(
                "its configuration names another issuer: OIDC_ISSUER_URL has to be the same to the letter, a slash at its \
                 end included",
            ),
            DiscoveryError::UrlParse(_) => Self::Provider("it has no address"),
            _ => Self::Provider("its configuration cannot be read"),
        }
    }

    pub(super) fn of_tokens(
        error: RequestTokenError<Self, StandardErrorResponse<CoreErrorResponseType>>,
    ) -> Self {
        use CoreErrorResponseType as Word;
        match error {
            RequestTokenError::Request(failure) => failure,
            RequestTokenError::ServerResponse(response) => match response.error() {
                Word::InvalidClient => Self::Client("invalid_client"),
                Word::UnauthorizedClient => Self::Client("unauthorized_client"),
                Word::InvalidGrant => Self::Code("invalid_grant"),
                Word::InvalidRequest => Self::Code("invalid_request"),
                _ => Self::Code("another error"),
            },
            RequestTokenError::Parse(..) => Self::Proof("the answer is not one of OpenID Connect"),
            RequestTokenError::Other(_) => {
                Self::Lost("the answer is empty or of another kind".to_owned())
            }
        }
    }

    pub(super) fn of_user_info(error: UserInfoError<Self>) -> Self {
        match error {
            UserInfoError::Request(failure) => failure,
            UserInfoError::Response(status, ..) => Self::Status(status.as_u16()),
            UserInfoError::ClaimsVerification(error) => Self::of_claims(&error),
            _ => Self::Proof("what is told of the person cannot be read"),
        }
    }

    /// The library's texts hold what they were compared with, so only the kind is told.
    pub(super) fn of_claims(error: &ClaimsVerificationError) -> Self {
        use ClaimsVerificationError as E;
        Self::Proof(match error {
            E::Expired(_) => "it has expired",
            E::InvalidAudience(_) => "it is for another client",
            E::InvalidIssuer(_) => "it is of another issuer",
            E::InvalidNonce(_) => "it was made for another login",
            E::InvalidSubject(_) => "it is of another person",
            E::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                return Self::UnknownKey;
            }
            E::SignatureVerification(
                SignatureVerificationError::DisallowedAlg(_)
                | SignatureVerificationError::NoSignature
                | SignatureVerificationError::UnsupportedAlg(_),
            ) => "it is not signed by a key pair",
            E::SignatureVerification(_) => "its signature is wrong",
            _ => "it cannot be read",
        })
    }
}

impl AttemptError for Failure {
    fn retry(&self) -> Retry {
        match self {
            Self::NotSent(_) => Retry::Soon,
            _ => Retry::Never,
        }
    }

    fn http_status(&self) -> Option<u16> {
        match self {
            Self::Status(status) => Some(*status),
            Self::Client(_) | Self::Code(_) => Some(400),
            _ => None,
        }
    }
}

/// A failure as callers of the port see it.
pub(super) fn to_port(failure: Arc<Failure>) -> IdentityError {
    let kind = match &*failure {
        Failure::NotSent(_) | Failure::Lost(_) | Failure::Status(_) => IdentityError::Unavailable,
        Failure::Provider(_) | Failure::Client(_) | Failure::Unsendable => IdentityError::Unusable,
        Failure::Code(_) | Failure::UnknownKey | Failure::Proof(_) => IdentityError::Refused,
    };
    let cause: Cause = Box::new(Shared(failure));
    kind(cause)
}

/// A failure that several logins have waited for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Shared(Arc<Failure>);
