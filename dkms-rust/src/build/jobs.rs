// SPDX-License-Identifier: GPL-2.0-only

//! Decides how many compilers run in parallel: no more than the administrator allows for dkms, and
//! no more than fit into memory.

use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::system::System;
use crate::system::ram::Memory;
use std::thread::available_parallelism;

const MB: u64 = 1 << 20;

/// The memory of compilers, in MB: that of the largest, and that of each other one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Need {
    largest: u64,
    other: u64,
}

/// For a module like procdriver. Its rustc takes 230 MB, most of it for the crates' metadata.
const MODULE: Need = Need {
    largest: 300,
    other: 250,
};

/// The newest series for which [`SMALL`] is right.
const SMALL_SERIES: (u32, u32) = (6, 12);

/// Measured. The crate `core` takes most.
const SMALL: Need = Need {
    largest: 700,
    other: 450,
};

/// Measured. The kernel's bindings have grown and take most. Their size would give a better value,
/// but they are only made during the rebuild.
const LARGE: Need = Need {
    largest: 960,
    other: 650,
};

impl Need {
    fn of_rebuild(kernel: &Kernel) -> Self {
        match kernel.release.series() {
            Some(series) if series <= SMALL_SERIES => SMALL,
            _ => LARGE,
        }
    }

    /// Returns how many of the jobs fit into memory, at least one.
    fn fit(self, jobs: usize, memory: Option<Memory>) -> usize {
        let Some(memory) = memory else {
            return jobs;
        };
        let beside = memory.available.saturating_sub(self.largest * MB) / (self.other * MB);
        let fit = usize::try_from(beside).unwrap_or(usize::MAX);
        jobs.min(fit.saturating_add(1))
    }
}

/// Refuses a rebuild if not even a single compiler fits into memory. With swap it works, slowly.
///
/// # Errors
///
/// Returns a refusal with the needed and the available memory.
pub fn check(kernel: &Kernel) -> Result<(), Refusal> {
    let need = Need::of_rebuild(kernel);
    let Some(memory) = Memory::now(&kernel.system) else {
        return Ok(());
    };
    let there = (memory.available + memory.swap) / MB;
    if there >= need.largest {
        return Ok(());
    }
    let why = format!(
        "rebuilding its Rust metadata needs {} MB of memory, but only {there} MB are available",
        need.largest
    );
    let swap = format!(
        "fallocate -l 1G /swapfile && chmod 600 /swapfile && mkswap /swapfile && swapon /swapfile \
         # or stop other programs; the rebuild is needed once, later builds need {} MB",
        MODULE.largest
    );
    let mend = match memory.limited {
        true => "give the control group (the container) more memory".to_owned(),
        false => swap,
    };
    Err(Refusal::new(&kernel.release, why, mend))
}

/// Returns the number of jobs for a rebuild. The user asked for `most`.
pub fn of_rebuild(kernel: &Kernel, most: Option<usize>) -> usize {
    // Use twice as many jobs as processors: most of them run at a lower priority and fill gaps. If
    // nobody set a number, dkms asks for as many jobs as processors, which means that all of them
    // may be used.
    let most = most.filter(|most| *most < processors());
    let jobs = limited(&kernel.system, most, 2 * processors());
    Need::of_rebuild(kernel).fit(jobs, Memory::now(&kernel.system))
}

/// Returns the number of jobs for a module's build. The user asked for `most`.
pub fn of_module(system: &System, most: Option<usize>) -> usize {
    // The default is the same as dkms's for modules that do not set a make command.
    let jobs = limited(system, most.or(Some(processors())), usize::MAX);
    MODULE.fit(jobs, Memory::now(system))
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// Returns the lowest of `usual`, `asked`, and the administrator's limit, but at least one.
fn limited(system: &System, asked: Option<usize>, usual: usize) -> usize {
    let limits = [asked, dkms_s(system)];
    limits.into_iter().flatten().fold(usual, usize::min).max(1)
}

/// Returns the number of jobs from dkms's configuration. There, 0 means no limit.
fn dkms_s(system: &System) -> Option<usize> {
    let value = system.dkms_setting("parallel_jobs")?;
    value.parse().ok().filter(|jobs| *jobs > 0)
}

/// Splits make's arguments into the number of jobs, if there is one, and all other arguments.
pub fn asked(args: &[String]) -> (Option<usize>, Vec<String>) {
    let mut jobs = None;
    let mut rest = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let number = match arg.as_str() {
            "-j" | "--jobs" => args
                .next_if(|next| next.parse::<usize>().is_ok())
                .map_or("", String::as_str),
            other => match other
                .strip_prefix("--jobs=")
                .or_else(|| other.strip_prefix("-j"))
            {
                Some(number) if number.parse::<usize>().is_ok() => number,
                _ => {
                    rest.push(arg.clone());
                    continue;
                }
            },
        };
        jobs = number.parse().ok();
    }
    (jobs, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use std::fs;

    fn memory(available: u64) -> Option<Memory> {
        Some(Memory {
            available: available * MB,
            swap: 0,
            limited: false,
        })
    }

    #[test]
    fn as_many_jobs_as_fit_into_memory_and_at_least_one() {
        assert_eq!(LARGE.fit(4, memory(960)), 1);
        assert_eq!(LARGE.fit(4, memory(1609)), 1);
        assert_eq!(LARGE.fit(4, memory(1610)), 2);
        assert_eq!(LARGE.fit(4, memory(100_000)), 4);
        assert_eq!(LARGE.fit(4, memory(10)), 1);
        assert_eq!(LARGE.fit(4, None), 4);
    }

    #[test]
    fn a_machine_that_is_too_small_is_told_by_how_much_unless_it_can_swap() {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), "7.3.4-amd64", "");
        make_installed(root.path(), "6.12.1-amd64", "");
        let system = System::below(root.path());
        let kernel = |release: &str| Kernel::find(&system, &release.parse().unwrap()).unwrap();
        fs::create_dir(root.path().join("proc")).unwrap();
        let with = |available: u64, swap: u64, release| {
            let text = format!(
                "MemAvailable: {} kB\nSwapFree: {} kB\n",
                available << 10,
                swap << 10
            );
            fs::write(root.path().join("proc/meminfo"), text).unwrap();
            check(&kernel(release))
        };
        let refusal = with(800, 0, "7.3.4-amd64").unwrap_err();
        assert!(
            refusal
                .reason
                .contains("needs 960 MB of memory, but only 800 MB"),
            "{refusal}"
        );
        assert!(refusal.mend.unwrap().contains("swapon"));
        assert_eq!(with(800, 0, "6.12.1-amd64"), Ok(()));
        assert_eq!(with(800, 200, "7.3.4-amd64"), Ok(()));
        // With swap, the jobs still run one at a time.
        assert_eq!(of_rebuild(&kernel("7.3.4-amd64"), Some(8)), 1);
    }

    #[test]
    fn the_administrator_s_word_on_dkms_s_jobs_holds() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let write = |name: &str, text: &str| {
            let path = root.path().join("etc/dkms").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(limited(&system, None, 8), 8);
        write("framework.conf", "# parallel_jobs=7\nparallel_jobs=3\n");
        assert_eq!(limited(&system, None, 8), 3);
        write("framework.conf.d/a.conf", "parallel_jobs=\"1\" # small\n");
        assert_eq!(limited(&system, None, 8), 1);
        assert_eq!(limited(&system, Some(4), 8), 1);
        write("framework.conf.d/b.conf", "parallel_jobs=0\n");
        assert_eq!(limited(&system, Some(4), 8), 4);
    }

    #[test]
    fn jobs_are_read_from_arguments_as_make_reads_them() {
        let of = |text: &str| {
            let args: Vec<String> = text.split(' ').map(str::to_owned).collect();
            let (jobs, rest) = asked(&args);
            (jobs, rest.join(" "))
        };
        assert_eq!(of("V=1 -j4 modules"), (Some(4), "V=1 modules".into()));
        assert_eq!(of("-j 4 V=1"), (Some(4), "V=1".into()));
        assert_eq!(of("--jobs=2 -j"), (None, String::new()));
        assert_eq!(of("-j1 -j2"), (Some(2), String::new()));
        assert_eq!(of("-k --trace"), (None, "-k --trace".into()));
    }
}
