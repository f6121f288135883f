//! A line of the log: its masks leave text text, and a JSON object a JSON object; and no known
//! secret in it is left, whatever stands around it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::adapters::redaction::redact;
use serde_json::{Map, Value, json};

const SECRET: &str = "Zm9vYmFy-0123456789";

fuzz_target!(|line: &[u8]| {
    let written = redact(line);
    if serde_json::from_slice::<Map<String, Value>>(line).is_ok() {
        serde_json::from_slice::<Map<String, Value>>(&written).expect("still an object");
    }
    let Ok(text) = std::str::from_utf8(line) else {
        return;
    };
    std::str::from_utf8(&written).expect("still text");
    // What comes before may open a quote or a URL, but it must not hide what comes after.
    let line = json!({"message": format!("{text} password={SECRET}"), "token": SECRET}).to_string();
    let written = redact(line.as_bytes());
    let object: Map<String, Value> = serde_json::from_slice(&written).expect("an object");
    assert_eq!(object.len(), 2);
    assert!(!String::from_utf8_lossy(&written).contains(SECRET));
});
