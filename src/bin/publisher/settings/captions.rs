//! The settings of `publisher captions score --live`: those that captions are written with, as one tenant of the
//! environment has them. The rest of the service's may be missing.

use publisher::{
    adapters::{
        env::{Environment, SettingProblems},
        http_client::ExtraRoots,
        openai::OpenAiSettings,
    },
    domain::{
        credential::{AiCredential, ProviderCredential as _},
        secret::Secret,
    },
};
use serde_json::{Map, Value};

use super::{extra_roots, openai, other_names};

/// The variable of the block `ai` of the tenant's config.
pub(crate) const OPENAI_SETTINGS: &str = "OPENAI_SETTINGS";

/// What captions are written with.
pub(crate) struct WriterSettings {
    pub(crate) openai: OpenAiSettings,
    /// Roots that are trusted beside the system's.
    pub(crate) roots: ExtraRoots,
    pub(crate) api_key: Secret,
    /// The fields of `OPENAI_SETTINGS`: models and prompts.
    pub(crate) ai: Map<String, Value>,
    /// What an operator should know of.
    pub(crate) warnings: Vec<String>,
}

impl WriterSettings {
    /// Reads them.
    ///
    /// # Errors
    /// All problems of these alone.
    pub(crate) fn read(mut environment: Environment) -> Result<Self, SettingProblems> {
        other_names::take(&mut environment);
        let roots = extra_roots(&mut environment);
        let openai = openai(&mut environment);
        let api_key = api_key(&mut environment);
        let ai = environment.json_object(OPENAI_SETTINGS);
        let warnings = environment.warnings().iter();
        let warnings = warnings.map(ToString::to_string).collect();
        let settings = openai.zip(api_key).map(|(openai, api_key)| Self {
            openai,
            roots,
            api_key,
            ai: ai.unwrap_or_default(),
            warnings,
        });
        environment.finish_with(settings)
    }
}

fn api_key(environment: &mut Environment) -> Option<Secret> {
    let [field, ..] = AiCredential::PROVIDER.fields() else {
        return None;
    };
    let problems = environment.problem_count();
    let key = environment.secret(field.variable);
    if key.is_none() && environment.problem_count() == problems {
        environment.reject(field.variable, "is required: captions are written with it");
    }
    key.map(|key| field.tidied(key))
}
