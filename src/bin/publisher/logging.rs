//! The log: one JSON object a line, or lines for people on a terminal.
//!
//! | file | holds |
//! | --- | --- |
//! | `logging.rs` | where the log goes, and what of it is traced |
//! | `controls.rs` | characters that would break or color a line |
//! | `filter.rs` | what is logged |
//! | `line.rs` | a line as one flat JSON object |
//! | `writer.rs` | writes lines without making any request wait, and with secrets masked |

mod controls;
mod filter;
mod line;
mod writer;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _},
    panic, thread,
};

use opentelemetry::trace::Tracer;
use publisher::{
    adapters::{
        env::Environment,
        otlp::{self, Traces},
    },
    app::http::trace_context,
};
use tracing::Metadata;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::{
    Layer, Registry,
    field::MakeExt as _,
    filter::filter_fn,
    fmt::{self, format::debug_fn},
    layer::SubscriberExt as _,
    util::{SubscriberInitExt as _, TryInitError},
};

use self::{
    controls::Escaping,
    filter::{LogFilter, is_own_span},
    line::{FlatJson, is_for_traces},
};
pub(crate) use controls::OneLine;
pub(crate) use writer::{count_lost_lines, flush};

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
    filter: LogFilter,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// A logger is already installed.
    #[error("the log could not be set up")]
    Taken(#[from] TryInitError),
}

impl LogSettings {
    /// Reads `LOG_FORMAT` (`json`; `pretty` on a terminal) and `RUST_LOG` (`default`). Bad values
    /// are noted as problems, and the defaults used.
    pub(crate) fn read(environment: &mut Environment, default: &str) -> Self {
        let format = match environment.text("LOG_FORMAT").as_deref() {
            Some("pretty") => Format::Pretty,
            None if io::stdout().is_terminal() => Format::Pretty,
            Some("json") | None => Format::Json,
            Some(_) => {
                environment.reject("LOG_FORMAT", "must be `json` or `pretty`");
                Format::Json
            }
        };
        let directives = environment
            .text("RUST_LOG")
            .unwrap_or_else(|| default.to_owned());
        if has_unknown_level(&directives) {
            environment.reject(
                "RUST_LOG",
                "must be a level (off, error, warn, info, debug, trace), or directives such as \
                 `info,publisher=debug`",
            );
        }
        let filter = LogFilter::new(&directives).unwrap_or_else(|_| {
            environment.reject("RUST_LOG", "must be log directives, such as `info`");
            LogFilter::new(default).unwrap_or_default()
        });
        Self { format, filter }
    }

    /// Makes this the log of the process, written to `output`, and has spans traced. What panics is
    /// logged from now on, too.
    ///
    /// # Errors
    /// [`LogError`].
    pub(crate) fn init(
        self,
        output: impl io::Write + Send + 'static,
        traces: &Traces,
    ) -> Result<(), LogError> {
        let Self { format, filter } = self;
        let lines = fmt::layer()
            .with_writer(writer::start(output))
            .log_internal_errors(false);
        let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
            Format::Json => lines.fmt_fields(FlatJson).event_format(FlatJson).boxed(),
            Format::Pretty => lines.compact().fmt_fields(for_people()).boxed(),
        };
        // Spans alone: what lines say beyond them is for the log, where it is masked.
        let spans = match traces.tracer() {
            Some(recorded) => span_layer(tracing_opentelemetry::layer().with_tracer(recorded))
                .with_filter(filter_fn(is_traced))
                .boxed(),
            None => span_layer(tracing_opentelemetry::layer())
                .with_filter(filter_fn(is_traced))
                .boxed(),
        };
        tracing_subscriber::registry()
            .with(vec![lines, spans])
            .with(filter)
            .try_init()?;
        panic::set_hook(Box::new(log_panic));
        Ok(())
    }
}

/// Spans become spans of a trace, with their fields and nothing else.
fn span_layer<T>(layer: OpenTelemetryLayer<Registry, T>) -> Box<dyn Layer<Registry> + Send + Sync>
where
    T: Tracer + Send + Sync + 'static,
    T::Span: Send + Sync,
{
    layer
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_context_activation(false)
        .boxed()
}

/// Fields as people read them, and none of them in more than its line: what is said by `Display`
/// comes without an escape.
fn for_people() -> impl for<'writer> fmt::FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(|writer, field, value| {
        let mut writer = Escaping(writer);
        match field.name() {
            name if is_for_traces(name) => Ok(()),
            "message" => write!(writer, "{value:?}"),
            name => write!(writer, "{name}={value:?}"),
        }
    })
    .delimited(" ")
}

/// Whether a span is traced. Probes are in no trace. A trace that is not recorded continues only
/// for callers that have named it.
fn is_traced(span: &Metadata<'_>) -> bool {
    is_own_span(span) && ![trace_context::UNTRACED, otlp::UNTRACED].contains(&span.target())
}

/// Logs where a thread panicked, and its message unless that was formatted at run time: then it may contain
/// anything.
fn log_panic(panic: &panic::PanicHookInfo<'_>) {
    let location = panic.location().map(tracing::field::display);
    let panic_message = panic.payload().downcast_ref::<&'static str>().copied();
    tracing::error!(location, panic_message, "panicked");
    // Every other thread is caught, and the log goes on.
    if thread::current().name() == Some("main") {
        flush();
    }
}

/// Whether a word stands alone that is no level. It would be taken for the target whose lines are all
/// that is logged.
fn has_unknown_level(directives: &str) -> bool {
    let words = directives.split(',').map(str::trim);
    words
        .filter(|word| !word.is_empty() && !word.contains(['=', '[']))
        .any(|word| {
            word != "publisher" && word.parse::<tracing::level_filters::LevelFilter>().is_err()
        })
}

#[cfg(test)]
mod tests {
    use super::{line::tests::Written, *};

    /// What `write` has the log for people hold.
    fn pretty(write: impl FnOnce()) -> String {
        let written = Written::default();
        let subscriber = tracing_subscriber::registry().with(
            fmt::layer()
                .with_writer(written.clone())
                .with_ansi(false)
                .compact()
                .fmt_fields(for_people()),
        );
        tracing::subscriber::with_default(subscriber, write);
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn whatever_a_field_or_a_message_holds_a_line_for_people_is_one_line_without_controls() {
        const FORGED: &str =
            "v1\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J\u{9b}1m\u{7f}\u{85}\u{2028}\u{202e}";
        let error = io::Error::other(FORGED);
        let log = pretty(|| {
            let span = tracing::info_span!("outer", config_version = %FORGED, late = tracing::field::Empty);
            span.record("late", tracing::field::display(FORGED));
            let _entered = span.entered();
            tracing::warn!(displayed = %FORGED, debugged = ?FORGED, text = FORGED, "{FORGED}");
            tracing::warn!(error = &error as &dyn std::error::Error, chars = ?FORGED.chars(), "x");
        });
        assert_eq!(log.matches("forged").count(), 4 + 1 + 2 * 2, "{log}");
        let lines: Vec<_> = log.split('\n').collect();
        assert_eq!(lines.len(), 3, "{log}");
        let is_control = |it: char| it != '\n' && controls::is_control(it);
        assert!(!log.contains(is_control), "{log:?}");
        assert!(
            log.contains(r"displayed=v1\r\n2026-01-01T00:00:00Z  INFO forged\u{1b}[2J"),
            "{log}"
        );
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for bad in ["inof", "verbose", "info,debgu", " trce "] {
            assert!(has_unknown_level(bad), "{bad}");
        }
        for good in [
            "info",
            "WARN",
            "off",
            "3",
            "publisher",
            "info,sqlx=warn",
            "publisher[{tenant=a}]=debug",
        ] {
            assert!(!has_unknown_level(good), "{good}");
        }
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
