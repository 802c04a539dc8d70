// SPDX-License-Identifier: GPL-2.0-only

//! For which machine a program is.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// An ELF file's magic number, its class, and its byte order.
const MAGIC: &[u8] = b"\x7fELF";
const DATA: usize = 5;
const BIG_ENDIAN: u8 = 2;
const MACHINE: usize = 18;

/// The numbers of the machines whose programs run here, by the name that Rust has for this one.
/// Others are not judged.
const RUNS: [(&str, &[u16]); 4] = [
    ("x86_64", &[3, 62]),
    ("aarch64", &[40, 183]),
    ("riscv64", &[243]),
    ("loongarch64", &[258]),
];

/// The number of the machine that a program is for; `None` if it is no ELF file.
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

/// Whether programs for this machine run here.
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
