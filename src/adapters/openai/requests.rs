//! Prompts and request bodies for OpenAI. Pure.
//!
//! The prompts are the files of `prompts/`, meant to be edited. Instructions are in the system
//! message alone; text from images, models or tenants' data is in the user message, as JSON or as
//! an image, and the prompts say that nothing there is an instruction.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    domain::{
        analysis::Analysis,
        caption::CaptionRules,
        platform::Platform,
        platform_spec::TenantPlatforms,
        tenant_config::{AiSettings, SdCaptionSettings, TenantSettings},
    },
    ports::VisionImage,
};

const VISION: &str = include_str!("prompts/vision.md");
const CAPTIONS: &str = include_str!("prompts/captions.md");
const CAPTIONS_FORMAT: &str = include_str!("prompts/captions_format.md");
const SD_CAPTION: &str = include_str!("prompts/sd_caption.md");

/// The token limit of an answer: several times what all captions need.
const MAX_TOKENS: u32 = 4_096;
/// The same for models whose hidden reasoning counts as well.
const MAX_TOKENS_WITH_REASONING: u32 = 16_384;

/// The parts of a tenant's requests.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    ai: AiSettings,
    platforms: TenantPlatforms,
    voice_examples: Vec<String>,
    tags_guidance: Option<String>,
}

impl Requests {
    pub(super) fn new(ai: &AiSettings, settings: &TenantSettings) -> Self {
        Self {
            ai: ai.clone(),
            platforms: settings.platforms.clone(),
            voice_examples: settings.voice_examples().to_vec(),
            tags_guidance: settings.confirmation.tags_nature.clone(),
        }
    }

    /// The names of the models, each once.
    pub(super) fn models(&self) -> Vec<&str> {
        let ai = &self.ai;
        let sd = ai.sd_caption.as_ref().filter(|sd| !sd.single_call);
        let mut models = vec![&*ai.vision_model, &*ai.caption_model];
        models.extend(sd.map(|sd| &*sd.model));
        models.sort_unstable();
        models.dedup();
        models
    }

    /// The request for an analysis of an image.
    pub(super) fn vision(&self, image: &VisionImage) -> Value {
        let VisionImage { image, detail } = image;
        let media_type = image.format().media_type();
        let mut url = format!("data:{media_type};base64,");
        STANDARD.encode_string(image.bytes(), &mut url);
        let mut task = json!({ "task": "analysis" });
        if let Some(guidance) = &self.tags_guidance {
            task["tags_guidance"] = guidance.as_str().into();
        }
        let user = json!([
            { "type": "text", "text": task.to_string() },
            { "type": "image_url", "image_url": { "url": url, "detail": detail.as_str() } },
        ]);
        completion(&self.ai.vision_model, VISION, &user)
    }

    /// The request for the captions, and for the Stable-Diffusion caption if it is part of the same call; `None`
    /// when neither is wanted.
    pub(super) fn captions(&self, analysis: &Analysis, platforms: &[Platform]) -> Option<Value> {
        let sd = self.ai.sd_caption.as_ref().filter(|sd| sd.single_call);
        if platforms.is_empty() && sd.is_none() {
            return None;
        }
        let ai = &self.ai;
        let mut system = instructions(ai.system_prompt.as_deref(), ai.role_prompt.as_deref());
        if let Some(sd) = sd {
            let _ = write!(system, "\n{SD_CAPTION}");
            // A tenant without SD prompts has the caption prompts there: they stand above.
            let own = |prompt: &Option<String>, caption_prompt: &Option<String>| {
                prompt.clone().filter(|_| prompt != caption_prompt)
            };
            let own = [
                own(&sd.system_prompt, &ai.system_prompt),
                own(&sd.role_prompt, &ai.role_prompt),
            ];
            for prompt in own.into_iter().flatten() {
                let _ = write!(system, "\nFor \"sd_caption\" alone: {}\n", prompt.trim());
            }
        }
        let user = self.material(analysis, platforms, sd.is_some());
        Some(completion(&ai.caption_model, &system, &user))
    }

    /// The request for the Stable-Diffusion caption alone; `None` when it is off or part of the call for captions.
    pub(super) fn sd_caption(&self, analysis: &Analysis) -> Option<Value> {
        let separate = self.ai.sd_caption.as_ref().filter(|sd| !sd.single_call)?;
        let SdCaptionSettings {
            single_call: _,
            model,
            system_prompt,
            role_prompt,
        } = separate;
        let mut system = instructions(system_prompt.as_deref(), role_prompt.as_deref());
        let _ = write!(system, "\n{SD_CAPTION}");
        let user = self.material(analysis, &[], true);
        Some(completion(model, &system, &user))
    }

    /// The material for captions, as one JSON object.
    fn material(&self, analysis: &Analysis, platforms: &[Platform], sd_caption: bool) -> Value {
        let platforms: Map<String, Value> = platforms
            .iter()
            .map(|platform| {
                let CaptionRules {
                    limit,
                    unit: _,
                    // They are the tenant's, and not the model's to write.
                    hashtags: _,
                    plain_ascii_line,
                } = self.platforms.spec(*platform).caption;
                let rules = json!({ "max_length": limit, "one_line": plain_ascii_line });
                (platform.as_str().to_owned(), rules)
            })
            .collect();
        let material = json!({
            "platforms": platforms,
            "sd_caption": sd_caption,
            "analysis": analysis,
            "voice_examples": self.voice_examples,
        });
        material.to_string().into()
    }
}

/// The tenant's system prompt in place of ours, the tenant's role prompt added to it, and the
/// format, which is never the tenant's to change.
fn instructions(system_prompt: Option<&str>, role_prompt: Option<&str>) -> String {
    let mut text = system_prompt.unwrap_or(CAPTIONS).trim().to_owned();
    if let Some(role) = role_prompt {
        let _ = write!(text, "\n\n{}", role.trim());
    }
    let _ = write!(text, "\n\n{CAPTIONS_FORMAT}");
    text
}

/// A request body. It sets no temperature: reasoning models refuse it, and the default serves.
fn completion(model: &str, system: &str, user: &Value) -> Value {
    let max_tokens = if reasons(model) {
        MAX_TOKENS_WITH_REASONING
    } else {
        MAX_TOKENS
    };
    json!({
        "model": model,
        "messages": [
            { "role": "system", "content": system },
            { "role": "user", "content": user },
        ],
        "response_format": { "type": "json_object" },
        "max_completion_tokens": max_tokens,
    })
}

fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"]
        .into_iter()
        .any(|family| model.starts_with(family))
}

#[cfg(test)]
mod tests;
