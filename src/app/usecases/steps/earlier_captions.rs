//! The captions of earlier attempts at an image, and what is kept of captions for later ones.

use std::collections::BTreeMap;

use super::captioning::{Author, Captions, analysis_in};
use crate::domain::{
    caption::{CaptionRules, PlatformRules},
    caption_history::{CaptionAuthor, KeptCaption},
    platform::Platform,
    sidecar::Sidecar,
    tenant_config::TenantSettings,
};

/// Where the captions of earlier attempts are.
pub(in crate::app::usecases) struct EarlierCaptions<'a> {
    /// Those that the ledger has kept.
    pub(in crate::app::usecases) kept: BTreeMap<Platform, KeptCaption>,
    /// The image's sidecar, if there is one of the image as it is.
    pub(in crate::app::usecases) sidecar: Option<&'a Sidecar>,
    pub(in crate::app::usecases) settings: &'a TenantSettings,
}

impl EarlierCaptions<'_> {
    /// The captions for those of these platforms that have one, within these rules, which may be others than they were;
    /// with the tags and the alt text of the sidecar.
    pub(in crate::app::usecases) fn for_platforms(
        &self,
        platforms: &[Platform],
        rules: &PlatformRules,
    ) -> Captions {
        let mut captions = Captions {
            author: Author::Earlier,
            analysis: self.sidecar.map(|it| analysis_in(it, self.settings)),
            ..Captions::default()
        };
        for platform in platforms {
            let earlier = rules.get(platform).zip(self.earlier(*platform));
            if let Some((rules, earlier)) = earlier {
                let fitted = self.fitted(&earlier, rules);
                captions.by_platform.insert(*platform, fitted);
                captions.model = captions.model.or_else(|| earlier.model.clone());
                captions.earlier.insert(*platform, earlier);
            }
        }
        captions
    }

    /// The caption of an earlier attempt. What a person has written comes first: into the sidecar since then, with the
    /// request of the last attempt, or with one before it. Then what the ledger has kept of a machine's, and last what the
    /// sidecar has.
    fn earlier(&self, platform: Platform) -> Option<KeptCaption> {
        let kept = self.kept.get(&platform);
        let by_hand = self.sidecar.and_then(Sidecar::caption_by_hand);
        let by_hand = by_hand.map(|text| from_sidecar(text.to_owned(), CaptionAuthor::Person));
        let is_persons = |it: &KeptCaption| it.author == CaptionAuthor::Person;
        by_hand
            .or_else(|| kept.filter(|it| is_persons(it)).cloned())
            .or_else(|| self.in_sidecar(platform).filter(is_persons))
            .or_else(|| kept.cloned())
            .or_else(|| self.in_sidecar(platform))
    }

    /// What the sidecar says was sent to a platform, or written for it. It is a person's where the sidecar says that of
    /// its captions, and it is not what a model wrote.
    fn in_sidecar(&self, platform: Platform) -> Option<KeptCaption> {
        let sidecar = self.sidecar?;
        let text = sidecar.caption_for(platform)?;
        let is_persons = sidecar.is_edited() && !sidecar.is_generated_for(platform);
        let author = if is_persons {
            CaptionAuthor::Person
        } else {
            CaptionAuthor::Model
        };
        Some(from_sidecar(text, author))
    }

    /// A caption that did fit: a person may have made it longer since, or the limits have changed. The hashtags that it
    /// ends with stay, unless they are a model's, and not wanted any more.
    fn fitted(&self, caption: &KeptCaption, rules: &CaptionRules) -> String {
        let hashtags = &self.settings.content.hashtag_string;
        let has_smart_hashtags = self.settings.features.smart_hashtags_enabled;
        if has_smart_hashtags || caption.author == CaptionAuthor::Person {
            rules.fit_with_own_hashtags(&caption.sent, hashtags)
        } else {
            rules.fit(&caption.sent, hashtags)
        }
    }
}

/// A caption of which the sidecar has the text alone.
fn from_sidecar(sent: String, author: CaptionAuthor) -> KeptCaption {
    KeptCaption {
        sent,
        written: None,
        author,
        angle: None,
        model: None,
    }
}

impl Captions {
    /// These captions with those of an earlier attempt in their place, where there are such.
    pub(in crate::app::usecases) fn with_earlier(mut self, earlier: Self) -> Self {
        if self.by_platform.is_empty() {
            return earlier;
        }
        self.by_platform.extend(earlier.by_platform);
        self.earlier.extend(earlier.earlier);
        self
    }

    /// What the ledger keeps of them. An empty caption is none.
    pub(in crate::app::usecases) fn to_keep(&self) -> BTreeMap<Platform, KeptCaption> {
        let texts = self.by_platform.iter();
        let texts = texts.filter(|(_, text)| !text.is_empty());
        texts
            .map(|(platform, text)| (*platform, self.kept_of(*platform, text.clone())))
            .collect()
    }

    fn kept_of(&self, platform: Platform, sent: String) -> KeptCaption {
        match (self.earlier.get(&platform), self.author) {
            (Some(earlier), _) => KeptCaption {
                sent,
                ..earlier.clone()
            },
            (None, Author::Model) => KeptCaption {
                sent,
                written: self.written.get(&platform).cloned(),
                author: CaptionAuthor::Model,
                angle: self.angles.get(&platform).copied(),
                model: self.model.clone(),
            },
            (None, Author::Caller | Author::Earlier) => from_sidecar(sent, CaptionAuthor::Person),
        }
    }
}
