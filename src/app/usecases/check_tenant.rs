//! Checking one tenant as a publication would use it, without publishing: config, storage, captions, platforms. Used by
//! `publisher check`.
//!
//! It calls the ports themselves: the caches keep no causes of failures.

use std::{fmt::Write as _, sync::Arc};

use crate::{
    app::{
        runtime::error_chain::ErrorChain,
        tenancy::{
            listing_cache::{read_whole, too_large},
            model_lifecycles::label,
            tenant::ProviderFactories,
        },
    },
    domain::{
        credential::{AiCredential, Credential, Provider},
        host::Host,
        request_id::RequestId,
        secret::CredentialsRef,
        storage::StorageAccess,
        tenant_config::{AiSettings, ModelLifecycle, Resolved, TenantConfig, Validated},
    },
    ports::{
        CaptionError, ConfigSourceError, CredentialError, CredentialQuery, CredentialStore,
        ImageStoreError, PublishError, PublisherFactory, TenantConfigSource,
    },
};

/// The finding of one step. Holds no host, no secret and no folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It works.
    Good(String),
    /// It works, but deserves a look.
    Note(String),
    /// It does not work; says what to do.
    Wrong(String),
}

/// One step of the check, such as `storage`, with its finding.
pub type Step = (String, Finding);

/// Checks tenants.
pub struct CheckTenant {
    /// The source of configs.
    pub configs: Arc<dyn TenantConfigSource>,
    /// The source of credentials.
    pub credentials: Arc<dyn CredentialStore>,
    /// The factories of clients.
    pub providers: ProviderFactories,
}

impl CheckTenant {
    /// Checks everything that the tenant of a host needs. Writes nothing, posts nothing, and makes no call that costs
    /// money.
    pub async fn run(&self, host: &Host, request_id: &RequestId) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some(config) = self.config(host, request_id, &mut steps).await else {
            return steps;
        };
        let credential = match config.settings().storage.credential() {
            Some((provider, reference)) => {
                let credential = self.credential(&config, provider, reference, request_id);
                credential.await.map(Some)
            }
            None => Ok(None),
        };
        let resolved = match credential {
            Ok(credential) => self.storage(&config, credential, &mut steps).await,
            Err(why) => {
                steps.push(("storage".to_owned(), Finding::Wrong(why)));
                None
            }
        };
        let Some(resolved) = resolved else {
            let text = "not looked at, because storage cannot be opened".to_owned();
            steps.push(("platforms".to_owned(), Finding::Note(text)));
            return steps;
        };
        let captions = self.captions(&config, &resolved, request_id).await;
        steps.push(("captions".to_owned(), captions));
        for factory in &self.providers.publishers {
            let name = factory.spec().platform.as_str().to_owned();
            let finding = self.platform(&**factory, &config, request_id);
            steps.push((name, finding.await));
        }
        steps
    }

    /// The tenant's config, if it is usable.
    async fn config(
        &self,
        host: &Host,
        request_id: &RequestId,
        steps: &mut Vec<Step>,
    ) -> Option<Arc<TenantConfig<Validated>>> {
        let mut add = |thing: &str, finding| steps.push((thing.to_owned(), finding));
        let unvalidated = match self.configs.fetch(host, request_id).await {
            Ok(config) => config,
            Err(error) => {
                add("tenant", Finding::Wrong(no_config(&error)));
                return None;
            }
        };
        let found = format!("{} is known", unvalidated.tenant());
        add("tenant", Finding::Good(found));
        match unvalidated.validate(self.providers.platforms) {
            Ok(config) => {
                if config.warnings().is_empty() {
                    add("config", Finding::Good("all fields are good".to_owned()));
                }
                for problem in config.warnings() {
                    let text = format!("{}: {}", problem.path(), problem.rule());
                    let finding = if problem.is_advice() {
                        Finding::Note(text)
                    } else {
                        Finding::Wrong(text)
                    };
                    add("config", finding);
                }
                let ai = config.settings().ai.as_deref();
                for (_, model, lifecycle) in ai.into_iter().flat_map(AiSettings::lifecycles) {
                    add("config", model_ends(model, lifecycle));
                }
                Some(Arc::new(config))
            }
            Err(violations) => {
                for problem in violations.fields() {
                    let text = format!("{}: {}", problem.path(), problem.rule());
                    add("config", Finding::Wrong(text));
                }
                None
            }
        }
    }

    /// Lists the images. Returns the config with its storage, also when listing fails.
    async fn storage(
        &self,
        config: &Arc<TenantConfig<Validated>>,
        credential: Option<Arc<Credential>>,
        steps: &mut Vec<Step>,
    ) -> Option<TenantConfig<Resolved>> {
        let mut add = |finding| steps.push(("storage".to_owned(), finding));
        let kind = config.settings().storage.kind;
        let Ok(access) = StorageAccess::new(kind, credential) else {
            add(Finding::Wrong(
                "its credential is of another provider".to_owned(),
            ));
            return None;
        };
        let resolved = Arc::clone(config).resolve(access);
        let storage = self.providers.images.open(&resolved);
        add(match read_whole(&*storage.images).await {
            Ok(read) if read.listing.is_truncated() => {
                let root = &config.settings().storage.paths.root;
                Finding::Wrong(no_storage(&too_large(root), config))
            }
            Ok(read) => match read.listing.len() {
                0 => Finding::Note(
                    "it can be listed; there is no image in the root folder".to_owned(),
                ),
                1 => Finding::Good("it can be listed: 1 image in the root folder".to_owned()),
                many => Finding::Good(format!(
                    "it can be listed: {many} images in the root folder"
                )),
            },
            Err(error) => Finding::Wrong(no_storage(&error, config)),
        });
        Some(resolved)
    }

    async fn captions(
        &self,
        config: &TenantConfig<Validated>,
        resolved: &TenantConfig<Resolved>,
        request_id: &RequestId,
    ) -> Finding {
        let Some(ai) = &config.settings().ai else {
            let text = "off: the config has no AI block, or one that is switched off (with one tenant from the environment: \
                        OPENAI_API_KEY); each publication needs a caption";
            return Finding::Note(text.to_owned());
        };
        let reference = &ai.credentials_ref;
        let credential = self.credential(config, Provider::OPENAI, reference, request_id);
        let credential = match credential.await.map(AiCredential::try_from) {
            Ok(Ok(credential)) => credential,
            Ok(Err(error)) => return Finding::Wrong(error.to_string()),
            Err(why) => return Finding::Wrong(why),
        };
        let writer = self.providers.captions.open(resolved, ai, credential);
        match writer.check().await {
            Ok(seen) => Finding::Good(seen.to_owned()),
            Err(error) => Finding::Wrong(no_captions(&error)),
        }
    }

    async fn platform(
        &self,
        factory: &dyn PublisherFactory,
        config: &TenantConfig<Validated>,
        request_id: &RequestId,
    ) -> Finding {
        let spec = factory.spec();
        let Some(target) = config.settings().platforms.target(spec.platform) else {
            return Finding::Note("off: no publisher of this type is on".to_owned());
        };
        let reference = target.credentials_ref();
        let credential = self.credential(config, spec.provider, reference, request_id);
        let credential = match credential.await {
            Ok(credential) => credential,
            Err(why) => return Finding::Wrong(why),
        };
        match factory.open(target, credential, config.settings()) {
            Ok(publisher) => match publisher.check().await {
                Ok(seen) => Finding::Good(seen.to_owned()),
                Err(error) => Finding::Wrong(no_platform(&error)),
            },
            Err(error) => Finding::Wrong(error.to_string()),
        }
    }

    /// A credential, or why there is none, and what to do.
    async fn credential(
        &self,
        config: &TenantConfig<Validated>,
        provider: Provider,
        reference: &CredentialsRef,
        request_id: &RequestId,
    ) -> Result<Arc<Credential>, String> {
        let query = CredentialQuery::new(config, provider, reference, request_id);
        match self.credentials.resolve(&query).await {
            Ok(credential) => Ok(Arc::new(credential)),
            Err(CredentialError::NotFound) => Err(format!(
                "the {provider} credential that the config names does not exist, or is another \
                 tenant's: store it, or correct the reference in the config"
            )),
            Err(CredentialError::OutOfCredit) => Err(format!(
                "the {provider} credential is held back, because the tenant is out of credit"
            )),
            Err(error) => Err(format!(
                "no {provider} credential can be had: {}",
                ErrorChain(&error)
            )),
        }
    }
}

/// What a config says of the end of a model, which answers until then.
fn model_ends(model: &str, lifecycle: &ModelLifecycle) -> Finding {
    let mut text = format!("the model {} ends", label(model));
    if let Some(date) = lifecycle.shutdown_date {
        let _ = write!(text, " on {date}");
    }
    match &lifecycle.recommended_replacement {
        Some(other) => {
            let _ = write!(text, "; {} is recommended in its place", label(other));
        }
        None => text.push_str("; name another in the config"),
    }
    Finding::Note(text)
}

fn no_config(error: &ConfigSourceError) -> String {
    match error {
        ConfigSourceError::NotFound => {
            "no tenant has this host: check the host, and whether the tenant is suspended, or another \
             app's"
                .to_owned()
        }
        ConfigSourceError::Unauthorized(_)
        | ConfigSourceError::Unavailable { .. }
        | ConfigSourceError::Malformed(_) => ErrorChain(error).to_string(),
    }
}

/// The failure of storage, without the root folder, which the texts for admins name.
fn no_storage(error: &ImageStoreError, config: &TenantConfig<Validated>) -> String {
    match error {
        ImageStoreError::Misconfigured { detail, .. } => {
            let root = config.settings().storage.paths.root.as_str();
            detail.replace(&format!("\"{root}\" "), "")
        }
        ImageStoreError::Unauthorized { setting, .. } => match setting {
            Some(setting) => format!("{error}: set a new {setting}"),
            None => format!("{error}: connect the account anew, and store its new credential"),
        },
        other => ErrorChain(other).to_string(),
    }
}

fn no_captions(error: &CaptionError) -> String {
    match error {
        CaptionError::Unauthorized(_) => format!("{error}: make a new key, and set it"),
        CaptionError::QuotaExhausted => {
            format!("{error}: pay for more in the account that the key is of")
        }
        CaptionError::Misconfigured { .. } => error.to_string(),
        other => ErrorChain(other).to_string(),
    }
}

/// The failure of a platform: the text for people, or its cause where that says nothing.
fn no_platform(error: &PublishError) -> String {
    match error {
        PublishError::Unavailable { detail, .. } | PublishError::Unauthorized { detail, .. }
            if detail.is_empty() =>
        {
            ErrorChain(error).to_string()
        }
        PublishError::Unknown(_) => ErrorChain(error).to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
