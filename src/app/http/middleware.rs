//! What surrounds every route, from the outside in: [`observe`] gives a request its id, its span
//! and its line in the log, [`problems`] turns every failure into a problem, [`target_check`]
//! refuses what names two hosts, [`header_limit`] what carries too much, [`whole_body`] reads the
//! body, within bounds, [`admission`] sheds what there is no place for. What [`observe`] counts by
//! is in [`route_metrics`]; what it
//! need not hand on at all, in [`from_cache`].
//!
//! Each of them does what comes before the request at once, and hangs what comes after it on the
//! future of what is inside. As async functions they would each keep a copy of the request, and have
//! all of them moved with every call: what is moved is as large as all of these together.

pub(super) mod admission;
pub(super) mod from_cache;
pub(super) mod header_limit;
pub(super) mod observe;
pub(super) mod problems;
pub(super) mod route_metrics;
pub(super) mod target_check;
pub(super) mod whole_body;
