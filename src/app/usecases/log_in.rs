//! Logging people in with accounts of their own, by an identity provider.

use std::{error::Error as _, sync::Arc};

use crate::{
    app::tenancy::tenant::Tenant,
    domain::{
        email_address::EmailAddress,
        identity::{LoginRefusal, LoginRules, Member},
    },
    ports::{BegunLogin, IdentityError, IdentityProvider, LoginAnswer, LoginChecks},
};

/// Logs people in.
pub struct LogIn {
    provider: Arc<dyn IdentityProvider>,
    rules: LoginRules,
}

impl LogIn {
    /// A login by this provider.
    #[must_use]
    pub fn new(provider: Arc<dyn IdentityProvider>, rules: LoginRules) -> Self {
        Self { provider, rules }
    }

    /// Whether people of a tenant can log in so.
    #[must_use]
    pub fn is_on(&self, tenant: &Tenant) -> bool {
        self.rules.has_login(&tenant.settings().people)
    }

    /// Whether a tenant still lets in who has logged in with this address. Asks nobody.
    #[must_use]
    pub fn still_admits(&self, tenant: &Tenant, email: &EmailAddress) -> bool {
        self.rules.has(&tenant.settings().people, email)
    }

    /// Begins a login to a tenant, which comes back to `redirect`.
    ///
    /// # Errors
    /// Why it cannot begin.
    pub async fn begin(&self, tenant: &Tenant, redirect: &str) -> Result<BegunLogin, LoginRefusal> {
        if !self.is_on(tenant) {
            return Err(LoginRefusal::NotConfigured);
        }
        let begun = self.provider.begin(redirect).await;
        begun.map_err(|error| not_completed(&error))
    }

    /// Whether a login could begin: asks the provider what it is.
    ///
    /// # Errors
    /// Why not.
    pub async fn try_provider(&self, redirect: &str) -> Result<(), IdentityError> {
        self.provider.begin(redirect).await.map(|_| ())
    }

    /// Who has logged in to a tenant.
    ///
    /// # Errors
    /// Why the person is not let in.
    pub async fn finish(
        &self,
        tenant: &Tenant,
        answer: LoginAnswer,
        redirect: &str,
        checks: &LoginChecks,
    ) -> Result<Member, LoginRefusal> {
        if !self.is_on(tenant) {
            return Err(LoginRefusal::NotConfigured);
        }
        let identity = self.provider.finish(answer, redirect, checks).await;
        let identity = identity.map_err(|error| not_completed(&error))?;
        self.rules.admit(&tenant.settings().people, identity)
    }
}

/// The refusal of a login that the provider has not completed. Its cause is for the log: the caller could be anyone.
fn not_completed(error: &IdentityError) -> LoginRefusal {
    let cause = error.source().map(tracing::field::display);
    tracing::warn!(cause, "login by OpenID Connect not completed: {error}");
    match error {
        IdentityError::Unavailable(_) | IdentityError::Unusable(_) => {
            LoginRefusal::ProviderUnavailable
        }
        IdentityError::Refused(_) => LoginRefusal::CallbackFailed,
    }
}

#[cfg(test)]
mod tests;
