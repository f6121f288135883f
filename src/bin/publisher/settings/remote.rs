//! The running service that `publisher publish` asks, where one is named.

use publisher::{
    adapters::{
        env::{Environment, SettingProblems},
        http_client::ExtraRoots,
    },
    domain::secret::Secret,
};
use url::Url;

use super::{auth, base_url, extra_roots, other_names};

const NAME: &str = "PUBLISHER_URL";

/// A running service, and what it is shown.
pub(crate) struct RemoteSettings {
    pub(crate) url: Url,
    pub(crate) token: Secret,
    /// Roots that are trusted beside the system's.
    pub(crate) roots: ExtraRoots,
    /// What an operator should know of.
    pub(crate) warnings: Vec<String>,
}

/// Whether a running service is named.
pub(crate) fn is_named(environment: &mut Environment) -> bool {
    environment.text(NAME).is_some()
}

impl RemoteSettings {
    /// Reads them; no other setting is needed.
    ///
    /// # Errors
    /// All problems of these alone.
    pub(crate) fn read(mut environment: Environment) -> Result<Self, SettingProblems> {
        other_names::take(&mut environment);
        let url = base_url::read(&mut environment, NAME, None);
        let problems = environment.problem_count();
        let token = auth::token(&mut environment);
        if token.is_none() && environment.problem_count() == problems {
            let rule = "is required beside PUBLISHER_URL: the running service is shown it";
            environment.reject(auth::TOKEN, rule);
        }
        let roots = extra_roots(&mut environment);
        let warnings = environment.warnings().iter();
        let warnings = warnings.map(ToString::to_string).collect();
        let settings = url.zip(token).map(|(url, token)| Self {
            url,
            token,
            roots,
            warnings,
        });
        environment.finish_with(settings)
    }
}
