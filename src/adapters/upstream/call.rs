//! A call, what an attempt brings, and whether another one is made.

use std::{fmt::Display, time::Duration};

use crate::ports::Clock;

/// What is called, in the words of the log.
#[derive(Clone, Copy)]
pub(in crate::adapters) struct Call<'a> {
    pub(in crate::adapters) clock: &'a dyn Clock,
    pub(in crate::adapters) upstream: &'static str,
    pub(in crate::adapters) operation: &'static str,
}

/// What the runner must know of an adapter's error.
pub(in crate::adapters) trait AttemptError: Display {
    /// Whether another attempt may help and cannot hurt.
    fn retry(&self) -> Retry;

    /// The HTTP status behind it, if the upstream answered at all.
    fn http_status(&self) -> Option<u16>;
}

/// What a successful attempt brought, with the status for the log.
#[derive(Debug)]
pub(in crate::adapters) struct Answer<T> {
    pub(in crate::adapters) status: u16,
    pub(in crate::adapters) value: T,
}

/// Whether a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::adapters) enum Retry {
    /// It is not.
    Never,
    /// After the usual delay.
    Soon,
    /// After the time that the upstream asks for.
    After(Duration),
}
