//! The settings of a service that uses the sandbox of another process, as a `.env` file. For
//! `publisher sandbox --env-file`.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use publisher_sandbox::Sandbox;

const HEAD: &str = "\
# Settings of a service that uses the stand-ins of `publisher sandbox`, while that runs: their secrets are made
# up for one run. The sandbox removes this file when it ends. CONFIG_SOURCE=env takes one tenant from here
# in the place of those of the orchestrator.
";

/// A file of settings that goes away with the sandbox.
pub(super) struct EnvFile(pub(super) PathBuf);

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be written to {}", .path.display())]
pub(super) struct NotWritten {
    path: PathBuf,
    source: io::Error,
}

impl EnvFile {
    /// Writes a new file that its owner alone may read: the orchestrator, and the first tenant for a service
    /// without it.
    ///
    /// # Errors
    /// [`NotWritten`], also where a file is there: it may be that of a real service.
    pub(super) fn write(path: &Path, sandbox: &Sandbox) -> Result<Self, NotWritten> {
        let failed = |source| NotWritten {
            path: path.to_owned(),
            source,
        };
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        let mut file = file.map_err(failed)?;
        let written = Self(path.to_owned());
        file.write_all(text(sandbox).as_bytes()).map_err(failed)?;
        Ok(written)
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // It may have been removed already.
        let _ = fs::remove_file(&self.0);
    }
}

fn text(sandbox: &Sandbox) -> String {
    let one_tenant = sandbox.tenants().first();
    let one_tenant = one_tenant.map(|tenant| sandbox.standalone_environment(tenant));
    let mut pairs: BTreeMap<_, _> = one_tenant.into_iter().flatten().collect();
    pairs.extend(sandbox.environment());
    pairs.extend(sandbox.issuer.environment());
    pairs.extend([
        ("CONFIG_SOURCE", "orchestrator".to_owned()),
        // The sandbox's own service has the usual address, and the other ledger.
        ("LISTEN_ADDRESS", "127.0.0.1:8081".to_owned()),
        ("PUBLISH_LEDGER_URL", sandbox.second_ledger_url()),
    ]);
    let lines = pairs.into_iter().map(|(name, value)| {
        let value = value.replace('\\', r"\\").replace('\'', r"\'");
        format!("{name}='{value}'\n")
    });
    HEAD.to_owned() + &lines.collect::<String>()
}
