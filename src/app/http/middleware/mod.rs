//! What surrounds every route, from the outside in: [`observe`] gives a request its id, its span
//! and its line in the log, [`problems`] turns every failure into a problem, [`header_limit`]
//! refuses what carries too much, [`admission`] turns away what there is no place for,
//! [`body_limit`] bounds what is read.

pub(super) mod admission;
pub(super) mod body_limit;
pub(super) mod header_limit;
pub(super) mod observe;
pub(super) mod problems;
