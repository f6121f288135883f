//! The login of people with accounts of their own.

use async_trait::async_trait;

use super::Cause;
use crate::domain::{identity::Identity, secret::Secret};

/// A login that has begun: what its answer is checked against.
#[derive(Debug)]
pub struct LoginChecks {
    /// Is repeated by the answer, so that it is the one to this login.
    pub state: Secret,
    /// Is repeated by the proof of who it is, so that it was made for this login.
    pub nonce: Secret,
    /// Turns the code of the answer into a proof (PKCE): without it, a stolen code is worth nothing.
    pub verifier: Secret,
}

/// A login that begins.
#[derive(Debug)]
pub struct BegunLogin {
    /// Where the person logs in.
    pub url: String,
    /// What the answer is checked against.
    pub checks: LoginChecks,
}

/// The provider's answer to a login, brought by the person's browser, so that nothing in it is proved.
#[derive(Debug)]
pub struct LoginAnswer {
    /// Is worth a proof of who it is, once.
    pub code: Secret,
    /// The provider that says so, where it names itself (RFC 9207).
    pub issuer: Option<String>,
}

/// A provider of identities.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Begins a login, which comes back to `redirect`.
    ///
    /// # Errors
    /// [`IdentityError::Unavailable`] and [`IdentityError::Unusable`].
    async fn begin(&self, redirect: &str) -> Result<BegunLogin, IdentityError>;

    /// Who has logged in, by an answer that came to `redirect`. The caller has compared the state.
    ///
    /// # Errors
    /// [`IdentityError`].
    async fn finish(
        &self,
        answer: LoginAnswer,
        redirect: &str,
        checks: &LoginChecks,
    ) -> Result<Identity, IdentityError>;
}

/// Why it is not known who has logged in.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The provider does not answer: another login may succeed.
    #[error("the identity provider cannot be used at present")]
    Unavailable(#[source] Cause),
    /// What the provider says of itself cannot be used, until its operator or ours changes something.
    #[error("the identity provider cannot be used as it is configured")]
    Unusable(#[source] Cause),
    /// What was brought proves nothing.
    #[error("the answer of the login proves nothing")]
    Refused(#[source] Cause),
}
