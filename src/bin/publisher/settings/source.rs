//! Where tenants come from, as the environment says.

use super::base_url;
use publisher::{
    adapters::{
        env::{Environment, StandaloneTenant},
        orchestrator::{OrchestratorSettings, ServiceToken},
        platforms,
    },
    domain::{host::Host, storage::AllowedStorage},
};

/// Where tenants come from.
pub(crate) enum Source {
    /// The environment itself: one tenant.
    Standalone(Box<StandaloneTenant>),
    /// The orchestrator.
    Orchestrator {
        /// How it is reached.
        settings: Box<OrchestratorSettings>,
        /// The host that is asked about to find out whether the orchestrator answers. It need not
        /// be a tenant's.
        probe_host: Host,
        /// Whether it must answer for this process to be ready.
        readiness_asks: bool,
        /// How many usage events may wait for its billing; `None`: it gets none.
        usage_outbox: Option<u32>,
    },
}

/// Which source is chosen, whether or not it can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chosen {
    Standalone,
    Orchestrator,
}

impl Chosen {
    /// The environment unless an orchestrator is named, or as `CONFIG_SOURCE` says; `None` where that
    /// says neither.
    pub(super) fn read(environment: &mut Environment) -> Option<Self> {
        let chosen = choose(environment).map(|(chosen, _)| chosen);
        if chosen.is_none() {
            environment.reject("CONFIG_SOURCE", "must be `env` or `orchestrator`");
        }
        chosen
    }
}

/// Where tenants come from, and which setting says so, for `publisher check`; `None` where
/// `CONFIG_SOURCE` says neither.
pub(crate) fn choice(environment: &mut Environment) -> Option<&'static str> {
    choose(environment).map(|(_, why)| why)
}

fn choose(environment: &mut Environment) -> Option<(Chosen, &'static str)> {
    use Chosen::{Orchestrator, Standalone};
    let is_named = environment.text("ORCHESTRATOR_BASE_URL").is_some();
    Some(match environment.text("CONFIG_SOURCE").as_deref() {
        Some("orchestrator") => (
            Orchestrator,
            "an orchestrator, because CONFIG_SOURCE=orchestrator",
        ),
        Some("env") => (
            Standalone,
            "one tenant from the environment, because CONFIG_SOURCE=env",
        ),
        Some(_) => return None,
        None if is_named => (
            Orchestrator,
            "an orchestrator, because ORCHESTRATOR_BASE_URL is set",
        ),
        None => (
            Standalone,
            "one tenant from the environment, because ORCHESTRATOR_BASE_URL is not set",
        ),
    })
}

impl Source {
    /// The value of `CONFIG_SOURCE` that chooses it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Standalone(_) => "env",
            Self::Orchestrator { .. } => "orchestrator",
        }
    }

    /// How many usage events may wait for billing; `None`: there is none.
    pub(crate) fn usage_outbox(&self) -> Option<u32> {
        match self {
            Self::Standalone(_) => None,
            Self::Orchestrator { usage_outbox, .. } => *usage_outbox,
        }
    }

    /// Reads the settings of the chosen source.
    pub(super) fn read(environment: &mut Environment, chosen: Option<Chosen>) -> Option<Self> {
        match chosen? {
            Chosen::Orchestrator => orchestrator(environment),
            Chosen::Standalone => standalone(environment),
        }
    }
}

fn standalone(environment: &mut Environment) -> Option<Source> {
    StandaloneTenant::from_environment(environment, platforms::spec)
        .map(Box::new)
        .map(Source::Standalone)
}

fn orchestrator(environment: &mut Environment) -> Option<Source> {
    let base_url = base_url::read(environment, "ORCHESTRATOR_BASE_URL", None);
    if base_url.is_none() && !environment.has_problem("ORCHESTRATOR_BASE_URL") {
        environment.reject(
            "ORCHESTRATOR_BASE_URL",
            "is required when CONFIG_SOURCE=orchestrator",
        );
    }
    let service_token = service_token(environment);
    let prefer_post = environment.boolean("ORCHESTRATOR_PREFER_POST", true);
    let readiness_asks = environment.boolean("READINESS_REQUIRES_ORCHESTRATOR", true);
    let usage_outbox = usage_outbox(environment);
    let base_domain = base_domain(environment);
    let probe_host = Host::normalize(&format!("healthcheck.{base_domain}")).ok();
    let base_domain = Host::normalize_any(&base_domain).ok();
    if probe_host.is_none() || base_domain.is_none() {
        environment.reject("ORCHESTRATOR_BASE_DOMAIN", "must be a domain name");
    }
    let (base_url, service_token) = (base_url?, service_token?);
    let settings = Box::new(OrchestratorSettings {
        base_url,
        service_token,
        base_domain: base_domain?,
        prefer_post,
        storage: AllowedStorage::WithCredential,
    });
    Some(Source::Orchestrator {
        settings,
        probe_host: probe_host?,
        readiness_asks,
        usage_outbox,
    })
}

fn usage_outbox(environment: &mut Environment) -> Option<u32> {
    const MAX: &str = "USAGE_OUTBOX_MAX";
    let reports = environment.boolean("USAGE_REPORTING", true);
    let max = environment.number(MAX, 100_000, 1..=10_000_000);
    if !reports && environment.is_set(MAX) {
        environment.warn(MAX, "has no effect beside USAGE_REPORTING=false");
    }
    reports.then_some(max)
}

/// The domain of the tenants' hosts. Its default is that of one installation; all others are warned when they do not
/// set it.
fn base_domain(environment: &mut Environment) -> String {
    const NAME: &str = "ORCHESTRATOR_BASE_DOMAIN";
    const DEFAULT: &str = "shibari.photo";
    let domain = environment.text(NAME);
    if domain.is_none() {
        let rule = format!(
            "is not set: the default {DEFAULT} counts as the domain of the tenants' hosts; set your own"
        );
        environment.warn(NAME, rule);
    }
    // Asked for with its default, so that it is known.
    environment.text_or(NAME, DEFAULT)
}

/// From `ORCHESTRATOR_SERVICE_TOKEN`, or from a file that is looked at again.
fn service_token(environment: &mut Environment) -> Option<ServiceToken> {
    const NAME: &str = "ORCHESTRATOR_SERVICE_TOKEN";
    let problems_before = environment.problem_count();
    let Some((token, file)) = environment.secret_and_file(NAME) else {
        if environment.problem_count() == problems_before {
            environment.reject(NAME, "is required");
        }
        return None;
    };
    let token = match file {
        Some(path) => ServiceToken::in_file(token, path),
        None => ServiceToken::fixed(token),
    };
    if !token.can_travel() {
        let rule = "must be visible ASCII: a header carries no other";
        environment.reject(environment.set_name(NAME), rule);
        return None;
    }
    Some(token)
}

#[cfg(test)]
mod tests {
    use std::io;

    use publisher::adapters::env::SettingProblems;

    use super::*;

    fn problems(more: [(&str, &str); 2]) -> Vec<String> {
        let base_url = ("ORCHESTRATOR_BASE_URL", "https://orchestrator.example.org");
        let mut environment = Environment::from_pairs([base_url].into_iter().chain(more));
        let source = Source::read(&mut environment, Some(Chosen::Orchestrator));
        let problems = environment.finish_with(source).err();
        let problems = problems.as_ref().map_or(&[][..], SettingProblems::as_slice);
        let names = problems.iter();
        names.map(|problem| problem.name().to_owned()).collect()
    }

    #[test]
    fn the_service_token_is_a_value_or_a_file_but_not_both() {
        let (name, file) = (
            "ORCHESTRATOR_SERVICE_TOKEN",
            "ORCHESTRATOR_SERVICE_TOKEN_FILE",
        );
        let mut written = tempfile::NamedTempFile::new().unwrap();
        let path = written.path().to_str().unwrap().to_owned();
        assert_eq!(problems([(name, "token"), (file, "")]), [""; 0]);
        assert_eq!(problems([(name, ""), (file, "")]), [name]);
        assert_eq!(problems([(name, ""), (file, &path)]), [file], "empty");
        io::Write::write_all(&mut written, b"token\n").unwrap();
        assert_eq!(problems([(name, ""), (file, &path)]), [""; 0]);
        assert_eq!(problems([(name, "token"), (file, &path)]), [name]);
        io::Write::write_all(&mut written, b"and another\n").unwrap();
        assert_eq!(problems([(name, ""), (file, &path)]), [file], "two lines");
        assert_eq!(problems([(name, "to\u{e9}ken"), (file, "")]), [name]);
        assert_eq!(problems([(name, ""), (file, "/nowhere")]), [file]);
    }
}
