//! The memory of the process.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{
    adapters::{memory::MemoryFiles, storages},
    domain::storage::StorageKind,
    ports::ImageStore,
};

use super::{Kind, opening};
use crate::fixture::{Failing, Fixture, ROOT, Traits};

const CANNOT_FAIL: &str = "memory always answers";

struct Memory {
    files: MemoryFiles,
    store: Arc<dyn ImageStore>,
}

pub(super) fn kind() -> Kind {
    Kind {
        name: "memory",
        open: Arc::new(|| Box::pin(async { Arc::new(Memory::new()) as _ })),
        exceptions: &[
            ("nothing_is_written_while_storage_refuses", CANNOT_FAIL),
            ("nothing_is_written_while_storage_fails", CANNOT_FAIL),
            (
                "nothing_is_written_while_storage_does_not_answer",
                CANNOT_FAIL,
            ),
        ],
        missing: None,
    }
}

impl Memory {
    fn new() -> Self {
        let storages = opening::storages("http://localhost/", "", "");
        Self {
            files: storages.memory.clone(),
            store: opening::open(&storages, StorageKind::Memory, &format!("home/{ROOT}"), &[]),
        }
    }
}

#[async_trait]
impl Fixture for Memory {
    fn traits(&self) -> Traits {
        Traits {
            hash: storages::content_hash(StorageKind::Memory),
            tells_letter_case: true,
            has_folders: false,
            has_times: false,
        }
    }

    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::clone(&self.store)
    }

    async fn write(&self, path: &str, bytes: Bytes) -> bool {
        self.files.put(&format!("/home/{path}"), bytes);
        true
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        self.files.bytes(&format!("/home/{path}"))
    }

    async fn paths(&self) -> Vec<String> {
        let paths = self.files.paths();
        paths
            .iter()
            .map(|path| path["/home/".len()..].to_owned())
            .collect()
    }

    async fn make_folder(&self, _: &str) {}

    fn calls(&self) -> usize {
        0
    }

    fn fail(&self, failing: Option<Failing>) {
        assert!(failing.is_none(), "memory cannot fail");
    }
}
