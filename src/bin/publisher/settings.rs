//! All settings of the service, read and checked in one place. `main.rs` takes them apart: each
//! part goes to the one who needs it, and nobody below sees the whole.

mod auth;
mod base_url;
mod capacity;
mod dropbox;
pub(crate) mod ledger;
mod names;
mod other_names;
pub(crate) mod source;
mod traces;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use publisher::{
    adapters::{
        dropbox::DropboxSettings,
        env::{Environment, SettingProblem, SettingProblems},
        http_client::ExtraRoots,
        ledger::LedgerSettings,
        openai::OpenAiSettings,
        otlp::OtlpSettings,
        smtp::{EhloName, InvalidEhloName},
    },
    app::{
        http::auth::AuthSettings,
        runtime::keyed_limit::PublishLimit,
        tenancy::{
            config_cache::ConfigCacheSettings,
            credentials::{CredentialCacheSettings, MAX_CREDENTIAL_TTL},
            resolve_tenant::TenancySettings,
            tenant_cache::TenantCacheSettings,
        },
    },
    domain::{
        image_memory::ImageMemory,
        trusted_proxies::{InvalidProxies, TrustedProxies},
    },
};
use url::Url;

use self::source::Chosen;
pub(crate) use self::source::Source;
use crate::life_cycle::ShutdownTimes;

/// Where the service listens when nobody says.
const DEFAULT_PORT: u16 = 8080;
/// Where metrics are scraped when nobody says: from this machine only.
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// The longest that a stale config may be served, in seconds (a week).
const LONGEST_STALE: u64 = 604_800;

/// Everything that the environment says.
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where metrics are scraped; `None`: nowhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How many requests are answered at a time.
    pub(crate) max_requests: NonZeroUsize,
    /// How long ending may take.
    pub(crate) shutdown: ShutdownTimes,
    /// Where tenants come from.
    pub(crate) source: Source,
    /// How tenants are kept.
    pub(crate) tenancy: TenancySettings,
    /// How credentials are kept.
    pub(crate) credentials: CredentialCacheSettings,
    /// Roots that are trusted beside the system's.
    pub(crate) roots: ExtraRoots,
    /// How Dropbox is reached.
    pub(crate) dropbox: DropboxSettings,
    /// Whether there is a Dropbox app to reach it with; no Dropbox tenant can be served without.
    pub(crate) has_dropbox_app: bool,
    /// How OpenAI is reached.
    pub(crate) openai: OpenAiSettings,
    /// The address of Telegram's Bot API.
    pub(crate) telegram_api_url: Url,
    /// What mail servers are told that we are called.
    pub(crate) ehlo_name: EhloName,
    /// Where publications are remembered.
    pub(crate) ledger: LedgerSettings,
    /// How long texts for people are kept there; `None`: for good.
    pub(crate) ledger_keep: Option<Duration>,
    /// How much one tenant publishes at a time.
    pub(crate) publishes: PublishLimit,
    /// What images may take in memory, all tenants together.
    pub(crate) memory_budget: ImageMemory,
    /// What kept thumbnails take together, in bytes; 0: none is kept.
    pub(crate) thumbnail_cache_bytes: usize,
    /// How admins are told from others.
    pub(crate) auth: AuthSettings,
    /// Whose word counts for where a request comes from.
    pub(crate) trusted_proxies: TrustedProxies,
    /// Where traces are sent; `None`: nowhere.
    pub(crate) traces: Option<OtlpSettings>,
    /// What is set and not acted on.
    pub(crate) without_effect: IgnoredSettings,
}

/// What is set and has no effect, or may have been meant otherwise, so that an operator can be told.
pub(crate) struct IgnoredSettings {
    /// What was found while the settings were read.
    pub(crate) warnings: Vec<SettingProblem>,
    /// Names that are no settings, but look as if they were meant to be.
    pub(crate) unknown: Vec<SettingProblem>,
    /// Settings of the source that is not in use. They may well be there for the day on which it
    /// is.
    pub(crate) of_the_other_source: Vec<String>,
}

impl Settings {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All problems at once, each naming its variable.
    pub(crate) fn read(mut environment: Environment) -> Result<Self, SettingProblems> {
        other_names::take(&mut environment);
        let parts = Self::parts(&mut environment);
        let known = names::known();
        environment.warn_of_quotes();
        environment.warn_of_placeholders();
        let warnings = environment.warnings().to_vec();
        let unknown = environment.unknown_names(&known);
        let of_the_other_source = environment.unused_names(&known);
        if environment.problem_count() > 0 {
            // What is missing may be there under a misspelt name.
            for name in &unknown {
                environment.reject(name.name(), name.rule());
            }
        }
        let mut settings = environment.finish_with(parts)?;
        settings.without_effect.warnings = warnings;
        settings.without_effect.unknown = unknown;
        settings.without_effect.of_the_other_source = of_the_other_source;
        Ok(settings)
    }

    /// All that an operator should be told who starts the service like this: what `serve` logs and
    /// `check` reports. Shows no value.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let IgnoredSettings {
            warnings,
            unknown,
            of_the_other_source,
        } = &self.without_effect;
        let mut told: Vec<String> = warnings
            .iter()
            .chain(unknown)
            .map(ToString::to_string)
            .collect();
        if !of_the_other_source.is_empty() {
            let names = of_the_other_source.join(" ");
            told.push(format!(
                "{names}: of the CONFIG_SOURCE that is not in use, and not looked at"
            ));
        }
        told.extend(self.auth.warnings().map(str::to_owned));
        told
    }

    /// `None` where something that is needed is missing or bad; the environment knows what. Reads
    /// on to the end all the same, so that all problems are told at once.
    fn parts(environment: &mut Environment) -> Option<Self> {
        let listen = listen_address(environment);
        let metrics_listen =
            environment.socket_address_or_off("METRICS_LISTEN_ADDRESS", DEFAULT_METRICS);
        if metrics_listen.is_some_and(|metrics| is_same_place(metrics, listen)) {
            let rule = "must not be where LISTEN_ADDRESS is: give it another port";
            environment.reject("METRICS_LISTEN_ADDRESS", rule);
        }
        let max_requests = max_requests(environment);
        let shutdown = shutdown(environment);
        let chosen = Chosen::read(environment);
        let source = Source::read(environment, chosen);
        let tenancy = tenancy(environment);
        let credentials = credential_cache(environment);
        let roots = extra_roots(environment);
        let (dropbox, has_dropbox_app) = dropbox::read(environment, chosen);
        let openai = openai(environment);
        let telegram_api_url = base_url::read(
            environment,
            "TELEGRAM_API_URL",
            Some("https://api.telegram.org"),
        );
        let ehlo_name = ehlo_name(environment);
        let ledger = ledger::location(environment, &roots);
        let ledger_keep = ledger::keep(environment);
        let publishes = capacity::publishes(environment);
        let memory_budget = capacity::memory_budget(environment);
        let thumbnail_cache_bytes = capacity::thumbnail_cache(environment);
        let auth = auth::read(environment);
        let trusted_proxies = trusted_proxies(environment);
        let traces = traces::read(environment);
        Some(Self {
            listen,
            metrics_listen,
            max_requests,
            shutdown,
            source: source?,
            tenancy,
            credentials,
            roots,
            dropbox: dropbox?,
            has_dropbox_app,
            openai: openai?,
            telegram_api_url: telegram_api_url?,
            ehlo_name,
            ledger: ledger?,
            ledger_keep,
            publishes,
            memory_budget,
            thumbnail_cache_bytes,
            auth: auth?,
            trusted_proxies,
            traces,
            without_effect: IgnoredSettings {
                warnings: Vec::new(),
                unknown: Vec::new(),
                of_the_other_source: Vec::new(),
            },
        })
    }
}

fn listen_address(environment: &mut Environment) -> SocketAddr {
    let port = environment.number("PORT", DEFAULT_PORT, 0..=u16::MAX);
    let by_port = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listen = environment.socket_address("LISTEN_ADDRESS", by_port);
    let is_good = environment.text("PORT").is_some() && !environment.has_problem("PORT");
    if is_good && listen.port() != port {
        environment.reject("PORT", "must be the port of LISTEN_ADDRESS, or be left out");
    }
    listen
}

/// Whether not both can be listened on.
fn is_same_place(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && (is_any || one.ip() == other.ip())
}

fn trusted_proxies(environment: &mut Environment) -> TrustedProxies {
    const NAME: &str = "TRUSTED_PROXIES";
    let proxies = environment.text(NAME).and_then(|text| {
        let proxies = text.parse();
        proxies
            .map_err(|rule: InvalidProxies| environment.reject(NAME, rule.to_string()))
            .ok()
    });
    let proxies: TrustedProxies = proxies.unwrap_or_default();
    if proxies.trust_everyone() {
        environment.warn(
            NAME,
            "trusts every address: anyone can make up where a request comes from, and guess without end; \
             name the proxies alone",
        );
    }
    proxies
}

fn max_requests(environment: &mut Environment) -> NonZeroUsize {
    let requests = environment.number("MAX_CONCURRENT_REQUESTS", 1_024, 1..=100_000);
    NonZeroUsize::new(requests).unwrap_or(NonZeroUsize::MIN)
}

fn shutdown(environment: &mut Environment) -> ShutdownTimes {
    const NOTICE: &str = "SHUTDOWN_NOTICE_SECONDS";
    let grace = seconds(environment, "SHUTDOWN_GRACE_SECONDS", 25, 3_600);
    let notice = Duration::from_secs(environment.number(NOTICE, 0, 0..=3_600));
    if notice >= grace {
        environment.reject(NOTICE, "must be less than SHUTDOWN_GRACE_SECONDS");
    }
    ShutdownTimes { grace, notice }
}

fn tenancy(environment: &mut Environment) -> TenancySettings {
    let TenancySettings { configs, tenants } = TenancySettings::default();
    let max_stale = Duration::from_secs(environment.number(
        "RUNTIME_CONFIG_MAX_STALE_SECONDS",
        configs.max_stale.as_secs(),
        0..=LONGEST_STALE,
    ));
    TenancySettings {
        configs: ConfigCacheSettings {
            max_size: size(
                environment,
                "RUNTIME_CONFIG_CACHE_MAX_SIZE",
                configs.max_size,
            ),
            max_stale,
            unknown_max_size: configs.unknown_max_size,
            unknown_ttl: seconds(
                environment,
                "RUNTIME_CONFIG_NEGATIVE_TTL_SECONDS",
                configs.unknown_ttl.as_secs(),
                3_600,
            ),
        },
        tenants: TenantCacheSettings {
            max_size: size(
                environment,
                "TENANT_SERVICE_CACHE_MAX_SIZE",
                tenants.max_size,
            ),
            // A tenant holds its storage credential, which is kept for ten minutes at most.
            ttl: seconds(
                environment,
                "TENANT_SERVICE_TTL_SECONDS",
                tenants.ttl.as_secs(),
                MAX_CREDENTIAL_TTL.as_secs(),
            ),
            max_stale,
        },
    }
}

fn credential_cache(environment: &mut Environment) -> CredentialCacheSettings {
    let CredentialCacheSettings {
        enabled,
        ttl,
        max_size,
    } = CredentialCacheSettings::default();
    let most = MAX_CREDENTIAL_TTL.as_secs();
    CredentialCacheSettings {
        enabled: environment.boolean("CREDENTIAL_CACHE_ENABLED", enabled),
        ttl: seconds(
            environment,
            "CREDENTIAL_CACHE_TTL_SECONDS",
            ttl.as_secs(),
            most,
        ),
        max_size: size(environment, "CREDENTIAL_CACHE_MAX_SIZE", max_size),
    }
}

fn extra_roots(environment: &mut Environment) -> ExtraRoots {
    const NAME: &str = "EXTRA_CA_CERTS_FILE";
    let Some(pem) = environment.file(NAME) else {
        return ExtraRoots::default();
    };
    ExtraRoots::from_pem(&pem).unwrap_or_else(|error| {
        environment.reject(NAME, error.to_string());
        ExtraRoots::default()
    })
}

fn openai(environment: &mut Environment) -> Option<OpenAiSettings> {
    let url = base_url::read(
        environment,
        "OPENAI_BASE_URL",
        Some("https://api.openai.com/v1"),
    );
    let calls = environment.number("AI_RATE_PER_MINUTE", 20, 1..=10_000);
    Some(OpenAiSettings {
        base_url: url?,
        calls_per_minute: NonZeroU32::new(calls)?,
    })
}

fn ehlo_name(environment: &mut Environment) -> EhloName {
    const NAME: &str = "SMTP_EHLO_NAME";
    let name = environment.text(NAME).and_then(|name| {
        let name = name.parse();
        name.map_err(|rule: InvalidEhloName| environment.reject(NAME, rule.to_string()))
            .ok()
    });
    name.unwrap_or_else(EhloName::of_this_host)
}

fn seconds(environment: &mut Environment, name: &str, default: u64, most: u64) -> Duration {
    Duration::from_secs(environment.number(name, default, 1..=most))
}

fn size(environment: &mut Environment, name: &str, default: NonZeroUsize) -> NonZeroUsize {
    let size = environment.number(name, default.get(), 1..=1_000_000);
    NonZeroUsize::new(size).unwrap_or(default)
}

#[cfg(test)]
mod tests;
