//! Texts as a database takes them. Used by the files that write some.

/// A text from outside, as a database takes it: PostgreSQL takes every character but this one.
pub(super) fn storable(text: &str) -> String {
    text.replace('\0', "")
}
