//! How much memory the system lets this process have, and what of it images may take. For `main`.

use std::{fs, path::Path};

use publisher::domain::image_memory::ImageMemory;

/// Where the system says in which control groups this process is.
const OWN_GROUPS: &str = "/proc/self/cgroup";
/// Where the control groups are.
const GROUPS: &str = "/sys/fs/cgroup";
/// A limit of so many bytes (1 EiB) or more is none: version 1 has no word for that.
const NO_LIMIT: u64 = 1 << 60;
const MIB: u64 = 1024 * 1024;

/// What images may take: what is configured, but at most half of the limit of the control group, and at least
/// what an image from a camera takes.
pub(crate) fn budget_within_limit(configured: ImageMemory) -> ImageMemory {
    own_limit_mib().map_or(configured, |limit_mib| within(configured, limit_mib))
}

/// Logs where images may take less than what is configured.
pub(crate) fn log_if_less(configured: ImageMemory) {
    let Some(limit_mib) = own_limit_mib() else {
        return;
    };
    let budget = within(configured, limit_mib);
    if budget == configured {
        return;
    }
    let (configured_mib, budget_mib) = (configured.mib(), budget.mib());
    if budget_mib > limit_mib / 2 {
        tracing::warn!(
            limit_mib,
            budget_mib,
            "the control group's memory limit is too low: a large image may end the process; raise it to \
             twice the budget"
        );
    } else {
        tracing::warn!(
            limit_mib,
            configured_mib,
            budget_mib,
            "MEMORY_BUDGET_MB is more than half of the control group's memory limit: images get half; \
             raise the limit, or set it lower"
        );
    }
}

/// The limit of the own control group, in MiB; `None` where there is none.
fn own_limit_mib() -> Option<u64> {
    let own = fs::read_to_string(OWN_GROUPS).ok()?;
    limit_of(&own, Path::new(GROUPS)).map(|bytes| bytes / MIB)
}

fn within(configured: ImageMemory, limit_mib: u64) -> ImageMemory {
    let most = (limit_mib / 2).clamp(ImageMemory::LEAST_MIB, configured.mib());
    ImageMemory::of_mib(most).unwrap_or(configured)
}

/// The lowest limit of these groups and of those that they are in, in bytes.
fn limit_of(own_groups: &str, root: &Path) -> Option<u64> {
    let limits = own_groups.lines().filter_map(|line| {
        // The number of a hierarchy, its controllers, and the group.
        let (_, rest) = line.split_once(':')?;
        let (controllers, group) = rest.split_once(':')?;
        if controllers.is_empty() {
            return lowest(root, group, "memory.max");
        }
        let has_memory = controllers.split(',').any(|it| it == "memory");
        let limit = || lowest(&root.join("memory"), group, "memory.limit_in_bytes");
        has_memory.then(limit).flatten()
    });
    limits.min()
}

/// Within a container, the group may go by its name outside, and not be there: then its own is the root.
fn lowest(root: &Path, group: &str, file: &str) -> Option<u64> {
    let group = root.join(group.trim_start_matches('/'));
    let groups = group.ancestors().take_while(|it| it.starts_with(root));
    let limits = groups.filter_map(|group| {
        let text = fs::read_to_string(group.join(file)).ok()?;
        // `max` is no number.
        text.trim().parse::<u64>().ok()
    });
    limits.filter(|limit| *limit < NO_LIMIT).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, group: &str, file: &str, text: &str) {
        fs::create_dir_all(root.join(group)).unwrap();
        fs::write(root.join(group).join(file), text).unwrap();
    }

    #[test]
    fn the_lowest_limit_of_the_own_group_and_those_around_it_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(limit_of("0::/a/b\n", root), None, "there are no groups");
        write(root, "", "memory.max", "max\n");
        write(root, "a", "memory.max", "1000\n");
        write(root, "a/b", "memory.max", "max\n");
        write(root, "c", "memory.max", "2000\n");
        assert_eq!(limit_of("0::/a/b\n", root), Some(1_000));
        assert_eq!(limit_of("0::/c\n", root), Some(2_000));
        assert_eq!(limit_of("0::/\n", root), None);
        write(root, "", "memory.max", "500");
        let outside = "0::/kubepods/pod1/container\n";
        assert_eq!(limit_of(outside, root), Some(500), "a container's own");
    }

    #[test]
    fn version_one_has_its_own_files_and_no_word_for_no_limit() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let file = "memory.limit_in_bytes";
        write(root, "memory", file, "9223372036854771712\n");
        let own = "4:cpu:/x\n3:hugetlb,memory:/docker/1\n0::/\n";
        assert_eq!(limit_of(own, root), None);
        write(root, "memory/docker/1", file, "134217728\n");
        assert_eq!(limit_of(own, root), Some(134_217_728));
        write(root, "x", file, "1\n");
        assert_eq!(limit_of("4:cpu:/x\nno line\n", root), None);
    }

    #[test]
    fn images_get_half_of_the_limit_at_most_and_an_image_from_a_camera_at_least() {
        let budget = |mib| ImageMemory::of_mib(mib).unwrap();
        assert_eq!(within(budget(352), 1_024), budget(352));
        assert_eq!(within(budget(352), 704), budget(352));
        assert_eq!(within(budget(352), 512), budget(256));
        assert_eq!(within(budget(64), 128), budget(64));
        assert_eq!(within(budget(100), 128), budget(64));
        let least = budget(ImageMemory::LEAST_MIB);
        assert_eq!(within(budget(352), 16), least);
        assert_eq!(within(least, 16), least);
    }
}
