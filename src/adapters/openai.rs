//! OpenAI: analyzes images and writes captions, by chat completions.
//!
//! Plain requests rather than a client library: the meaning of an answer depends on its status, its headers
//! and the moment of the failure, and a library might repeat a request.

mod chat;
mod checking;
mod forms;
mod rate_limit;
mod refusals;
mod requests;
mod retry_hint;
#[cfg(test)]
mod tests;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use url::Url;

use self::{
    chat::{Chat, POLICY, REFUSES_IMAGE},
    forms::Forms,
    rate_limit::{RateLimit, RateLimits},
    requests::Requests,
};
use super::http_client::{self, ExtraRoots};
use crate::{
    domain::{
        analysis::{Analysis, UnusableAnswer},
        caption::WrittenCaptions,
        credential::AiCredential,
        tenant_config::{AiSettings, Resolved, TenantConfig},
    },
    ports::{CaptionBrief, CaptionError, CaptionWriter, CaptionWriterFactory, Clock, VisionImage},
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
}

/// Opens OpenAI for tenants.
pub struct OpenAiCaptionWriterFactory {
    chat: Chat,
    limits: RateLimits,
}

impl OpenAiCaptionWriterFactory {
    /// Sets up what all tenants share. Sends no request.
    ///
    /// # Errors
    /// The TLS set-up failed.
    pub fn new(
        settings: OpenAiSettings,
        roots: &ExtraRoots,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, reqwest::Error> {
        let OpenAiSettings {
            mut base_url,
            calls_per_minute,
        } = settings;
        let path = base_url.path().trim_end_matches('/').to_owned();
        base_url.set_path(&format!("{path}/chat/completions"));
        Ok(Self {
            chat: Chat {
                http: http_client::build(ATTEMPT_TIMEOUT, roots)?,
                url: base_url,
                policy: POLICY,
                clock: Arc::clone(&clock),
                forms: Arc::new(Forms::default()),
            },
            limits: RateLimits::new(calls_per_minute, clock),
        })
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
            limit: self.limits.of(config.tenant()),
            credential,
            requests: Requests::new(ai, config.settings()),
        })
    }
}

/// OpenAI for one tenant.
struct OpenAiCaptionWriter {
    chat: Chat,
    limit: Arc<RateLimit>,
    credential: AiCredential,
    requests: Requests,
}

impl OpenAiCaptionWriter {
    async fn ask(&self, operation: &'static str, request: &Value) -> Result<String, CaptionError> {
        self.chat
            .complete(operation, request, &self.credential, &self.limit)
            .await
    }
}

#[async_trait]
impl CaptionWriter for OpenAiCaptionWriter {
    async fn check(&self) -> Result<&'static str, CaptionError> {
        let models = self.requests.models();
        self.chat.check(&models, &self.credential).await
    }

    async fn analyze(&self, image: &VisionImage) -> Result<Analysis, CaptionError> {
        let answer = self.ask("vision", &self.requests.vision(image)).await?;
        Analysis::from_answer(&answer).map_err(|error| match error {
            UnusableAnswer::NoAnalysis => CaptionError::Unusable("it holds no analysis"),
            UnusableAnswer::Refusal => CaptionError::ImageRefused {
                detail: REFUSES_IMAGE,
            },
        })
    }

    async fn write(&self, brief: &CaptionBrief) -> Result<WrittenCaptions, CaptionError> {
        let CaptionBrief {
            analysis,
            platforms,
        } = brief;
        let mut written = match self.requests.captions(analysis, platforms) {
            Some(request) => WrittenCaptions::from_answer(&self.ask("captions", &request).await?),
            None => WrittenCaptions::default(),
        };
        // A second call that fails costs its own caption only; the call has logged why.
        if let Some(request) = self.requests.sd_caption(analysis)
            && let Ok(answer) = self.ask("sd_caption", &request).await
        {
            written.sd_caption = WrittenCaptions::from_answer(&answer).sd_caption;
        }
        Ok(written)
    }
}
