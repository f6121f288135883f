//! The two storages of a migration, opened as the options and the settings say.

use std::collections::BTreeMap;

use publisher::{
    adapters::env::{Environment, SettingProblems},
    app::usecases::migrate_storage::{NotOpened, Side, TenantSource, open_named, paths_of},
    domain::{
        credential::{Credential, CredentialVersion, Provider, Secrets as AllSecrets},
        request_id::RequestId,
        secret::Secret,
        storage::StorageKind,
        tenant::TenantName,
    },
};
use uuid::Uuid;

use super::options::Options;
use crate::{Failure, check, clients::Clients};

const OTHER_TARGET: &str = "--to, --to-root: with an orchestrator the target is the tenant's own storage, and its config \
                            names another one: leave both out, or change the config first";

/// Both storages.
pub(super) struct Sides {
    pub(super) tenant: TenantName,
    pub(super) source: Side,
    pub(super) target: Side,
}

/// The secrets of the kinds of storage that the options name, by their variables.
pub(super) struct Secrets(BTreeMap<&'static str, Secret>);

impl Secrets {
    /// Reads them from the environment of the process.
    ///
    /// # Errors
    /// All problems of these.
    pub(super) fn read(options: &Options, has_dropbox_app: bool) -> Result<Self, SettingProblems> {
        let mut environment = Environment::from_process();
        let mut secrets = BTreeMap::new();
        let kinds = [Some(options.from), options.to];
        for kind in kinds.into_iter().flatten() {
            for field in kind.provider().map_or(&[][..], Provider::fields) {
                if secrets.contains_key(field.variable) {
                    continue;
                }
                let problems = environment.problem_count();
                match environment.secret(field.variable) {
                    Some(secret) => {
                        secrets.insert(field.variable, field.tidied(secret));
                    }
                    None if field.default.is_none() && environment.problem_count() == problems => {
                        environment.reject(field.variable, "is required");
                    }
                    None => {}
                }
            }
            if kind == StorageKind::Dropbox && !has_dropbox_app {
                environment.reject("DROPBOX_APP_KEY and DROPBOX_APP_SECRET", "are required");
            }
        }
        environment.finish_with(Some(Self(secrets)))
    }

    /// The credential of a kind of storage; `None` where it needs none.
    fn credential(&self, kind: StorageKind) -> Option<Credential> {
        let secrets = AllSecrets::read(kind.provider()?, |field| {
            // The one copy: each credential is its owner's to wipe.
            let secret = self.0.get(field.variable)?;
            Some(Secret::new(secret.expose().to_owned()))
        });
        Some(Credential::new(
            secrets?,
            CredentialVersion::new("env"),
            None,
        ))
    }
}

/// Opens both. Contacts the orchestrator, if there is one, and no storage.
///
/// # Errors
/// [`Failure::SetUp`]: the options or the tenant's config are to be changed.
pub(super) async fn open(
    options: &Options,
    secrets: Secrets,
    clients: &Clients,
) -> Result<Sides, Failure> {
    let Clients {
        sources, providers, ..
    } = clients;
    let is_orchestrated = sources.orchestrator.is_some();
    let host = check::host_of(&sources.host_rules, options.host.as_deref());
    let host = host.map_err(|why| Failure::set_up(NotOpened(why.to_owned())))?;
    let tenants = TenantSource {
        configs: &*sources.configs,
        credentials: &*sources.secrets,
        providers,
    };
    let own = tenants.open(&host, &RequestId::from(Uuid::new_v4())).await;
    let own = own.map_err(Failure::set_up)?;
    let named = |kind, paths: serde_json::Value| {
        let credential = secrets.credential(kind);
        open_named(&own.name, kind, &paths, credential, providers).map_err(Failure::set_up)
    };
    let others = [
        &options.from_archive,
        &options.from_keep,
        &options.from_remove,
    ];
    let others = others.map(|folder| folder.as_deref());
    let source = named(options.from, paths_of(&options.from_root, others))?;
    let target = match (options.to, &options.to_root) {
        (Some(kind), Some(root)) => {
            let is_own = kind == own.kind
                && root.trim_matches('/') == own.paths.root.as_str().trim_matches('/');
            match (is_own, is_orchestrated) {
                (true, _) => own.side.clone(),
                (false, true) => {
                    return Err(Failure::set_up(NotOpened(OTHER_TARGET.to_owned())));
                }
                (false, false) => named(kind, paths_of(root, [None; 3]))?,
            }
        }
        _ => own.side.clone(),
    };
    Ok(Sides {
        tenant: own.name,
        source,
        target,
    })
}
