//! OpenAI: analyzes images and writes captions, by chat completions.
//!
//! Plain requests rather than a client library: the meaning of an answer depends on its status, its headers
//! and the moment of the failure, and a library might repeat a request.

mod account;
mod chat;
mod checking;
mod forms;
mod prompts;
mod rate_limit;
mod refusals;
mod requests;
mod retry_hint;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

pub use self::rate_limit::AI_CALLS;

use self::{
    account::Account,
    chat::{Chat, POLICY, REFUSES_IMAGE},
    forms::Forms,
    rate_limit::CallLimit,
    requests::Requests,
};
use super::http_client::{self, ExtraRoots, HttpSetupError};
use crate::{
    domain::{
        analysis::{Analysis, UnusableAnswer},
        caption::WrittenCaptions,
        credential::AiCredential,
        platform::Platform,
        tenant_config::{AiSettings, Resolved, TenantConfig},
    },
    ports::{
        CaptionBrief, CaptionError, CaptionWriter, CaptionWriterFactory, Clock, OverlongCaption,
        RateLimits, UsageSink, VisionImage,
    },
};

/// Time for one attempt, answer included: a vision call takes up to half of it on a bad day.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);

/// The settings of OpenAI.
#[derive(Debug, Clone)]
pub struct OpenAiSettings {
    /// The URL, version included: `https://api.openai.com/v1`.
    pub base_url: Url,
    /// The limit of calls for one tenant in a minute.
    pub calls_per_minute: NonZeroU32,
    /// How many captions a model is asked for, for each platform.
    pub candidates: usize,
}

/// Opens OpenAI for tenants.
pub struct OpenAiCaptionWriterFactory {
    chat: Chat,
    calls: CallLimit,
    candidates: usize,
    usage: Option<Arc<dyn UsageSink>>,
}

impl OpenAiCaptionWriterFactory {
    /// Sets up what all tenants share. Their calls are counted in `rates`. Sends no request.
    ///
    /// # Errors
    /// The TLS set-up failed.
    pub fn new(
        settings: OpenAiSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
        rates: Arc<dyn RateLimits>,
    ) -> Result<Self, HttpSetupError> {
        let OpenAiSettings {
            mut base_url,
            calls_per_minute,
            candidates,
        } = settings;
        let path = base_url.path().trim_end_matches('/').to_owned();
        base_url.set_path(&format!("{path}/chat/completions"));
        Ok(Self {
            chat: Chat {
                http: http_client::build(ATTEMPT_TIMEOUT, roots)?,
                url: base_url,
                policy: POLICY,
                clock,
                forms: Arc::new(Forms::default()),
            },
            calls: CallLimit::new(calls_per_minute, rates),
            candidates,
            usage: None,
        })
    }

    /// The same, with each completion that the provider bills recorded here.
    #[must_use]
    pub fn reporting_to(self, usage: Option<Arc<dyn UsageSink>>) -> Self {
        Self { usage, ..self }
    }
}

impl CaptionWriterFactory for OpenAiCaptionWriterFactory {
    fn open(
        &self,
        config: &TenantConfig<Resolved>,
        ai: &AiSettings,
        credential: AiCredential,
    ) -> Arc<dyn CaptionWriter> {
        Arc::new(OpenAiCaptionWriter {
            chat: self.chat.clone(),
            account: Account {
                tenant: config.tenant().clone(),
                credential,
                calls: self.calls.of(config.tenant()),
                usage: self.usage.clone(),
            },
            requests: Requests::new(ai, config.settings(), self.candidates),
        })
    }
}

/// OpenAI for one tenant.
struct OpenAiCaptionWriter {
    chat: Chat,
    account: Account,
    requests: Requests,
}

impl OpenAiCaptionWriter {
    async fn ask(&self, operation: &'static str, request: &Value) -> Result<String, CaptionError> {
        self.chat.complete(operation, request, &self.account).await
    }
}

#[async_trait]
impl CaptionWriter for OpenAiCaptionWriter {
    async fn check(&self) -> Result<&'static str, CaptionError> {
        let models = self.requests.models();
        self.chat.check(&models, &self.account.credential).await
    }

    async fn analyze(&self, image: &VisionImage) -> Result<Analysis, CaptionError> {
        let answer = self.ask("vision", &self.requests.vision(image)).await?;
        let analysis = Analysis::from_answer(&answer).map_err(|error| match error {
            UnusableAnswer::NoAnalysis => CaptionError::Unusable("it holds no analysis"),
            UnusableAnswer::Refusal => CaptionError::ImageRefused {
                detail: REFUSES_IMAGE,
            },
        })?;
        let is_asked = self.requests.asks_vision_for_sd_caption();
        Ok(Analysis {
            sd_caption: analysis.sd_caption.filter(|_| is_asked),
            ..analysis
        })
    }

    async fn write(&self, brief: &CaptionBrief) -> Result<WrittenCaptions, CaptionError> {
        let mut written = match self.requests.captions(brief) {
            Some(request) => WrittenCaptions::from_answer(&self.ask("captions", &request).await?),
            None => WrittenCaptions::default(),
        };
        // A model may write one although it was not asked.
        let is_asked = self
            .requests
            .asks_for_sd_caption_with_captions(&brief.analysis);
        let mut captions = written.by_platform.values().flatten();
        let is_other = |text: &String| !captions.any(|caption| caption == text);
        written.sd_caption = written.sd_caption.filter(|_| is_asked).filter(is_other);
        // A second call that fails costs its own caption only; the call has logged why.
        if let Some(request) = self.requests.sd_caption(&brief.analysis)
            && let Ok(answer) = self.ask("sd_caption", &request).await
        {
            written.sd_caption = WrittenCaptions::from_answer(&answer).sd_caption;
        }
        Ok(written)
    }

    async fn condense(
        &self,
        captions: &BTreeMap<Platform, OverlongCaption>,
    ) -> Result<BTreeMap<Platform, String>, CaptionError> {
        let request = self.requests.condense(captions);
        let answer = self.ask("condense", &request).await?;
        let shorter = WrittenCaptions::from_answer(&answer)
            .by_platform
            .into_iter();
        Ok(shorter
            .filter(|(platform, _)| captions.contains_key(platform))
            .filter_map(|(platform, texts)| Some((platform, texts.into_iter().next()?)))
            .collect())
    }
}
