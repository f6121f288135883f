//! What surrounds every route, from the outside in: [`observe`] gives a request its id, its span
//! and its line in the log, [`problems`] turns every failure into a problem, [`header_limit`] and
//! [`body_limit`] bound what is read.

pub(super) mod body_limit;
pub(super) mod header_limit;
pub(super) mod observe;
pub(super) mod problems;
