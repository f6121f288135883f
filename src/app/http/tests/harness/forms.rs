//! Forms with files.

/// The part of a form that is a file.
pub(in crate::app::http::tests) fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--line\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

/// A form of these parts, with the boundary `line`.
pub(in crate::app::http::tests) fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--line--\r\n".to_vec()].concat()
}
