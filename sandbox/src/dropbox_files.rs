//! One Dropbox account's files and folders, in memory. Used by the Dropbox stand-in.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// All times here: what a file's age is plays no part.
const MODIFIED: &str = "2026-01-01T00:00:00Z";

/// Bytes in a block of the content hash.
const BLOCK: usize = 4 * 1024 * 1024;

/// The tree. Paths are `""` for the root or start with `/`; letter case is kept but does not count.
#[derive(Debug, Default)]
pub(super) struct FileTree {
    /// By lower-case path; the root has no entry.
    nodes: BTreeMap<String, Node>,
    revisions: u64,
    /// The path of each change, as it is shown, in their order.
    changed: Vec<String>,
}

/// A file or a folder.
#[derive(Clone, Debug)]
pub(super) struct Node {
    display: String,
    id: String,
    file: Option<File>,
}

/// What a file has beyond a folder.
#[derive(Clone, Debug)]
struct File {
    rev: String,
    bytes: Bytes,
    hash: String,
}

/// Why an operation on the tree did not happen; the names are Dropbox's tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TreeError {
    NotFound,
    NotFile,
    NotFolder,
    ConflictFile,
    ConflictFolder,
    Nested,
}

/// How an upload meets a file of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WriteMode {
    Add,
    Overwrite,
    /// Only if the file still has this rev.
    Update(String),
}

impl Node {
    pub(super) fn bytes(&self) -> Option<&Bytes> {
        self.file.as_ref().map(|file| &file.bytes)
    }

    pub(super) fn name(&self) -> &str {
        self.display.rsplit('/').next().unwrap_or_default()
    }

    /// The metadata document; the `.tag` is left out where the type is clear.
    pub(super) fn metadata(&self, tagged: bool) -> Value {
        let mut document = json!({
            "name": self.name(),
            "path_lower": self.display.to_lowercase(),
            "path_display": self.display,
            "id": self.id,
        });
        if let Some(file) = &self.file {
            document["client_modified"] = MODIFIED.into();
            document["server_modified"] = MODIFIED.into();
            document["rev"] = file.rev.as_str().into();
            document["size"] = file.bytes.len().into();
            document["is_downloadable"] = true.into();
            document["content_hash"] = file.hash.as_str().into();
        }
        if tagged {
            let tag = if self.file.is_some() {
                "file"
            } else {
                "folder"
            };
            document[".tag"] = tag.into();
        }
        document
    }
}

impl FileTree {
    /// The node at a path, or with an `id:…`.
    pub(super) fn find(&self, path: &str) -> Result<&Node, TreeError> {
        let found = if path.starts_with("id:") {
            self.nodes.values().find(|node| node.id == path)
        } else {
            self.nodes.get(&path.to_lowercase())
        };
        found.ok_or(TreeError::NotFound)
    }

    /// The file at a path.
    pub(super) fn file(&self, path: &str) -> Result<&Node, TreeError> {
        let node = self.find(path)?;
        if node.file.is_none() {
            return Err(TreeError::NotFile);
        }
        Ok(node)
    }

    /// What is in a folder, or with `recursive` under it, by lower-case path.
    pub(super) fn list(&self, path: &str, recursive: bool) -> Result<Vec<Value>, TreeError> {
        let folder = if path.is_empty() {
            String::new()
        } else {
            let node = self.find(path)?;
            if node.file.is_some() {
                return Err(TreeError::NotFolder);
            }
            node.display.to_lowercase()
        };
        let prefix = format!("{folder}/");
        let inside = self
            .nodes
            .range(prefix.clone()..)
            .map_while(|(key, node)| key.strip_prefix(&prefix).map(|rest| (rest, node)));
        let wanted = inside.filter(|(rest, _)| recursive || !rest.contains('/'));
        Ok(wanted.map(|(_, node)| node.metadata(true)).collect())
    }

    /// How many changes there have been.
    pub(super) fn changes(&self) -> usize {
        self.changed.len()
    }

    /// What is now where something has changed since, in a folder or with `recursive` under it; each path once. What
    /// is gone is tagged `deleted`.
    pub(super) fn changed_since(
        &self,
        position: usize,
        folder: &str,
        recursive: bool,
    ) -> Result<Vec<Value>, TreeError> {
        if !folder.is_empty() && self.find(folder)?.file.is_some() {
            return Err(TreeError::NotFolder);
        }
        let prefix = format!("{}/", folder.to_lowercase());
        let mut seen = HashSet::new();
        let later = self.changed.get(position..).unwrap_or_default();
        let mut entries: Vec<_> = later
            .iter()
            .rev()
            .filter_map(|path| {
                let key = path.to_lowercase();
                let rest = key.strip_prefix(&prefix)?;
                let is_wanted = recursive || !rest.contains('/');
                if !is_wanted || !seen.insert(key.clone()) {
                    return None;
                }
                let node = self.nodes.get(&key);
                Some(node.map_or_else(|| deleted(path), |node| node.metadata(true)))
            })
            .collect();
        entries.reverse();
        Ok(entries)
    }

    /// The display paths of all files.
    pub(super) fn paths(&self) -> Vec<String> {
        let files = self.nodes.values().filter(|node| node.file.is_some());
        files.map(|node| node.display.clone()).collect()
    }

    /// Writes a file and the folders above it.
    pub(super) fn write(
        &mut self,
        path: &str,
        bytes: Bytes,
        mode: &WriteMode,
        autorename: bool,
    ) -> Result<Node, TreeError> {
        let hash = content_hash(&bytes);
        let mut path = path.to_owned();
        let mut id = new_id();
        if let Some(old) = self.nodes.get(&path.to_lowercase()) {
            let Some(file) = &old.file else {
                return Err(TreeError::ConflictFolder);
            };
            let replaces = match mode {
                WriteMode::Add if file.hash == hash => return Ok(old.clone()),
                WriteMode::Add => false,
                WriteMode::Overwrite => true,
                WriteMode::Update(rev) => *rev == file.rev,
            };
            if replaces {
                id.clone_from(&old.id);
                path.clone_from(&old.display);
            } else if autorename {
                path = self.free_name(&path);
            } else {
                return Err(TreeError::ConflictFile);
            }
        }
        self.make_parents(&path)?;
        self.revisions += 1;
        let file = File {
            rev: format!("{:015x}", 0x05a0_0000_0000_u64 + self.revisions),
            bytes,
            hash,
        };
        let node = Node {
            display: path.clone(),
            id,
            file: Some(file),
        };
        self.insert(node.clone());
        Ok(node)
    }

    /// Makes a folder and the folders above it.
    pub(super) fn make_folder(&mut self, path: &str, autorename: bool) -> Result<Node, TreeError> {
        let mut path = path.to_owned();
        if let Some(taken) = self.nodes.get(&path.to_lowercase()) {
            if !autorename {
                return Err(taken.conflict());
            }
            path = self.free_name(&path);
        }
        self.make_parents(&path)?;
        let node = Node::folder(&path);
        self.insert(node.clone());
        Ok(node)
    }

    /// Moves a file, or a folder with all that is in it; makes the folders above the new place.
    pub(super) fn rename(
        &mut self,
        from: &str,
        to: &str,
        autorename: bool,
    ) -> Result<Node, TreeError> {
        let old = self.find(from)?.clone();
        let (source, mut target) = (old.display.clone(), to.to_owned());
        let (from_key, to_key) = (source.to_lowercase(), target.to_lowercase());
        if from_key == to_key || to_key.starts_with(&format!("{from_key}/")) {
            return Err(TreeError::Nested);
        }
        if let Some(taken) = self.nodes.get(&to_key) {
            if !autorename {
                return Err(taken.conflict());
            }
            target = self.free_name(&target);
        }
        self.make_parents(&target)?;
        for mut node in self.take(&source) {
            let rest = node.display.get(source.len()..).unwrap_or_default();
            node.display = format!("{target}{rest}");
            self.insert(node);
        }
        self.find(&target).cloned()
    }

    /// Removes a file, or a folder with all that is in it.
    pub(super) fn delete(&mut self, path: &str) -> Result<Node, TreeError> {
        let node = self.find(path)?.clone();
        self.take(&node.display);
        Ok(node)
    }

    fn take(&mut self, path: &str) -> Vec<Node> {
        let key = path.to_lowercase();
        let inside = format!("{key}/");
        let keys: Vec<_> = self
            .nodes
            .keys()
            .filter(|it| **it == key || it.starts_with(&inside))
            .cloned()
            .collect();
        let nodes: Vec<_> = keys
            .iter()
            .filter_map(|key| self.nodes.remove(key))
            .collect();
        self.changed
            .extend(nodes.iter().map(|node| node.display.clone()));
        nodes
    }

    fn insert(&mut self, node: Node) {
        self.changed.push(node.display.clone());
        self.nodes.insert(node.display.to_lowercase(), node);
    }

    fn make_parents(&mut self, path: &str) -> Result<(), TreeError> {
        let ends = path.match_indices('/').map(|(at, _)| at).skip(1);
        for parent in ends.filter_map(|at| path.get(..at)) {
            match self.nodes.get(&parent.to_lowercase()) {
                None => self.insert(Node::folder(parent)),
                Some(node) if node.file.is_some() => return Err(TreeError::ConflictFile),
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// `name (1).ext`, `name (2).ext` and so on, whichever is free first.
    fn free_name(&self, path: &str) -> String {
        let name_at = path.rfind('/').map_or(0, |at| at + 1);
        let dot = path.rfind('.').filter(|at| *at > name_at);
        let (stem, extension) = path.split_at(dot.unwrap_or(path.len()));
        (1..u64::MAX)
            .map(|n| format!("{stem} ({n}){extension}"))
            .find(|name| !self.nodes.contains_key(&name.to_lowercase()))
            .unwrap_or_default()
    }
}

/// The entry of a path where there is nothing any more.
fn deleted(path: &str) -> Value {
    json!({
        ".tag": "deleted",
        "name": path.rsplit('/').next().unwrap_or_default(),
        "path_lower": path.to_lowercase(),
        "path_display": path,
    })
}

impl Node {
    fn folder(path: &str) -> Self {
        Self {
            display: path.to_owned(),
            id: new_id(),
            file: None,
        }
    }

    fn conflict(&self) -> TreeError {
        match self.file {
            Some(_) => TreeError::ConflictFile,
            None => TreeError::ConflictFolder,
        }
    }
}

/// SHA-256 over the SHA-256s of each block of 4 MiB, in hex.
pub(super) fn content_hash(bytes: &[u8]) -> String {
    let mut outer = Sha256::new();
    for block in bytes.chunks(BLOCK) {
        outer.update(Sha256::digest(block));
    }
    let mut hex = String::with_capacity(64);
    for byte in outer.finalize() {
        for digit in [byte >> 4, byte & 15] {
            hex.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    hex
}

fn new_id() -> String {
    format!("id:sandbox{}", Uuid::new_v4().simple())
}
