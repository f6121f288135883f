//! A line of the log as one flat JSON object: the event's fields, then those of the spans that it
//! stands in. Used by the rest of this folder.

use std::{borrow::Cow, error::Error, fmt};

use publisher::adapters::redaction::redact;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// The longest text in a field, in bytes: a longer one is cut.
const LONGEST_TEXT: usize = 4 * 1024;
/// The room for all fields, in bytes; whatever comes after has no place in the line, which says so.
const LINE_ROOM: usize = 16 * 1024;

/// Writes an event as a line of JSON.
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Fields::default();
        event.record(&mut said);
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let target = || Value::from(event.metadata().target());
        let mut line = Fields::default();
        line.put("timestamp", timestamp.into());
        line.put("level", event.metadata().level().as_str().into());
        // Where the line comes through the `log` crate, its target stands in a field.
        line.put("target", said.take("log.target").unwrap_or_else(target));
        line.put("message", said.take("message").unwrap_or_default());
        for (name, value) in said.0 {
            line.put(name, value);
        }
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            let fields = fields.and_then(|it| serde_json::from_str::<Map<_, _>>(it).ok());
            for (name, value) in fields.into_iter().flatten() {
                line.put(name, value);
            }
        }
        let line = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{line}")
    }
}

/// Fields by name, each name once: the first that is put stays.
#[derive(Default)]
struct Fields(Vec<(Cow<'static, str>, Value)>);

impl Fields {
    fn put(&mut self, name: impl Into<Cow<'static, str>>, value: Value) {
        let name = name.into();
        let is_there = self.0.iter().any(|(there, _)| *there == name);
        if is_there || is_for_traces(&name) || name.starts_with("log.") && name != "log.target" {
            return;
        }
        let taken = self.0.iter().map(|(name, value)| size(name, value));
        if taken.sum::<usize>() < LINE_ROOM {
            self.0.push((name, value));
        } else if self.0.last().is_none_or(|(last, _)| last != "cut") {
            self.0.push(("cut".into(), true.into()));
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(there, _)| *there == name)?;
        Some(self.0.remove(at).1)
    }
}

/// What a field says to the tracing layer alone.
pub(super) fn is_for_traces(name: &str) -> bool {
    name.starts_with("otel.")
}

fn size(name: &str, value: &Value) -> usize {
    name.len() + value.as_str().map_or(0, str::len)
}

/// What is too long is cut, and masked first: half a secret has no shape.
fn text(text: &str) -> Value {
    if text.len() <= LONGEST_TEXT {
        return text.into();
    }
    let masked = redact(text.as_bytes());
    let kept = masked.get(..LONGEST_TEXT).unwrap_or(&masked);
    let kept = String::from_utf8_lossy(kept);
    format!("{}…", kept.trim_end_matches(char::REPLACEMENT_CHARACTER)).into()
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), text(&format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), text(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field.name(), text(&value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value.into());
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Written {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// The one line that `write` writes.
    fn line(write: impl FnOnce()) -> (String, Value) {
        let written = Written::default();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(JsonLine)
            .with_writer(written.clone());
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, write);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let object = serde_json::from_str(&text).unwrap();
        (text, object)
    }

    #[test]
    fn the_fields_of_all_spans_stand_at_the_top_and_the_nearest_wins() {
        let (text, object) = line(|| {
            let outer = tracing::info_span!("outer", request_id = "r", n = 1, tenant = "a");
            let _outer = outer.entered();
            let inner = tracing::info_span!("inner", n = 2, tenant = tracing::field::Empty);
            inner.record("tenant", "b");
            inner.record("tenant", "c");
            let _inner = inner.entered();
            tracing::info!(n = 3, ok = true, ratio = 0.5, missing = None::<u8>, "hello");
        });
        assert!(text.starts_with("{\"timestamp\":\"2"), "{text}");
        assert_eq!(object["level"], "INFO");
        assert_eq!(object["target"], module_path!());
        assert_eq!(object["message"], "hello");
        assert_eq!(object["n"], 3);
        assert_eq!(object["ok"], true);
        assert_eq!(object["ratio"], 0.5);
        assert_eq!(object["request_id"], "r");
        assert_eq!(object["tenant"], "c");
        for name in ["\"n\":", "\"tenant\":"] {
            assert_eq!(text.matches(name).count(), 1, "{text}");
        }
        assert_eq!(object.as_object().unwrap().len(), 9);
    }

    #[test]
    fn the_names_of_the_line_itself_cannot_be_taken_and_those_for_traces_are_not_written() {
        let (text, object) = line(|| {
            let span = tracing::info_span!("span", otel.kind = "server", level = "span");
            span.in_scope(|| tracing::warn!(timestamp = 1, target = "else", "hello"));
        });
        assert_eq!(object["level"], "WARN");
        assert_eq!(object["target"], module_path!());
        assert!(object["timestamp"].is_string());
        assert!(!text.contains("otel"), "{text}");
    }

    #[test]
    fn what_is_too_long_is_cut_but_no_secret_in_two() {
        let long = "é".repeat(LONGEST_TEXT);
        let secret = format!("{} Bearer ABCDEFGHIJ", "x".repeat(LONGEST_TEXT - 12));
        let (text, object) = line(|| {
            tracing::info!(
                a = long,
                b = secret,
                c = long,
                d = long,
                e = long,
                f = long,
                g = 1,
                "hello"
            );
        });
        assert!(text.len() < LINE_ROOM + 2 * LONGEST_TEXT, "{}", text.len());
        assert!(object["a"].as_str().unwrap().ends_with("é…"));
        assert!(!text.contains("ABC"), "{text}");
        assert_eq!(object["cut"], true);
        assert!(object["g"].is_null());
    }
}
