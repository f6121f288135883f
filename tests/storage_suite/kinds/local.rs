//! A folder of the machine.

use std::{fs, path::Path, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use publisher::{adapters::storages, domain::storage::StorageKind, ports::ImageStore};
use tempfile::TempDir;

use super::{Kind, opening};
use crate::fixture::{Failing, Fixture, ROOT, Traits};

const CANNOT_FAIL: &str = "a folder that its owner may use always answers";

struct Local {
    folder: TempDir,
    store: Arc<dyn ImageStore>,
}

pub(super) fn kind() -> Kind {
    Kind {
        name: "local",
        open: Arc::new(|| Box::pin(async { Arc::new(Local::new()) as _ })),
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

impl Local {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(ROOT);
        let storages = opening::storages("http://localhost/", "", "");
        let root = root.to_str().unwrap();
        Self {
            store: opening::open(&storages, StorageKind::Local, root, &[]),
            folder,
        }
    }

    fn walk(&self, at: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.walk(&path, found);
            } else {
                let below = path.strip_prefix(self.folder.path()).unwrap();
                found.push(below.to_str().unwrap().to_owned());
            }
        }
    }
}

#[async_trait]
impl Fixture for Local {
    fn traits(&self) -> Traits {
        Traits {
            hash: storages::content_hash(StorageKind::Local),
            tells_letter_case: true,
            has_folders: true,
            has_times: true,
        }
    }

    fn store(&self) -> Arc<dyn ImageStore> {
        Arc::clone(&self.store)
    }

    async fn write(&self, path: &str, bytes: Bytes) -> bool {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).is_ok()
    }

    async fn read(&self, path: &str) -> Option<Bytes> {
        fs::read(self.folder.path().join(path))
            .ok()
            .map(Bytes::from)
    }

    async fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(self.folder.path(), &mut found);
        found.sort();
        found
    }

    async fn make_folder(&self, path: &str) {
        fs::create_dir_all(self.folder.path().join(path)).unwrap();
    }

    fn calls(&self) -> usize {
        0
    }

    fn fail(&self, failing: Option<Failing>) {
        assert!(failing.is_none(), "{CANNOT_FAIL}");
    }
}
