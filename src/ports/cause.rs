//! What lies behind an error of a port.

/// What an adapter knew about a failure, for the log. Never holds a secret, a credentials ref, a
/// host or a URL.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
