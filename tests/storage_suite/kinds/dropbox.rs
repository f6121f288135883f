//! Dropbox, on the sandbox's stand-in.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{adapters::storages, domain::storage::StorageKind, ports::ImageStore};
use publisher_sandbox::{Fault, Sandbox};

use super::{Kind, opening};
use crate::fixture::{Failing, Fixture, ROOT, Traits};

const ACCOUNT: &str = "alice";
const REFRESH_TOKEN: &str = "sandbox-refresh-token";
/// The folder that all files of a test are in.
const BASE: &str = "/home/";
/// Every operation but that for access tokens.
const OPERATIONS: [&str; 7] = [
    "list_folder",
    "list_folder/continue",
    "get_metadata",
    "download",
    "upload",
    "move_v2",
    "delete_v2",
];

struct Dropbox {
    sandbox: Sandbox,
    store: Arc<dyn ImageStore>,
}

pub(super) fn kind() -> Kind {
    Kind {
        name: "dropbox",
        open: Arc::new(|| Box::pin(async { Arc::new(Dropbox::new().await) as _ })),
        exceptions: &[],
        missing: None,
    }
}

impl Dropbox {
    async fn new() -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let dropbox = &sandbox.dropbox;
        dropbox.add_account(ACCOUNT, REFRESH_TOKEN);
        let url = dropbox.server().url();
        let storages = opening::storages(&url, dropbox.app_key(), dropbox.app_secret());
        let root = format!("{BASE}{ROOT}");
        let secrets = [("refresh_token", REFRESH_TOKEN)];
        let store = opening::open(&storages, StorageKind::Dropbox, &root, &secrets);
        Self { sandbox, store }
    }
}

#[async_trait]
impl Fixture for Dropbox {
    fn traits(&self) -> Traits {
        Traits {
            hash: storages::content_hash(StorageKind::Dropbox),
            tells_letter_case: false,
            has_folders: true,
            has_times: false,
        }
    }

    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::clone(&self.store)
    }

    async fn write(&self, path: &str, bytes: Bytes) -> bool {
        let dropbox = &self.sandbox.dropbox;
        dropbox.put(ACCOUNT, &format!("{BASE}{path}"), bytes)
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        self.sandbox.dropbox.file(ACCOUNT, &format!("{BASE}{path}"))
    }

    async fn paths(&self) -> Vec<String> {
        let paths = self.sandbox.dropbox.paths(ACCOUNT);
        let mut paths: Vec<_> = paths
            .iter()
            .map(|path| path[BASE.len()..].to_owned())
            .collect();
        paths.sort_unstable();
        paths
    }

    async fn make_folder(&self, path: &str) {
        let path = format!("{BASE}{path}");
        assert!(self.sandbox.dropbox.make_folder(ACCOUNT, &path));
    }

    fn calls(&self) -> usize {
        self.sandbox.dropbox.switches().total_calls()
    }

    fn fail(&self, failing: Option<Failing>) {
        let switches = self.sandbox.dropbox.switches();
        for operation in OPERATIONS {
            match failing {
                Some(Failing::Status(status)) => switches.always(operation, Fault::status(status)),
                Some(Failing::NoAnswer) => switches.always(operation, Fault::ResetBeforeRequest),
                None => switches.clear(operation),
            }
        }
    }
}
