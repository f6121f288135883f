//! The rules of each block but the platforms: `features`, `storage`, `ai`, `captionfile`,
//! `confirmation`, `content`.

use serde_json::Value;

use super::{
    lifecycle::ModelLifecycle,
    settings::{
        AiSettings, ConfirmationSettings, ContentSettings, Features, SdCaptionSettings,
        SidecarSettings, StoragePath, StoragePaths, StorageSettings, VisionDetail, VisionFallback,
    },
    voice,
};
use crate::domain::{
    config_block::{Block, FieldProblem},
    secret::CredentialsRef,
    storage::{AllowedStorage, RootPath, StorageKind},
};

type Problems = Vec<FieldProblem>;

/// What the names of the models that we know start with.
const KNOWN_MODEL_FAMILIES: [&str; 4] = ["gpt-", "o1", "o3", "o4"];

pub(super) fn features(mut block: Block<'_>) -> Result<Features, Problems> {
    let voice_matching_enabled = block.field("voice_matching_enabled").is_some();
    let voice_matching_enabled =
        voice_matching_enabled.then(|| block.bool("voice_matching_enabled", false));
    let features = Features {
        publish_enabled: block.bool("publish_enabled", false),
        analyze_caption_enabled: block.bool("analyze_caption_enabled", false),
        keep_enabled: block.bool("keep_enabled", true),
        remove_enabled: block.bool("remove_enabled", true),
        auto_view_enabled: block.bool("auto_view_enabled", false),
        delete_enabled: block.bool("delete_enabled", false),
        alt_text_enabled: block.bool("alt_text_enabled", true),
        voice_matching_enabled,
        smart_hashtags_enabled: block.bool("smart_hashtags_enabled", true),
        library_enabled: block.bool("library_enabled", true),
        storage_ops_metering_enabled: block.bool("storage_ops_metering_enabled", false),
    };
    block.finish(features)
}

pub(super) fn storage(
    mut block: Block<'_>,
    allowed: AllowedStorage,
) -> Result<StorageSettings, Problems> {
    if !block.is_empty_because_wrong() {
        let provider = block.required_text("provider");
        let kind = provider.and_then(StorageKind::from_name);
        let kind = kind.filter(|kind| allowed.has(*kind));
        if provider.is_some() && kind.is_none() {
            block.reject("provider", StorageKind::rule(allowed));
        }
        let needs_credential = kind.is_none_or(|kind| kind.provider().is_some());
        let credentials_ref = needs_credential
            .then(|| block.required_text("credentials_ref"))
            .flatten()
            .and_then(CredentialsRef::new);
        let mut paths = Block::required(block.path_of("paths"), block.field("paths"));
        let root_path = kind.map_or(RootPath::LeadingSlash, StorageKind::root_path);
        let folders = storage_paths(&mut paths, root_path);
        block.absorb(paths);
        if let (Some(kind), Some(paths)) = (kind, folders) {
            return block.finish(StorageSettings {
                kind,
                credentials_ref,
                paths,
            });
        }
    }
    Err(block.into_problems())
}

fn storage_paths(block: &mut Block<'_>, root_path: RootPath) -> Option<StoragePaths> {
    if block.is_empty_because_wrong() {
        return None;
    }
    let root = block.required_text("root").and_then(|path| {
        let (root, rule) = match root_path {
            RootPath::LeadingSlash => (
                StoragePath::absolute(path.trim()),
                "must start with `/`, without `..` and empty components",
            ),
            RootPath::Prefix => (
                StoragePath::prefix(path.trim()),
                "must be a prefix without `..` and empty components",
            ),
        };
        if root.is_none() {
            block.reject("root", rule);
        }
        root
    });
    // Without a root the folders are still checked, so that all problems are reported at once.
    let base = root.clone().or_else(|| StoragePath::absolute("/root"))?;
    let mut others: Vec<StoragePath> = Vec::new();
    let mut folder = |key: &str, default: &str| {
        let path = block.text(key).unwrap_or(default).trim();
        let folder = match root_path {
            RootPath::Prefix if base.holds_prefix(path) => StoragePath::prefix(path),
            RootPath::LeadingSlash | RootPath::Prefix => base.resolve(path),
        };
        let Some(folder) = folder else {
            block.reject(
                key,
                "must be a folder path without `..` and empty components",
            );
            return None;
        };
        // Where two are one, what is moved would be taken for what is still to come, or be lost
        // among the rest.
        if folder.is_same_folder_as(&base) {
            block.reject(key, "must not be the root itself");
        } else if others.iter().any(|other| other.is_same_folder_as(&folder)) {
            block.reject(key, "must not be a folder that has another purpose, too");
        }
        others.push(folder.clone());
        Some(folder)
    };
    let (archive, keep, remove) = (
        folder("archive", "archive"),
        folder("keep", "keep"),
        folder("remove", "reject"),
    );
    Some(StoragePaths {
        root: root?,
        archive: archive?,
        keep: keep?,
        remove: remove?,
    })
}

/// `None` is off: absent, without a reference, or with a bad field (then with a warning).
pub(super) fn ai(mut block: Block<'_>, warnings: &mut Problems) -> Option<AiSettings> {
    let credentials_ref = block.text("credentials_ref").and_then(CredentialsRef::new);
    let vision_model = model(&mut block, "vision_model", "gpt-4o", warnings);
    let caption_model = model(&mut block, "caption_model", "gpt-4o-mini", warnings);
    let system_prompt = owned(block.text("system_prompt"));
    let role_prompt = owned(block.text("role_prompt"));
    let sd_caption = SdCaptionSettings {
        single_call: block.bool("sd_caption_single_call_enabled", true),
        model: model(&mut block, "sd_caption_model", &caption_model, warnings),
        system_prompt: owned(block.text("sd_caption_system_prompt")).or(system_prompt.clone()),
        role_prompt: owned(block.text("sd_caption_role_prompt")).or(role_prompt.clone()),
    };
    let fallback = VisionFallback {
        max_dimension: dimension(&mut block, "vision_fallback_max_dimension", 2048),
        detail: detail(&mut block, "vision_fallback_detail", VisionDetail::High),
    };
    let vision_model_lifecycle = ModelLifecycle::read(&block, "vision_model_lifecycle", warnings);
    let caption_model_lifecycle = ModelLifecycle::read(&block, "caption_model_lifecycle", warnings);
    let settings = credentials_ref.map(|credentials_ref| AiSettings {
        credentials_ref,
        vision_model,
        caption_model,
        system_prompt,
        role_prompt,
        sd_caption: block.bool("sd_caption_enabled", true).then_some(sd_caption),
        vision_max_dimension: dimension(&mut block, "vision_max_dimension", 1024),
        vision_detail: detail(&mut block, "vision_detail", VisionDetail::Low),
        vision_fallback: block
            .bool("vision_fallback_enabled", true)
            .then_some(fallback),
        vision_model_lifecycle,
        caption_model_lifecycle,
    });
    block.finish(settings).unwrap_or_else(|problems| {
        warnings.extend(problems);
        None
    })
}

fn model(block: &mut Block<'_>, key: &str, default: &str, warnings: &mut Problems) -> String {
    let Some(model) = block.text(key).map(str::trim) else {
        return default.to_owned();
    };
    if !KNOWN_MODEL_FAMILIES
        .iter()
        .any(|family| model.starts_with(family))
    {
        warnings.push(FieldProblem::advice(
            block.path_of(key),
            "is of no model family that we know; it is used as it is",
        ));
    }
    model.to_owned()
}

fn dimension(block: &mut Block<'_>, key: &str, default: u32) -> Option<u32> {
    let value = block.integer(key, default.into());
    match u32::try_from(value) {
        Ok(0) => None,
        Ok(pixels) => Some(pixels),
        Err(_) => {
            block.reject(
                key,
                "must be a number of pixels, or 0 for the original size",
            );
            None
        }
    }
}

fn detail(block: &mut Block<'_>, key: &str, default: VisionDetail) -> VisionDetail {
    const CHOICES: [(&str, VisionDetail); 3] = [
        ("low", VisionDetail::Low),
        ("high", VisionDetail::High),
        ("auto", VisionDetail::Auto),
    ];
    block.choice(key, &CHOICES, default, "must be `low`, `high` or `auto`")
}

pub(super) fn sidecar(mut block: Block<'_>) -> Result<SidecarSettings, Problems> {
    let settings = SidecarSettings {
        extended_metadata_enabled: block.bool("extended_metadata_enabled", false),
        artist_alias: owned(block.text("artist_alias")),
    };
    block.finish(settings)
}

pub(super) fn confirmation(mut block: Block<'_>) -> Result<ConfirmationSettings, Problems> {
    let tags_count = block.integer("confirmation_tags_count", 5).max(0);
    let settings = ConfirmationSettings {
        to_sender: block.bool("confirmation_to_sender", true),
        tags_count: u32::try_from(tags_count).unwrap_or(u32::MAX),
        tags_nature: owned(block.text("confirmation_tags_nature")),
    };
    block.finish(settings)
}

pub(super) fn content(mut block: Block<'_>, warnings: &mut Problems) -> ContentSettings {
    let voice_profile = voice::profile(&block, warnings);
    let voice_profile_tags = voice::tags(&block, warnings);
    block.bool("debug", false); // Only notes a wrong type.
    let debug = asks_for_dry_run(&block);
    let settings = ContentSettings {
        hashtag_string: block
            .string("hashtag_string")
            .unwrap_or_default()
            .trim()
            .to_owned(),
        archive: block.bool("archive", true),
        debug,
        voice_profile,
        voice_profile_tags,
        strip_metadata: block.bool("strip_metadata", true),
    };
    block.finish(settings).unwrap_or_else(|problems| {
        warnings.extend(problems);
        ContentSettings {
            debug,
            ..ContentSettings::default()
        }
    })
}

/// Any value of `debug` other than `false` asks for a dry run. The dry run stays in effect even if
/// a bad field turns the block off. With the block's defaults, a config that has `"debug": "yes"`,
/// or `true` beside a mistake, would publish for real. A publication cannot be taken back; a
/// missing one can be made up for.
fn asks_for_dry_run(block: &Block<'_>) -> bool {
    block
        .field("debug")
        .is_some_and(|value| *value != Value::Bool(false))
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}
