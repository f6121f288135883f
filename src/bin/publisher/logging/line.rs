//! A line of the log as one flat JSON object: the event's fields, then those of the spans that it
//! stands in. Used by the rest of this folder.

use std::fmt;

use publisher::adapters::redaction::redact;
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_serde::fields::AsMap as _;
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

use super::controls;

/// The longest text in a field, in bytes: a longer one is cut.
const LONGEST_TEXT: usize = 4 * 1024;

/// Formats an event as a line of flat JSON. The fields of spans must be formatted as JSON, too.
pub(super) struct FlatJson;

/// What a line holds, in this order. No other field may have one of the first three names.
#[derive(Serialize)]
struct Line {
    timestamp: String,
    level: &'static str,
    target: Value,
    message: Value,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl<S, N> FormatEvent<S, N> for FlatJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Map::new();
        // The nearest span overwrites those around it, and the event all of them.
        let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
        for span in spans {
            let of_span = span.extensions();
            let of_span = of_span.get::<FormattedFields<N>>();
            let of_span = of_span.and_then(|it| serde_json::from_str(it).ok());
            fields.extend::<Map<_, _>>(of_span.unwrap_or_default());
        }
        if let Ok(Value::Object(of_event)) = serde_json::to_value(event.field_map()) {
            fields.extend(of_event);
        }
        // Where the line comes through the `log` crate, its target stands in a field.
        let target = fields.remove("log.target");
        let message = fields.remove("message").unwrap_or_default();
        fields.retain(|name, _| is_written(name));
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Line {
            timestamp,
            level: event.metadata().level().as_str(),
            target: target.unwrap_or_else(|| event.metadata().target().into()),
            message,
            fields,
        };
        cut(&mut line.message);
        line.fields.values_mut().for_each(cut);
        let json = serde_json::to_string(&line).map_err(|_| fmt::Error)?;
        writeln!(writer, "{}", controls::escaped_in_json(json))
    }
}

fn is_written(name: &str) -> bool {
    !is_for_traces(name)
        && !name.starts_with("log.")
        && !["timestamp", "level", "target"].contains(&name)
}

/// Whether a field is for the tracing layer alone.
pub(super) fn is_for_traces(name: &str) -> bool {
    name.starts_with("otel.")
}

/// Cuts a text that is too long, and masks it first: half a secret has no shape.
fn cut(value: &mut Value) {
    if let Value::String(text) = value
        && text.len() > LONGEST_TEXT
    {
        let masked = redact(text.as_bytes());
        let masked = String::from_utf8_lossy(&masked);
        let end = masked.floor_char_boundary(LONGEST_TEXT);
        *text = format!("{}…", masked.get(..end).unwrap_or_default());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{
        fmt::{self, MakeWriter, format::JsonFields},
        layer::SubscriberExt as _,
    };

    use super::*;

    #[derive(Clone, Default)]
    pub(in crate::logging) struct Written(pub(in crate::logging) Arc<Mutex<Vec<u8>>>);

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
        let layer = fmt::layer()
            .with_writer(written.clone())
            .fmt_fields(JsonFields::new())
            .event_format(FlatJson);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), write);
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
        let (text, object) = line(|| tracing::info!(a = long, b = secret, "{long}"));
        assert!(text.len() < 4 * LONGEST_TEXT, "{}", text.len());
        assert!(object["a"].as_str().unwrap().ends_with("é…"));
        assert!(object["message"].as_str().unwrap().ends_with("é…"));
        assert!(!text.contains("ABC"), "{text}");
    }

    #[test]
    fn no_control_stands_in_a_line_and_what_is_read_is_what_was_said() {
        let every = (0..=0x3000).filter_map(char::from_u32);
        let every: String = every.chain(['\u{feff}', '夜', '\u{1f5bc}', '"']).collect();
        let said: String = every
            .chars()
            .filter(|it| controls::is_control(*it))
            .collect();
        let (text, object) = line(|| tracing::info!(said, "é 夜\u{9b}\u{202e}\u{7f}"));
        assert!(!text.trim_end_matches('\n').contains(controls::is_control));
        assert!(text.contains(r#""é 夜\u009b\u202e\u007f""#), "{text}");
        assert_eq!(object["said"], said);
    }
}
