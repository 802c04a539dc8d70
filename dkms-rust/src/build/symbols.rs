// SPDX-License-Identifier: GPL-2.0-only

//! Reads the symbols of object files, and compares what modules need with what kernels export.

use crate::system::bounded::{self, Budget};
use anyhow::{Context, Result, bail};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// The global symbols of an object file, by what they mean to other objects.
#[derive(Debug, Default)]
pub struct Symbols {
    /// The symbols that it defines.
    pub defined: BTreeSet<String>,
    /// The undefined symbols that it refers to.
    pub needed: BTreeSet<String>,
    /// The undefined symbols that it does not refer to. The linker leaves such names behind when it
    /// drops the code that used them.
    pub unused: BTreeSet<String>,
}

impl Symbols {
    /// Reads the symbols of the object file at `path`.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be read or is not an object file.
    pub fn of(path: &Path) -> Result<Self> {
        let data = read(path)?;
        let file = object::File::parse(&*data)
            .with_context(|| format!("{} is not an object file", path.display()))?;
        let damaged = || format!("{} is damaged", path.display());
        let mut budget = Budget::of(&data);
        let mut used = HashSet::new();
        for (_, relocation) in file.sections().flat_map(|section| section.relocations()) {
            budget.take(&[]).with_context(damaged)?;
            if let RelocationTarget::Symbol(index) = relocation.target() {
                used.insert(index);
            }
        }
        let mut symbols = Self::default();
        // The linker makes some of the undefined symbols local. It still links archive members for
        // them.
        let counts = |symbol: &object::Symbol<'_, '_>| symbol.is_global() || symbol.is_undefined();
        for symbol in file.symbols().filter(counts) {
            let name = symbol.name_bytes().with_context(damaged)?;
            let name = String::from_utf8_lossy(budget.take(name).with_context(damaged)?);
            if name.is_empty() {
                continue;
            }
            let set = if !symbol.is_undefined() {
                &mut symbols.defined
            } else if used.contains(&symbol.index()) {
                &mut symbols.needed
            } else {
                &mut symbols.unused
            };
            set.insert(name.into_owned());
        }
        Ok(symbols)
    }

    /// Returns the names that an archive of object files defines.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be read or is not an archive.
    pub fn of_archive(path: &Path) -> Result<BTreeSet<String>> {
        let data = read(path)?;
        let no_archive = || format!("{} is not an archive", path.display());
        let archive = ArchiveFile::parse(&*data).with_context(no_archive)?;
        let Some(symbols) = archive.symbols().with_context(no_archive)? else {
            bail!("{} has no index", path.display());
        };
        let mut budget = Budget::of(&data);
        let name = |symbol: object::Result<object::read::archive::ArchiveSymbol<'_>>| {
            let symbol = symbol.with_context(no_archive)?;
            let name = budget.take(symbol.name()).with_context(no_archive)?;
            Ok(String::from_utf8_lossy(name).into_owned())
        };
        symbols.map(name).collect()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    bounded::read(path, bounded::OBJECT).with_context(|| format!("can't read {}", path.display()))
}

/// Reads a `Module.symvers`.
fn text_of(symvers: &Path) -> Result<String> {
    let not_text = || format!("{} is not text", symvers.display());
    String::from_utf8(read(symvers)?).with_context(not_text)
}

/// Returns the names in a `Module.symvers`: the second column, separated by tabs.
pub fn exported(symvers: &str) -> HashSet<&str> {
    symvers
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect()
}

/// Returns whether the kernel exports the C helpers that its Rust code calls.
///
/// # Errors
///
/// Returns an error if the kernel's `Module.symvers` can't be read.
pub fn exports_helpers(symvers: &Path) -> Result<bool> {
    let text = text_of(symvers)?;
    Ok(exported(&text).iter().any(|name| name.starts_with(HELPER)))
}

/// The prefix of C helpers that only Rust code calls.
const HELPER: &str = "rust_helper_";

/// Returns whether a symbol belongs to Rust code or is a helper that only Rust code calls.
pub fn of_rust(name: &str) -> bool {
    name.starts_with("_R") || name.starts_with(HELPER)
}

/// Returns the symbols that the objects need and that neither they nor any of the `symvers`
/// provide.
///
/// # Errors
///
/// Returns an error if a file can't be read.
pub fn missing(objects: &[PathBuf], symvers: &[PathBuf]) -> Result<BTreeSet<String>> {
    let mut missing = BTreeSet::new();
    let mut there: HashSet<String> = HashSet::new();
    for path in symvers {
        let text = text_of(path)?;
        there.extend(exported(&text).into_iter().map(str::to_owned));
    }
    for object in objects {
        let symbols = Symbols::of(object)?;
        there.extend(symbols.defined);
        missing.extend(symbols.needed);
        missing.extend(symbols.unused);
    }
    missing.retain(|name| !there.contains(name) && !OF_THE_LINKER.contains(&name.as_str()));
    Ok(missing)
}

/// Names that no object defines and that modpost ignores.
const OF_THE_LINKER: [&str; 2] = ["__this_module", "_GLOBAL_OFFSET_TABLE_"];

/// Returns whether a built module contains Rust code.
///
/// # Errors
///
/// Returns an error if the file can't be read or is not an object file.
pub fn has_rust(path: &Path) -> Result<bool> {
    let data = read(path)?;
    let file = object::File::parse(&*data)
        .with_context(|| format!("{} is not an object file", path.display()))?;
    let mut names = file.symbols().filter_map(|symbol| symbol.name().ok());
    Ok(names.any(|name| name.starts_with("_R")))
}

/// Counts the Rust symbols that a built module uses from the kernel with this `Module.symvers`.
///
/// # Errors
///
/// Returns an error if a file can't be read.
pub fn count_of_kernel(path: &Path, symvers: &Path) -> Result<usize> {
    let text = text_of(symvers)?;
    let exported = exported(&text);
    let module = Symbols::of(path)?;
    let of_kernel = |name: &&String| of_rust(name) && exported.contains(name.as_str());
    Ok(module
        .needed
        .union(&module.unused)
        .filter(of_kernel)
        .count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::write::{Object as Writer, Symbol, SymbolSection};
    use object::{Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolKind, SymbolScope};
    use std::fs;

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

    fn files(undefined: &[&str]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (ko, symvers) = (dir.path().join("a.ko"), dir.path().join("Module.symvers"));
        fs::write(&ko, module(undefined)).unwrap();
        fs::write(&symvers, SYMVERS).unwrap();
        (dir, ko, symvers)
    }

    #[test]
    fn a_module_in_c_alone_has_no_rust_code() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.ko");
        for (names, rust) in [
            (&["_printk", "proc_remove"][..], false),
            (&["_printk", "_RNvA"], true),
        ] {
            fs::write(&path, module(names)).unwrap();
            assert_eq!(has_rust(&path).unwrap(), rust);
        }
        assert!(has_rust(&dir.path().join("none")).is_err());
    }

    #[test]
    fn names_that_overlap_are_no_larger_than_the_file() {
        let names: Vec<String> = (0..300).map(|n| format!("{n:05}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut bytes = module(&names);
        let place = |name: &str| bytes.windows(5).position(|text| text == name.as_bytes());
        let places: Vec<usize> = names.iter().filter_map(|name| place(name)).collect();
        let (first, last) = (places.iter().min().unwrap(), places.iter().max().unwrap());
        // Without terminators, each name also includes all names that follow it.
        for byte in &mut bytes[*first..*last] {
            *byte = (*byte).max(b'0');
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.o");
        fs::write(&path, bytes).unwrap();
        let error = Symbols::of(&path).unwrap_err();
        assert!(format!("{error:#}").contains("overlap"), "{error:#}");
    }

    #[test]
    fn what_a_module_takes_of_the_kernel_s_rust_code_is_counted() {
        let (_dir, ko, symvers) = files(&["_RNvA", "proc_remove", "_RNvOfAnotherModule"]);
        assert_eq!(count_of_kernel(&ko, &symvers).unwrap(), 1);
    }

    #[test]
    fn what_nobody_has_is_missing() {
        let (_dir, ko, symvers) = files(&["_RNvA", "proc_remove", "devres_node_init"]);
        let missing = missing(&[ko], &[symvers]).unwrap();
        assert_eq!(
            missing.into_iter().collect::<Vec<_>>(),
            ["devres_node_init"]
        );
    }

    #[test]
    fn helpers_are_exported_by_kernels_with_rust() {
        let (dir, _, symvers) = files(&[]);
        assert!(!exports_helpers(&symvers).unwrap());
        fs::write(&symvers, "0x0\trust_helper_BUG\tvmlinux\t\t\n").unwrap();
        assert!(exports_helpers(&symvers).unwrap());
        assert!(exports_helpers(&dir.path().join("none")).is_err());
    }
}
