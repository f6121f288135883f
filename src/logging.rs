//! The log: one JSON object a line, or lines for people on a terminal.

use std::io::IsTerminal as _;

use publisher::adapters::env::Environment;
use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    util::{SubscriberInitExt as _, TryInitError},
};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Pretty,
}

/// What is logged, and how it looks.
#[derive(Debug)]
pub(crate) struct LogSettings {
    format: Format,
    filter: EnvFilter,
}

impl LogSettings {
    /// Reads `LOG_FORMAT` (`json`; `pretty` on a terminal) and `RUST_LOG` (`default`). Bad values
    /// are noted as problems, and the defaults used.
    pub(crate) fn read(environment: &mut Environment, default: &str) -> Self {
        let format = match environment.text("LOG_FORMAT").as_deref() {
            Some("pretty") => Format::Pretty,
            None if std::io::stdout().is_terminal() => Format::Pretty,
            Some("json") | None => Format::Json,
            Some(_) => {
                environment.reject("LOG_FORMAT", "must be `json` or `pretty`");
                Format::Json
            }
        };
        let directives = environment
            .text("RUST_LOG")
            .unwrap_or_else(|| default.to_owned());
        let filter = EnvFilter::try_new(directives).unwrap_or_else(|_| {
            environment.reject("RUST_LOG", "must be log directives, such as `info`");
            EnvFilter::new(default)
        });
        Self { format, filter }
    }

    /// Makes this the log of the process.
    ///
    /// # Errors
    /// There is one already.
    pub(crate) fn init<W>(self, writer: W) -> Result<(), TryInitError>
    where
        W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
    {
        let Self { format, filter } = self;
        let filter = filter.and(filter_fn(|line| {
            is_ours_or_grave(line.target(), *line.level())
        }));
        let lines = fmt::layer::<Registry>().with_writer(writer);
        let lines = match format {
            Format::Json => lines
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .boxed(),
            Format::Pretty => lines.compact().boxed(),
        };
        tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .try_init()
    }
}

/// Libraries write URLs, hosts and headers into their finer lines, and secrets can stand in any
/// of these. So they are heard only when something is wrong, whatever the filter says.
fn is_ours_or_grave(target: &str, level: Level) -> bool {
    level <= Level::WARN || target == "publisher" || target.starts_with("publisher::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_heard_only_when_something_is_wrong() {
        assert!(is_ours_or_grave("publisher::app::http", Level::TRACE));
        assert!(is_ours_or_grave("hyper_util::client", Level::WARN));
        assert!(!is_ours_or_grave("hyper_util::client", Level::INFO));
        assert!(!is_ours_or_grave("publisher_of_books", Level::DEBUG));
    }

    #[test]
    fn bad_log_settings_are_named() {
        let pairs = [("LOG_FORMAT", "xml"), ("RUST_LOG", "publisher=loud")];
        let mut environment = Environment::from_pairs(pairs);
        LogSettings::read(&mut environment, "info");
        let problems = environment.finish().unwrap_err().to_string();
        assert!(
            problems.contains("LOG_FORMAT") && problems.contains("RUST_LOG"),
            "{problems}"
        );
    }
}
