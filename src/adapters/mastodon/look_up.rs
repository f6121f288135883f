//! Looks for a post whose answer was lost, and sends nothing. An instance shows an upload until a status has it, so that
//! one that is shown has not been posted. Used by this folder's adapter.

use super::{
    account::{Account, Upload},
    key::PostKey,
};
use crate::{
    adapters::platform_call::{CallFailure, look_until_settled},
    ports::LookUp,
};

/// The pages of statuses that are looked through, the newest first: 200 statuses with images.
const MAX_PAGES: usize = 5;

/// Looks for a post until it is settled where it is. A server that only speaks Mastodon's API may show an upload that a
/// status has: so the statuses are looked through, too, before the post is taken for missing.
pub(super) async fn look_up(account: &Account, key: &PostKey) -> Result<LookUp, CallFailure> {
    let found = look_until_settled(&account.pace.look_ups, || look_once(account, key)).await?;
    if found != LookUp::NotPosted {
        return Ok(found);
    }
    // Mastodon's word alone is enough where its statuses cannot be read.
    Ok(match find_status(account, &key.media).await {
        Ok(LookUp::Posted(post)) => LookUp::Posted(post),
        Ok(LookUp::NotPosted | LookUp::Undetermined) | Err(_) => LookUp::NotPosted,
    })
}

/// Looks for a post once.
pub(super) async fn look_once(account: &Account, key: &PostKey) -> Result<LookUp, CallFailure> {
    let found = match account.find_upload(&key.media).await {
        Ok(Upload::NotFound) => find_status(account, &key.media).await,
        Ok(Upload::Ready | Upload::Processing | Upload::Failed(_)) => Ok(LookUp::NotPosted),
        Err(failure) => Err(failure),
    };
    match found {
        // The token may not read: that does not change.
        Err(CallFailure::Rejected { .. }) => Ok(LookUp::Undetermined),
        found => found,
    }
}

/// Looks for the status that has an upload.
async fn find_status(account: &Account, media: &str) -> Result<LookUp, CallFailure> {
    let id = account.id().await?;
    let mut before: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let page = account.statuses(&id, before.as_deref()).await?;
        let last = page.last().map(|status| status.post.id.as_str().to_owned());
        let mut page = page.into_iter();
        if let Some(status) = page.find(|it| it.media.iter().any(|id| id == media)) {
            return Ok(LookUp::Posted(status.post));
        }
        if last.is_none() || last == before {
            break;
        }
        before = last;
    }
    Ok(LookUp::Undetermined)
}
