// SPDX-License-Identifier: GPL-2.0-only

//! The oldest versions of tools with which a kernel can be built. The kernel's
//! `scripts/min-tool-version.sh` names them; it is in the source, and seldom in the headers.

use crate::kernel::headers::Kernel;
use std::fs;

const SCRIPT: &str = "scripts/min-tool-version.sh";

/// The versions to use if the script is missing, by the first series that needs them. The newest
/// series comes first.
const KNOWN: [((u32, u32), Minimum); 2] = [
    ((7, 1), Minimum::new([1, 85, 0], [0, 71, 1])),
    ((0, 0), Minimum::new([1, 78, 0], [0, 65, 1])),
];

/// The oldest versions that will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minimum {
    /// Of rustc.
    pub rustc: [u32; 3],
    /// Of bindgen.
    pub bindgen: [u32; 3],
}

impl Minimum {
    const fn new(rustc: [u32; 3], bindgen: [u32; 3]) -> Self {
        Self { rustc, bindgen }
    }

    /// Returns the oldest versions for a kernel.
    pub fn of(kernel: &Kernel) -> Self {
        let series = kernel.release.series().unwrap_or_default();
        let known = KNOWN.iter().find(|(since, _)| series >= *since);
        let known = known.map_or(KNOWN[1].1, |(_, minimum)| *minimum);
        let script = fs::read_to_string(kernel.common.join(SCRIPT)).unwrap_or_default();
        Self {
            rustc: in_script(&script, "rustc").unwrap_or(known.rustc),
            bindgen: in_script(&script, "bindgen").unwrap_or(known.bindgen),
        }
    }
}

/// Returns the version that the script prints for a tool. If that depends on the architecture,
/// returns the last one, which is that of most architectures.
fn in_script(script: &str, tool: &str) -> Option<[u32; 3]> {
    let label = format!("{tool})");
    let case = script.lines().skip_while(|line| line.trim() != label);
    case.take_while(|line| line.trim() != ";;")
        .filter_map(|line| numbers(line.trim().strip_prefix("echo ")?))
        .last()
}

/// Returns the first three numbers of a version: `0.71.1` of `bindgen 0.71.1`, `1.85.0` of `1.85`.
pub fn numbers(text: &str) -> Option<[u32; 3]> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let end = |c: char| !c.is_ascii_digit() && c != '.';
    let version = text[start..].split(end).next()?;
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some([major, minor, parts.next().flatten().unwrap_or(0)])
}

/// Formats a version.
pub fn text([major, minor, patch]: [u32; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::headers::tests::make_installed;
    use crate::system::System;

    fn of(release: &str, script: Option<&str>) -> Minimum {
        let root = tempfile::tempdir().unwrap();
        make_installed(root.path(), release, "");
        let kernel = Kernel::find(&System::below(root.path()), &release.parse().unwrap()).unwrap();
        if let Some(script) = script {
            fs::create_dir_all(kernel.common.join("scripts")).unwrap();
            fs::write(kernel.common.join(SCRIPT), script).unwrap();
        }
        Minimum::of(&kernel)
    }

    #[test]
    fn without_the_script_the_series_decides() {
        assert_eq!(of("6.12.107-amd64", None).bindgen, [0, 65, 1]);
        assert_eq!(of("6.12.107-amd64", None).rustc, [1, 78, 0]);
        assert_eq!(of("7.3.4-amd64", None).bindgen, [0, 71, 1]);
    }

    #[test]
    fn the_script_has_the_last_word() {
        let script = "case \"$1\" in\nrustc)\n\tif [ \"$SRCARCH\" = s390 ]; then\n\t\techo 1.96.0\n\
                      \telse\n\t\techo 1.90.0\n\tfi\n\t;;\nbindgen)\n\techo 0.72.1\n\t;;\nesac\n";
        let minimum = of("7.3.4-amd64", Some(script));
        assert_eq!((minimum.rustc, minimum.bindgen), ([1, 90, 0], [0, 72, 1]));
    }

    #[test]
    fn versions_are_read_out_of_what_tools_say() {
        assert_eq!(numbers("bindgen 0.71.1"), Some([0, 71, 1]));
        assert_eq!(numbers("1.85"), Some([1, 85, 0]));
        assert_eq!(numbers("rustc 1.97.0-nightly (abc 2026)"), Some([1, 97, 0]));
        assert_eq!(numbers("bindgen"), None);
        assert_eq!(numbers("0."), None);
    }
}
