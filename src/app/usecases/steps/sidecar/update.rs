//! What is written into a sidecar. Keys and lines that are not ours stay, and so does what a person wrote. Used by
//! `sidecar.rs`.

use std::collections::BTreeMap;

use crate::{
    app::usecases::steps::captioning::{Author, Captions},
    domain::{
        caption_history::CaptionAuthor,
        content_hash::SidecarKeys,
        image::StoredImage,
        platform::Platform,
        sidecar::{self, SD_CAPTION_VERSION, Sidecar},
        tenant_config::TenantSettings,
    },
};

/// What was done with the captions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::app::usecases) enum Occasion<'a> {
    /// They were written, and not sent.
    Analysis,
    /// They were written to replace what is there, and not sent.
    Refresh,
    /// They were sent to these platforms, with any outcome.
    Publication(&'a [Platform]),
}

/// What a sidecar is updated with.
pub(super) struct Update<'a> {
    pub(super) now: String,
    pub(super) sha256: String,
    pub(super) captions: &'a Captions,
    pub(super) occasion: Occasion<'a>,
    /// The keys for what storage calls the image.
    pub(super) keys: SidecarKeys,
}

impl Update<'_> {
    pub(super) fn apply(
        &self,
        sidecar: &mut Sidecar,
        stored: &StoredImage,
        settings: &TenantSettings,
    ) {
        let Self {
            now,
            sha256,
            captions,
            occasion,
            keys,
        } = self;
        let has_alt_text = settings.features.alt_text_enabled;
        let settings = &settings.sidecar;
        sidecar.set("image_file", stored.name.as_str());
        sidecar.set_identity(stored, *keys);
        sidecar.set("sha256", sha256);
        if sidecar.get("created").is_none() {
            sidecar.set("created", now);
        }
        let is_refresh = *occasion == Occasion::Refresh;
        sidecar.clear_other_first_line();
        if let Some(sd_caption) = &captions.sd_caption
            && (is_refresh || sidecar.sd_caption().is_none())
        {
            sidecar.set_caption(sd_caption);
            sidecar.set("sd_caption_version", SD_CAPTION_VERSION);
        }
        let model = captions.model.as_deref();
        sidecar.set("model_version", model.unwrap_or_default());
        let artist = settings.artist_alias.as_deref();
        sidecar.set("artist_alias", artist.unwrap_or_default());
        self.apply_captions(sidecar);
        let has_metadata = settings.extended_metadata_enabled && captions.author == Author::Model;
        match &captions.analysis {
            Some(analysis) if has_metadata && is_refresh => {
                if !has_alt_text {
                    sidecar.remove(sidecar::ALT_TEXT);
                }
                sidecar.set_analysis(analysis);
            }
            Some(analysis) if has_metadata => sidecar.add_analysis(analysis),
            _ => {}
        }
    }

    /// Sets the captions that were written, and those that were sent. A person's caption is replaced only by a
    /// refresh.
    fn apply_captions(&self, sidecar: &mut Sidecar) {
        let (texts, main, now) = (&self.captions.by_platform, self.captions.main(), &*self.now);
        if main.is_empty() {
            return;
        }
        match (self.captions.author, self.occasion) {
            (Author::Model, Occasion::Refresh) => sidecar.replace_generated(texts, main, now),
            (Author::Model | Author::Earlier, _) => self.apply_new_and_missing(sidecar),
            (Author::Caller, _) => sidecar.add_given(texts, main, now),
        }
        if let Occasion::Publication(sent_to) = self.occasion {
            let mut sent = texts.clone();
            sent.retain(|platform, _| sent_to.contains(platform));
            sidecar.add_submitted(&sent);
        }
    }

    /// Adds new captions, and those of an earlier attempt where the sidecar has none at all: it was deleted since, or could
    /// not be written then.
    fn apply_new_and_missing(&self, sidecar: &mut Sidecar) {
        let Captions {
            by_platform,
            earlier,
            ..
        } = self.captions;
        let is_missing = !sidecar.has_captions();
        let (mut generated, mut given) = (BTreeMap::new(), BTreeMap::new());
        for (platform, text) in by_platform {
            let (platform, text) = (*platform, text.clone());
            match earlier.get(&platform).map(|it| it.author) {
                None => generated.insert(platform, text),
                Some(CaptionAuthor::Model) if is_missing => generated.insert(platform, text),
                Some(CaptionAuthor::Person) if is_missing => given.insert(platform, text),
                Some(_) => None,
            };
        }
        let first = |texts: &BTreeMap<_, String>| texts.values().find(|it| !it.is_empty()).cloned();
        if let Some(main) = first(&generated) {
            sidecar.add_generated(&generated, &main, &self.now);
        }
        if let Some(main) = first(&given) {
            sidecar.add_given(&given, &main, &self.now);
        }
    }
}
