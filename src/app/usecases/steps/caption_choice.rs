//! From what a model wrote to one text for each platform: the best of the candidates, shortened by the model where it does
//! not fit. What still does not fit afterwards is cut.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::timeout;

use crate::{
    app::runtime::error_chain::ErrorChain,
    domain::{
        caption_brief::PlatformBriefs,
        caption_history::PastCaptions,
        caption_score::{Lexicon, best},
        platform::Platform,
        tenant::TenantName,
    },
    ports::{CaptionWriter, OverlongCaption},
};

/// How long shortening may take: a caption that is cut is better than one that is late.
const CONDENSE_LIMIT: Duration = Duration::from_secs(10);

/// The fewest characters of a shortened caption: what has fewer is a scrap, and the sentences that fit say more.
const FEWEST_CHARS: usize = 5;

/// The best candidate for each platform, by the captions that the platform has published last, newest first.
#[must_use]
pub fn best_of(
    candidates: BTreeMap<Platform, Vec<String>>,
    past: &PastCaptions,
) -> BTreeMap<Platform, String> {
    let lexicon = Lexicon::built_in();
    let chosen = |(platform, mut candidates): (Platform, Vec<String>)| {
        let past = past.get(&platform).map_or(&[][..], Vec::as_slice);
        let best = best(&candidates, past, lexicon)?;
        Some((platform, candidates.swap_remove(best)))
    };
    candidates.into_iter().filter_map(chosen).collect()
}

/// Has those texts shortened that do not fit beside the tenant's hashtags, all in one call. Where that fails, they stay as
/// they are.
pub async fn condense(
    texts: &mut BTreeMap<Platform, String>,
    writer: &dyn CaptionWriter,
    briefs: &PlatformBriefs,
    tenant_hashtags: &str,
    tenant: &TenantName,
) {
    let too_long = |(platform, text): (&Platform, &String)| {
        let brief = briefs.get(platform)?;
        let fits = brief.rules.holds_written(text, tenant_hashtags);
        let too_long = OverlongCaption {
            text: text.clone(),
            length: brief.length,
        };
        (!fits).then_some((*platform, too_long))
    };
    let too_long: BTreeMap<_, _> = texts.iter().filter_map(too_long).collect();
    if too_long.is_empty() {
        return;
    }
    match timeout(CONDENSE_LIMIT, writer.condense(&too_long)).await {
        Ok(Ok(mut shorter)) => {
            shorter.retain(|_, text| text.chars().count() >= FEWEST_CHARS);
            texts.extend(shorter);
        }
        Ok(Err(error)) => {
            tracing::warn!(
                %tenant, error = %ErrorChain(&error),
                "captions that are too long could not be shortened; they are cut"
            );
        }
        Err(_) => {
            tracing::warn!(
                %tenant, limit_s = CONDENSE_LIMIT.as_secs(),
                "captions that are too long were not shortened in time; they are cut"
            );
        }
    }
}

#[cfg(test)]
mod tests;
