//! Request bodies for OpenAI. Pure.
//!
//! Instructions are in the system message alone (`prompts.rs`); text from images, models or tenants' data is in the user
//! message, as JSON or as an image, and the prompts say that nothing there is an instruction.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::prompts;
use crate::{
    domain::{
        analysis::Analysis,
        caption::WrittenLength,
        caption_brief::{PlatformBrief, Sense, prose, topics},
        platform::Platform,
        tenant_config::{AiSettings, SdCaptionSettings, TenantSettings},
    },
    ports::{CaptionBrief, OverlongCaption, VisionImage},
};

/// The token limit of an answer: several times what all captions need.
const MAX_TOKENS: u32 = 4_096;
/// The same for models whose hidden reasoning counts as well.
const MAX_TOKENS_WITH_REASONING: u32 = 16_384;

/// How freely a model writes.
#[derive(Debug, Clone, Copy)]
struct Sampling {
    temperature: f64,
    /// The penalties for words that were used often, and for words that were used at all.
    penalties: Option<(f64, f64)>,
}

/// The values are those of the contract's page on captions, as they were measured there.
impl Sampling {
    const VISION: Self = Self::plain(0.4);
    const CAPTIONS: Self = Self {
        temperature: 0.9,
        penalties: Some((0.3, 0.6)),
    };
    /// For short captions alone: there is little room to go astray in.
    const SHORT_CAPTIONS: Self = Self {
        temperature: 0.5,
        ..Self::CAPTIONS
    };
    const CONDENSE: Self = Self::plain(0.3);

    const fn plain(temperature: f64) -> Self {
        Self {
            temperature,
            penalties: None,
        }
    }
}

/// The parts of a tenant's requests.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    ai: AiSettings,
    vision_prompt: String,
    tags_guidance: Option<String>,
    /// How many captions are asked for, for each platform.
    candidates: usize,
}

impl Requests {
    pub(super) fn new(ai: &AiSettings, settings: &TenantSettings, candidates: usize) -> Self {
        let sd_caption = single_call(ai);
        Self {
            ai: ai.clone(),
            vision_prompt: prompts::vision(settings.features.alt_text_enabled, sd_caption, ai),
            tags_guidance: settings.confirmation.tags_nature.clone(),
            candidates,
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

    /// Whether vision is asked for a Stable-Diffusion caption.
    pub(super) fn asks_vision_for_sd_caption(&self) -> bool {
        single_call(&self.ai).is_some()
    }

    /// Whether the call for captions is asked for one too: vision was to write it and has not.
    pub(super) fn asks_for_sd_caption_with_captions(&self, analysis: &Analysis) -> bool {
        single_call(&self.ai).is_some() && analysis.sd_caption.is_none()
    }

    /// The request for an analysis of an image.
    pub(super) fn vision(&self, image: &VisionImage) -> Value {
        let VisionImage {
            image,
            detail,
            senses,
        } = image;
        let media_type = image.format().media_type();
        let mut url = format!("data:{media_type};base64,");
        STANDARD.encode_string(image.bytes(), &mut url);
        let mut task = json!({ "task": "analysis", "senses": senses.map(Sense::as_str) });
        if let Some(guidance) = &self.tags_guidance {
            task["tags_guidance"] = guidance.as_str().into();
        }
        let user = json!([
            { "type": "text", "text": task.to_string() },
            { "type": "image_url", "image_url": { "url": url, "detail": detail.as_str() } },
        ]);
        let prompt = &self.vision_prompt;
        completion(&self.ai.vision_model, prompt, &user, Sampling::VISION)
    }

    /// The request for the captions, and for the Stable-Diffusion caption where vision was to write it and has not;
    /// `None` when neither is wanted.
    pub(super) fn captions(&self, brief: &CaptionBrief) -> Option<Value> {
        let ai = &self.ai;
        let sd = single_call(ai).filter(|_| brief.analysis.sd_caption.is_none());
        if brief.platforms.is_empty() && sd.is_none() {
            return None;
        }
        let mut system = prompts::captions(ai, &brief.platforms);
        if let Some(sd) = sd {
            prompts::add_sd_caption(&mut system, sd, ai);
        }
        let mut platforms = brief.platforms.values();
        let are_short = platforms.all(|it| it.rules.is_short());
        let sampling = if are_short && !brief.platforms.is_empty() {
            Sampling::SHORT_CAPTIONS
        } else {
            Sampling::CAPTIONS
        };
        let user = self.material(brief, sd.is_some());
        let mut request = completion(&ai.caption_model, &system, &user, sampling);
        // The limit is made for three.
        let times = u64::try_from(self.candidates.div_ceil(3)).unwrap_or(1);
        let limit = &mut request["max_completion_tokens"];
        *limit = limit.as_u64().map(|most| most * times).into();
        Some(request)
    }

    /// The request for the Stable-Diffusion caption alone; `None` when it is off or asked for in another call.
    pub(super) fn sd_caption(&self, analysis: &Analysis) -> Option<Value> {
        let sd = self.ai.sd_caption.as_ref();
        let sd: &SdCaptionSettings = sd.filter(|sd| !sd.single_call)?;
        let user = json!({ "sd_caption": true, "analysis": analysis });
        let user = user.to_string().into();
        let system = prompts::sd_caption(sd);
        Some(completion(&sd.model, &system, &user, Sampling::VISION))
    }

    /// The request for shorter captions.
    pub(super) fn condense(&self, texts: &BTreeMap<Platform, OverlongCaption>) -> Value {
        let one = |(platform, it): (&Platform, &OverlongCaption)| {
            let mut entry = Map::from_iter([("text".to_owned(), it.text.as_str().into())]);
            entry.extend([length(it.length)]);
            (platform.as_str().to_owned(), entry.into())
        };
        let user: Map<String, Value> = texts.iter().map(one).collect();
        let user = Value::from(user).to_string().into();
        let (model, system) = (&self.ai.caption_model, prompts::condense());
        completion(model, system, &user, Sampling::CONDENSE)
    }

    /// The material for captions, as one JSON object.
    fn material(&self, brief: &CaptionBrief, sd_caption: bool) -> Value {
        let CaptionBrief {
            analysis,
            platforms,
            voice,
            has_model_hashtags,
        } = brief;
        let place = |(platform, brief): (&Platform, &PlatformBrief)| {
            let mut place = place(brief);
            // By number, so that each text is paid for once.
            if let Some(some) = voice.of(*platform) {
                let numbers: Vec<usize> = some.iter().map(|index| index + 1).collect();
                place.insert("voice_examples".to_owned(), numbers.into());
            }
            (platform.as_str().to_owned(), Value::from(place))
        };
        let platforms: Map<_, _> = platforms.iter().map(place).collect();
        let mut material = json!({
            "brief": prose(analysis),
            "platforms": platforms,
            "voice_examples": voice.texts(),
            "candidates": self.candidates,
        });
        if *has_model_hashtags {
            material["topics"] = topics(analysis).into();
        }
        if sd_caption {
            material["sd_caption"] = true.into();
            material["analysis"] = json!(analysis);
        }
        material.to_string().into()
    }
}

/// The settings of a Stable-Diffusion caption that has no call of its own.
fn single_call(ai: &AiSettings) -> Option<&SdCaptionSettings> {
    ai.sd_caption.as_ref().filter(|sd| sd.single_call)
}

/// What a caption for one platform is written by.
fn place(brief: &PlatformBrief) -> Map<String, Value> {
    let PlatformBrief {
        rules,
        length: goal,
        angle,
        openings,
        style,
    } = brief;
    let mut place = Map::from_iter([length(*goal)]);
    let mut set = |key: &str, value: Value| place.insert(key.to_owned(), value);
    set("angle", angle.as_str().into());
    if rules.plain_ascii_line {
        set("one_line", true.into());
    }
    if !openings.is_empty() {
        set("not_again", openings.clone().into());
    }
    if !style.examples.is_empty() {
        set("examples", style.examples.clone().into());
    }
    place
}

/// A length, under its name.
fn length(length: WrittenLength) -> (String, Value) {
    let (name, value) = match length {
        WrittenLength::Words(None, most) => ("words", format!("at most {most}").into()),
        WrittenLength::Words(Some(least), most) => ("words", format!("{least} to {most}").into()),
        WrittenLength::Characters(most) => ("max_characters", most.into()),
    };
    (name.to_owned(), value)
}

/// A request body. Models that reason take neither a temperature nor penalties; what another model refuses is left out by
/// `forms.rs`.
fn completion(model: &str, system: &str, user: &Value, sampling: Sampling) -> Value {
    let reasons = reasons(model);
    let max_tokens = if reasons {
        MAX_TOKENS_WITH_REASONING
    } else {
        MAX_TOKENS
    };
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": system },
            { "role": "user", "content": user },
        ],
        "response_format": { "type": "json_object" },
        "max_completion_tokens": max_tokens,
    });
    if !reasons {
        body["temperature"] = sampling.temperature.into();
        if let Some((frequency, presence)) = sampling.penalties {
            body["frequency_penalty"] = frequency.into();
            body["presence_penalty"] = presence.into();
        }
    }
    body
}

fn reasons(model: &str) -> bool {
    ["o1", "o3", "o4", "gpt-5"]
        .into_iter()
        .any(|family| model.starts_with(family))
}

#[cfg(test)]
mod tests;
