//! What is wrong with a server of PostgreSQL, in words that an operator can act on. Used by the
//! adapter for it.
//!
//! The words name no user, database or host: they are parts of a secret URL.

use std::{error::Error, io, time::Duration};

use rustls::CertificateError;
use sqlx::{
    Executor as _, PgConnection, Row as _, migrate::MigrateError, postgres::PgDatabaseError,
};

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
    #[error("the server has no such database: create it, or correct the name in the URL")]
    NoDatabase,
    #[error(
        "the server cannot be reached ({0}): look at host and port in the URL, and at what is between"
    )]
    Unreachable(io::Error),
    #[error(
        "there is no schema to make the tables in: create one of those that the user's search_path names"
    )]
    NoSchema,
    #[error(
        "the user may not create tables: run `publisher check --migrate --ledger-only` as a user who may, or GRANT \
         CREATE ON SCHEMA"
    )]
    MayNotCreate,
    #[error(
        "the user has not all rights on the tables ({0}): GRANT SELECT, INSERT, UPDATE, DELETE ON ALL \
         TABLES IN SCHEMA"
    )]
    MayNotUse(String),
    #[error("the tables are not those of a release ({0}): name another database or schema")]
    OtherTables(String),
    /// What nothing better is known for. Without the line of its source, which it adds.
    #[error("the server says: {message} ({code})")]
    Says {
        /// In the server's language.
        message: String,
        /// SQLSTATE.
        code: String,
    },
    #[error(
        "the server takes no writes, as a standby, or one that is set to read only: name the primary"
    )]
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
        matches!(
            self,
            Self::Pooler | Self::Untrusted | Self::Roots(_) | Self::OtherTables(_)
        )
    }

    /// Whether the fault is a pooler that does not leave a client its session.
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
    match error {
        sqlx::Error::Io(error) if is_fault(&error) => error.into(),
        sqlx::Error::Io(error) => {
            let certificate = certificate(&error);
            certificate.unwrap_or(Fault::Unreachable(error)).into()
        }
        other => server_said(&other).map_or(other, Into::into),
    }
}

/// What the server has said, in our words where there are some.
fn server_said(error: &sqlx::Error) -> Option<Fault> {
    let said = error.as_database_error()?;
    let said = said.try_downcast_ref::<PgDatabaseError>()?;
    let message = said.message().to_owned();
    Some(match said.code() {
        "53300" => Fault::Full,
        "28P01" | "28000" => Fault::Login,
        "3D000" => Fault::NoDatabase,
        "3F000" => Fault::NoSchema,
        "42501" if said.table().is_none() && message.contains("schema") => Fault::MayNotCreate,
        "42501" => Fault::MayNotUse(message),
        code => Fault::Says {
            code: code.to_owned(),
            message,
        },
    })
}

/// Checks that tables can be created in the schema where they would be created.
pub(super) async fn may_create_tables(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let question = "SELECT current_schema(), has_schema_privilege(current_schema(), 'CREATE')";
    let row = connection.fetch_one(sqlx::raw_sql(question)).await?;
    if row.try_get::<Option<String>, _>(0)?.is_none() {
        return Err(Fault::NoSchema.into());
    }
    if !row.try_get::<bool, _>(1)? {
        return Err(Fault::MayNotCreate.into());
    }
    Ok(())
}

/// Whether the server has no connection left.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    matches!(fault_in(error), Some(Fault::Full))
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
    let error = match error.downcast::<MigrateError>() {
        Ok(error) => match *error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error,
            other => return Fault::OtherTables(other.to_string()).into(),
        },
        Err(error) => match error.downcast::<sqlx::Error>() {
            Ok(error) => *error,
            Err(other) => return other,
        },
    };
    let error = server_said(&error).map_or(error, Into::into);
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
    error.downcast_ref::<Fault>().is_some_and(Fault::is_final)
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
