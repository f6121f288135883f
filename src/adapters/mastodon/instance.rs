//! The limits of an instance, as it tells them, and how long they are believed. Used by this folder's adapter.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    adapters::{kept::Kept, renewal::Renewed},
    domain::{caption::CaptionRules, platform::ImageLimits},
    ports::Clock,
};

/// How long the limits of an instance are kept.
const KEPT: Duration = Duration::from_hours(1);
/// How long an instance that did not tell them is not asked again: all who wait take the defaults.
const FAILURE_KEPT: Duration = Duration::from_secs(30);
/// The instances that are remembered, those last asked for.
const MAX_INSTANCES: usize = 1_000;

/// The limits of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InstanceLimits {
    /// The longest status with its content warning, in graphemes.
    pub(super) characters: usize,
    /// The length that a link counts as.
    pub(super) per_link: usize,
    /// The longest description of an image, in characters.
    pub(super) description: usize,
    /// The largest file, in bytes.
    pub(super) bytes: u64,
    /// The most pixels.
    pub(super) pixels: u64,
    /// Whether it takes JPEG, and neither PNG nor WebP or not both.
    pub(super) jpeg_only: bool,
}

impl Default for InstanceLimits {
    /// Those of Mastodon 4.5.
    fn default() -> Self {
        Self {
            characters: 500,
            per_link: 23,
            description: 1_500,
            bytes: 16 * 1024 * 1024 - 1,
            pixels: 33_177_600,
            jpeg_only: false,
        }
    }
}

impl InstanceLimits {
    /// Reads the answer of `/api/v2/instance`. A value that no instance can mean is replaced by its default; the others
    /// count.
    pub(super) fn read(document: &Value) -> Self {
        let usual = Self::default();
        let limit = |path: &str, least: u64, most: u64| {
            let value = document["configuration"].pointer(path)?.as_u64()?;
            (least..=most).contains(&value).then_some(value)
        };
        let count = |path: &str, most: u64, default: usize| {
            let value = limit(path, 1, most).and_then(|it| usize::try_from(it).ok());
            value.unwrap_or(default)
        };
        let bytes = limit("/media_attachments/image_size_limit", 1_024, 1 << 30);
        let pixels = limit("/media_attachments/image_matrix_limit", 10_000, 1 << 30);
        let types = &document["configuration"]["media_attachments"]["supported_mime_types"];
        let takes = |wanted: &str| {
            let types = types.as_array().into_iter().flatten();
            types.filter_map(Value::as_str).any(|it| it == wanted)
        };
        Self {
            characters: count("/statuses/max_characters", 100_000, usual.characters),
            per_link: count(
                "/statuses/characters_reserved_per_url",
                1_000,
                usual.per_link,
            ),
            description: count(
                "/media_attachments/description_limit",
                100_000,
                usual.description,
            ),
            // A file must be smaller than what the instance says.
            bytes: bytes.map_or(usual.bytes, |limit| limit - 1),
            pixels: pixels.unwrap_or(usual.pixels),
            jpeg_only: takes("image/jpeg") && !(takes("image/png") && takes("image/webp")),
        }
    }

    /// These limits as they are for captions, `rules` for all else.
    pub(super) fn caption(self, rules: CaptionRules) -> CaptionRules {
        CaptionRules {
            limit: self.characters,
            link_length: Some(self.per_link),
            ..rules
        }
    }

    /// These limits as they are for images.
    pub(super) fn image(self) -> ImageLimits {
        ImageLimits {
            max_pixels: Some(self.pixels),
            jpeg_only: self.jpeg_only,
            ..ImageLimits::of_bytes(self.bytes)
        }
    }
}

/// The limits of all instances, by address. One caller asks an instance, and all who need its limits meanwhile wait.
pub(super) struct Instances(Kept<Renewed<Known, Infallible>>);

/// Limits, and when they have to be asked for again.
struct Known(InstanceLimits, Instant);

impl Default for Instances {
    fn default() -> Self {
        Self(Kept::at_most(MAX_INSTANCES))
    }
}

impl Instances {
    /// The limits of the instance at this address, from `ask` if they are not known; the defaults where it does not
    /// tell them.
    pub(super) async fn limits<F>(&self, address: &str, clock: &dyn Clock, ask: F) -> InstanceLimits
    where
        F: AsyncFnOnce() -> Option<InstanceLimits>,
    {
        let instance = self.0.get(&[address], Renewed::default);
        let known = instance.get(
            |known| clock.now() < known.1,
            async |_| {
                let told = ask().await;
                let kept = if told.is_some() { KEPT } else { FAILURE_KEPT };
                Ok(Known(told.unwrap_or_default(), clock.now() + kept))
            },
        );
        match known.await {
            Ok(known) => known.0,
            Err(never) => match *never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::adapters::clock::SystemClock;

    fn document(statuses: &Value, media: &Value) -> Value {
        json!({ "configuration": { "statuses": statuses, "media_attachments": media } })
    }

    #[test]
    fn an_instance_tells_its_limits() {
        let told = document(
            &json!({ "max_characters": 5_000, "characters_reserved_per_url": 30 }),
            &json!({ "description_limit": 420, "image_size_limit": 10_485_760,
                "image_matrix_limit": 16_777_216,
                "supported_mime_types": ["image/jpeg", "image/png", "image/gif"] }),
        );
        let limits = InstanceLimits {
            characters: 5_000,
            per_link: 30,
            description: 420,
            bytes: 10_485_759,
            pixels: 16_777_216,
            jpeg_only: true,
        };
        assert_eq!(InstanceLimits::read(&told), limits);
    }

    #[test]
    fn an_absurd_limit_is_replaced_and_the_others_count() {
        for absurd in [
            json!(0),
            json!(-1),
            json!("500"),
            json!(1.5),
            json!(u64::MAX),
            json!(null),
            json!([500]),
        ] {
            let told = document(
                &json!({ "max_characters": absurd, "characters_reserved_per_url": 10 }),
                &json!({ "description_limit": absurd, "image_size_limit": absurd,
                    "image_matrix_limit": absurd, "supported_mime_types": absurd }),
            );
            let limits = InstanceLimits {
                per_link: 10,
                ..InstanceLimits::default()
            };
            assert_eq!(InstanceLimits::read(&told), limits, "{absurd}");
        }
        for nothing in [json!(null), json!([]), json!({ "configuration": 7 })] {
            assert_eq!(InstanceLimits::read(&nothing), InstanceLimits::default());
        }
    }

    #[test]
    fn jpeg_alone_is_sent_where_another_format_is_missing() {
        for (types, jpeg_only) in [
            (json!(["image/jpeg", "image/png", "image/webp"]), false),
            (json!(["image/jpeg"]), true),
            (json!(["image/jpeg", "image/webp"]), true),
            (json!(["image/png"]), false),
            (json!([]), false),
            (json!([7, null]), false),
        ] {
            let told = document(&json!({}), &json!({ "supported_mime_types": types }));
            assert_eq!(InstanceLimits::read(&told).jpeg_only, jpeg_only, "{types}");
        }
    }

    proptest! {
        /// Whatever an instance says, a caption has some room, and an image some size.
        #[test]
        fn no_document_leaves_no_room(
            number in any::<i64>(),
            text in any::<String>(),
            bytes in any::<Vec<u8>>(),
        ) {
            let numbers = json!({ "max_characters": number, "characters_reserved_per_url": number,
                "description_limit": number, "image_size_limit": number,
                "image_matrix_limit": number, "supported_mime_types": [text, number] });
            let odd: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            for told in [document(&numbers, &numbers), document(&odd, &odd), odd] {
                let limits = InstanceLimits::read(&told);
                prop_assert!((1..=100_000).contains(&limits.characters));
                prop_assert!((1..=1_000).contains(&limits.per_link));
                prop_assert!((1..=100_000).contains(&limits.description));
                prop_assert!((1_023..1 << 30).contains(&limits.bytes));
                prop_assert!((10_000..=1 << 30).contains(&limits.pixels));
            }
        }
    }

    const TOLD: InstanceLimits = InstanceLimits {
        characters: 5_000,
        per_link: 23,
        description: 1_500,
        bytes: 1_000_000,
        pixels: 1_000_000,
        jpeg_only: false,
    };

    #[tokio::test(start_paused = true)]
    async fn limits_are_asked_for_once_an_hour_and_by_one_for_all() {
        let (instances, asked) = (Instances::default(), AtomicUsize::new(0));
        let ask = || {
            instances.limits("https://a.example", &SystemClock, async || {
                asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(1)).await;
                Some(TOLD)
            })
        };
        let all = join_all((0..20).map(|_| ask())).await;
        assert!(all.iter().all(|limits| *limits == TOLD));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_mins(59)).await;
        ask().await;
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        tokio::time::advance(Duration::from_mins(2)).await;
        ask().await;
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        let other = instances.limits("https://b.example", &SystemClock, async || None);
        assert_eq!(other.await, InstanceLimits::default());
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_did_not_tell_is_asked_again_soon() {
        let instances = Instances::default();
        let limits = async |told| {
            let ask = async || told;
            instances
                .limits("https://a.example", &SystemClock, ask)
                .await
        };
        assert_eq!(limits(None).await, InstanceLimits::default());
        assert_eq!(limits(Some(TOLD)).await, InstanceLimits::default());
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(limits(Some(TOLD)).await, TOLD);
    }
}
