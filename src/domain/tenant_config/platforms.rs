//! `publishers[]`: which platforms are on. The rules of each entry are its platform's.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::{
    config_block::{Block, FieldProblem},
    platform::Platform,
    platform_spec::{Entries, PlatformSpecs, TenantTarget},
};

/// Reads the platforms that are on. A bad field turns its platform off, with a warning that names
/// it. An entry of another type is ignored, with a warning too.
pub(super) fn read(
    document: &Block<'_>,
    specs: PlatformSpecs,
    warnings: &mut Vec<FieldProblem>,
) -> BTreeMap<Platform, TenantTarget> {
    let entries = match document.field("publishers") {
        None => return BTreeMap::new(),
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            warnings.push(FieldProblem::new("publishers", "must be an array"));
            return BTreeMap::new();
        }
    };
    let mut enabled: BTreeMap<Platform, Vec<Block<'_>>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        let mut block = Block::required(format!("publishers[{index}]"), Some(entry));
        let is_enabled = block.bool("enabled", true);
        block.string("id");
        let kind = block.string("type");
        if !is_enabled {
            continue;
        }
        let is_of =
            |platform: &Platform| kind.is_some_and(|it| specs(*platform).types.contains(&it));
        match kind {
            Some("instagram") => {
                block.reject("type", "is reserved, and ignored until it is served");
            }
            Some(_) => match Platform::ALL.into_iter().find(is_of) {
                Some(platform) => {
                    enabled.entry(platform).or_default().push(block);
                    continue;
                }
                None => block.reject("type", "is of no platform that is served, and ignored"),
            },
            None if block.field("type").is_none() && !block.is_empty_because_wrong() => {
                block.reject("type", "must be a platform; the entry is ignored");
            }
            None => {}
        }
        warnings.extend(block.into_problems());
    }
    let target = |(platform, entries)| {
        let entries = Entries { entries, document };
        Some((platform, specs(platform).read(entries, warnings)?))
    };
    enabled.into_iter().filter_map(target).collect()
}
