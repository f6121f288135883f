//! The model that writes captions, opened as for a tenant without storage and platforms of its own.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use publisher::{
    adapters::{
        clock::SystemClock, openai::OpenAiCaptionWriterFactory, platforms, rate_limits::OwnRates,
    },
    app::usecases::steps::caption_choice,
    domain::{
        caption::{PlatformRules, WrittenCaptions},
        caption_history::{PastCaption, PastCaptions},
        credential::{
            AiCredential, Credential, CredentialVersion, ProviderCredential as _, Secrets,
        },
        platform::Platform,
        secret::Secret,
        storage::{AllowedStorage, StorageAccess, StorageKind},
        tenant::{ConfigTtl, ConfigVersion, TenantName},
        tenant_config::{Resolved, SchemaVersion, TenantConfig, TenantSettings},
        voice::estimated_tokens,
    },
    ports::{CaptionBrief, CaptionError, CaptionWriter, CaptionWriterFactory as _},
};
use serde_json::{Map, Value, json};

use super::cost::{CAPTION, Cost, INSTRUCTIONS};
use crate::{
    Failure,
    captions::corpus::Picture,
    settings::captions::{OPENAI_SETTINGS, WriterSettings},
};

/// The tenant that captions are written for.
pub(super) const TENANT: &str = "live";
/// The platforms that captions are written for: one without a short limit, one with, and one in between.
const PLATFORMS: [Platform; 3] = [Platform::Telegram, Platform::Email, Platform::Mastodon];
/// How often a call is made again: after a failure, and where calls are limited.
const TRIES: u32 = 2;
const TURNS: u32 = 10;
/// How long a limit is waited for that does not say how long it lasts, and the longest wait for one that does.
const PAUSE: Duration = Duration::from_secs(20);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// Writes captions for the pictures of the corpus.
pub(super) struct Writer {
    model: Arc<dyn CaptionWriter>,
    settings: Arc<TenantSettings>,
    tenant: TenantName,
    rules: PlatformRules,
    candidates: usize,
}

/// The settings are not fit for captions.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("{OPENAI_SETTINGS}{0}")]
    Setting(String),
    #[error("captions are off with these settings")]
    Off,
}

impl Writer {
    /// Opens the model. Makes no call.
    pub(super) fn open(settings: WriterSettings) -> Result<Self, Failure> {
        let WriterSettings {
            openai,
            roots,
            api_key,
            ai,
            warnings: _,
        } = settings;
        let config = config(ai)?;
        let settings = config.shared_settings();
        let ai = settings.ai.as_ref();
        let ai = ai.ok_or_else(|| Failure::set_up(Unfit::Off))?;
        let credential = credential(api_key)?;
        let candidates = openai.candidates;
        let rates = Arc::new(OwnRates::new(Arc::new(SystemClock)));
        let factory = OpenAiCaptionWriterFactory::new(openai, &roots, Arc::new(SystemClock), rates);
        let model = factory
            .map_err(Failure::set_up)?
            .open(&config, ai, credential);
        let mut rules = settings.captioned_platforms();
        rules.retain(|platform, _| PLATFORMS.contains(platform));
        Ok(Self {
            model,
            settings,
            tenant: config.tenant().clone(),
            rules,
            candidates,
        })
    }

    /// How many captions a picture gets.
    pub(super) fn platforms(&self) -> usize {
        self.rules.len()
    }

    /// What so many runs cost.
    pub(super) fn cost(&self, pictures: &[Picture], runs: u16) -> Cost {
        let tokens = |picture: &Picture| {
            let analysis = estimated_tokens(&picture.analysis.to_string());
            INSTRUCTIONS + u64::try_from(analysis).unwrap_or(u64::MAX)
        };
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let calls = count(pictures.len()) * u64::from(runs);
        Cost {
            // Each may be followed by one that shortens.
            calls: calls * 2,
            input: pictures.iter().map(tokens).sum::<u64>() * u64::from(runs),
            output: calls * count(self.platforms() * self.candidates) * CAPTION,
        }
    }

    /// The captions of a picture, as they would be sent after those of the past, and added to them. A picture that the
    /// model fails at twice has none.
    ///
    /// # Errors
    /// The key, the models or the credit are at an end.
    pub(super) async fn write(
        &self,
        picture: &Picture,
        past: &mut PastCaptions,
    ) -> Result<BTreeMap<Platform, String>, Failure> {
        let brief = self.brief(picture, past);
        let (mut tries, mut turns) = (0, 0);
        loop {
            let error = match self.model.write(&brief).await {
                Ok(written) => return Ok(self.as_sent(written, &brief, past).await),
                Err(error) => error,
            };
            match error {
                CaptionError::RateLimited { retry_after } if turns < TURNS => {
                    turns += 1;
                    let pause = retry_after.unwrap_or(PAUSE).min(LONGEST_PAUSE);
                    tokio::time::sleep(pause).await;
                }
                CaptionError::Unauthorized(_)
                | CaptionError::Misconfigured { .. }
                | CaptionError::QuotaExhausted
                | CaptionError::RateLimited { .. } => return Err(Failure::set_up(error)),
                CaptionError::Unusable(_)
                | CaptionError::ImageRefused { .. }
                | CaptionError::Timeout(_)
                | CaptionError::Unavailable(_) => {
                    tries += 1;
                    tracing::warn!(%error, "captions could not be written");
                    if tries == TRIES {
                        return Ok(BTreeMap::new());
                    }
                }
            }
        }
    }

    /// What the model is given.
    fn brief(&self, picture: &Picture, past: &PastCaptions) -> CaptionBrief {
        CaptionBrief {
            analysis: picture.read.clone(),
            platforms: self.settings.caption_briefs(&self.rules, past),
            ..CaptionBrief::default()
        }
    }

    /// The captions as they would be sent, without hashtags.
    async fn as_sent(
        &self,
        written: WrittenCaptions,
        brief: &CaptionBrief,
        past: &mut PastCaptions,
    ) -> BTreeMap<Platform, String> {
        let mut texts = caption_choice::best_of(written.by_platform, past);
        let (model, places) = (&*self.model, &brief.platforms);
        caption_choice::condense(&mut texts, model, places, "", &self.tenant).await;
        for (platform, text) in &mut texts {
            let Some(place) = places.get(platform) else {
                continue;
            };
            *text = place.rules.fit_written(text, "", &[]);
            let sent = PastCaption {
                text: text.clone(),
                angle: Some(place.angle),
            };
            past.entry(*platform).or_default().insert(0, sent);
        }
        texts.retain(|platform, _| places.contains_key(platform));
        texts
    }
}

/// The config of a tenant with these AI settings. Nothing is read from its storage. The caption for Stable Diffusion is
/// off: it is not scored.
fn config(mut ai: Map<String, Value>) -> Result<TenantConfig<Resolved>, Failure> {
    ai.insert("credentials_ref".to_owned(), "env:openai".into());
    ai.insert("sd_caption_enabled".to_owned(), false.into());
    let document = json!({
        "features": { "publish_enabled": true, "analyze_caption_enabled": true },
        "storage": { "provider": StorageKind::Local.as_str(), "paths": { "root": "/" } },
        "ai": ai,
    });
    let off = || Failure::set_up(Unfit::Off);
    let tenant = TenantName::new(TENANT).ok_or_else(off)?;
    let version = ConfigVersion::new("env");
    let ttl = ConfigTtl::from_seconds(None);
    let config = TenantConfig::new(tenant, version, ttl, SchemaVersion::V2, document);
    let config = config
        .allowing(AllowedStorage::Any)
        .validate(platforms::spec);
    let config = config.map_err(|_| off())?;
    let problems = config.warnings().iter().filter(|it| !it.is_advice());
    let of_ai = problems.filter_map(|it| Some((it.path().strip_prefix("ai")?, it.rule())));
    let of_ai: Vec<_> = of_ai
        .map(|(field, rule)| format!("{field}: {rule}"))
        .collect();
    if !of_ai.is_empty() {
        return Err(Failure::set_up(Unfit::Setting(of_ai.join("; "))));
    }
    let access = StorageAccess::new(StorageKind::Local, None);
    Ok(Arc::new(config).resolve(access.map_err(Failure::set_up)?))
}

fn credential(api_key: Secret) -> Result<AiCredential, Failure> {
    let mut api_key = Some(api_key);
    let secrets = Secrets::read(AiCredential::PROVIDER, |_| api_key.take());
    let secrets = secrets.ok_or_else(|| Failure::set_up(Unfit::Off))?;
    let credential = Credential::new(secrets, CredentialVersion::new("env"), None);
    AiCredential::try_from(Arc::new(credential)).map_err(Failure::set_up)
}
