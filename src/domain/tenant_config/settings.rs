//! What a validated config says. Every value here keeps its rule; nothing needs checking again.

use std::{fmt, sync::Arc};

use super::{lifecycle::ModelLifecycle, people::People};
use crate::domain::{
    caption::{CaptionRules, HashtagPolicy, PlatformRules},
    caption_brief::{PlatformBrief, PlatformBriefs},
    caption_history::PastCaptions,
    credential::Provider,
    platform::Platform,
    platform_spec::TenantPlatforms,
    secret::CredentialsRef,
    storage::StorageKind,
    voice::{VoiceProfile, VoiceTags},
};

/// All settings of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSettings {
    /// What the tenant may do.
    pub features: Features,
    /// Where the images are.
    pub storage: StorageSettings,
    /// The platforms.
    pub platforms: TenantPlatforms,
    /// Analysis and captions, if they are on.
    pub ai: Option<Arc<AiSettings>>,
    /// The sidecar file.
    pub sidecar: SidecarSettings,
    /// The confirmation e-mail.
    pub confirmation: ConfirmationSettings,
    /// What is published, and what becomes of it.
    pub content: ContentSettings,
    /// The people who may log in, and get confirmations.
    pub people: People,
}

impl TenantSettings {
    /// The voice profile in effect: the one that was stored for the tenant, if there is one, else the config's.
    #[must_use]
    pub fn voice_profile<'a>(&'a self, stored: Option<&'a VoiceProfile>) -> &'a VoiceProfile {
        stored.unwrap_or(&self.content.voice_profile)
    }

    /// Whether captions follow a voice profile that is in effect. Where the config does not say so, they do if there is
    /// an example to follow.
    #[must_use]
    pub fn matches_voice(&self, profile: &VoiceProfile) -> bool {
        let is_chosen = self.features.voice_matching_enabled;
        is_chosen.unwrap_or(!profile.used().is_empty())
    }

    /// What captions within these rules are written by, after the captions that each platform has published, newest
    /// first.
    #[must_use]
    pub fn caption_briefs(&self, rules: &PlatformRules, past: &PastCaptions) -> PlatformBriefs {
        let brief = |(platform, rules): (&Platform, &CaptionRules)| {
            let style = self.platforms.caption_style(*platform);
            let past = past.get(platform).map_or(&[][..], Vec::as_slice);
            let brief = PlatformBrief::new(*rules, style, &self.content.hashtag_string, past);
            (*platform, brief)
        };
        rules.iter().map(brief).collect()
    }

    /// Whether hashtags that a model chose follow the caption on one of the platforms with these rules.
    #[must_use]
    pub fn has_model_hashtags(&self, rules: &PlatformRules) -> bool {
        let mut rules = rules.values();
        self.features.smart_hashtags_enabled
            && rules.any(|it| it.hashtags == HashtagPolicy::TenantAndModel)
    }

    /// Is the platform on?
    #[must_use]
    pub fn has(&self, platform: Platform) -> bool {
        self.platforms.target(platform).is_some()
    }

    /// The platforms that captions are written for, with their rules: those that are on; where none is, all, so that
    /// captions can be tried before a platform is set up.
    #[must_use]
    pub fn captioned_platforms(&self) -> PlatformRules {
        let on = self.platforms_on();
        let platforms: &[Platform] = if on.is_empty() { &Platform::ALL } else { &on };
        self.platforms.rules_of(platforms)
    }

    /// The platforms that are on.
    #[must_use]
    pub fn platforms_on(&self) -> Vec<Platform> {
        let all = Platform::ALL.into_iter();
        all.filter(|it| self.has(*it)).collect()
    }
}

/// The feature flags as they are in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the runtime config has one flag for each feature"
)]
pub struct Features {
    /// Images may be published.
    pub publish_enabled: bool,
    /// Images may be analysed and captioned; needs an AI credential too.
    pub analyze_caption_enabled: bool,
    /// Images may be moved to the keep folder.
    pub keep_enabled: bool,
    /// Images may be moved to the remove folder.
    pub remove_enabled: bool,
    /// Anyone may look at the images.
    pub auto_view_enabled: bool,
    /// Images may be deleted for good.
    pub delete_enabled: bool,
    /// Alt text is written, and is sent to each platform that has a field for it.
    pub alt_text_enabled: bool,
    /// Captions follow the examples of the voice profile; `None` leaves it to whether there are any.
    pub voice_matching_enabled: Option<bool>,
    /// Hashtags that a model chose for the image follow the tenant's, on platforms that have them.
    pub smart_hashtags_enabled: bool,
    /// Admins may upload images, and sort what is in all folders, where storage takes uploads.
    pub library_enabled: bool,
    /// The tenant is debited for the calls to its storage, where this service provides it.
    pub storage_ops_metering_enabled: bool,
}

/// Where a tenant's images are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageSettings {
    /// Its kind.
    pub kind: StorageKind,
    /// The reference of its credential: set where its kind needs one.
    pub credentials_ref: Option<CredentialsRef>,
    /// The folders.
    pub paths: StoragePaths,
}

impl StorageSettings {
    /// The provider and the reference of its credential; `None` where its kind needs none.
    #[must_use]
    pub fn credential(&self) -> Option<(Provider, &CredentialsRef)> {
        self.kind.provider().zip(self.credentials_ref.as_ref())
    }
}

/// The folders of a tenant's storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePaths {
    /// Holds the images that are to be published.
    pub root: StoragePath,
    /// Takes what was published.
    pub archive: StoragePath,
    /// Takes what is to be kept.
    pub keep: StoragePath,
    /// Takes what was sorted out.
    pub remove: StoragePath,
}

/// An absolute folder path: starts with `/`, ends without one (the top folder is `/` itself),
/// has no empty, `.` or `..` component.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoragePath(String);

impl StoragePath {
    /// Reads an absolute path. One `/` at its end does not count.
    #[must_use]
    pub fn absolute(path: &str) -> Option<Self> {
        Self::from_components("", path.strip_prefix('/')?)
    }

    /// Reads a prefix of names: an absolute path of which the slashes around it do not count.
    #[must_use]
    pub fn prefix(path: &str) -> Option<Self> {
        Self::absolute(&format!("/{}", path.trim_matches('/')))
    }

    /// Whether a prefix equals this one, or is below it.
    #[must_use]
    pub fn holds_prefix(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.0.trim_start_matches('/'));
        self.0 != "/" && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Reads a path that may be relative to this one: it is, unless it starts with `/`. Whatever
    /// equals this path, or starts with it and `/`, starts with `/` too, and so is taken as it is.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<Self> {
        if path.starts_with('/') {
            return Self::absolute(path);
        }
        Self::from_components(self.0.trim_end_matches('/'), path)
    }

    /// Whether both name one folder: storage does not tell upper from lower case in names.
    #[must_use]
    pub fn is_same_folder_as(&self, other: &Self) -> bool {
        self.0 == other.0 || self.0.to_lowercase() == other.0.to_lowercase()
    }

    /// The path as text; the top folder is `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of an entry of this folder.
    #[must_use]
    pub fn entry(&self, name: &str) -> String {
        format!("{}/{name}", self.0.trim_end_matches('/'))
    }

    fn from_components(base: &str, path: &str) -> Option<Self> {
        let mut full = base.to_owned();
        let inner = path.strip_suffix('/').unwrap_or(path).trim_end();
        if inner.is_empty() && !path.is_empty() {
            return None;
        }
        let components = inner.split('/').filter(|_| !inner.is_empty());
        let mut components: Vec<&str> = components.filter(|it| *it != ".").collect();
        // A `.` behind it has kept its blanks, without which it may be another.
        while let Some(last) = components.pop() {
            let last = last.trim_end();
            if last != "." {
                components.push(last);
                break;
            }
        }
        for component in components {
            if matches!(component, "" | "..") || component.contains(['\0', '\\']) {
                return None;
            }
            full.push('/');
            full.push_str(component);
        }
        Some(Self(if full.is_empty() {
            "/".to_owned()
        } else {
            full
        }))
    }
}

impl fmt::Debug for StoragePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Analysis and captions, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiSettings {
    /// What the API key is resolved by.
    pub credentials_ref: CredentialsRef,
    /// Looks at the image.
    pub vision_model: String,
    /// Writes the captions.
    pub caption_model: String,
    /// The tenant's own system prompt for captions.
    pub system_prompt: Option<String>,
    /// The tenant's own role prompt for captions.
    pub role_prompt: Option<String>,
    /// The Stable-Diffusion caption, if it is on.
    pub sd_caption: Option<SdCaptionSettings>,
    /// Longest side in pixels of the image sent to vision; `None` sends the original size.
    pub vision_max_dimension: Option<u32>,
    /// How closely vision looks.
    pub vision_detail: VisionDetail,
    /// One more try when the first analysis fails, if it is on.
    pub vision_fallback: Option<VisionFallback>,
    /// What is known of the end of the vision model.
    pub vision_model_lifecycle: Option<ModelLifecycle>,
    /// What is known of the end of the caption model.
    pub caption_model_lifecycle: Option<ModelLifecycle>,
}

impl AiSettings {
    /// The models of whose end something is known, with that: what each is for (`vision` or `caption`), and its name.
    pub fn lifecycles(&self) -> impl Iterator<Item = (&'static str, &str, &ModelLifecycle)> {
        let vision = self.vision_model_lifecycle.as_ref();
        let caption = self.caption_model_lifecycle.as_ref();
        let vision = vision.map(|it| ("vision", &*self.vision_model, it));
        let caption = caption.map(|it| ("caption", &*self.caption_model, it));
        vision.into_iter().chain(caption)
    }
}

/// How the Stable-Diffusion caption is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdCaptionSettings {
    /// Written by the same call as the captions.
    pub single_call: bool,
    /// Writes it, when it is not the same call.
    pub model: String,
    /// The tenant's own system prompt for it.
    pub system_prompt: Option<String>,
    /// The tenant's own role prompt for it.
    pub role_prompt: Option<String>,
}

/// How the second analysis looks, after the first has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionFallback {
    /// Longest side in pixels; `None` sends the original size.
    pub max_dimension: Option<u32>,
    /// How closely it looks.
    pub detail: VisionDetail,
}

/// How closely vision looks at an image, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisionDetail {
    /// Cheap.
    Low,
    /// Dear.
    High,
    /// Left to the model.
    Auto,
}

impl VisionDetail {
    /// The word that the vision API uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Auto => "auto",
        }
    }
}

/// The sidecar file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidecarSettings {
    /// The analysis goes in too.
    pub extended_metadata_enabled: bool,
    /// Who made the images.
    pub artist_alias: Option<String>,
}

/// The second e-mail, to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfirmationSettings {
    /// Whether it is sent.
    pub to_sender: bool,
    /// How many tags it names at most.
    pub tags_count: u32,
    /// Guidance for the tags.
    pub tags_nature: Option<String>,
}

impl Default for ConfirmationSettings {
    fn default() -> Self {
        Self {
            to_sender: true,
            tags_count: 5,
            tags_nature: None,
        }
    }
}

/// What is published, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentSettings {
    /// Goes to the end of captions, where the platform takes hashtags.
    pub hashtag_string: String,
    /// Whether a published image moves to the archive folder.
    pub archive: bool,
    /// Whether every publish is a dry run, every curation a preview, and no analysis written down.
    pub debug: bool,
    /// Example captions for tone.
    pub voice_profile: VoiceProfile,
    /// Which of the examples are for which platform.
    pub voice_profile_tags: VoiceTags,
    /// Whether platforms and the vision model get images without metadata.
    pub strip_metadata: bool,
}

impl Default for ContentSettings {
    fn default() -> Self {
        Self {
            hashtag_string: String::new(),
            archive: true,
            debug: false,
            voice_profile: VoiceProfile::default(),
            voice_profile_tags: VoiceTags::default(),
            strip_metadata: true,
        }
    }
}
