//! A line of the log as one flat JSON object: the event's fields, then those of the spans that it
//! stands in. Used by the rest of this folder.
//!
//! Every request writes one, so nothing is done twice: what a span says is written as JSON when it
//! is said, and copied into the lines of the span.

use std::{
    borrow::Cow,
    cell::RefCell,
    error::Error,
    fmt::{self, Write as _},
    io::Write as _,
    mem,
    ops::Range,
};

use publisher::adapters::redaction::redact;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

use super::{
    json_text::{write_json, write_text},
    timestamp,
};

/// The longest text in a field, in bytes: a longer one is cut.
const LONGEST_TEXT: usize = 4 * 1024;
/// The room for all fields, in bytes; whatever comes after has no place in the line, which says so.
const LINE_ROOM: usize = 16 * 1024;
/// What a line begins with, in this order. Nothing else may have these names.
const OF_THE_LINE: [&str; 4] = ["timestamp", "level", "target", "message"];
/// Room for the fields of a request's span, and for what they say, in bytes.
const SPAN_FIELDS: usize = 8;
const SPAN_JSON: usize = 224;

/// Writes each event as a line of JSON, by one write.
pub(super) struct JsonLines<W>(pub(super) W);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::with_room(SPAN_FIELDS, SPAN_JSON);
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        // Kept from line to line, for its memory.
        thread_local! {
            static KEPT: RefCell<(Fields, Line)> = RefCell::default();
        }
        KEPT.with(|kept| {
            // What is logged while a line is put together, by a value's `Debug` say, has its own.
            let mut own = Default::default();
            let mut kept = kept.try_borrow_mut();
            let (said, line) = kept.as_deref_mut().unwrap_or(&mut own);
            said.clear();
            event.record(said);
            line.begin(said, event);
            line.put(said);
            for span in context.event_scope(event).into_iter().flatten() {
                if let Some(fields) = span.extensions().get::<Fields>() {
                    line.put(fields);
                }
            }
            // Where the log cannot be written, the writer says so.
            let _ = self.0.make_writer().write_all(line.end());
        });
    }
}

/// A line that is being put together.
#[derive(Debug, Default)]
struct Line {
    json: Vec<u8>,
    names: Names,
    /// What is left for fields, in bytes.
    room: usize,
}

impl Line {
    fn begin(&mut self, said: &Fields, event: &Event<'_>) {
        self.names.begin();
        self.room = LINE_ROOM;
        let (json, metadata) = (&mut self.json, event.metadata());
        json.clear();
        json.extend_from_slice(b"{\"timestamp\":\"");
        timestamp::write_now(json);
        json.extend_from_slice(b"\",\"level\":\"");
        json.extend_from_slice(metadata.level().as_str().as_bytes());
        json.extend_from_slice(b"\",\"target\":");
        // Where the line comes through the `log` crate, its target stands in a field.
        match said.get("log.target") {
            Some(target) => json.extend_from_slice(target),
            None => write_text(json, metadata.target()),
        }
        json.extend_from_slice(b",\"message\":");
        json.extend_from_slice(said.get("message").unwrap_or(b"null"));
    }

    /// Adds fields whose names are not there yet: the first one stays.
    fn put(&mut self, fields: &Fields) {
        for (name, value) in fields.iter() {
            if name.starts_with("log.") || !self.names.add(name) {
                continue;
            }
            if let Some(left) = self.room.checked_sub(name.len() + value.len()) {
                self.room = left;
                self.json.extend_from_slice(b",\"");
                self.json.extend_from_slice(name.as_bytes());
                self.json.extend_from_slice(b"\":");
                self.json.extend_from_slice(value);
            } else {
                // Nothing that comes after has a place either: the line says once that it is cut.
                if self.room > 0 {
                    self.json.extend_from_slice(b",\"cut\":true");
                }
                self.room = 0;
            }
        }
    }

    fn end(&mut self) -> &[u8] {
        self.json.extend_from_slice(b"}\n");
        &self.json
    }
}

/// The names that stand in a line so far.
#[derive(Debug, Default)]
struct Names {
    all: Vec<&'static str>,
    /// A bit for each, by its first letter and its length: most names need not be compared.
    kinds: u64,
}

impl Names {
    fn begin(&mut self) {
        self.all.clear();
        self.kinds = 0;
        for name in OF_THE_LINE {
            self.add(name);
        }
    }

    /// Whether it was not there before.
    fn add(&mut self, name: &'static str) -> bool {
        let first = name.as_bytes().first().copied().unwrap_or_default();
        let kind = 1 << ((name.len() * 7 + usize::from(first)) % 64);
        if self.kinds & kind != 0 && self.all.contains(&name) {
            return false;
        }
        self.kinds |= kind;
        self.all.push(name);
        true
    }
}

/// Fields with their values as JSON, in the order in which they were first said.
#[derive(Debug, Default)]
struct Fields {
    places: Vec<(&'static str, Range<usize>)>,
    json: Vec<u8>,
    /// What values say by their `Debug`; kept for its memory.
    said: String,
}

impl Fields {
    fn with_room(fields: usize, json: usize) -> Self {
        Self {
            places: Vec::with_capacity(fields),
            json: Vec::with_capacity(json),
            said: String::new(),
        }
    }

    fn clear(&mut self) {
        self.places.clear();
        self.json.clear();
    }

    fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let value = |range: &Range<usize>| self.json.get(range.clone()).unwrap_or_default();
        self.places.iter().map(move |(name, it)| (*name, value(it)))
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.iter();
        all.find_map(|(it, value)| (it == name).then_some(value))
    }

    /// What is said again takes the place of what was said before.
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Vec<u8>)) {
        if is_for_traces(field.name()) {
            return;
        }
        let start = self.json.len();
        write(&mut self.json);
        let range = start..self.json.len();
        match (self.places.iter_mut()).find(|(name, _)| *name == field.name()) {
            Some((_, place)) => *place = range,
            None => self.places.push((field.name(), range)),
        }
    }
}

/// What a field says to the tracing layer alone.
pub(super) fn is_for_traces(name: &str) -> bool {
    name.starts_with("otel.")
}

/// What is too long is cut, and masked first: half a secret has no shape.
fn text(text: &str) -> Cow<'_, str> {
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
        let mut said = mem::take(&mut self.said);
        said.clear();
        // A value that cannot be written has said what it could.
        let _ = write!(said, "{value:?}");
        self.record_str(field, &said);
        self.said = said;
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |json| write_text(json, &text(value)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_str(field, &value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |json| write_json(json, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |json| write_json(json, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |json| write_json(json, value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |json| write_json(json, value));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

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
        let subscriber = tracing_subscriber::registry().with(JsonLines(written.clone()));
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
