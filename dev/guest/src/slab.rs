// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel has allocated, to see whether a test leaks memory.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Context as _;

use crate::kmemleak;

/// The objects in use in each slab cache, and the used vmalloc space in kilobytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Usage {
    objects: BTreeMap<String, u64>,
    vmalloc: u64,
}

impl Usage {
    /// Returns what is in use after all that can be freed was freed.
    pub fn settled() -> anyhow::Result<Self> {
        const DROP: &str = "/proc/sys/vm/drop_caches";
        // Twice, with a pause: RCU and work queues free later what the first round released.
        for _ in 0..2 {
            fs::write(DROP, "3").with_context(|| format!("writing to {DROP}"))?;
            sleep(Duration::from_millis(300));
        }
        let slabs = fs::read_to_string("/proc/slabinfo").context("reading /proc/slabinfo")?;
        let memory = fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
        Ok(Self::parse(&slabs, &memory))
    }

    fn parse(slabs: &str, memory: &str) -> Self {
        let objects = slabs
            .lines()
            .skip_while(|line| line.starts_with("slabinfo") || line.starts_with('#'))
            .filter_map(|line| {
                let mut fields = line.split_whitespace();
                Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
            })
            .collect();
        let vmalloc = memory
            .lines()
            .find_map(|line| line.strip_prefix("VmallocUsed:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .unwrap_or(0);
        Self { objects, vmalloc }
    }

    /// Returns the caches that have more objects than before, and how many more.
    fn grown<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a str, u64)> {
        self.objects.iter().filter_map(|(cache, &now)| {
            let more = now.checked_sub(*before.objects.get(cache).unwrap_or(&0))?;
            (more > 0).then_some((cache.as_str(), more))
        })
    }

    /// Returns what grew by about one object, or one page of vmalloc space, per round or more.
    /// Returns nothing on a kernel with kmemleak: such a kernel delays freeing, so that the numbers
    /// mean nothing, and the suite `memory` looks for leaks instead.
    pub fn leaks_since(&self, before: &Self, rounds: u32) -> Vec<String> {
        if kmemleak::is_there() {
            return Vec::new();
        }
        // Three quarters of the rounds, and at least 64: the kernel counts whole slabs, in which
        // some objects were free before (a leak of one object per round showed as 84 in 100
        // rounds), and its own use varies (by up to 60 objects without any leak).
        let limit = u64::from(rounds / 4 * 3).max(64);
        let mut leaks: Vec<String> = self
            .grown(before)
            .filter(|(_, more)| *more >= limit)
            .map(|(cache, more)| format!("{cache} has {more} objects more"))
            .collect();
        let more = self.vmalloc.saturating_sub(before.vmalloc);
        if more >= limit * 4 {
            leaks.push(format!("VmallocUsed has grown by {more} kB"));
        }
        leaks
    }

    /// Describes the largest growth, leak or not, to show people how far from a leak it is.
    pub fn most_grown_since(&self, before: &Self) -> String {
        let vmalloc = self.vmalloc.saturating_sub(before.vmalloc);
        match self.grown(before).max_by_key(|(_, more)| *more) {
            Some((cache, more)) => format!("{cache} by {more} objects, vmalloc by {vmalloc} kB"),
            None => format!("no cache, vmalloc by {vmalloc} kB"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLABS: &str = "slabinfo - version: 2.1\n\
        # name <active_objs> <num_objs> <objsize>\n\
        kmalloc-64 300 320 64 64 1 : tunables 0 0 0 : slabdata 5 5 0\n\
        proc_dir_entry 500 504 192 21 1 : tunables 0 0 0 : slabdata 24 24 0\n";
    const MEMORY: &str = "MemTotal: 1000 kB\nVmallocUsed:       2000 kB\n";

    fn usage(small: u64, entries: u64, vmalloc: u64) -> Usage {
        Usage {
            objects: [
                ("kmalloc-64".into(), small),
                ("proc_dir_entry".into(), entries),
            ]
            .into(),
            vmalloc,
        }
    }

    #[test]
    fn the_kernels_tables_are_read() {
        assert_eq!(Usage::parse(SLABS, MEMORY), usage(300, 500, 2000));
    }

    #[test]
    fn one_object_a_round_is_a_leak_and_names_its_cache() {
        let leaks = usage(510, 480, 2000).leaks_since(&usage(300, 500, 2000), 200);
        assert_eq!(leaks, ["kmalloc-64 has 210 objects more"]);
    }

    #[test]
    fn the_largest_growth_is_named() {
        let grown = usage(310, 520, 2100).most_grown_since(&usage(300, 500, 2000));
        assert_eq!(grown, "proc_dir_entry by 20 objects, vmalloc by 100 kB");
        let grown = usage(1, 1, 1).most_grown_since(&usage(300, 500, 2000));
        assert_eq!(grown, "no cache, vmalloc by 0 kB");
    }

    #[test]
    fn a_module_that_keeps_its_memory_is_a_leak() {
        let leaks = usage(300, 500, 2000 + 200 * 12).leaks_since(&usage(300, 500, 2000), 200);
        assert_eq!(leaks, ["VmallocUsed has grown by 2400 kB"]);
    }

    #[test]
    fn a_little_more_or_less_is_no_leak() {
        assert!(
            usage(360, 500, 2100)
                .leaks_since(&usage(300, 500, 2000), 200)
                .is_empty()
        );
        assert!(
            usage(290, 400, 1900)
                .leaks_since(&usage(300, 500, 2000), 200)
                .is_empty()
        );
    }
}
