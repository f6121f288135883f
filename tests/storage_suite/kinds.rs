//! The kinds of storage that are asked.

mod dropbox;
mod local;
mod managed;
#[cfg(feature = "memory-storage")]
mod memory;
mod moto;
mod opening;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::fixture::Fixture;

/// Opens a store of a kind, with files of its own.
pub(crate) type Open = Arc<dyn Fn() -> BoxFuture<'static, Arc<dyn Fixture>> + Send + Sync>;

/// A kind of storage on something that speaks its wire.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) open: Open,
    /// The expectations that it cannot meet, each with its reason.
    pub(crate) exceptions: &'static [(&'static str, &'static str)],
    /// Why it is not asked at all.
    pub(crate) missing: Option<String>,
}

/// Every kind.
pub(crate) fn all() -> Vec<Kind> {
    vec![
        dropbox::kind(),
        local::kind(),
        managed::kind(),
        moto::kind(),
        #[cfg(feature = "memory-storage")]
        memory::kind(),
    ]
}
