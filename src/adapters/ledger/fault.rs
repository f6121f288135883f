//! What is wrong with a server of PostgreSQL, in words that an operator can act on. Used by the
//! adapter for it.
//!
//! The words name no user, database or host: they are parts of a secret URL.

use std::{error::Error, io, time::Duration};

use rustls::CertificateError;
use sqlx::migrate::MigrateError;

use crate::ports::Cause;

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("{0}")]
    NotOpen(String),
    #[error("all {0} connections of LEDGER_POOL_SIZE are at work")]
    AllBusy(u32),
    #[error("the server did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error(
        "the server has no connection left: replicas × (LEDGER_POOL_SIZE + 1) and what others take \
         must stay below its max_connections"
    )]
    Full,
    #[error(
        "the server refuses the user or the password (in a URL, a password must be \
         percent-encoded), or pg_hba.conf does not let them in from here"
    )]
    Login,
    #[error("the server has no such database")]
    NoDatabase,
    #[error("the server takes no writes: it is a standby, or read only")]
    TakesNoWrites,
    #[error(
        "a pooler before PostgreSQL pools transactions or statements, and the ledger needs sessions: \
         set pool_mode=session there, or name the server itself"
    )]
    Pooler,
    #[error(
        "the server's certificate is signed by nobody that is trusted: name the authority's \
         certificate by EXTRA_CA_CERTS_FILE, or by sslrootcert in the URL"
    )]
    Untrusted,
    #[error("the server's certificate is not good: {0}")]
    Certificate(&'static str),
    #[error("the certificates that sslrootcert names cannot be read")]
    Roots(#[source] Option<io::Error>),
}

impl Fault {
    /// Whether waiting does not mend it, as only what runs, or how it is set, can.
    fn is_final(&self) -> bool {
        matches!(self, Self::Pooler | Self::Untrusted | Self::Roots(_))
    }

    /// Whether it is a pooler that leaves nobody a session.
    pub(super) fn is_pooler(error: &sqlx::Error) -> bool {
        matches!(fault_in(error), Some(Self::Pooler))
    }
}

/// Goes through functions that have the errors of sqlx; [`cause`] takes it out again.
impl From<Fault> for sqlx::Error {
    fn from(fault: Fault) -> Self {
        Self::Io(io::Error::other(fault))
    }
}

/// What an attempt to connect has failed of, where there are better words for it than the driver's.
pub(super) fn explain(error: sqlx::Error) -> sqlx::Error {
    let fault = match &error {
        sqlx::Error::Database(error) => match error.code().as_deref() {
            Some("53300") => Some(Fault::Full),
            Some("28P01" | "28000") => Some(Fault::Login),
            Some("3D000") => Some(Fault::NoDatabase),
            _ => None,
        },
        sqlx::Error::Io(error) => certificate(error),
        _ => None,
    };
    fault.map_or(error, Into::into)
}

/// Whether a server may have room in a moment: it is full, or starting.
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("53300" | "57P03"))
}

/// An error of the database for the log, in our words where there are some.
pub(super) fn cause(error: Cause) -> Cause {
    let error = match error.downcast::<sqlx::Error>() {
        Ok(error) => *error,
        Err(other) => return other,
    };
    match error {
        sqlx::Error::Io(error) if is_fault(&error) => {
            error.into_inner().unwrap_or_else(|| "no cause".into())
        }
        other => other.into(),
    }
}

/// The same as text.
pub(super) fn text(error: &sqlx::Error) -> String {
    fault_in(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Whether waiting does not mend what a ledger could not be opened for.
pub(super) fn is_final(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.is_final();
    }
    match error.downcast_ref::<MigrateError>() {
        // The server's word, which may be another one the next time.
        None | Some(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) => false,
        // The tables are those of another version.
        Some(_) => true,
    }
}

fn fault_in(error: &sqlx::Error) -> Option<&Fault> {
    match error {
        sqlx::Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

fn is_fault(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn Error + Send + Sync>::is::<Fault>)
}

/// What is wrong with the server's certificate, if it is that. The driver's words have the host.
fn certificate(error: &io::Error) -> Option<Fault> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let rustls::Error::InvalidCertificate(error) = error else {
        return None;
    };
    Some(match error {
        CertificateError::UnknownIssuer => Fault::Untrusted,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            Fault::Certificate("it has expired")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::Certificate("it is for another host than the URL names")
        }
        _ => Fault::Certificate("it is malformed, not valid yet, or for another use"),
    })
}
