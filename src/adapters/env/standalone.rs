//! One tenant from the environment: the rollback plan when there is no orchestrator.
//!
//! The variables are put together as a runtime config document of schema version 2, which goes
//! through the same validation as the orchestrator's. It does so once at the start too: what
//! would only switch something off there is an error here, because here the operator is at hand. What
//! has no effect is only warned of.

mod document;
mod fields;
mod publishers;

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use serde_json::Value;

use super::Environment;
use crate::{
    domain::{
        credential::{Credential, CredentialVersion, Provider},
        host::Host,
        pasted::{doubt, tidy},
        request_id::RequestId,
        secret::Secret,
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{SchemaVersion, TenantConfig, Unvalidated},
    },
    ports::{
        ConfigSourceError, CredentialError, CredentialQuery, CredentialStore, TenantConfigSource,
    },
};

/// The name of the tenant when no host names it.
const DEFAULT_TENANT: &str = "default";
/// The version of everything here: the environment of a process never changes.
const VERSION: &str = "env";

/// The references that the document names the secrets by.
const STORAGE_REF: &str = "env:dropbox";
const AI_REF: &str = "env:openai";
const TELEGRAM_REF: &str = "env:telegram";
const SMTP_REF: &str = "env:smtp";

/// The only tenant of a service without an orchestrator: its config and its secrets.
pub struct StandaloneTenant {
    host: Option<Host>,
    name: TenantName,
    document: Value,
    secrets: Secrets,
}

/// The secrets, as far as they are set.
struct Secrets {
    dropbox: Option<Secret>,
    openai: Option<Secret>,
    telegram: Option<Secret>,
    smtp: Option<Secret>,
}

impl StandaloneTenant {
    /// Reads and checks every variable of the tenant. `None` when any is bad; the problems are
    /// then in the environment, all of them.
    #[must_use]
    pub fn from_environment(environment: &mut Environment) -> Option<Self> {
        let problems_before = environment.problem_count();
        let host = read_host(environment);
        let secrets = Secrets::read(environment);
        let document = document::read(environment, &secrets, problems_before);
        let name = host
            .as_ref()
            .and_then(tenant_name)
            .or_else(|| TenantName::new(DEFAULT_TENANT))?;
        (environment.problem_count() == problems_before).then_some(Self {
            host,
            name,
            document,
            secrets,
        })
    }

    /// The only host that is served; `None` serves any.
    #[must_use]
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The tenant's name: `default`, or the first label of its host.
    #[must_use]
    pub fn name(&self) -> &TenantName {
        &self.name
    }

    fn config(&self) -> TenantConfig<Unvalidated> {
        TenantConfig::new(
            self.name.clone(),
            ConfigVersion::new(VERSION),
            ConfigTtl::from_seconds(Some(i64::MAX)),
            SchemaVersion::V2,
            self.document.clone(),
        )
    }
}

#[async_trait]
impl TenantConfigSource for StandaloneTenant {
    /// The same config for every host: who may be served under which is decided before.
    async fn fetch(
        &self,
        _host: &Host,
        _request_id: &RequestId,
    ) -> Result<TenantConfig<Unvalidated>, ConfigSourceError> {
        Ok(self.config())
    }

    async fn probe(&self, _host: &Host, _request_id: &RequestId) -> Result<(), ConfigSourceError> {
        Ok(())
    }
}

#[async_trait]
impl CredentialStore for StandaloneTenant {
    async fn resolve(&self, query: &CredentialQuery) -> Result<Credential, CredentialError> {
        let (provider, secret) = match query.reference.expose() {
            STORAGE_REF => (Provider::Dropbox, &self.secrets.dropbox),
            AI_REF => (Provider::OpenAi, &self.secrets.openai),
            TELEGRAM_REF => (Provider::Telegram, &self.secrets.telegram),
            SMTP_REF => (Provider::Smtp, &self.secrets.smtp),
            _ => return Err(CredentialError::NotFound),
        };
        if provider != query.provider {
            return Err(CredentialError::Malformed(
                "the reference is another provider's".into(),
            ));
        }
        let secret = secret.as_ref().ok_or(CredentialError::NotFound)?;
        // A secret has no `Clone` so that none is copied by accident. This is the one place that
        // must: the environment cannot be asked a second time, and each credential is its
        // owner's to wipe.
        let copy = Secret::new(secret.expose().to_owned());
        let version = CredentialVersion::new(VERSION);
        Ok(Credential::new(provider, copy, version, None))
    }
}

impl Secrets {
    fn read(environment: &mut Environment) -> Self {
        let problems_before = environment.problem_count();
        let dropbox = environment.secret("DROPBOX_REFRESH_TOKEN");
        if dropbox.is_none() && environment.problem_count() == problems_before {
            environment.reject("DROPBOX_REFRESH_TOKEN", "is required");
        }
        Self {
            dropbox,
            openai: pasted(environment, "OPENAI_API_KEY", Provider::OpenAi),
            telegram: pasted(environment, "TELEGRAM_BOT_TOKEN", Provider::Telegram),
            smtp: environment.secret("EMAIL_PASSWORD"),
        }
    }
}

/// A secret without what was pasted with it; what looks wrong with it is warned of.
fn pasted(environment: &mut Environment, name: &str, provider: Provider) -> Option<Secret> {
    let secret = tidy(provider, environment.secret(name)?);
    if provider == Provider::OpenAi && secret.expose().contains(char::is_control) {
        let rule = "must have no control characters: a header carries none";
        environment.reject(environment.set_name(name), rule);
        return None;
    }
    if let Some(rule) = doubt(provider, &secret) {
        environment.warn(environment.set_name(name), rule);
    }
    Some(secret)
}

impl fmt::Debug for StandaloneTenant {
    /// Hides everything but the name: the rest is hosts, addresses and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandaloneTenant")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn read_host(environment: &mut Environment) -> Option<Host> {
    const NAME: &str = "STANDALONE_HOST";
    let text = environment.text(NAME)?;
    let host = Host::normalise_any(&text).ok();
    if host.is_none() {
        environment.reject(NAME, "must be a host name or an IP address");
    }
    host
}

/// The first label; an address has none.
fn tenant_name(host: &Host) -> Option<TenantName> {
    let is_address = host.as_str().parse::<IpAddr>().is_ok();
    (!is_address)
        .then(|| TenantName::new(host.first_label()))
        .flatten()
}

#[cfg(test)]
mod tests;
