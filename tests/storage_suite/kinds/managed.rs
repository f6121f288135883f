//! A bucket, on the sandbox's S3 server.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{adapters::storages, domain::storage::StorageKind, ports::ImageStore};
use publisher_sandbox::{Fault, Sandbox};

use super::{Kind, opening};
use crate::fixture::{Failing, Fixture, ROOT, Traits};

/// The prefix that all objects of a test have.
const BASE: &str = "home/";
const OPERATIONS: [&str; 6] = ["list", "head", "get", "put", "copy", "delete"];

/// Of `s3s-fs`, as the two that follow.
const FILE_NAMES: &str = "the server keeps an object in a file whose name is longer than the key's";
const XML: &str = "the server drops control characters from the keys in its listings";
const FOLDERS: &str = "a bucket has no folders, and the server fails where its files have one";

struct Managed {
    sandbox: Sandbox,
    store: Arc<dyn ImageStore>,
}

pub(super) fn kind() -> Kind {
    Kind {
        name: "managed",
        open: Arc::new(|| Box::pin(async { Arc::new(Managed::new().await) as _ })),
        exceptions: &[
            ("awkward_names_are_listed_as_they_are", FILE_NAMES),
            ("awkward_names_are_found_and_fetched", FILE_NAMES),
            ("awkward_names_move", FILE_NAMES),
            ("awkward_names_are_deleted", FILE_NAMES),
            ("names_that_no_image_can_have_are_left_out", XML),
            ("a_folder_is_no_image", FOLDERS),
            ("a_folder_is_not_deleted", FOLDERS),
            ("a_folder_in_the_place_of_a_sidecar_is_unreadable", FOLDERS),
        ],
        missing: None,
    }
}

impl Managed {
    async fn new() -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        let storages = opening::storages("http://localhost/", "", "");
        let fields = sandbox.s3.credential();
        let fields: Vec<_> = fields.iter().map(|(name, it)| (*name, &**it)).collect();
        let root = format!("{BASE}{ROOT}");
        let store = opening::open(&storages, StorageKind::Managed, &root, &fields);
        Self { sandbox, store }
    }
}

#[async_trait]
impl Fixture for Managed {
    fn traits(&self) -> Traits {
        Traits {
            hash: storages::content_hash(StorageKind::Managed),
            tells_letter_case: true,
            has_folders: false,
            has_times: true,
        }
    }

    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::clone(&self.store)
    }

    async fn write(&self, path: &str, bytes: Bytes) -> bool {
        self.sandbox.s3.put(&format!("{BASE}{path}"), bytes).await
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        self.sandbox.s3.object(&format!("{BASE}{path}"))
    }

    async fn paths(&self) -> Vec<String> {
        let keys = self.sandbox.s3.keys();
        keys.iter()
            .map(|key| key[BASE.len()..].to_owned())
            .collect()
    }

    async fn make_folder(&self, _: &str) {}

    fn calls(&self) -> usize {
        self.sandbox.s3.server().switches().total_calls()
    }

    fn fail(&self, failing: Option<Failing>) {
        let switches = self.sandbox.s3.server().switches();
        for operation in OPERATIONS {
            match failing {
                Some(Failing::Status(status)) => switches.always(operation, Fault::status(status)),
                Some(Failing::NoAnswer) => switches.always(operation, Fault::ResetBeforeRequest),
                None => switches.clear(operation),
            }
        }
    }
}
