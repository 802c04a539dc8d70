// SPDX-License-Identifier: GPL-2.0-only

//! The symbols of object files, and what a built module needs held against what its kernel exports.

use anyhow::{Context, Result, bail};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;

/// The global symbols of an object file, by what they are to others.
#[derive(Debug, Default)]
pub struct Symbols {
    /// Those that it has.
    pub defined: BTreeSet<String>,
    /// Those that it has not and refers to.
    pub needed: BTreeSet<String>,
    /// Those that it has not and only names: the linker leaves them when it drops what used them.
    pub unused: BTreeSet<String>,
}

impl Symbols {
    /// Reads those of the object file at `path`.
    ///
    /// # Errors
    ///
    /// If it can't be read or is no object file.
    pub fn of(path: &Path) -> Result<Self> {
        let data = read(path)?;
        let file = object::File::parse(&*data)
            .with_context(|| format!("{} is no object file", path.display()))?;
        let used: HashSet<_> = file
            .sections()
            .flat_map(|section| section.relocations().collect::<Vec<_>>())
            .filter_map(|(_, relocation)| match relocation.target() {
                RelocationTarget::Symbol(index) => Some(index),
                _ => None,
            })
            .collect();
        let mut symbols = Self::default();
        for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
            let Some(name) = symbol.name().ok().filter(|name| !name.is_empty()) else {
                continue;
            };
            let set = if !symbol.is_undefined() {
                &mut symbols.defined
            } else if used.contains(&symbol.index()) {
                &mut symbols.needed
            } else {
                &mut symbols.unused
            };
            set.insert(name.to_owned());
        }
        Ok(symbols)
    }

    /// The names that an archive of object files offers.
    ///
    /// # Errors
    ///
    /// If it can't be read or is no archive.
    pub fn of_archive(path: &Path) -> Result<BTreeSet<String>> {
        let data = read(path)?;
        let no_archive = || format!("{} is no archive", path.display());
        let archive = ArchiveFile::parse(&*data).with_context(no_archive)?;
        let Some(symbols) = archive.symbols().with_context(no_archive)? else {
            bail!("{} has no index", path.display());
        };
        let name = |symbol: object::Result<object::read::archive::ArchiveSymbol<'_>>| {
            Ok(String::from_utf8_lossy(symbol?.name()).into_owned())
        };
        symbols.map(name).collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("can't read {}", path.display()))
}

/// The names in a `Module.symvers`: the second column, tabs between.
pub fn exported(symvers: &str) -> HashSet<&str> {
    symvers
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect()
}

/// Whether a symbol is Rust's (its mangling), or a helper that only Rust code calls.
pub fn of_rust(name: &str) -> bool {
    name.starts_with("_R") || name.starts_with("rust_helper_")
}

/// Checks that the kernel with the given `Module.symvers` exports every Rust symbol that the
/// module at `path` needs, and returns how many those are.
///
/// # Errors
///
/// If it lacks one: the metadata is not that of the kernel. Or if a file can't be read.
pub fn check(path: &Path, symvers: &Path) -> Result<usize> {
    let symvers = String::from_utf8(read(symvers)?).context("Module.symvers is not text")?;
    let exported = exported(&symvers);
    let module = Symbols::of(path)?;
    let needed: Vec<_> = module
        .needed
        .union(&module.unused)
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
