//! What happens to jobs and publications, on its way to those who watch: the one place of this process that reads the
//! events of all processes, and that writes the stages of this one.
//!
//! | file | holds |
//! | --- | --- |
//! | `hub` | the one background task, and what others call |
//! | `feeds` | the tenants that somebody listens to, and their listeners |
//! | `listener` | one listener: what it has missed, then what happens |
//! | `outbox` | what was written for a listener and not taken yet, bounded in bytes |
//! | `stages` | the stages of this process that wait to be written |

mod feeds;
mod hub;
mod listener;
mod outbox;
mod stages;

pub use self::{
    feeds::EventFormat,
    hub::{EventHub, ListenError},
    listener::{Begin, Listener},
    outbox::MAX_UNSENT,
    stages::LostStages,
};

#[cfg(test)]
mod tests;
