//! All settings of the service, read and checked in one place. `main.rs` takes them apart: each module gets the
//! part that it needs.

mod auth;
mod base_url;
pub(crate) mod captions;
mod dropbox;
mod gone_names;
mod jobs;
pub(crate) mod ledger;
mod names;
pub(crate) mod openid;
mod other_names;
pub(crate) mod remote;
pub(crate) mod source;
pub(crate) mod takeover;
mod traces;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    time::Duration,
};

use publisher::{
    adapters::{
        dropbox::DropboxSettings,
        env::{Environment, SettingProblems},
        http_client::ExtraRoots,
        ledger::LedgerSettings,
        openai::OpenAiSettings,
        otlp::OtlpSettings,
        smtp::EhloName,
    },
    app::{
        http::auth::AuthSettings,
        runtime::keyed_limit::PublishLimit,
        tenancy::{
            credentials::{CredentialCacheSettings, MAX_CREDENTIAL_TTL},
            resolve_tenant::TenancySettings,
        },
    },
    domain::{image::MAX_IMAGE_BYTES, image_memory::ImageMemory, trusted_proxies::TrustedProxies},
    ports::KeptFor,
};
use url::Url;

pub(crate) use self::{jobs::JobsSettings, source::Source};
use self::{openid::AccountSettings, source::Chosen};
use crate::life_cycle::ShutdownTimes;

/// The port of the default address.
const DEFAULT_PORT: u16 = 8080;
/// The default address of metrics: this machine only.
const DEFAULT_METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// The longest that a stale config may be served, in seconds (a week).
const LONGEST_STALE: u64 = 604_800;

/// The most that an upload may be allowed, in MiB: larger images are not published.
const MAX_UPLOAD_MIB: u64 = MAX_IMAGE_BYTES / (1024 * 1024);

/// All settings of the service.
pub(crate) struct Settings {
    /// The service itself.
    pub(crate) service: ServiceSettings,
    /// What it calls.
    pub(crate) upstreams: UpstreamSettings,
    /// What an operator should know of: settings that are ignored, or may have been meant otherwise. `serve`
    /// logs these and `check` reports them. No value is shown.
    pub(crate) warnings: Vec<String>,
}

/// The settings of the service itself.
pub(crate) struct ServiceSettings {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where metrics are scraped; `None`: nowhere.
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// How many requests are answered at a time.
    pub(crate) max_requests: NonZeroUsize,
    /// How long ending may take.
    pub(crate) shutdown: ShutdownTimes,
    /// How tenants are cached.
    pub(crate) tenancy: TenancySettings,
    /// How credentials are cached.
    pub(crate) credentials: CredentialCacheSettings,
    /// Where publications are recorded.
    pub(crate) ledger: LedgerSettings,
    /// How long what need not stay is kept there.
    pub(crate) kept_for: KeptFor,
    /// How much one tenant publishes at a time.
    pub(crate) publishes: PublishLimit,
    /// Whether and how jobs are carried out.
    pub(crate) jobs: JobsSettings,
    /// The memory for images, all tenants together.
    pub(crate) memory_budget: ImageMemory,
    /// The size of the cache of thumbnails in bytes; 0: none is cached.
    pub(crate) thumbnail_cache_bytes: usize,
    /// The largest upload, in bytes.
    pub(crate) max_upload_bytes: u64,
    /// How admins are authenticated.
    pub(crate) auth: AuthSettings,
    /// The proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: TrustedProxies,
}

/// The settings of what the service calls.
pub(crate) struct UpstreamSettings {
    /// Where tenants come from.
    pub(crate) source: Source,
    /// Roots that are trusted beside the system's.
    pub(crate) roots: ExtraRoots,
    /// How Dropbox is reached.
    pub(crate) dropbox: DropboxSettings,
    /// Whether there is a Dropbox app; no Dropbox tenant can be served without.
    pub(crate) has_dropbox_app: bool,
    /// How OpenAI is reached.
    pub(crate) openai: OpenAiSettings,
    /// The address of Telegram's Bot API.
    pub(crate) telegram_api_url: Url,
    /// The name that mail servers are greeted with.
    pub(crate) ehlo_name: EhloName,
    /// How people log in with accounts of their own; `None` where no identity provider is configured.
    pub(crate) accounts: Option<AccountSettings>,
    /// Where traces are sent; `None`: nowhere.
    pub(crate) traces: Option<OtlpSettings>,
}

impl Settings {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All problems at once, each naming its variable.
    pub(crate) fn read(mut environment: Environment) -> Result<Self, SettingProblems> {
        other_names::take(&mut environment);
        let settings = Self::ask(&mut environment);
        let known = names::known();
        environment.warn_of_pasted();
        let unknown = environment.unknown_names(&known);
        let inactive_source = environment.unused_names(&known).join(" ");
        let warnings = environment.warnings().iter().chain(&unknown);
        let warnings: Vec<_> = warnings.map(ToString::to_string).collect();
        if environment.problem_count() > 0 {
            // What is missing may be there under a misspelt name.
            for name in &unknown {
                environment.reject(name.name(), name.rule());
            }
        }
        let mut settings = environment.finish_with(settings)?;
        // First what shuts or opens all doors: among many others it would be overlooked.
        let has_account_login = settings.upstreams.accounts.is_some();
        let of_auth = settings.service.auth.warnings(has_account_login);
        let of_auth = of_auth.map(str::to_owned);
        settings.warnings = of_auth.chain(warnings).collect();
        if !inactive_source.is_empty() {
            settings.warnings.push(format!(
                "{inactive_source}: of the CONFIG_SOURCE that is not in use, and ignored"
            ));
        }
        Ok(settings)
    }

    /// All settings without the warnings; `None` where one that is needed is missing or bad: the environment
    /// notes which. Reads on to the end all the same, so that all problems are reported at once.
    fn ask(environment: &mut Environment) -> Option<Self> {
        let listen = listen_address(environment);
        let metrics_listen =
            environment.socket_address_or_off("METRICS_LISTEN_ADDRESS", DEFAULT_METRICS);
        if metrics_listen.is_some_and(|metrics| is_same_place(metrics, listen)) {
            let rule = "must not be where LISTEN_ADDRESS is: give it another port";
            environment.reject("METRICS_LISTEN_ADDRESS", rule);
        }
        let max_requests = count(environment, "MAX_CONCURRENT_REQUESTS", 1_024, 100_000);
        let shutdown = shutdown(environment);
        let chosen = Chosen::read(environment);
        let source = Source::read(environment, chosen);
        let mut tenancy = tenancy(environment);
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
        let kept_for = ledger::kept_for(environment);
        let publishes = count(environment, "MAX_CONCURRENT_PUBLISHES_PER_TENANT", 4, 1_000);
        let jobs = jobs::read(environment);
        let memory_budget = environment.number(
            "MEMORY_BUDGET_MB",
            ImageMemory::DEFAULT_MIB,
            ImageMemory::LEAST_MIB..=1_048_576,
        );
        let thumbnail_cache_mib = environment.number("THUMBNAIL_CACHE_MB", 64_usize, 0..=4_096);
        let max_upload_mib = environment.number("LIBRARY_MAX_UPLOAD_MB", 20, 1..=MAX_UPLOAD_MIB);
        let accounts = openid::read(environment, chosen);
        // One tenant of the environment names its people for its mail, too.
        tenancy.configs.has_account_login =
            accounts.is_some() || chosen == Some(Chosen::Standalone);
        let auth = auth::read(environment, accounts.is_some());
        // Of another command, and without effect here.
        remote::is_named(environment);
        let trusted_proxies = trusted_proxies(environment);
        let traces = traces::read(environment);
        Some(Self {
            service: ServiceSettings {
                listen,
                metrics_listen,
                max_requests,
                shutdown,
                tenancy,
                credentials,
                ledger: ledger?,
                kept_for,
                publishes: PublishLimit::new(publishes),
                jobs,
                memory_budget: ImageMemory::of_mib(memory_budget).unwrap_or_default(),
                thumbnail_cache_bytes: thumbnail_cache_mib * 1024 * 1024,
                max_upload_bytes: max_upload_mib * 1024 * 1024,
                auth: auth?,
                trusted_proxies,
            },
            upstreams: UpstreamSettings {
                source: source?,
                roots,
                dropbox: dropbox?,
                has_dropbox_app,
                openai: openai?,
                telegram_api_url: telegram_api_url?,
                ehlo_name,
                accounts,
                traces,
            },
            warnings: Vec::new(),
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

/// Whether both cannot be bound.
fn is_same_place(one: SocketAddr, other: SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.port() != 0 && (is_any || one.ip() == other.ip())
}

fn trusted_proxies(environment: &mut Environment) -> TrustedProxies {
    const NAME: &str = "TRUSTED_PROXIES";
    let proxies: TrustedProxies = environment.parsed(NAME).unwrap_or_default();
    if proxies.trust_everyone() {
        environment.warn(
            NAME,
            "trusts every address: anyone can make up where a request comes from, and guess without end; \
             name the proxies alone",
        );
    }
    proxies
}

fn shutdown(environment: &mut Environment) -> ShutdownTimes {
    const DELAY: &str = "SHUTDOWN_NOTICE_SECONDS";
    let drain_timeout = Duration::from_secs(25);
    let drain_timeout = seconds(
        environment,
        "SHUTDOWN_GRACE_SECONDS",
        drain_timeout,
        1..=3_600,
    );
    let pre_stop_delay = seconds(environment, DELAY, Duration::ZERO, 0..=3_600);
    if pre_stop_delay >= drain_timeout {
        environment.reject(DELAY, "must be less than SHUTDOWN_GRACE_SECONDS");
    }
    ShutdownTimes {
        drain_timeout,
        pre_stop_delay,
    }
}

fn tenancy(environment: &mut Environment) -> TenancySettings {
    const MAX_STALE: &str = "RUNTIME_CONFIG_MAX_STALE_SECONDS";
    const NEGATIVE_TTL: &str = "RUNTIME_CONFIG_NEGATIVE_TTL_SECONDS";
    const TENANT_TTL: &str = "TENANT_SERVICE_TTL_SECONDS";
    let TenancySettings {
        mut configs,
        mut tenants,
    } = TenancySettings::default();
    configs.max_stale = seconds(environment, MAX_STALE, configs.max_stale, 0..=LONGEST_STALE);
    configs.max_size = size(
        environment,
        "RUNTIME_CONFIG_CACHE_MAX_SIZE",
        configs.max_size,
    );
    configs.unknown_ttl = seconds(environment, NEGATIVE_TTL, configs.unknown_ttl, 1..=3_600);
    tenants.max_size = size(
        environment,
        "TENANT_SERVICE_CACHE_MAX_SIZE",
        tenants.max_size,
    );
    // A tenant holds its storage credential, which is cached for ten minutes at most.
    let most = MAX_CREDENTIAL_TTL.as_secs();
    tenants.ttl = seconds(environment, TENANT_TTL, tenants.ttl, 1..=most);
    tenants.max_stale = configs.max_stale;
    TenancySettings { configs, tenants }
}

fn credential_cache(environment: &mut Environment) -> CredentialCacheSettings {
    const TTL: &str = "CREDENTIAL_CACHE_TTL_SECONDS";
    let default = CredentialCacheSettings::default();
    let most = MAX_CREDENTIAL_TTL.as_secs();
    CredentialCacheSettings {
        enabled: environment.boolean("CREDENTIAL_CACHE_ENABLED", default.enabled),
        ttl: seconds(environment, TTL, default.ttl, 1..=most),
        max_size: size(environment, "CREDENTIAL_CACHE_MAX_SIZE", default.max_size),
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
        candidates: environment.number("CAPTION_CANDIDATES", 3, 1..=10),
    })
}

fn ehlo_name(environment: &mut Environment) -> EhloName {
    let name = environment.parsed("SMTP_EHLO_NAME");
    name.unwrap_or_else(EhloName::of_this_host)
}

fn seconds(
    environment: &mut Environment,
    name: &str,
    default: Duration,
    range: RangeInclusive<u64>,
) -> Duration {
    Duration::from_secs(environment.number(name, default.as_secs(), range))
}

fn size(environment: &mut Environment, name: &str, default: NonZeroUsize) -> NonZeroUsize {
    count(environment, name, default.get(), 1_000_000)
}

/// A number from 1 to `most`.
fn count(environment: &mut Environment, name: &str, default: usize, most: usize) -> NonZeroUsize {
    let count = environment.number(name, default, 1..=most);
    NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests;
