//! A line of the log as one flat JSON object: the event's fields, then those of the spans that it is in.

use std::fmt::{self, Debug, Display, Write as _};

use publisher::adapters::redaction::redact;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Record,
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::controls::JsonEscaping;

/// The longest text in a field, in bytes: a longer one is cut.
const LONGEST_TEXT: usize = 4 * 1024;
/// Room for the members of most lines, in bytes.
const USUAL_LENGTH: usize = 512;
/// The names of a line's own members, which no field may have.
const OWN_NAMES: [&str; 3] = ["timestamp", "level", "target"];

/// Formats events as lines of flat JSON, and the fields of spans as [`Members`] of these lines.
pub(super) struct FlatJson;

/// The members of a JSON object, each on a line of its own: `"name":value`.
#[derive(Default)]
struct Members {
    text: String,
    /// The target of a line that came through the `log` crate.
    target: Option<String>,
}

impl<S> FormatEvent<S, Self> for FlatJson
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, Self>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut members = Members {
            text: String::with_capacity(USUAL_LENGTH),
            target: None,
        };
        event.record(&mut members);
        let Members { mut text, target } = members;
        for span in context.event_scope().into_iter().flatten() {
            if let Some(of_span) = span.extensions().get::<FormattedFields<Self>>() {
                text.push_str(of_span);
            }
        }
        let metadata = event.metadata();
        writer.write_str(r#"{"timestamp":""#)?;
        SystemTime.format_time(&mut writer)?;
        write!(
            writer,
            r#"","level":"{}","target":"{}""#,
            metadata.level(),
            target.as_deref().unwrap_or(metadata.target())
        )?;
        // The event's fields win over those of its span, and these over those of the spans around it.
        let mut names = Vec::with_capacity(16);
        for member in text.lines() {
            let name = member.split_once("\":").map(|(name, _)| name);
            if !names.contains(&name) {
                names.push(name);
                write!(writer, ",{member}")?;
            }
        }
        if !names.contains(&Some("\"message")) {
            writer.write_str(r#","message":null"#)?;
        }
        writer.write_str("}\n")
    }
}

impl<'writer> FormatFields<'writer> for FlatJson {
    fn format_fields<R: RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        writer.write_str(&members.text)
    }

    /// The latest value of a field comes first, and so is the one that is written.
    fn add_fields(
        &self,
        current: &'writer mut FormattedFields<Self>,
        fields: &Record<'_>,
    ) -> fmt::Result {
        let mut members = Members::default();
        fields.record(&mut members);
        current.fields.insert_str(0, &members.text);
        Ok(())
    }
}

impl Members {
    /// Adds a field. Writing to a string does not fail.
    fn add(&mut self, field: &Field, write: impl FnOnce(&mut String) -> fmt::Result) {
        let name = field.name();
        if !(is_for_traces(name) || name.starts_with("log.") || OWN_NAMES.contains(&name)) {
            let _ = write!(self.text, "\"{name}\":");
            let _ = write(&mut self.text);
            self.text.push('\n');
        }
    }

    fn add_text(&mut self, field: &Field, value: impl Display) {
        self.add(field, |text| {
            text.push('"');
            let start = text.len();
            write!(JsonEscaping(&mut *text), "{value}")?;
            if text.len() - start > LONGEST_TEXT
                && let Some(cut) = cut(&value.to_string())
            {
                text.truncate(start);
                write!(JsonEscaping(&mut *text), "{cut}")?;
            }
            text.push('"');
            Ok(())
        });
    }
}

impl Visit for Members {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // `null` where it is not finite.
        self.add(field, |text| {
            write!(text, "{}", serde_json::Value::from(value))
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, |text| write!(text, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, |text| write!(text, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, |text| write!(text, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.target = Some(value.to_owned());
        }
        self.add_text(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add_text(field, format_args!("{value:?}"));
    }
}

/// Whether a field is for the tracing layer alone.
pub(super) fn is_for_traces(name: &str) -> bool {
    name.starts_with("otel.")
}

/// The beginning of a text that is too long, masked first: half a secret has no shape.
fn cut(text: &str) -> Option<String> {
    if text.len() <= LONGEST_TEXT {
        return None;
    }
    let masked = redact(text.as_bytes());
    let masked = String::from_utf8_lossy(&masked);
    let end = masked.floor_char_boundary(LONGEST_TEXT);
    Some(format!("{}…", masked.get(..end).unwrap_or_default()))
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::{
        fmt::{self, MakeWriter},
        layer::SubscriberExt as _,
    };

    use super::*;
    use crate::logging::controls;

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
    fn line(write: impl FnOnce()) -> (String, serde_json::Value) {
        let written = Written::default();
        let layer = fmt::layer()
            .with_writer(written.clone())
            .fmt_fields(FlatJson)
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
