//! Reads a JSON object in which no field is given twice. Parsers differ in which of two they take: what one before this
//! service has looked at could be another thing than what is done here.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The most fields that are named, and the most characters of each name in their paths: a body could have thousands of them, and
/// names of any length.
const NAMED: (usize, usize) = (10, 40);

/// A JSON value, and the paths of the fields that are given more than once, at any depth.
///
/// # Errors
/// The bytes are no JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut twice = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let reader = Reader {
        path: None,
        twice: &mut twice,
    };
    let value = reader.deserialize(&mut json)?;
    json.end()?;
    Ok((value, twice))
}

/// Where a value stands: what it is in its parent, and where that stands. It becomes a text only where it is named.
#[derive(Clone, Copy)]
struct Path<'a> {
    parent: Option<&'a Self>,
    part: Part<'a>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Field(&'a str),
    Item(usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.part {
            Part::Item(index) => write!(f, "[{index}]"),
            Part::Field(name) => {
                let dot = if self.parent.is_some() { "." } else { "" };
                let (_, most) = NAMED;
                match name.char_indices().nth(most) {
                    Some((end, _)) => write!(f, "{dot}{}…", &name[..end]),
                    None => write!(f, "{dot}{name}"),
                }
            }
        }
    }
}

/// Reads the value at a path.
struct Reader<'a> {
    path: Option<&'a Path<'a>>,
    twice: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn note(&mut self, path: Path<'_>) {
        let (most, _) = NAMED;
        if self.twice.len() < most {
            let path = path.to_string();
            if !self.twice.contains(&path) {
                self.twice.push(path);
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?;
        Ok(number.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let path = Path {
                parent: self.path,
                part: Part::Item(values.len()),
            };
            let reader = Reader {
                path: Some(&path),
                twice: &mut *self.twice,
            };
            match items.next_element_seed(reader)? {
                Some(value) => values.push(value),
                None => return Ok(values.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = Path {
                parent: self.path,
                part: Part::Field(&name),
            };
            if object.contains_key(&name) {
                self.note(path);
            }
            let reader = Reader {
                path: Some(&path),
                twice: &mut *self.twice,
            };
            let value = fields.next_value_seed(reader)?;
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::*;

    fn twice(text: &str) -> Vec<String> {
        parse(text.as_bytes()).unwrap().1
    }

    #[test]
    fn fields_that_are_given_twice_are_named_at_any_depth() {
        let once = r#"{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}]}"#;
        assert_eq!(twice(once), [""; 0]);
        assert_eq!(twice(r#"{"a": 1, "a": 1, "a": 2}"#), ["a"]);
        assert_eq!(twice(r#"{"a": 1, "\u0061": 1}"#), ["a"], "the same name");
        assert_eq!(twice(r#"{"a": {"b": 1, "b": 2}}"#), ["a.b"]);
        let both = r#"{"a": [0, {"b": 1, "b": 2}], "a": 1}"#;
        assert_eq!(twice(both), ["a[1].b", "a"]);
    }

    #[test]
    fn a_body_of_long_names_or_many_doubles_is_named_in_part() {
        let long = "é".repeat(10_000);
        let objects = [r#"{"": 0, "": 0}"#; 1_000].join(",");
        let named = twice(&format!(r#"{{"{long}": [{objects}]}}"#));
        assert_eq!(named.len(), 10);
        assert_eq!(named[0], format!("{}…[0].", "é".repeat(40)));
        let deep = format!("{}{}", r#"{"a":"#.repeat(120), r#"{"b":1,"b":1"#) + &"}".repeat(121);
        assert_eq!(twice(&deep), [format!("{}b", "a.".repeat(120))]);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{} {}", "{\"a\": 1e400}", "[1,]", "nul", "{\"a\"}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "[".repeat(1_000);
        assert!(parse(deep.as_bytes()).is_err());
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            let field = ("[ab\u{e9}\"]{0,2}", inner.clone());
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                prop::collection::vec(field, 0..5).prop_map(|it| it.into_iter().collect()),
            ]
        })
    }

    proptest! {
        /// Also of texts in which a byte was changed, which now and then are JSON still.
        #[test]
        fn values_are_those_that_the_library_reads(
            value in json(),
            change in prop::option::of((any::<Index>(), prop::sample::select(&b"{}[],:\"0e-a\\ "[..]))),
        ) {
            let mut text = value.to_string().into_bytes();
            if let Some((at, byte)) = change {
                let at = at.index(text.len());
                text[at] = byte;
            }
            let ours = parse(&text).map(|(value, _)| value).ok();
            prop_assert_eq!(ours, serde_json::from_slice(&text).ok());
        }
    }
}
