//! Which build this is, and the line of the log that says what has started.

use std::net::SocketAddr;

/// The version of this build.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit of this build, `unknown` where nobody said; `build.rs` finds it out.
pub(crate) const COMMIT: &str = env!("PUBLISHER_COMMIT");
/// Both, for `--version`.
pub(crate) const BUILD: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("PUBLISHER_COMMIT"),
    ")"
);

/// What has started.
pub(crate) struct StartLine {
    /// Where tenants come from, in the words of `CONFIG_SOURCE`.
    pub(crate) config_source: &'static str,
    /// The kind of ledger.
    pub(crate) ledger: &'static str,
    /// How many connections it takes at most.
    pub(crate) ledger_connections: u32,
    /// What images may take in memory, in MiB.
    pub(crate) memory_budget_mb: u64,
    /// Where requests are answered.
    pub(crate) address: SocketAddr,
    /// Where metrics are scraped; `None`: nowhere.
    pub(crate) metrics_address: Option<SocketAddr>,
}

impl StartLine {
    /// Logs it: the service accepts connections from now on.
    pub(crate) fn log(self) {
        let Self {
            config_source,
            ledger,
            ledger_connections,
            memory_budget_mb,
            address,
            metrics_address,
        } = self;
        let metrics_address = metrics_address.map(tracing::field::display);
        tracing::info!(
            version = VERSION,
            commit = COMMIT,
            config_source,
            ledger,
            ledger_connections,
            memory_budget_mb,
            %address,
            metrics_address,
            "listening"
        );
    }
}
