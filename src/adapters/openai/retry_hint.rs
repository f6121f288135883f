//! When OpenAI asks to be called again: `Retry-After`, or the times at which its limits reset.

use std::time::Duration;

use reqwest::header::HeaderMap;

use crate::{adapters::upstream::retry_after, ports::Clock};

/// The wait that an answer asks for. Of the two limits (requests and tokens) the one that is used
/// up counts; when the answer does not say which, the one that takes longer.
pub(super) fn retry_hint(headers: &HeaderMap, clock: &dyn Clock) -> Option<Duration> {
    retry_after(headers, clock).or_else(|| {
        let resets = ["requests", "tokens"]
            .into_iter()
            .filter(|limit| is_used_up(headers, limit));
        resets.filter_map(|limit| reset(headers, limit)).max()
    })
}

fn is_used_up(headers: &HeaderMap, limit: &str) -> bool {
    text(headers, &format!("x-ratelimit-remaining-{limit}")).is_none_or(|left| left == "0")
}

fn reset(headers: &HeaderMap, limit: &str) -> Option<Duration> {
    duration(text(headers, &format!("x-ratelimit-reset-{limit}"))?)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Reads `1s`, `6m0s`, `20ms`, `1h2m3.5s`; `None` for anything else, a bare number included.
fn duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(number_end);
        let unit_end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let seconds = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            _ => return None,
        };
        let part = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::clock::SystemClock;
    use proptest::prelude::*;
    use reqwest::header::HeaderName;

    fn hint(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        retry_hint(&headers.collect(), &SystemClock)
    }

    #[test]
    fn reset_times_are_read_in_every_form() {
        for (text, millis) in [
            ("1s", 1_000),
            ("6m0s", 360_000),
            ("20ms", 20),
            ("1h2m3.5s", 3_723_500),
            ("0s", 0),
            ("7.66s", 7_660),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["", "5", "s", "1x", "1.2.3s", "-1s", "1s ", "soon", "1e99s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn retry_after_comes_first() {
        let headers = [("retry-after", "2"), ("x-ratelimit-reset-requests", "9s")];
        assert_eq!(hint(&headers), Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_limit_that_is_used_up_counts() {
        let mut headers = vec![
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ];
        assert_eq!(hint(&headers), Some(Duration::from_mins(6)));
        headers.push(("x-ratelimit-remaining-requests", "0"));
        headers.push(("x-ratelimit-remaining-tokens", "1200"));
        assert_eq!(hint(&headers), Some(Duration::from_secs(1)));
        assert_eq!(hint(&[]), None);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "[0-9.hmsuµ -]{0,40}") {
            let _ = duration(&text);
        }
    }
}
