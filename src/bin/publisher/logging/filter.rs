//! What is logged. The log and the traces share one filter: one for each would cost every request more than
//! writing its line.

use tracing::{
    Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};
use tracing_subscriber::{
    EnvFilter, Layer, filter::ParseError, layer::Context, registry::LookupSpan,
};

/// Lets through what `RUST_LOG` asks for, as far as it is safe, and all spans of this service.
#[derive(Debug, Default)]
pub(super) struct LogFilter {
    directives: EnvFilter,
    /// Whether a directive selects lines by the spans that they are in.
    looks_at_spans: bool,
}

impl LogFilter {
    /// A filter of these directives.
    ///
    /// # Errors
    /// A directive is malformed.
    pub(super) fn new(directives: &str) -> Result<Self, ParseError> {
        Ok(Self {
            directives: EnvFilter::try_new(directives)?,
            // As in `publisher[{tenant=alice}]=debug`.
            looks_at_spans: directives.contains('['),
        })
    }
}

impl<S> Layer<S> for LogFilter
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let asked_for = Layer::<S>::register_callsite(&self.directives, metadata);
        if is_own_span(metadata) {
            Interest::always()
        } else if is_ours_or_grave(metadata) {
            asked_for
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, context: Context<'_, S>) -> bool {
        let asked_for = || Layer::<S>::enabled(&self.directives, metadata, context);
        is_own_span(metadata) || is_ours_or_grave(metadata) && asked_for()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.looks_at_spans {
            Layer::<S>::on_new_span(&self.directives, attributes, id, context);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if self.looks_at_spans {
            Layer::<S>::on_record(&self.directives, id, values, context);
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if self.looks_at_spans {
            Layer::<S>::on_enter(&self.directives, id, context);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if self.looks_at_spans {
            Layer::<S>::on_exit(&self.directives, id, context);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if self.looks_at_spans {
            Layer::<S>::on_close(&self.directives, id, context);
        }
    }
}

/// Whether a line is of this service, or at least a warning. Libraries write URLs, hosts and headers into their
/// finer lines, any of which may contain a secret, so these are never logged.
fn is_ours_or_grave(line: &Metadata<'_>) -> bool {
    *line.level() <= Level::WARN || is_ours(line.target())
}

/// Whether it is a span of this service. These are always enabled, so that each line has its request and tenant.
pub(super) fn is_own_span(span: &Metadata<'_>) -> bool {
    span.is_span() && is_ours(span.target())
}

fn is_ours(target: &str) -> bool {
    target == "publisher" || target.starts_with("publisher::")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, warn};
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn libraries_are_logged_only_when_something_is_wrong() {
        assert!(is_ours("publisher::app::http"));
        assert!(is_ours("publisher"));
        assert!(!is_ours("hyper_util::client"));
        assert!(!is_ours("publisher_of_books"));
    }

    /// Keeps the messages of all events.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Told {
        fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
            event.record(
                &mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                    assert_eq!(field.name(), "message");
                    self.0.lock().unwrap().push(format!("{value:?}"));
                },
            );
        }
    }

    fn told(directives: &str) -> Vec<String> {
        let told = Told::default();
        let subscriber = tracing_subscriber::registry()
            .with(told.clone())
            .with(LogFilter::new(directives).unwrap());
        tracing::subscriber::with_default(subscriber, || {
            debug!("outside");
            tracing::info_span!("span", n = 1).in_scope(|| debug!("within"));
            info!("ours");
            info!(target: "hyper", "theirs");
            warn!(target: "hyper", "grave");
        });
        // Another test that registers what it logs may hold the subscriber for a moment longer.
        let messages = told.0.lock().unwrap();
        messages.clone()
    }

    #[test]
    fn the_directives_say_what_is_logged_and_of_libraries_only_warnings_are() {
        assert_eq!(told("info"), ["ours", "grave"]);
        assert_eq!(told("trace"), ["outside", "within", "ours", "grave"]);
        assert_eq!(told("error"), [""; 0]);
        assert_eq!(told("info,hyper=trace"), ["ours", "grave"]);
    }

    #[test]
    fn directives_may_look_at_spans() {
        assert_eq!(told("warn,[span{n=1}]=debug"), ["within", "grave"]);
        assert_eq!(told("warn,[span{n=2}]=debug"), ["grave"]);
    }
}
