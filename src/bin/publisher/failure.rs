//! Why the process ends other than well, and how it says so.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use publisher::{
    adapters::{
        env::SettingProblems,
        ledger::{DatabaseImportError, ImportError, OpenLedgerError, PostedImportError},
    },
    app::runtime::error_chain::ErrorChain,
};

use crate::{logging::OneLine, metrics_listener::MetricsError};

/// Why the process ends other than well.
pub(crate) enum Failure {
    /// The settings are bad: ends with 2.
    Settings(SettingProblems),
    /// Nothing can be made of the settings, though each of them keeps its rule: ends with 2, as
    /// starting again changes nothing.
    SetUp(Box<dyn Error>),
    /// Anything else: ends with 1.
    Other(Box<dyn Error>),
}

/// The code of a start with bad settings, and of a check that has found something wrong.
pub(crate) const BAD_SETTINGS: u8 = 2;

impl Failure {
    /// Of something that is made of the settings alone.
    pub(crate) fn set_up(error: impl Error + 'static) -> Self {
        Self::SetUp(Box::new(error))
    }

    /// The failure of an address that cannot be listened on. One that is taken, or not there yet, may become available
    /// later.
    pub(crate) fn of_listening(error: io::Error) -> Self {
        if may_be_had_later(&error) {
            Self::Other(Box::new(error))
        } else {
            Self::SetUp(Box::new(error))
        }
    }

    /// Says on standard error why, and which exit code that is.
    pub(crate) fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::Settings(problems) => {
                let warnings = problems.warnings().iter();
                let warnings: Vec<_> = warnings.map(|it| format!("\nwarning: {it}")).collect();
                let warnings = warnings.concat();
                (
                    format!("The settings are bad:\n{problems}{warnings}"),
                    BAD_SETTINGS,
                )
            }
            Self::SetUp(error) => (OneLine(ErrorChain(&*error)).to_string(), BAD_SETTINGS),
            Self::Other(error) => (OneLine(ErrorChain(&*error)).to_string(), 1),
        };
        // Where standard error is closed, the exit code has to do.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(code)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let error: Box<dyn Error> = error.into();
        match error.downcast() {
            Ok(problems) => Self::Settings(*problems),
            Err(error) if is_of_settings(&*error) => Self::SetUp(error),
            Err(error) => Self::Other(error),
        }
    }
}

/// Whether starting again fails in the same way until a setting is changed.
fn is_of_settings(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = of_opening_ledger(error) {
        return error.is_of_settings();
    }
    matches!(error.downcast_ref(), Some(MetricsError::Listen(error)) if !may_be_had_later(error))
}

/// Why a ledger does not open, where it is that: of a start, or of an import.
fn of_opening_ledger<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a OpenLedgerError> {
    if let Some(ImportError::Open(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(PostedImportError::Open(error)) = error.downcast_ref() {
        return Some(error);
    }
    if let Some(DatabaseImportError::Open(error)) = error.downcast_ref() {
        return Some(error);
    }
    error.downcast_ref()
}

fn may_be_had_later(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable
    )
}
