//! Files that import each other in a circle: none can be read, or moved, without all the others.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    rules::{Target, target},
    source::{House, SourceFile},
};

/// Files that import each other, and who imports whom of them.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Circle {
    pub(super) files: Vec<String>,
    pub(super) imports: Vec<String>,
}

/// Each circle. Tests may import what they like.
pub(super) fn circles(house: &House) -> Vec<Circle> {
    let files = house.files.iter().filter(|file| is_counted(file));
    let by_module: BTreeMap<&[String], &SourceFile> =
        files.map(|file| (file.module.as_slice(), file)).collect();
    let imports: BTreeMap<&str, BTreeSet<&str>> = by_module
        .values()
        .map(|file| (file.path.as_str(), imports(file, house, &by_module)))
        .collect();
    let reach: BTreeMap<&str, BTreeSet<&str>> = imports
        .keys()
        .map(|from| (*from, reached(from, &imports)))
        .collect();
    let mut circles = BTreeSet::new();
    for (from, reached) in &reach {
        let circle: Vec<String> = reached
            .iter()
            .filter(|to| reach[**to].contains(from))
            .map(|to| (*to).to_owned())
            .collect();
        if circle.len() > 1 {
            let within = |file: &String| {
                let imported = imports[file.as_str()].iter();
                let imported = imported.filter(|to| circle.iter().any(|it| it == *to));
                let arrow = |to: &&str| format!("{file} -> {to}");
                imported.map(arrow).collect::<Vec<_>>()
            };
            let imports = circle.iter().flat_map(within).collect();
            circles.insert(Circle {
                files: circle,
                imports,
            });
        }
    }
    circles.into_iter().collect()
}

fn is_counted(file: &SourceFile) -> bool {
    file.path.starts_with("src/") && !file.is_test && !file.module.is_empty()
}

/// The files that a file imports something of.
fn imports<'a>(
    file: &SourceFile,
    house: &House,
    files: &BTreeMap<&[String], &'a SourceFile>,
) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for path in file.facts.paths.iter().filter(|path| !path.in_test) {
        if let Some(Target::Here(module)) = target(path, file, house)
            && let Some(defined) = defined_in(&module, files, 0)
            && defined.path != file.path
        {
            found.insert(defined.path.as_str());
        }
    }
    found
}

/// The file that has what a path names, behind what others re-export of it.
fn defined_in<'a>(
    path: &[String],
    files: &BTreeMap<&[String], &'a SourceFile>,
    depth: usize,
) -> Option<&'a SourceFile> {
    let (length, file) = (1..=path.len())
        .rev()
        .find_map(|length| Some((length, *files.get(&path[..length])?)))?;
    let name = path.get(length);
    let Some(used) = name
        .and_then(|name| file.facts.uses.get(name))
        .filter(|_| depth < 8)
    else {
        return Some(file);
    };
    let behind = match used.split_first()? {
        (first, rest) if first == "crate" => rest.to_vec(),
        (first, rest) if first == "self" => [&file.module, rest].concat(),
        (first, rest) if first == "super" => [&file.module[..file.module.len() - 1], rest].concat(),
        // A module of the file's own, or another crate.
        _ => [&file.module, used.as_slice()].concat(),
    };
    defined_in(&behind, files, depth + 1)
}

/// All that is imported by it, and by what it imports.
fn reached<'a>(from: &str, imports: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut left: Vec<&str> = imports[from].iter().copied().collect();
    while let Some(next) = left.pop() {
        if found.insert(next) {
            left.extend(imports.get(next).into_iter().flatten());
        }
    }
    found
}
