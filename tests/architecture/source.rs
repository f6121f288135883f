//! The files of the house, each with its place in the module tree.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::tokens::{Facts, read_tokens};

/// All files, and what the crate depends on.
pub(super) struct House {
    pub(super) files: Vec<SourceFile>,
    /// The crates of `Cargo.toml`, as code spells them.
    pub(super) crates: BTreeSet<String>,
}

/// A file of `src/` or `tests/`.
pub(super) struct SourceFile {
    /// Its path from the root of the repository.
    pub(super) path: String,
    /// Where it stands in the crate, `[adapters, telegram]`; empty for the roots of crates.
    pub(super) module: Vec<String>,
    pub(super) text: String,
    pub(super) facts: Facts,
    /// Compiled for tests only.
    pub(super) is_test: bool,
}

impl SourceFile {
    /// A file with this text.
    pub(super) fn new(path: &str, text: String) -> Result<Self, String> {
        let facts = read_tokens(&text).map_err(|error| format!("{path}: {error}"))?;
        Ok(Self {
            path: path.to_owned(),
            module: module_of(path),
            text,
            facts,
            is_test: path.starts_with("tests/") || path.contains("/tests/"),
        })
    }
}

impl House {
    /// Reads the repository at `root`.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let text = |path: &Path| {
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let mut files = Vec::new();
        for folder in ["src", "tests", "pixels/src", "sandbox/src"] {
            for path in rust_files(&root.join(folder)).map_err(|error| error.to_string())? {
                let name = path.strip_prefix(root).unwrap_or(&path);
                let name = name.to_string_lossy().replace('\\', "/");
                files.push(SourceFile::new(&name, text(&path)?)?);
            }
        }
        Ok(Self::new(files, &text(&root.join("Cargo.toml"))?))
    }

    /// These files, with what is behind a `#[cfg(test)] mod …;` known as test code.
    pub(super) fn new(mut files: Vec<SourceFile>, manifest: &str) -> Self {
        let test_code: Vec<String> = files.iter().flat_map(test_modules).collect();
        for file in &mut files {
            file.is_test |= test_code.iter().any(|place| {
                file.path == format!("{place}.rs") || file.path.starts_with(&format!("{place}/"))
            });
        }
        let crates = dependencies(manifest);
        Self { files, crates }
    }
}

fn rust_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// `src/adapters/openai.rs` is `[adapters, openai]`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or_default();
    // The binary is a crate of its own, and none of its modules has the name of a layer.
    let inside = inside.strip_prefix("bin/publisher/").unwrap_or(inside);
    let inside = inside.trim_end_matches(".rs");
    match inside {
        "lib" | "main" | "" => Vec::new(),
        inside => inside.split('/').map(str::to_owned).collect(),
    }
}

/// The files, without `.rs`, that `file` declares as modules for tests only.
fn test_modules(file: &SourceFile) -> Vec<String> {
    let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
    let inside = match name.trim_end_matches(".rs") {
        "lib" | "main" => folder.to_owned(),
        stem => format!("{folder}/{stem}"),
    };
    let modules = file.facts.modules.iter().filter(|module| module.in_test);
    let place = |module: &super::tokens::Module| match &module.path {
        Some(path) => format!("{folder}/{}", path.trim_end_matches(".rs")),
        None => format!("{inside}/{}", module.name),
    };
    modules.map(place).collect()
}

/// The names in the tables of dependencies. Their format is ours, so that lines are enough.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| inside)
            && !line.starts_with([' ', '#', '"'])
        {
            names.insert(name.replace('-', "_"));
        }
    }
    names
}
