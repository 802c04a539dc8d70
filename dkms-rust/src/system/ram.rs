// SPDX-License-Identifier: GPL-2.0-only

//! How much memory compilers can use: what the machine has available, and what the control groups
//! of this process permit.

use crate::system::System;
use std::fs;
use std::path::Path;

/// Amounts of memory in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The memory that is available without swapping.
    pub available: u64,
    /// The swap space that is free.
    pub swap: u64,
    /// Whether a control group allows less than the machine has.
    pub limited: bool,
}

/// The file names of one version of control groups.
struct Kind {
    /// The mount point.
    mount: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The fields of `memory.stat` that count file caches, which the kernel can reclaim.
    caches: [&'static str; 2],
    /// The limit and the use of swap. `None` if they are not counted separately; a memory limit
    /// then leaves no swap.
    swap: Option<[&'static str; 2]>,
}

const VERSION_1: Kind = Kind {
    mount: "sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    caches: ["total_active_file", "total_inactive_file"],
    swap: None,
};

const VERSION_2: Kind = Kind {
    mount: "sys/fs/cgroup",
    limit: "memory.max",
    used: "memory.current",
    caches: ["active_file", "inactive_file"],
    swap: Some(["memory.swap.max", "memory.swap.current"]),
};

/// Version 1 has no word for "no limit", but writes a number that no machine reaches.
const NO_LIMIT: u64 = 1 << 60;

impl Memory {
    /// Returns the memory that is available now, or `None` if that is unknown.
    pub fn now(system: &System) -> Option<Self> {
        let info = fs::read_to_string(system.at("proc/meminfo")).ok()?;
        let field = |name| Some(value(&info, name)? << 10);
        let mut memory = Self {
            available: field("MemAvailable:")?,
            swap: field("SwapFree:").unwrap_or(0),
            limited: false,
        };
        let groups = fs::read_to_string(system.at("proc/self/cgroup")).unwrap_or_default();
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let kind = match controllers {
                "" => &VERSION_2,
                _ if controllers.split(',').any(|name| name == "memory") => &VERSION_1,
                _ => continue,
            };
            let mount = system.at(kind.mount);
            let group = mount.join(path.trim_start_matches('/'));
            // In a container, the path may be one of the host; then only the mount exists.
            let inside = |group: &&Path| group.starts_with(&mount);
            for group in group.ancestors().take_while(inside) {
                memory.limit(group, kind);
            }
        }
        Some(memory)
    }

    /// Applies the limits of a control group.
    fn limit(&mut self, group: &Path, kind: &Kind) {
        let read = |name: &str| fs::read_to_string(group.join(name)).unwrap_or_default();
        let number = |name: &str| read(name).trim().parse::<u64>().ok();
        let limit = number(kind.limit).filter(|limit| *limit < NO_LIMIT);
        if let (Some(limit), Some(used)) = (limit, number(kind.used)) {
            let stat = read("memory.stat");
            let caches = kind.caches.iter().filter_map(|name| value(&stat, name));
            let used = used.saturating_sub(caches.sum());
            let left = limit.saturating_sub(used);
            self.limited |= left < self.available;
            self.available = self.available.min(left);
            if kind.swap.is_none() {
                self.swap = 0;
            }
        }
        if let Some([limit, used]) = kind.swap {
            if let Some(limit) = number(limit) {
                let left = limit.saturating_sub(number(used).unwrap_or(0));
                self.swap = self.swap.min(left);
            }
        }
    }
}

/// Returns the number after a name, in lines of names and numbers.
fn value(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_ascii_whitespace);
    lines.find_map(|mut words| {
        (words.next()? == name)
            .then(|| words.next()?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    fn memory(files: &[(&str, &str)]) -> Memory {
        let root = tempfile::tempdir().unwrap();
        let info = "MemTotal: 4194304 kB\nMemAvailable: 3145728 kB\nSwapFree: 1048576 kB\n";
        for (name, text) in [&[("proc/meminfo", info)], files].concat() {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Memory::now(&System::below(root.path())).unwrap()
    }

    #[test]
    fn without_control_groups_all_that_is_available_may_be_used() {
        let all = Memory {
            available: 3072 * MB,
            swap: 1024 * MB,
            limited: false,
        };
        assert_eq!(memory(&[]), all);
        let nowhere = System::below("/nonexistent");
        assert_eq!(Memory::now(&nowhere), None);
    }

    #[test]
    fn the_smallest_limit_on_the_way_up_counts_and_caches_make_way() {
        let found = memory(&[
            ("proc/self/cgroup", "0::/user.slice/shell\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "524288000\n"),
            (
                "sys/fs/cgroup/user.slice/memory.stat",
                "anon 1\nactive_file 104857600\ninactive_file 104857600\n",
            ),
            ("sys/fs/cgroup/user.slice/memory.swap.max", "0\n"),
            ("sys/fs/cgroup/user.slice/shell/memory.max", "max\n"),
        ]);
        let group_s = Memory {
            available: 724 * MB,
            swap: 0,
            limited: true,
        };
        assert_eq!(found, group_s);
    }

    #[test]
    fn older_control_groups_and_a_container_s_own_mount_count_too() {
        let found = memory(&[
            ("proc/self/cgroup", "5:cpu:/\n4:memory:/docker/abc\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576"),
        ]);
        assert_eq!(found.available, 1023 * MB);
        let unlimited = memory(&[
            ("proc/self/cgroup", "4:memory:/\n"),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712",
            ),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "1048576"),
        ]);
        assert_eq!(unlimited.available, 3072 * MB);
    }
}
