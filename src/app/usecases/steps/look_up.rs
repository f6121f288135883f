//! Asking platforms about posts whose answers were lost, and recording what they say. Sends nothing.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;

use super::platform_failure;
use crate::{
    app::{
        runtime::held_lease::HeldLease,
        tenancy::{access::ClientUnavailable, tenant::Tenant},
    },
    domain::{
        ledger::{Prior, PriorState, Settlement},
        platform::Platform,
        publication::{Failure, FailureReason, LookupKey},
        request_id::RequestId,
    },
    ports::{LedgerError, LookUp, PublishError},
};

/// How long a platform may take to tell: the minute within which it waits for a request that may still be on its way,
/// and as much for its calls.
const LOOK_UP_LIMIT: Duration = Duration::from_mins(2);

/// Looks up posts of a tenant.
#[derive(Clone, Copy)]
pub(in crate::app::usecases) struct LookUps<'a> {
    pub(in crate::app::usecases) tenant: &'a Tenant,
    pub(in crate::app::usecases) request_id: &'a RequestId,
}

/// Why it is still unknown whether a platform has an image.
#[derive(Debug, thiserror::Error)]
pub(in crate::app::usecases) enum StillUnknown {
    /// Another attempt is in doubt, and cannot be looked up.
    #[error("an earlier attempt cannot be looked up")]
    NoKey,
    /// The platform cannot be asked.
    #[error("{0}")]
    NoClient(ClientUnavailable),
    /// The platform did not answer the question.
    #[error("{0}")]
    NoAnswer(PublishError),
    /// The platform cannot tell.
    #[error("the platform cannot tell")]
    Undetermined,
}

/// What is known after a look-up: the state if it was recorded, and why it is still unknown.
type Known = (Option<Prior>, Option<StillUnknown>);

/// Whether there is a post to look up on a platform.
pub(in crate::app::usecases) fn can_ask(prior: &Prior, platform: Platform) -> bool {
    let is_unknown = prior.platforms.get(&platform) == Some(&PriorState::Unknown);
    is_unknown && prior.keys.contains_key(&platform)
}

impl LookUps<'_> {
    /// Looks up the image's posts in doubt on these platforms, all at once. What is known then is in `prior`. Returns why
    /// the others are still unknown.
    ///
    /// # Errors
    /// [`LedgerError`]. The ledger has what could be recorded.
    pub(in crate::app::usecases) async fn resolve(
        &self,
        lease: &HeldLease,
        prior: &mut Prior,
        platforms: &[Platform],
    ) -> Result<BTreeMap<Platform, StillUnknown>, LedgerError> {
        let asked = platforms.iter().filter(|it| can_ask(prior, **it));
        let asked = asked.filter_map(|platform| Some((*platform, prior.keys.get(platform)?)));
        let asked: Vec<_> = asked
            .map(|(platform, key)| async move {
                (platform, self.resolve_one(lease, platform, key).await)
            })
            .collect();
        let mut doubts = BTreeMap::new();
        for (platform, known) in join_all(asked).await {
            let (known, doubt) = known?;
            if let Some(known) = known {
                prior.keys.remove(&platform);
                prior.platforms.extend(known.platforms);
                prior.keys.extend(known.keys);
            }
            doubts.extend(doubt.map(|doubt| (platform, doubt)));
        }
        Ok(doubts)
    }

    /// Looks up the post of this key and, where it is not there, those of attempts before it that are in doubt.
    ///
    /// # Errors
    /// [`LedgerError`].
    pub(in crate::app::usecases) async fn resolve_one(
        &self,
        lease: &HeldLease,
        platform: Platform,
        key: &LookupKey,
    ) -> Result<Known, LedgerError> {
        let mut key = key.clone();
        let mut known = None;
        loop {
            let (settlement, doubt) = match self.ask(platform, &key).await {
                Ok(LookUp::Posted(post)) => (Settlement::Published(post), None),
                Ok(LookUp::NotPosted) => (Settlement::Failed(not_posted()), None),
                Ok(LookUp::Undetermined) => (undetermined(), Some(StillUnknown::Undetermined)),
                Err(doubt) => return Ok((known, Some(doubt))),
            };
            let prior = lease.record_look_up(platform, &key, &settlement).await?;
            let state = prior.platforms.get(&platform);
            tracing::info!(
                tenant = %self.tenant.name(),
                platform = platform.as_str(),
                outcome = name_of(&settlement),
                "a post whose answer was lost was looked up"
            );
            let is_unknown = state == Some(&PriorState::Unknown);
            let next = prior.keys.get(&platform).filter(|_| is_unknown).cloned();
            known = Some(prior);
            match next {
                _ if doubt.is_some() => return Ok((known, doubt)),
                Some(next) if next != key => key = next,
                _ => return Ok((known, is_unknown.then_some(StillUnknown::NoKey))),
            }
        }
    }

    async fn ask(&self, platform: Platform, key: &LookupKey) -> Result<LookUp, StillUnknown> {
        let asking = self.ask_with_live_credential(platform, key);
        let answer = timeout(LOOK_UP_LIMIT, asking).await;
        let answer = answer.unwrap_or_else(|_| {
            let hung = format!("no answer within {} s", LOOK_UP_LIMIT.as_secs());
            Err(StillUnknown::NoAnswer(PublishError::unavailable(hung)))
        });
        if let Err(StillUnknown::NoAnswer(error)) = &answer {
            tracing::warn!(
                tenant = %self.tenant.name(),
                platform = platform.as_str(),
                error = platform_failure::logged(error),
                "platform could not be asked about a post"
            );
        }
        answer
    }

    async fn ask_with_live_credential(
        &self,
        platform: Platform,
        key: &LookupKey,
    ) -> Result<LookUp, StillUnknown> {
        let open = || self.tenant.publisher(platform, self.request_id);
        let opened = open().await.map_err(StillUnknown::NoClient)?;
        let answer = opened.client.look_up(key).await;
        let Err(PublishError::Unauthorized { .. }) = &answer else {
            return answer.map_err(StillUnknown::NoAnswer);
        };
        self.tenant.forget(&opened);
        let renewed = open().await.map_err(StillUnknown::NoClient)?;
        if renewed.has_same_credential(&opened) {
            return answer.map_err(StillUnknown::NoAnswer);
        }
        let answer = renewed.client.look_up(key).await;
        answer.map_err(StillUnknown::NoAnswer)
    }
}

fn not_posted() -> Failure {
    let text = "the platform's answer was lost, and it does not have the post";
    Failure::new(FailureReason::Unavailable, text)
}

fn undetermined() -> Settlement {
    let text = "the platform was asked, and cannot tell whether it has the post; look there before publishing again \
                with `force` and this platform alone in `platforms`";
    Settlement::Unknown(text.to_owned())
}

const fn name_of(settlement: &Settlement) -> &'static str {
    match settlement {
        Settlement::Published(_) => "published",
        Settlement::Failed(_) => "failed",
        Settlement::Unknown(_) => "unknown",
    }
}
