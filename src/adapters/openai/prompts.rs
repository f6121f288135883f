//! The instructions for models. Pure.
//!
//! They are made of the files of `prompts/`, which are meant to be edited: the reason for a rule stands beside it as a
//! comment, and is not sent. Instructions are in the system message alone, and no text of an image, a model or an example
//! is among them: of a tenant only the prompts of its config, and how captions for its platforms are to read.

use std::{fmt::Write as _, sync::LazyLock};

use crate::domain::{
    caption_brief::PlatformBriefs,
    caption_score::Lexicon,
    prompt_text::without_comments,
    tenant_config::{AiSettings, SdCaptionSettings},
};

/// Declares the prompt of each file.
macro_rules! prompts {
    ($($name:ident = $file:literal;)*) => {
        $(static $name: LazyLock<String> =
            LazyLock::new(|| without_comments(include_str!(concat!("prompts/", $file))));)*
    };
}

prompts! {
    VISION = "vision.md";
    VISION_ALT_TEXT = "vision_alt_text.md";
    VISION_SD_CAPTION = "vision_sd_caption.md";
    PERSONA = "persona.md";
    RULES_FILE = "rules.md";
    ANGLES = "angles.md";
    FORMAT = "format.md";
    SD_CAPTION = "sd_caption.md";
    SD_CAPTION_FORMAT = "sd_caption_format.md";
    CONDENSE = "condense.md";
}

/// The rules for captions, with the stock phrases of the lexicon and what to write instead of each.
static RULES: LazyLock<String> = LazyLock::new(|| {
    let mut rows = String::new();
    for (instead, phrases) in Lexicon::built_in().by_advice() {
        let phrases: Vec<String> = phrases.iter().map(|it| format!("\"{it}\"")).collect();
        let _ = writeln!(rows, "  - {}: {instead}.", phrases.join(", "));
    }
    RULES_FILE.replace("{stock_phrases}", rows.trim_end())
});

/// The instructions for an analysis.
pub(super) fn vision(
    alt_text: bool,
    sd_caption: Option<&SdCaptionSettings>,
    ai: &AiSettings,
) -> String {
    let mut keys = Vec::new();
    keys.extend(alt_text.then(|| VISION_ALT_TEXT.as_str()));
    keys.extend(sd_caption.map(|_| VISION_SD_CAPTION.as_str()));
    let keys = keys.join("\n");
    let mut text = if keys.is_empty() {
        VISION.replace("{more_keys}\n", "")
    } else {
        VISION.replace("{more_keys}", &keys)
    };
    if let Some(sd) = sd_caption {
        add_own_sd_prompts(&mut text, sd, ai);
    }
    text
}

/// The instructions for captions: the tenant's persona in place of ours and its task behind it; then the rules, which
/// hold for every persona, and the format.
pub(super) fn captions(ai: &AiSettings, platforms: &PlatformBriefs) -> String {
    let mut text = ai
        .system_prompt
        .as_deref()
        .unwrap_or(&PERSONA)
        .trim()
        .to_owned();
    if let Some(task) = &ai.role_prompt {
        let _ = write!(text, "\n\n{}", task.trim());
    }
    let _ = write!(text, "\n\n{}\n\n{}\n\n# Places\n", *RULES, *ANGLES);
    for (platform, brief) in platforms {
        let style = [&*brief.style.style, &*brief.style.guidance];
        let style = style.into_iter().filter(|it| !it.is_empty());
        let style: Vec<String> = style
            .map(|it| format!("{}.", it.trim_end_matches('.')))
            .collect();
        if !style.is_empty() {
            let _ = write!(text, "\n- \"{platform}\": {}", style.join(" "));
        }
    }
    let _ = write!(text, "\n\n{}", *FORMAT);
    text
}

/// Adds the instructions for a Stable-Diffusion caption beside the captions.
pub(super) fn add_sd_caption(text: &mut String, sd: &SdCaptionSettings, ai: &AiSettings) {
    let _ = write!(text, "\n\n{}", *SD_CAPTION);
    add_own_sd_prompts(text, sd, ai);
}

/// The instructions for a Stable-Diffusion caption alone.
pub(super) fn sd_caption(sd: &SdCaptionSettings) -> String {
    let own = [&sd.system_prompt, &sd.role_prompt];
    let own = own.into_iter().flatten().map(|prompt| prompt.trim());
    let ours = [SD_CAPTION_FORMAT.as_str(), SD_CAPTION.as_str()];
    own.chain(ours).collect::<Vec<_>>().join("\n\n")
}

/// The instructions for shortening captions.
pub(super) fn condense() -> &'static str {
    &CONDENSE
}

/// Adds the tenant's own prompts for the Stable-Diffusion caption. Where it has none, those for captions stand in their
/// place in the settings.
fn add_own_sd_prompts(text: &mut String, sd: &SdCaptionSettings, ai: &AiSettings) {
    let own = |prompt: &Option<String>, caption_prompt: &Option<String>| {
        prompt.clone().filter(|_| prompt != caption_prompt)
    };
    let own = [
        own(&sd.system_prompt, &ai.system_prompt),
        own(&sd.role_prompt, &ai.role_prompt),
    ];
    for prompt in own.into_iter().flatten() {
        let _ = write!(text, "\n\nFor \"sd_caption\" alone: {}", prompt.trim());
    }
}
