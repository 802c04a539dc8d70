// SPDX-License-Identifier: GPL-2.0-only

//! Remembers how long rebuilds took, so that the user of apt can be told what to expect. A new
//! kernel has none, so it gets the time of another kernel of its series.

use crate::build::way::Way;
use crate::kernel::memory;
use crate::kernel::release::Release;
use crate::system::{System, names_in};
use serde::{Deserialize, Serialize};
use std::io;

/// The directory of the remembered times, below [`System::state`].
pub const FOLDER: &str = "lasted";

#[derive(Serialize, Deserialize)]
struct Time {
    way: Way,
    seconds: u64,
}

/// How long the latest rebuild took.
#[derive(Debug, PartialEq, Eq)]
pub struct Lasted {
    /// The kernel of that rebuild.
    pub release: Release,
    /// The time in seconds.
    pub seconds: u64,
}

/// Returns how long a rebuild took for this kernel the last time, or else for the latest kernel of
/// its series.
pub fn of(system: &System, release: &Release, way: Way) -> Option<Lasted> {
    let of = |release: Release| {
        let time: Time = memory::recall(system, FOLDER, &release)?;
        let seconds = time.seconds;
        (time.way == way).then_some(Lasted { release, seconds })
    };
    let written = |release: &Release| {
        let file = memory::file(system, FOLDER, release);
        file.metadata().and_then(|file| file.modified()).ok()
    };
    of(release.clone()).or_else(|| {
        let files = names_in(&system.state().join(FOLDER)).into_iter();
        let releases = files.filter_map(|name| name.strip_suffix(memory::END)?.parse().ok());
        let mut others: Vec<Release> = releases
            .filter(|other: &Release| other.series() == release.series())
            .collect();
        others.sort_by_key(written);
        others.into_iter().rev().find_map(of)
    })
}

/// Remembers how long a rebuild took.
///
/// # Errors
///
/// Returns an error if the file can't be written.
pub fn remember(system: &System, release: &Release, way: Way, seconds: u64) -> io::Result<()> {
    memory::remember(system, FOLDER, release, &Time { way, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::time::{Duration, SystemTime};

    fn release(name: &str) -> Release {
        name.parse().unwrap()
    }

    #[test]
    fn a_new_kernel_gets_the_latest_time_of_its_series() {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        let new = release("6.12.117-amd64");
        let told = |way| of(&system, &new, way).map(|it| (it.release.to_string(), it.seconds));
        assert_eq!(told(Way::Linked), None);
        for (age, (name, seconds)) in [
            ("6.12.107-amd64", 34),
            ("6.12.63-amd64", 60),
            ("7.3.4-amd64", 80),
        ]
        .into_iter()
        .enumerate()
        {
            remember(&system, &release(name), Way::Linked, seconds).unwrap();
            let file = memory::file(&system, FOLDER, &release(name));
            let written = SystemTime::now() - Duration::from_secs(60 * age as u64);
            File::open(file).unwrap().set_modified(written).unwrap();
        }
        assert_eq!(
            told(Way::Linked),
            Some(("6.12.107-amd64".into(), 34)),
            "the latest"
        );
        assert_eq!(told(Way::Rebuilt), None);
        remember(&system, &new, Way::Linked, 20).unwrap();
        assert_eq!(told(Way::Linked), Some((new.to_string(), 20)));
    }
}
