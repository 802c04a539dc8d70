// SPDX-License-Identifier: GPL-2.0-only

//! Holds what a built module needs against what its kernel exports.

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSymbol};
use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The names in a `Module.symvers`: the second column, tabs between.
fn exported(symvers: &str) -> HashSet<&str> {
    symvers
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect()
}

/// Whether a symbol is Rust's (its mangling), or a helper that only Rust code calls.
fn of_rust(name: &str) -> bool {
    name.starts_with("_R") || name.starts_with("rust_helper_")
}

/// Checks that the kernel with the given `Module.symvers` exports every Rust symbol that the
/// module at `path` needs, and returns how many those are.
///
/// # Errors
///
/// If it lacks one: the metadata is not that of the kernel. Or if a file can't be read.
pub fn check(path: &Path, symvers: &Path) -> Result<usize> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("can't read {}", path.display()));
    let module = read(path)?;
    let symvers = String::from_utf8(read(symvers)?).context("Module.symvers is not text")?;
    let exported = exported(&symvers);
    let module = object::File::parse(&*module)
        .with_context(|| format!("{} is no kernel module", path.display()))?;
    let needed: Vec<_> = module
        .symbols()
        .filter(ObjectSymbol::is_undefined)
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .filter(|name| of_rust(name))
        .collect();
    let missing: Vec<_> = needed
        .iter()
        .filter(|name| !exported.contains(name.as_str()))
        .collect();
    if let Some(first) = missing.first() {
        bail!(
            "{}: the kernel does not export {} of the {} Rust symbols that it needs, the first \
             being {first}: the metadata is not that of this kernel",
            path.display(),
            missing.len(),
            needed.len()
        );
    }
    Ok(needed.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write::{Object as Writer, Symbol, SymbolSection};
    use object::{Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolKind, SymbolScope};

    fn module(undefined: &[&str]) -> Vec<u8> {
        let mut elf = Writer::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
        for name in undefined {
            elf.add_symbol(Symbol {
                name: name.as_bytes().to_vec(),
                value: 0,
                size: 0,
                kind: SymbolKind::Unknown,
                scope: SymbolScope::Unknown,
                weak: false,
                section: SymbolSection::Undefined,
                flags: SymbolFlags::None,
            });
        }
        elf.write().unwrap()
    }

    const SYMVERS: &str = "0x0\t_RNvA\tvmlinux\tEXPORT_SYMBOL_GPL\t\n\
                           0x0\tproc_remove\tvmlinux\tEXPORT_SYMBOL\t\n";

    fn checked(undefined: &[&str]) -> Result<usize> {
        let dir = tempfile::tempdir().unwrap();
        let (ko, symvers) = (dir.path().join("a.ko"), dir.path().join("Module.symvers"));
        fs::write(&ko, module(undefined)).unwrap();
        fs::write(&symvers, SYMVERS).unwrap();
        check(&ko, &symvers)
    }

    #[test]
    fn what_the_kernel_exports_is_found() {
        assert_eq!(checked(&["_RNvA", "proc_remove"]).unwrap(), 1);
    }

    #[test]
    fn a_rust_symbol_that_the_kernel_lacks_is_an_error() {
        let error = checked(&["_RNvA", "_RNvB", "rust_helper_x"])
            .unwrap_err()
            .to_string();
        assert!(error.contains("2 of the 3"), "{error}");
        assert!(error.contains("_RNvB"), "{error}");
    }

    #[test]
    fn symbols_of_c_are_left_to_modpost() {
        assert_eq!(checked(&["not_exported_c_function"]).unwrap(), 0);
    }
}
