//! The wire types of the API, which make up the spec. Only `http` uses them. A conversion from a domain type
//! names every field of it, so that a new field is a compile error.

/// Converts an enum into another one with the same variants.
macro_rules! same_variants {
    ($from:ty => $to:ty: $($variant:ident),+ $(,)?) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $(<$from>::$variant => Self::$variant,)+
                }
            }
        }
    };
}

pub mod admin;
pub mod analysis;
pub mod config;
pub mod curation;
pub mod health;
pub mod images;
pub mod job_request;
pub mod jobs;
pub mod library;
pub mod media;
pub mod problem;
pub mod problem_page;
pub mod publications;
pub mod publish;
pub mod schedule;
pub mod thumbnail;
pub mod voice_profile;
