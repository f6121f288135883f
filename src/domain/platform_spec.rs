//! What the rest of the service knows of a platform, and how its part of a tenant's config is read.
//!
//! A platform's adapter says it once, by implementing [`Target`]; config reading, standalone mode,
//! credentials, captions and metrics go by the [`PlatformSpec`] that is made of it.

use std::{any::Any, collections::BTreeMap, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::{
    caption::{CaptionRules, PlatformRules},
    caption_style::{BuiltInStyle, CaptionStyle, StyleOverrides},
    config_block::{Block, FieldProblem},
    credential::{Provider, ProviderCredential},
    platform::{ImageLimits, Platform},
    secret::CredentialsRef,
};

/// Where the images of a tenant go on one platform, checked: its entry of `publishers[]`.
pub trait Target: fmt::Debug + PartialEq + Send + Sync + Sized + 'static {
    /// The platform.
    const PLATFORM: Platform;
    /// The types of its entries of `publishers[]`: all mean the same, and the first is the one that
    /// this service writes.
    const TYPES: &'static [&'static str];
    /// The fields of an entry's `config`.
    const FIELDS: &'static [&'static str];
    /// The block of the config that it needs beside its entry.
    const BLOCK: Option<&'static SharedBlock> = None;
    /// What it takes as a caption.
    const CAPTION: CaptionRules;
    /// How captions for it are to read; `None` is as on any platform.
    const CAPTION_STYLE: Option<BuiltInStyle> = None;
    /// What it takes as an image; `None` is anything.
    const IMAGE_LIMITS: Option<ImageLimits>;
    /// What it is published to with.
    type Credential: ProviderCredential;

    /// Reads the enabled entries of its types, of which there is at least one; `None` is off, with a
    /// warning that names the field.
    fn read(entries: Entries<'_>, warnings: &mut Vec<FieldProblem>) -> Option<Self>;

    /// The reference of its credential.
    fn credentials_ref(&self) -> &CredentialsRef;

    /// What it takes as a caption from this tenant: of [`CAPTION`](Self::CAPTION), less what is put
    /// before it.
    fn caption_rules(&self) -> CaptionRules {
        Self::CAPTION
    }

    /// The `config` of an entry that says the same.
    fn config(&self) -> Value;

    /// The [`BLOCK`](Self::BLOCK) that says the same.
    fn block(&self) -> Option<Value> {
        None
    }
}

/// A block of the config that only one platform reads.
#[derive(Debug)]
pub struct SharedBlock {
    /// Its name in the config.
    pub name: &'static str,
    /// The variable that holds it in standalone mode.
    pub variable: &'static str,
    /// Its field for the credential's reference.
    pub reference: &'static str,
    /// Its other fields.
    pub fields: &'static [BlockField],
    /// The other variables that only this platform acts on.
    pub settings: &'static [&'static str],
    /// The `config` of an entry, as JSON, by which the block can be checked where there is no entry.
    pub sample: &'static str,
}

/// A field of a [`SharedBlock`].
#[derive(Debug)]
pub struct BlockField {
    /// Its name in the variable.
    pub name: &'static str,
    /// Its name in the config.
    pub document_name: &'static str,
    /// Another name that the variable may use, with a warning.
    pub other_name: Option<&'static str>,
    /// The value where the variable has none.
    pub default: Option<&'static str>,
}

impl BlockField {
    /// A field that has no other name and no default.
    #[must_use]
    pub const fn new(name: &'static str, document_name: &'static str) -> Self {
        Self {
            name,
            document_name,
            other_name: None,
            default: None,
        }
    }
}

/// The enabled entries of one platform, in their order.
pub struct Entries<'a> {
    pub(super) entries: Vec<Block<'a>>,
    pub(super) document: &'a Block<'a>,
}

impl<'a> Entries<'a> {
    /// All of them, for a platform of which not simply the first counts.
    #[must_use]
    pub fn all(self) -> Vec<Block<'a>> {
        self.entries
    }

    /// The block of that name beside `publishers`.
    #[must_use]
    pub fn block(&self, name: &str) -> Block<'a> {
        self.document.child(name)
    }

    /// Reads the first entry, which alone counts. Its `config` is passed beside it.
    pub fn first<T>(
        self,
        warnings: &mut Vec<FieldProblem>,
        read: impl FnOnce(&mut Block<'a>, &mut Block<'a>, &mut Vec<FieldProblem>) -> Option<T>,
    ) -> Option<T> {
        let mut entry = self.entries.into_iter().next()?;
        let mut config = entry.child("config");
        let target = read(&mut entry, &mut config, warnings);
        entry.absorb(config);
        entry.finish(target).unwrap_or_else(|problems| {
            warnings.extend(problems);
            None
        })
    }
}

/// What the rest of the service knows of a platform.
#[derive(Debug, Clone, Copy)]
pub struct PlatformSpec {
    /// The platform.
    pub platform: Platform,
    /// As [`Target::TYPES`].
    pub types: &'static [&'static str],
    /// As [`Target::FIELDS`].
    pub fields: &'static [&'static str],
    /// As [`Target::BLOCK`].
    pub block: Option<&'static SharedBlock>,
    /// As [`Target::CAPTION`].
    pub caption: CaptionRules,
    /// As [`Target::CAPTION_STYLE`].
    pub caption_style: Option<BuiltInStyle>,
    /// As [`Target::IMAGE_LIMITS`].
    pub image_limits: Option<ImageLimits>,
    /// The provider of its credential.
    pub provider: Provider,
    read: fn(Entries<'_>, &mut Vec<FieldProblem>) -> Option<TenantTarget>,
}

/// The spec of each platform. The composition root passes it in: the domain knows no adapter.
pub type PlatformSpecs = fn(Platform) -> &'static PlatformSpec;

impl PlatformSpec {
    /// The spec of the platform of these targets.
    #[must_use]
    pub const fn of<T: Target>() -> Self {
        Self {
            platform: T::PLATFORM,
            types: T::TYPES,
            fields: T::FIELDS,
            block: T::BLOCK,
            caption: T::CAPTION,
            caption_style: T::CAPTION_STYLE,
            image_limits: T::IMAGE_LIMITS,
            provider: T::Credential::PROVIDER,
            read: |entries, warnings| T::read(entries, warnings).map(TenantTarget::new),
        }
    }

    /// Reads the enabled entries of the platform.
    #[must_use]
    pub(super) fn read(
        &self,
        entries: Entries<'_>,
        warnings: &mut Vec<FieldProblem>,
    ) -> Option<TenantTarget> {
        (self.read)(entries, warnings)
    }
}

/// A [`Target`] of any platform.
#[derive(Debug, Clone)]
pub struct TenantTarget(Arc<dyn AnyTarget>);

impl TenantTarget {
    fn new(target: impl Target) -> Self {
        Self(Arc::new(target))
    }

    /// The target, typed; `None` where it is of another platform.
    #[must_use]
    pub fn typed<T: Target>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// As [`Target::credentials_ref`].
    #[must_use]
    pub fn credentials_ref(&self) -> &CredentialsRef {
        self.0.credentials_ref()
    }

    /// As [`Target::config`].
    #[must_use]
    pub fn config(&self) -> Value {
        self.0.config()
    }

    /// As [`Target::block`].
    #[must_use]
    pub fn block(&self) -> Option<Value> {
        self.0.block()
    }
}

impl PartialEq for TenantTarget {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_equal(&*other.0)
    }
}

impl Eq for TenantTarget {}

/// [`Target`], for any of them behind one pointer.
trait AnyTarget: Any + fmt::Debug + Send + Sync {
    fn credentials_ref(&self) -> &CredentialsRef;
    fn caption_rules(&self) -> CaptionRules;
    fn config(&self) -> Value;
    fn block(&self) -> Option<Value>;
    fn is_equal(&self, other: &dyn AnyTarget) -> bool;
}

impl<T: Target> AnyTarget for T {
    fn credentials_ref(&self) -> &CredentialsRef {
        Target::credentials_ref(self)
    }

    fn caption_rules(&self) -> CaptionRules {
        Target::caption_rules(self)
    }

    fn config(&self) -> Value {
        Target::config(self)
    }

    fn block(&self) -> Option<Value> {
        Target::block(self)
    }

    fn is_equal(&self, other: &dyn AnyTarget) -> bool {
        (other as &dyn Any).downcast_ref() == Some(self)
    }
}

/// The platforms of a tenant: those that are on, and the specs of all.
#[derive(Clone)]
pub struct TenantPlatforms {
    specs: PlatformSpecs,
    on: BTreeMap<Platform, TenantTarget>,
    styles: StyleOverrides,
}

impl TenantPlatforms {
    pub(super) fn new(
        specs: PlatformSpecs,
        on: BTreeMap<Platform, TenantTarget>,
        styles: StyleOverrides,
    ) -> Self {
        Self { specs, on, styles }
    }

    /// What is known of a platform, whether it is on or not.
    #[must_use]
    pub fn spec(&self, platform: Platform) -> &'static PlatformSpec {
        (self.specs)(platform)
    }

    /// The target of a platform; `None` when it is off.
    #[must_use]
    pub fn target(&self, platform: Platform) -> Option<&TenantTarget> {
        self.on.get(&platform)
    }

    /// What a platform takes as a caption from this tenant.
    #[must_use]
    pub fn caption_rules(&self, platform: Platform) -> CaptionRules {
        let rules = match self.target(platform) {
            Some(target) => target.0.caption_rules(),
            None => self.spec(platform).caption,
        };
        self.as_the_tenant_wants(platform, rules)
    }

    /// Rules of a platform, with the tenant's limit where that is the lower one.
    #[must_use]
    pub fn as_the_tenant_wants(&self, platform: Platform, rules: CaptionRules) -> CaptionRules {
        let built_in = self.spec(platform).caption_style;
        rules.at_most(self.styles.max_length(platform, built_in))
    }

    /// How captions for a platform are to read.
    #[must_use]
    pub fn caption_style(&self, platform: Platform) -> CaptionStyle {
        let built_in = self.spec(platform).caption_style;
        self.styles.style(platform, built_in)
    }

    /// The tenant's entries for captions.
    pub(super) fn style_overrides(&self) -> &StyleOverrides {
        &self.styles
    }

    /// What these platforms take as captions from this tenant.
    #[must_use]
    pub fn rules_of(&self, platforms: &[Platform]) -> PlatformRules {
        let rules = |platform: &Platform| (*platform, self.caption_rules(*platform));
        platforms.iter().map(rules).collect()
    }

    /// The entries of `publishers[]`, and the blocks beside it, that say the same.
    pub(super) fn document(&self) -> (Vec<Value>, Map<String, Value>) {
        let mut blocks = Map::new();
        let entry = |(platform, target): (&Platform, &TenantTarget)| {
            let spec = self.spec(*platform);
            let block = spec.block.and_then(|block| Some((block, target.block()?)));
            // Of a platform with a block the reference stands there.
            let reference = block.is_none().then(|| target.credentials_ref().expose());
            blocks.extend(block.map(|(block, value)| (block.name.to_owned(), value)));
            serde_json::json!({
                "type": spec.types.first(),
                "enabled": true,
                "credentials_ref": reference,
                "config": target.config(),
            })
        };
        let entries = self.on.iter().map(entry).collect();
        (entries, blocks)
    }
}

impl PartialEq for TenantPlatforms {
    fn eq(&self, other: &Self) -> bool {
        self.on == other.on && self.styles == other.styles
    }
}

impl Eq for TenantPlatforms {}

impl fmt::Debug for TenantPlatforms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.on).finish()
    }
}
