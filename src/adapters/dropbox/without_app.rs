//! Credentials of a service that has no Dropbox app: without one nothing can be done with those of
//! Dropbox, so that they are not even asked for.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    domain::credential::{Credential, Provider},
    ports::{CredentialError, CredentialQuery, CredentialStore},
};

/// The message for an operator who has not set the key and secret of the Dropbox app.
const MISSING: &str =
    "DROPBOX_APP_KEY and DROPBOX_APP_SECRET are not set: no Dropbox tenant can be served";

/// A credential store that has none for Dropbox, and all others of another one.
pub struct WithoutDropboxApp(pub Arc<dyn CredentialStore>);

#[async_trait]
impl CredentialStore for WithoutDropboxApp {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        if query.provider == Provider::DROPBOX {
            return Err(CredentialError::Unavailable {
                retry_after: None,
                cause: MISSING.into(),
            });
        }
        self.0.resolve(query).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            request_id::RequestId,
            secret::CredentialsRef,
            tenant::{ConfigVersion, TenantName},
        },
        ports::MockCredentialStore,
    };

    #[tokio::test]
    async fn only_what_needs_the_app_is_refused_and_the_refusal_names_what_is_missing() {
        let mut store = MockCredentialStore::new();
        store
            .expect_resolve()
            .times(1)
            .returning(|query| Ok(Credential::sample(query.provider, "s", "1", None)));
        let store = WithoutDropboxApp(Arc::new(store));
        let query = |provider| CredentialQuery {
            tenant: TenantName::new("alice").unwrap(),
            config_version: ConfigVersion::new("1"),
            reference: CredentialsRef::new("ref").unwrap(),
            provider,
            request_id: RequestId::from_caller("request-1").unwrap(),
        };
        assert!(store.resolve(&query(Provider::OPENAI)).await.is_ok());
        match store.resolve(&query(Provider::DROPBOX)).await {
            Err(CredentialError::Unavailable { cause, .. }) => {
                assert_eq!(cause.to_string(), MISSING);
            }
            other => panic!("{other:?}"),
        }
    }
}
