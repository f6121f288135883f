//! The orchestrator: which tenant a host names and how it is configured, and the secrets behind
//! the references of that config. Caches nothing: the app does.
//!
//! | file | holds |
//! | --- | --- |
//! | `client.rs` | the calls about hosts and credentials, and the retries and time limits of all |
//! | `settings.rs` | how it is reached |
//! | `failure.rs` | what can go wrong, and what the statuses mean |
//! | `checking.rs` | whether an orchestrator answers, and takes our token |
//! | `envelope.rs` | what by-host answers |
//! | `named_tenant.rs` | whether what it answers is the tenant that the host names |
//! | `secret_answer.rs` | what the credentials call answers |
//! | `service_token.rs` | the service token, and how it is renewed |
//! | `usage.rs` | the call that debits a tenant |
//! | `spans.rs` | what the line in the log of a call needs beyond the call |

mod checking;
mod client;
mod envelope;
mod failure;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod named_tenant;
mod secret_answer;
mod service_token;
mod settings;
mod spans;
mod usage;

pub use self::{
    checking::OrchestratorFault,
    client::OrchestratorClient,
    service_token::ServiceToken,
    settings::{OrchestratorSettings, OrchestratorSetupError},
};
