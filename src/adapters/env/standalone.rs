//! One tenant from the environment: the rollback plan when there is no orchestrator.
//!
//! The variables are put together as a runtime config document of schema version 2, which goes
//! through the same validation as the orchestrator's. This also happens once at the start. A problem that would only
//! switch something off in the orchestrator's document is an error here, because the operator is at hand. A setting
//! that has no effect only causes a warning.

mod document;
mod fields;
mod people;
mod publishers;

use std::{fmt, net::IpAddr};

use async_trait::async_trait;
use serde_json::Value;

use super::Environment;
use crate::{
    domain::{
        credential::{Credential, CredentialVersion, Provider, Secrets},
        host::Host,
        platform::Platform,
        platform_spec::PlatformSpecs,
        request_id::RequestId,
        secret::{Secret, SecretField, SecretProblem},
        storage::{AllowedStorage, StorageKind},
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

/// The reference by which the document names the credential of a provider.
fn reference(provider: Provider) -> String {
    format!("env:{provider}")
}

/// The only tenant of a service without an orchestrator: its config and its secrets.
pub struct StandaloneTenant {
    host: Option<Host>,
    name: TenantName,
    document: Value,
    secrets: AllSecrets,
}

/// The secrets of each provider, as far as they are set.
struct AllSecrets(Vec<(Provider, &'static SecretField, Option<Secret>)>);

impl StandaloneTenant {
    /// Reads and checks every variable of the tenant. `None` when any is bad; the problems are
    /// then in the environment, all of them.
    #[must_use]
    pub fn from_environment(
        environment: &mut Environment,
        platforms: PlatformSpecs,
    ) -> Option<Self> {
        let problems_before = environment.problem_count();
        let host = read_host(environment);
        let storage = read_storage(environment);
        let secrets = AllSecrets::read(environment, platforms, storage);
        let document = document::read(environment, platforms, storage, &secrets, problems_before);
        let name = name_of(host.as_ref())?;
        (environment.problem_count() == problems_before).then_some(Self {
            host,
            name,
            document,
            secrets,
        })
    }

    /// The only host that is served, if there is one, and the tenant's name, for commands that need nothing else of the
    /// tenant. `None` when the variable is bad, which is then in the environment.
    #[must_use]
    pub fn host_and_name(environment: &mut Environment) -> Option<(Option<Host>, TenantName)> {
        let host = read_host(environment);
        let name = name_of(host.as_ref())?;
        Some((host, name))
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
        .allowing(AllowedStorage::Any)
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
        let secrets = &self.secrets;
        let named = |provider: &Provider| reference(*provider) == query.reference.expose();
        let provider = secrets.providers().find(named);
        if provider.ok_or(CredentialError::NotFound)? != query.provider {
            return Err(CredentialError::Malformed(
                "the reference is another provider's".into(),
            ));
        }
        // A secret has no `Clone` so that none is copied by accident. This is the one place that
        // must: the environment cannot be asked a second time, and each credential is its
        // owner's to wipe.
        let copy = |field: &SecretField| {
            let secret = secrets.of(field)?;
            Some(Secret::new(secret.expose().to_owned()))
        };
        let copies = Secrets::read(query.provider, copy).ok_or(CredentialError::NotFound)?;
        Ok(Credential::new(
            copies,
            CredentialVersion::new(VERSION),
            None,
        ))
    }
}

impl AllSecrets {
    fn read(environment: &mut Environment, platforms: PlatformSpecs, storage: StorageKind) -> Self {
        let of_platforms = Platform::ALL.map(|it| platforms(it).provider);
        let providers = storage.provider().into_iter().chain([Provider::OPENAI]);
        let providers = providers.chain(of_platforms);
        let fields = providers.flat_map(|it| it.fields().iter().map(move |field| (it, field)));
        Self(
            fields
                .map(|(provider, field)| {
                    let problems_before = environment.problem_count();
                    let secret = read_secret(environment, field);
                    let is_silent = environment.problem_count() == problems_before;
                    let secret = secret.or_else(|| field.default_value());
                    if Some(provider) == storage.provider() && secret.is_none() && is_silent {
                        environment.reject(field.variable, "is required");
                    }
                    (provider, field, secret)
                })
                .collect(),
        )
    }

    fn providers(&self) -> impl Iterator<Item = Provider> {
        self.0.iter().map(|(provider, ..)| *provider)
    }

    fn of(&self, field: &SecretField) -> Option<&Secret> {
        let is_it = |(_, it, _): &&(_, &SecretField, _)| it.variable == field.variable;
        self.0.iter().find(is_it)?.2.as_ref()
    }

    /// Are all secrets of a provider set?
    fn has(&self, provider: Provider) -> bool {
        provider
            .fields()
            .iter()
            .all(|field| self.of(field).is_some())
    }
}

/// A secret without characters that were pasted with it. Warns of what looks wrong with it.
fn read_secret(environment: &mut Environment, field: &SecretField) -> Option<Secret> {
    let secret = field.tidied(environment.secret(field.variable)?);
    let problem = (field.check)(secret.expose());
    let name = environment.set_name(field.variable);
    match problem {
        None => {}
        Some(SecretProblem::Suspicious(rule)) => environment.warn(name, rule),
        Some(SecretProblem::Unusable(rule)) => {
            environment.reject(name, rule);
            return None;
        }
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

/// The kind of `STORAGE_PROVIDER`; the first one where that is not set.
fn read_storage(environment: &mut Environment) -> StorageKind {
    const NAME: &str = "STORAGE_PROVIDER";
    let default = StorageKind::ALL[0];
    let kind = StorageKind::from_name(&environment.text_or(NAME, default.as_str()));
    if kind.is_none() {
        environment.reject(NAME, StorageKind::rule(AllowedStorage::Any));
    }
    kind.unwrap_or(default)
}

fn read_host(environment: &mut Environment) -> Option<Host> {
    const NAME: &str = "STANDALONE_HOST";
    let text = environment.text(NAME)?;
    let host = Host::normalize_any(&text).ok();
    if host.is_none() {
        environment.reject(NAME, "must be a host name or an IP address");
    }
    host
}

/// The name of the tenant of this host.
fn name_of(host: Option<&Host>) -> Option<TenantName> {
    let named = host.and_then(tenant_name);
    named.or_else(|| TenantName::new(DEFAULT_TENANT))
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
