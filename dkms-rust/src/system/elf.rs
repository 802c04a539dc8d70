// SPDX-License-Identifier: GPL-2.0-only

//! Tells which machine a program is for.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The magic number of an ELF file, and the offsets of its byte order and its machine number.
const MAGIC: &[u8] = b"\x7fELF";
const DATA: usize = 5;
const BIG_ENDIAN: u8 = 2;
const MACHINE: usize = 18;

/// The machine numbers of programs that run here, by Rust's name for this architecture. Other
/// architectures are not checked.
const RUNS: [(&str, &[u16]); 4] = [
    ("x86_64", &[3, 62]),
    ("aarch64", &[40, 183]),
    ("riscv64", &[243]),
    ("loongarch64", &[258]),
];

/// Returns the machine number of a program, or `None` if it is not an ELF file.
pub fn machine(path: &Path) -> Option<u16> {
    let mut head = [0; MACHINE + 2];
    if !path.is_file() {
        return None;
    }
    File::open(path).ok()?.read_exact(&mut head).ok()?;
    let number = [head[MACHINE], head[MACHINE + 1]];
    head.starts_with(MAGIC).then(|| match head[DATA] {
        BIG_ENDIAN => u16::from_be_bytes(number),
        _ => u16::from_le_bytes(number),
    })
}

/// Returns whether programs for this machine run here.
pub fn runs_here(machine: u16) -> bool {
    let here = RUNS.iter().find(|(name, _)| *name == env::consts::ARCH);
    here.is_none_or(|(_, machines)| machines.contains(&machine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_program_of_this_machine_runs_here_and_a_script_is_of_none() {
        assert!(runs_here(machine(Path::new("/proc/self/exe")).unwrap()));
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        fs::write(&file, "#!/bin/sh\necho a long enough script\n").unwrap();
        assert_eq!(machine(&file), None);
        assert_eq!(machine(dir.path()), None);
    }
}
