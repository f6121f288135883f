//! Where a ledger is, and how it is reached.

use std::path::Path;

use super::location::Location;
use crate::{adapters::http_client::ExtraRoots, domain::secret::Secret};

/// The default number of connections to PostgreSQL, beside that of the session. Each operation
/// takes one for milliseconds.
pub const DEFAULT_POOL_SIZE: u32 = 2;

/// Where the ledger is, and how it is reached.
pub struct LedgerSettings {
    pub(super) location: Location,
    pub(super) roots: Vec<u8>,
    pub(super) pool_size: u32,
}

impl LedgerSettings {
    /// Reads a URL: `sqlite://<file>` or `postgres://…`.
    ///
    /// # Errors
    /// The rule that it breaks; never a part of it.
    pub fn from_url(url: &Secret) -> Result<Self, &'static str> {
        Ok(Self {
            location: Location::from_url(url)?,
            roots: Vec::new(),
            pool_size: DEFAULT_POOL_SIZE,
        })
    }

    /// A file, for tests.
    #[cfg(test)]
    pub(super) fn of_file(path: &Path) -> Self {
        Self {
            location: Location::Sqlite(path.to_owned()),
            roots: Vec::new(),
            pool_size: DEFAULT_POOL_SIZE,
        }
    }

    /// With roots that are trusted beside the system's.
    #[must_use]
    pub fn trusting(mut self, roots: &ExtraRoots) -> Self {
        self.roots = roots.pem().to_vec();
        self
    }

    /// With so many connections to a server, beside that of the session; at least one.
    #[must_use]
    pub fn with_pool_size(mut self, size: u32) -> Self {
        self.pool_size = size.max(1);
        self
    }

    /// Where the ledger is, for people: the file, or that it is in `PostgreSQL`, whose URL is a secret.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.location {
            Location::Sqlite(path) => format!("the SQLite file {}", path.display()),
            Location::Postgres(_) => "PostgreSQL".to_owned(),
        }
    }

    /// The `SQLite` file that is to be the ledger and is not there.
    #[must_use]
    pub fn missing_file(&self) -> Option<&Path> {
        match &self.location {
            Location::Sqlite(path) => Some(&**path).filter(|path| !path.exists()),
            Location::Postgres(_) => None,
        }
    }

    /// Whether it is on a server.
    #[must_use]
    pub fn is_on_server(&self) -> bool {
        matches!(self.location, Location::Postgres(_))
    }

    /// A warning for the operator about the URL.
    #[must_use]
    pub fn warning(&self) -> Option<&'static str> {
        match &self.location {
            Location::Postgres(server) => server.warning,
            Location::Sqlite(_) => None,
        }
    }
}
