//! Reading `multipart/form-data`, safe for binary parts. Used by the Telegram stand-in.

use bytes::Bytes;

/// One part of a form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name.
    pub(super) name: String,
    /// The file's name, if the part is a file.
    pub(super) file_name: Option<String>,
    /// The content.
    pub(super) body: Bytes,
}

/// The parts of a body; `None` if it is no such form.
pub(super) fn parse(content_type: &str, body: &Bytes) -> Option<Vec<Part>> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let delimiter = format!("--{}", parameter(parameters, "boundary")?);
    let next_delimiter = format!("\r\n{delimiter}");
    let mut rest = body.slice(find(body, delimiter.as_bytes())? + delimiter.len()..);
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        let start = rest.strip_prefix(b"\r\n").map(|it| rest.slice_ref(it))?;
        let end = find(&start, next_delimiter.as_bytes())?;
        parts.push(part(&start.slice(..end))?);
        rest = start.slice(end + next_delimiter.len()..);
    }
    Some(parts)
}

fn part(bytes: &Bytes) -> Option<Part> {
    let head_end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..head_end)?).ok()?;
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    Some(Part {
        name: parameter(disposition, "name")?,
        file_name: parameter(disposition, "filename"),
        body: bytes.slice(head_end + 4..),
    })
}

/// `name="value"` or `name=value` among parameters separated by `;`.
fn parameter(text: &str, name: &str) -> Option<String> {
    text.split(';').find_map(|item| {
        let (key, value) = item.split_once('=')?;
        let wanted = key.trim().eq_ignore_ascii_case(name);
        wanted.then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let mut from = 0;
    // A form is mostly one photo: skipping to the first byte keeps this quick unoptimized too.
    let first = *needle.first()?;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + at;
        if haystack.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_part_keeps_every_byte() {
        let photo = b"\xff\xd8\r\n--not the boundary\r\n\r\n\x00\xff";
        let mut body = b"--xYz\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\n@a\r\n\
            --xYz\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"p.jpg\"\r\n\
            Content-Type: image/jpeg\r\n\r\n"
            .to_vec();
        body.extend_from_slice(photo);
        body.extend_from_slice(b"\r\n--xYz--\r\n");
        let parts = parse("multipart/form-data; boundary=\"xYz\"", &body.into()).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!(
            (parts[0].name.as_str(), &*parts[0].body),
            ("chat_id", &b"@a"[..])
        );
        assert_eq!(parts[1].file_name.as_deref(), Some("p.jpg"));
        assert_eq!(&*parts[1].body, photo);
    }

    #[test]
    fn what_is_no_form_is_none() {
        let body = Bytes::from_static(b"--xYz\r\nunfinished");
        assert_eq!(parse("multipart/form-data; boundary=xYz", &body), None);
        assert_eq!(parse("application/json", &body), None);
    }
}
