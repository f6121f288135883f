//! The metric of decisions that this process's own count has made.

/// Counts a decision that this process's own count has made, or, with 0, has the series of a limit.
pub fn count_fallbacks(limit: &'static str, number: u64) {
    metrics::counter!("publisher_shared_limits_fallbacks_total", "limit" => limit)
        .increment(number);
}
