//! The layers around every route, from the outside in: [`observe`] gives a request its id, its span
//! and its line in the log, and counts it in [`route_metrics`]; [`problems`] turns every failure into a problem;
//! [`head_check`] refuses bad targets and large headers; [`whole_body`] reads the body, within bounds;
//! [`admission`] sheds load.
//!
//! Each layer does its work before the request at once, and attaches its work on the answer to the future of the
//! layer inside. An async function would keep a copy of the request in each layer, and move all of them with every
//! call.

pub(super) mod admission;
pub(super) mod head_check;
pub(super) mod observe;
pub(super) mod problems;
pub(super) mod route_metrics;
pub(super) mod whole_body;
