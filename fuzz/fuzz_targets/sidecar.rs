//! A caption file: what is written of it reads back the same, neither a caption nor a value can become
//! another line, and nothing that somebody else has written is lost or taken for ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use publisher::domain::sidecar::{MAX_SIDECAR_BYTES, Sidecar};

fuzz_target!(|bytes: &[u8]| {
    let Some(read) = Sidecar::parse(bytes) else {
        assert!(bytes.len() > MAX_SIDECAR_BYTES || std::str::from_utf8(bytes).is_err());
        return;
    };
    assert!(bytes.len() <= MAX_SIDECAR_BYTES);
    let written = read.render();
    // A space and a line end are added to each line, and the fence; a control character in a value is
    // written as six, in JSON. Nothing grows by more.
    assert!(written.len() <= 6 * bytes.len() + 16, "{written:?}");
    // What is ours has the fence behind at most one line, and is ours still after an update.
    if let Some(ours) = Sidecar::recognize(bytes) {
        assert_eq!(ours, read);
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let before = lines.take_while(|line| *line != "# ---");
        assert!(before.filter(|line| !line.is_empty()).count() <= 1);
        if written.len() <= MAX_SIDECAR_BYTES {
            assert_eq!(Sidecar::recognize(written.as_bytes()), Some(ours));
        }
    }
    assert_eq!(
        Sidecar::parse(written.as_bytes()).as_ref(),
        Some(&read).filter(|_| written.len() <= MAX_SIDECAR_BYTES)
    );

    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (caption, value) = text.split_once('\u{1}').unwrap_or((text, text));
    let mut updated = read.clone();
    updated.set_caption(caption);
    updated.set("ours", value);
    let lines = |sidecar: &Sidecar| sidecar.render().lines().count();
    let is_new = read.get("ours").is_none() && updated.get("ours").is_some();
    assert_eq!(lines(&updated), lines(&read) + usize::from(is_new));
    if updated.render().len() <= MAX_SIDECAR_BYTES {
        assert_eq!(
            Sidecar::parse(updated.render().as_bytes()),
            Some(updated.clone())
        );
    }
    // What is not ours stays as it was, in its place.
    let foreign = |sidecar: &Sidecar| -> Vec<String> {
        let lines = sidecar.render();
        let lines = lines
            .lines()
            .skip(2)
            .filter(|line| !line.starts_with("# ours: "));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(foreign(&updated), foreign(&read));
});
