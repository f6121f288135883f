//! What a job publishes, its results, and schedules, as JSON in their columns. What makes no sense to this version is `None`.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use crate::domain::{
    job::JobOrder,
    platform::Platform,
    posting_times::PostingTimes,
    publication::{
        Failure, FailureReason, Outcome, PlatformResult, PostId, PostUrl, PublishedPost,
    },
    schedule::Schedule,
};

/// An order without its image.
pub(super) fn order_text(order: &JobOrder) -> String {
    let JobOrder {
        image: _,
        platforms,
        caption,
        captions,
        force,
        allow_empty_caption,
        needs_approval,
    } = order;
    let captions = captions.as_ref().map(|captions| {
        let captions = captions
            .iter()
            .map(|(platform, text)| (platform.as_str(), text));
        captions.collect::<BTreeMap<_, _>>()
    });
    json!({
        "platforms": platforms.as_deref().map(platforms_value),
        "caption": caption,
        "captions": captions,
        "force": force,
        "allow_empty_caption": allow_empty_caption,
        "needs_approval": needs_approval,
    })
    .to_string()
}

/// The order in a text.
pub(super) fn order(text: &str) -> Option<JobOrder> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(JobOrder {
        image: None,
        platforms: maybe(&value["platforms"], platforms_of)?,
        caption: maybe(&value["caption"], string)?,
        captions: maybe(&value["captions"], captions_of)?,
        force: value["force"].as_bool()?,
        allow_empty_caption: value["allow_empty_caption"].as_bool()?,
        needs_approval: value["needs_approval"].as_bool()?,
    })
}

/// Platforms.
pub(super) fn platforms_text(platforms: &[Platform]) -> String {
    platforms_value(platforms).to_string()
}

/// The platforms in a text.
pub(super) fn platforms(text: &str) -> Option<Vec<Platform>> {
    platforms_of(&serde_json::from_str(text).ok()?)
}

/// Results.
pub(super) fn results_text(results: &[PlatformResult]) -> String {
    let value = |result: &PlatformResult| {
        let (post, failure, text) = match &result.outcome {
            Outcome::Published(post) | Outcome::AlreadyPublished(post) => (Some(post), None, None),
            Outcome::Failed(failure) | Outcome::Skipped(failure) => {
                (None, Some(failure), Some(&failure.text))
            }
            Outcome::Unknown(text) => (None, None, Some(text)),
        };
        let retry_after = failure.and_then(|failure| failure.retry_after);
        json!({
            "platform": result.platform.as_str(),
            "caption": result.caption,
            "outcome": result.outcome.as_str(),
            "post_id": post.map(|post| post.id.as_str()),
            "post_url": post.and_then(|post| Some(post.url.as_ref()?.as_str())),
            "reason": failure.map(|failure| failure.reason.as_str()),
            "text": text,
            "retry_after_ms": retry_after.and_then(|wait| u64::try_from(wait.as_millis()).ok()),
        })
    };
    Value::from(results.iter().map(value).collect::<Vec<_>>()).to_string()
}

/// The results in a text.
pub(super) fn results(text: &str) -> Option<Vec<PlatformResult>> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.as_array()?.iter().map(result).collect()
}

fn result(value: &Value) -> Option<PlatformResult> {
    let post = || {
        Some(PublishedPost {
            id: PostId::new(value["post_id"].as_str()?),
            url: value["post_url"].as_str().and_then(PostUrl::parse),
        })
    };
    let text = || string(&value["text"]);
    let failure = || {
        let reason = FailureReason::from_name(value["reason"].as_str()?)?;
        let retry_after = value["retry_after_ms"].as_u64().map(Duration::from_millis);
        Some(Failure {
            retry_after,
            ..Failure::new(reason, text()?)
        })
    };
    let outcome = match value["outcome"].as_str()? {
        "published" => Outcome::Published(post()?),
        "already_published" => Outcome::AlreadyPublished(post()?),
        "failed" => Outcome::Failed(failure()?),
        "skipped" => Outcome::Skipped(failure()?),
        "unknown" => Outcome::Unknown(text()?),
        _ => return None,
    };
    Some(PlatformResult {
        platform: Platform::from_name(value["platform"].as_str()?)?,
        caption: string(&value["caption"])?,
        outcome,
    })
}

/// A schedule.
pub(in crate::adapters::ledger) fn schedule_text(schedule: &Schedule) -> String {
    let times = schedule.times();
    let entries: Vec<String> = times.entries().iter().map(ToString::to_string).collect();
    json!({
        "timezone": times.timezone(),
        "times": entries,
        "platforms": schedule.platforms().map(platforms_value),
        "enabled": schedule.is_enabled(),
        "needs_approval": schedule.needs_approval(),
    })
    .to_string()
}

/// The schedule in a text.
pub(in crate::adapters::ledger) fn schedule(text: &str) -> Option<Schedule> {
    let value: Value = serde_json::from_str(text).ok()?;
    let entries = value["times"].as_array()?.iter().map(Value::as_str);
    let entries: Vec<&str> = entries.collect::<Option<_>>()?;
    let times = PostingTimes::parse(value["timezone"].as_str()?, &entries).ok()?;
    let platforms = maybe(&value["platforms"], platforms_of)?;
    let (enabled, needs_approval) = (
        value["enabled"].as_bool()?,
        value["needs_approval"].as_bool()?,
    );
    Schedule::new(times, platforms, enabled, needs_approval).ok()
}

/// What may be `null`; `None` if it is there and makes no sense.
#[expect(
    clippy::option_option,
    reason = "a value that is not there is none of those that make no sense"
)]
fn maybe<T>(value: &Value, read: impl FnOnce(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() {
        return Some(None);
    }
    read(value).map(Some)
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn platforms_value(platforms: &[Platform]) -> Value {
    platforms.iter().map(|it| it.as_str()).collect()
}

fn platforms_of(value: &Value) -> Option<Vec<Platform>> {
    let names = value.as_array()?.iter();
    names
        .map(|name| Platform::from_name(name.as_str()?))
        .collect()
}

fn captions_of(value: &Value) -> Option<BTreeMap<Platform, String>> {
    let captions = value.as_object()?.iter();
    captions
        .map(|(name, text)| Some((Platform::from_name(name)?, string(text)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_order() -> JobOrder {
        JobOrder {
            image: None,
            platforms: Some(Platform::ALL.to_vec()),
            caption: Some("nul\0 \"quotes\" 夜\n".to_owned()),
            captions: Some(BTreeMap::from([(Platform::Email, "b".to_owned())])),
            force: true,
            allow_empty_caption: true,
            needs_approval: true,
        }
    }

    #[test]
    fn orders_come_back_as_they_were_written() {
        for kept in [JobOrder::default(), full_order()] {
            let text = order_text(&kept);
            assert!(!text.contains('\0'), "PostgreSQL takes no such character");
            assert_eq!(order(&text), Some(kept));
        }
    }

    #[test]
    fn results_come_back_as_they_were_written() {
        let post = PublishedPost {
            id: PostId::new("7"),
            url: PostUrl::parse("https://example.com/7"),
        };
        let failure = |reason| Failure {
            retry_after: Some(Duration::from_millis(7_500)),
            ..Failure::new(reason, "text")
        };
        let outcomes = [
            Outcome::Published(post),
            Outcome::AlreadyPublished(PublishedPost::new("")),
            Outcome::Unknown("text".to_owned()),
        ];
        let failures = FailureReason::ALL.into_iter().flat_map(|reason| {
            [
                Outcome::Failed(failure(reason)),
                Outcome::Skipped(failure(reason)),
            ]
        });
        let kept: Vec<_> = outcomes
            .into_iter()
            .chain(failures)
            .map(|outcome| PlatformResult {
                platform: Platform::Email,
                caption: "caption".to_owned(),
                outcome,
            })
            .collect();
        assert_eq!(results(&results_text(&kept)), Some(kept));
    }

    #[test]
    fn schedules_come_back_as_they_were_written() {
        for (platforms, enabled) in [(None, true), (Some(vec![Platform::Bluesky]), false)] {
            let times = PostingTimes::parse("Europe/Berlin", &["Mon 18:30", "daily 09:00"]);
            let kept = Schedule::new(times.unwrap(), platforms, enabled, enabled).unwrap();
            assert_eq!(schedule(&schedule_text(&kept)), Some(kept));
        }
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"force": 1}"#,
            r#"{"platforms": ["myspace"], "force": false, "allow_empty_caption": false, "needs_approval": false}"#,
        ] {
            assert_eq!(order(text), None, "{text}");
            assert_eq!(schedule(text), None, "{text}");
        }
        for text in [
            "",
            "{}",
            "[{}]",
            r#"[{"platform": "email", "outcome": "lost"}]"#,
        ] {
            assert_eq!(results(text), None, "{text}");
        }
        assert_eq!(platforms(r#"["email", "myspace"]"#), None);
    }
}
