//! What the service needs from outside, as traits in domain terms.
//!
//! Imports `domain` only. `app` calls ports, `adapters` implement them.
