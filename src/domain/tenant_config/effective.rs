//! The reverse direction: turns validated settings into the document, of schema version 2, that
//! says the same with nothing left to a default. For code that shows a config or checks the rules
//! against themselves.

use std::{collections::BTreeMap, fmt};

use serde_json::{Value, json};

use super::{
    lifecycle::ModelLifecycle,
    platform_captions,
    settings::{
        AiSettings, ConfirmationSettings, ContentSettings, Features, SdCaptionSettings,
        SidecarSettings, StoragePaths, StorageSettings, TenantSettings, VisionFallback,
    },
};
use crate::domain::{platform::Platform, secret::CredentialsRef};

/// A config as it is in effect. Holds credentials refs, which must never be logged: it has no
/// `Display` and no `Serialize`, and its `Debug` hides everything.
pub struct EffectiveDocument(Value);

impl EffectiveDocument {
    pub(super) fn of(settings: &TenantSettings) -> Self {
        // Taken apart in full here and below, so that a new setting cannot be forgotten.
        let TenantSettings {
            features,
            storage,
            platforms,
            ai,
            sidecar,
            confirmation,
            content,
            people,
        } = settings;
        let (publishers, blocks) = platforms.document();
        let mut document = json!({
            "features": features_block(*features),
            "storage": storage_block(storage),
            "publishers": publishers,
            "ai": ai.as_deref().map(ai_block),
            "captionfile": sidecar_block(sidecar),
            "confirmation": confirmation_block(confirmation),
            "content": content_block(content),
            "auth": people.block(),
        });
        let captions = platform_captions::document(platforms.style_overrides());
        let blocks = blocks.into_iter();
        for (name, block) in blocks.chain(captions.map(|it| ("platform_captions".to_owned(), it))) {
            document[name] = block;
        }
        Self(document)
    }

    /// The document, refs included. Must not be logged, nor be part of an answer.
    #[must_use]
    pub fn expose(self) -> Value {
        self.0
    }
}

impl fmt::Debug for EffectiveDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EffectiveDocument(***)")
    }
}

fn features_block(features: Features) -> Value {
    let Features {
        publish_enabled,
        analyze_caption_enabled,
        keep_enabled,
        remove_enabled,
        auto_view_enabled,
        delete_enabled,
        alt_text_enabled,
        voice_matching_enabled,
        smart_hashtags_enabled,
        library_enabled,
        storage_ops_metering_enabled,
    } = features;
    json!({
        "publish_enabled": publish_enabled,
        "analyze_caption_enabled": analyze_caption_enabled,
        "keep_enabled": keep_enabled,
        "remove_enabled": remove_enabled,
        "auto_view_enabled": auto_view_enabled,
        "delete_enabled": delete_enabled,
        "alt_text_enabled": alt_text_enabled,
        "voice_matching_enabled": voice_matching_enabled,
        "smart_hashtags_enabled": smart_hashtags_enabled,
        "library_enabled": library_enabled,
        "storage_ops_metering_enabled": storage_ops_metering_enabled,
    })
}

fn storage_block(storage: &StorageSettings) -> Value {
    let StorageSettings {
        kind,
        credentials_ref,
        paths:
            StoragePaths {
                root,
                archive,
                keep,
                remove,
            },
    } = storage;
    json!({
        "provider": kind.as_str(),
        "credentials_ref": credentials_ref.as_ref().map(CredentialsRef::expose),
        "paths": {
            "root": root.as_str(),
            "archive": archive.as_str(),
            "keep": keep.as_str(),
            "remove": remove.as_str(),
        },
    })
}

fn ai_block(ai: &AiSettings) -> Value {
    let AiSettings {
        credentials_ref,
        vision_model,
        caption_model,
        system_prompt,
        role_prompt,
        sd_caption,
        vision_max_dimension,
        vision_detail,
        vision_fallback,
        vision_model_lifecycle,
        caption_model_lifecycle,
    } = ai;
    let lifecycle = |of: &Option<ModelLifecycle>| of.as_ref().map(ModelLifecycle::document);
    let mut block = json!({
        "credentials_ref": credentials_ref.expose(),
        "vision_model": vision_model,
        "caption_model": caption_model,
        "system_prompt": system_prompt,
        "role_prompt": role_prompt,
        "sd_caption_enabled": sd_caption.is_some(),
        "vision_max_dimension": vision_max_dimension.unwrap_or(0),
        "vision_detail": vision_detail.as_str(),
        "vision_fallback_enabled": vision_fallback.is_some(),
        "vision_model_lifecycle": lifecycle(vision_model_lifecycle),
        "caption_model_lifecycle": lifecycle(caption_model_lifecycle),
    });
    if let Some(SdCaptionSettings {
        single_call,
        model,
        system_prompt,
        role_prompt,
    }) = sd_caption
    {
        block["sd_caption_single_call_enabled"] = json!(single_call);
        block["sd_caption_model"] = json!(model);
        block["sd_caption_system_prompt"] = json!(system_prompt);
        block["sd_caption_role_prompt"] = json!(role_prompt);
    }
    if let Some(VisionFallback {
        max_dimension,
        detail,
    }) = vision_fallback
    {
        block["vision_fallback_max_dimension"] = json!(max_dimension.unwrap_or(0));
        block["vision_fallback_detail"] = json!(detail.as_str());
    }
    block
}

fn sidecar_block(sidecar: &SidecarSettings) -> Value {
    let SidecarSettings {
        extended_metadata_enabled,
        artist_alias,
    } = sidecar;
    json!({
        "extended_metadata_enabled": extended_metadata_enabled,
        "artist_alias": artist_alias,
    })
}

fn confirmation_block(confirmation: &ConfirmationSettings) -> Value {
    let ConfirmationSettings {
        to_sender,
        tags_count,
        tags_nature,
    } = confirmation;
    json!({
        "confirmation_to_sender": to_sender,
        "confirmation_tags_count": tags_count,
        "confirmation_tags_nature": tags_nature,
    })
}

fn content_block(content: &ContentSettings) -> Value {
    let ContentSettings {
        hashtag_string,
        archive,
        debug,
        voice_profile,
        voice_profile_tags,
        strip_metadata,
    } = content;
    let tag = |(platform, texts): (Platform, &[String])| (platform.as_str(), texts.to_vec());
    let tags: BTreeMap<_, _> = voice_profile_tags.iter().map(tag).collect();
    json!({
        "hashtag_string": hashtag_string,
        "archive": archive,
        "debug": debug,
        "voice_profile": voice_profile.as_slice(),
        "voice_profile_tags": tags,
        "strip_metadata": strip_metadata,
    })
}
