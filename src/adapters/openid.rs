//! Logs people in by OpenID Connect, with the authorization code flow and PKCE (RFC 7636): what the provider is, the address
//! of a login, and what its answer proves.
//!
//! The protocol is `openidconnect`'s; here are the requests, what is kept of the provider, and the rules beyond the
//! library's. Standards: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 9207.

mod exchange;
mod failure;
mod proof;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use openidconnect::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndUserEmail, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, Scope, SubjectIdentifier,
    core::{
        CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreProviderMetadata,
        CoreTokenResponse, CoreUserInfoClaims,
    },
};

use self::{exchange::Exchange, failure::Failure};
use super::{
    http_client::{self, ExtraRoots, HttpSetupError},
    renewal::Renewed,
    upstream::{Answer, Call, RetryPolicy},
};
use crate::{
    domain::{
        email_address::EmailAddress,
        identity::{Identity, Subject},
        secret::Secret,
        service_url::ServiceUrl,
    },
    ports::{BegunLogin, Clock, IdentityError, IdentityProvider, LoginAnswer, LoginChecks},
};

/// The provider, as log and metrics name it.
pub const UPSTREAM: &str = "openid";
/// The longest that a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long what is known of the provider is used.
const KEPT: Duration = Duration::from_hours(1);
/// How long its keys are used at least: whoever brings a proof with an unknown key does not make the service ask more often.
const KEYS_KEPT: Duration = Duration::from_mins(1);
/// How questions are repeated.
const QUESTIONS: RetryPolicy = RetryPolicy {
    attempts: 2,
    first_delay: Duration::from_millis(250),
    max_delay: Duration::from_secs(1),
};
const NO_TOKENS: Failure = Failure::Provider("it names no address for tokens");
/// The fields of an answer with tokens that count, those of a refusal among them.
const TOKENS: [&str; 4] = ["access_token", "token_type", "id_token", "error"];
/// The fields that count of what is told of a person.
const PERSON: [&str; 3] = ["sub", "email", "email_verified"];
/// What a login asks for, beside `openid`.
const SCOPES: [&str; 2] = ["email", "profile"];

/// The operator's client at an identity provider, one for all tenants.
#[derive(Debug)]
pub struct OpenIdSettings {
    /// The provider, exactly as it writes itself.
    pub issuer: ServiceUrl,
    /// The text of `issuer`: a slash at its end counts.
    pub issuer_text: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
}

/// Speaks to the identity provider.
pub struct OpenIdClient {
    exchange: Exchange,
    clock: Arc<dyn Clock>,
    issuer: IssuerUrl,
    client_id: ClientId,
    client_secret: Secret,
    provider: Renewed<Provider, Failure>,
}

/// What is known of the provider.
struct Provider {
    metadata: CoreProviderMetadata,
    read: Instant,
}

/// The client in the library's terms.
type LibraryClient = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenIdSetupError {
    /// The issuer is no address.
    #[error("the issuer is no URL")]
    Issuer(#[source] url::ParseError),
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be built")]
    Client(#[source] HttpSetupError),
}

impl OpenIdClient {
    /// Checks the settings. Makes no network call: a provider that is down stops no start.
    ///
    /// # Errors
    /// [`OpenIdSetupError`].
    pub fn new(
        settings: OpenIdSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenIdSetupError> {
        Ok(Self {
            exchange: Exchange {
                http: http_client::build(TIMEOUT, roots).map_err(OpenIdSetupError::Client)?,
                may_be_local: settings.issuer.is_loopback(),
                fields: None,
            },
            clock,
            issuer: IssuerUrl::new(settings.issuer_text).map_err(OpenIdSetupError::Issuer)?,
            client_id: ClientId::new(settings.client_id),
            client_secret: settings.client_secret,
            provider: Renewed::default(),
        })
    }

    fn call(&self, operation: &'static str) -> Call<'_> {
        Call {
            clock: &*self.clock,
            upstream: UPSTREAM,
            operation,
        }
    }

    /// What is known of the provider, asked for anew after an hour.
    async fn provider(&self) -> Result<Arc<Provider>, Arc<Failure>> {
        let now = self.clock.now();
        let is_good = |it: &Arc<Provider>| now.duration_since(it.read) < KEPT;
        self.provider.get(is_good, |_| self.discover()).await
    }

    /// What is known of the provider now that a key was not among those of `old`.
    async fn provider_after(&self, old: &Provider) -> Result<Arc<Provider>, Arc<Failure>> {
        let now = self.clock.now();
        let is_good =
            |it: &Arc<Provider>| it.read != old.read || now.duration_since(it.read) < KEYS_KEPT;
        self.provider.get(is_good, |_| self.discover()).await
    }

    async fn discover(&self) -> Result<Provider, Failure> {
        let fetch = self.exchange.fetch();
        let ask = || async {
            let asked = CoreProviderMetadata::discover_async(self.issuer.clone(), &fetch).await;
            let metadata = asked.map_err(Failure::of_discovery)?;
            self.check_addresses(&metadata)?;
            Ok(answered(metadata))
        };
        let metadata = self.call("discovery").run(QUESTIONS, ask).await?;
        Ok(Provider {
            metadata,
            read: self.clock.now(),
        })
    }

    /// The browser is sent to one of them, and a secret to another.
    fn check_addresses(&self, metadata: &CoreProviderMetadata) -> Result<(), Failure> {
        let token = metadata.token_endpoint().ok_or(NO_TOKENS)?;
        let addresses = [metadata.authorization_endpoint().url(), token.url()];
        for address in addresses {
            exchange::check(address, self.exchange.may_be_local)?;
        }
        Ok(())
    }

    fn library_client(&self, provider: &Provider, redirect: &RedirectUrl) -> LibraryClient {
        let metadata = provider.metadata.clone();
        let secret = ClientSecret::new(self.client_secret.expose().to_owned());
        // Without a word of the provider, HTTP Basic is what it has to take (Discovery 1.0, section 3).
        let methods = metadata.token_endpoint_auth_methods_supported();
        let takes_basic =
            methods.is_none_or(|it| it.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let client =
            CoreClient::from_provider_metadata(metadata, self.client_id.clone(), Some(secret));
        client
            .set_redirect_uri(redirect.clone())
            .set_auth_type(if takes_basic {
                AuthType::BasicAuth
            } else {
                AuthType::RequestBody
            })
    }

    /// Turns a code into tokens. The provider takes it once, so the request is repeated only if nothing of it was sent.
    async fn redeem(
        &self,
        client: &LibraryClient,
        code: &Secret,
        checks: &LoginChecks,
    ) -> Result<CoreTokenResponse, Failure> {
        let fetch = self.exchange.of(&TOKENS).fetch();
        let redeem = || async {
            let code = AuthorizationCode::new(code.expose().to_owned());
            let request = client.exchange_code(code).map_err(|_| NO_TOKENS)?;
            let verifier = PkceCodeVerifier::new(checks.verifier.expose().to_owned());
            let request = request.set_pkce_verifier(verifier);
            let tokens = request.request_async(&fetch).await;
            tokens.map(answered).map_err(Failure::of_tokens)
        };
        self.call("token").run(QUESTIONS, redeem).await
    }

    /// What the provider says of the person elsewhere (Core 1.0, section 5.3): many providers leave the e-mail address out of
    /// their proof. `None` where there is no such place.
    async fn ask_about(
        &self,
        client: &LibraryClient,
        tokens: &CoreTokenResponse,
        subject: &SubjectIdentifier,
    ) -> Result<Option<CoreUserInfoClaims>, Failure> {
        let request = || client.user_info(tokens.access_token().clone(), Some(subject.clone()));
        if request().is_err() {
            return Ok(None);
        }
        let fetch = self.exchange.of(&PERSON).fetch();
        let ask = || async {
            let request = request().map_err(|_| Failure::Provider("it tells nothing of people"))?;
            let claims = request.request_async(&fetch).await;
            claims
                .map(Some)
                .map(answered)
                .map_err(Failure::of_user_info)
        };
        self.call("user_info").run(QUESTIONS, ask).await
    }

    async fn identify(
        &self,
        answer: LoginAnswer,
        redirect: &str,
        checks: &LoginChecks,
    ) -> Result<Identity, Arc<Failure>> {
        let redirect = &redirect_url(redirect)?;
        if answer.issuer.is_some_and(|it| it != **self.issuer) {
            return Err(Failure::Proof("the answer is of another issuer").into());
        }
        let provider = self.provider().await?;
        let client = self.library_client(&provider, redirect);
        let tokens = self.redeem(&client, &answer.code, checks).await?;
        let claims = match proof::claims(&client, &tokens, checks, &*self.clock) {
            Err(Failure::UnknownKey) => {
                let provider = self.provider_after(&provider).await?;
                let client = self.library_client(&provider, redirect);
                proof::claims(&client, &tokens, checks, &*self.clock)?
            }
            claims => claims?,
        };
        let told = (claims.email(), claims.email_verified());
        if let (Some(email), is_verified) = told {
            return identity(claims.subject(), Some(email), is_verified).map_err(Arc::new);
        }
        let more = self.ask_about(&client, &tokens, claims.subject()).await?;
        let told = more.as_ref().map(|it| (it.email(), it.email_verified()));
        let (email, is_verified) = told.unwrap_or_default();
        identity(claims.subject(), email, is_verified).map_err(Arc::new)
    }
}

fn redirect_url(redirect: &str) -> Result<RedirectUrl, Failure> {
    RedirectUrl::new(redirect.to_owned()).map_err(|_| Failure::Unsendable)
}

/// An answer with the one status that its call succeeds by.
fn answered<T>(value: T) -> Answer<T> {
    Answer { status: 200, value }
}

/// The person, of what the provider has told. A name around the address is not taken off: it could be another address.
fn identity(
    subject: &SubjectIdentifier,
    email: Option<&EndUserEmail>,
    is_verified: Option<bool>,
) -> Result<Identity, Failure> {
    let subject = Subject::new(subject.to_string());
    let email = email.map(|it| it.as_str());
    let parsed = |text: &str| EmailAddress::parse(text).filter(|it| it.expose() == text);
    Ok(Identity {
        subject: subject.ok_or(Failure::Proof("the subject is none"))?,
        email: email.and_then(parsed),
        email_verified: is_verified.unwrap_or(false),
    })
}

#[async_trait]
impl IdentityProvider for OpenIdClient {
    async fn begin(&self, redirect: &str) -> Result<BegunLogin, IdentityError> {
        let redirect = redirect_url(redirect)
            .map_err(Arc::new)
            .map_err(failure::to_port)?;
        let provider = self.provider().await.map_err(failure::to_port)?;
        let client = self.library_client(&provider, &redirect);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            CsrfToken::new_random,
            Nonce::new_random,
        );
        let scopes = SCOPES.map(|scope| Scope::new(scope.to_owned()));
        let request = request.add_scopes(scopes).set_pkce_challenge(challenge);
        let (url, state, nonce) = request.url();
        let secret = |text: &str| Secret::new(text.to_owned());
        Ok(BegunLogin {
            url: url.into(),
            checks: LoginChecks {
                state: secret(state.secret()),
                nonce: secret(nonce.secret()),
                verifier: secret(verifier.secret()),
            },
        })
    }

    async fn finish(
        &self,
        answer: LoginAnswer,
        redirect: &str,
        checks: &LoginChecks,
    ) -> Result<Identity, IdentityError> {
        let identity = self.identify(answer, redirect, checks).await;
        identity.map_err(failure::to_port)
    }
}

#[cfg(test)]
mod tests;
