// SPDX-License-Identifier: GPL-2.0-only

//! Rebuilds a kernel's Rust metadata with kbuild's own rules, in an overlay of the kernel's
//! headers.

use crate::build::info;
use crate::build::inputs::{HEADERS, Inputs};
use crate::build::jobs;
use crate::build::lasted;
use crate::build::overlay;
use crate::build::parts;
use crate::build::planted::Links;
use crate::build::runtime;
use crate::build::rust_config;
use crate::build::rustc_shim;
use crate::build::symbols;
use crate::build::thin_core;
use crate::build::way::Way;
use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::source::find::KernelSource;
use crate::source::slice::Slice;
use crate::system::System;
use crate::system::child::end_orphans;
use crate::system::confine;
use crate::system::launch;
use crate::system::print::tell;
use crate::system::run::{logged, step};
use crate::system::search::{path_variable, program};
use crate::system::trusted::{is_root, trusted_folder};
use crate::toolchain::{Bindgen, Compiler, Rustc};
use anyhow::{Context, Result, ensure};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Includes the kernel's Makefile, so that the rules use the kernel's own flags.
const MAKEFILE: &str = "\
include Makefile

.PHONY: dkms-rust-metadata dkms-rust-available dkms-rust-crates
dkms-rust-metadata: dkms-rust-available dkms-rust-crates
dkms-rust-available:
\t$(Q)$(CONFIG_SHELL) $(srctree)/scripts/rust_is_available.sh
dkms-rust-crates:
ifdef CONFIG_X86
\t$(Q)$(MAKE) $(build)=scripts scripts/target.json
endif
\t$(Q)$(MAKE) $(build)=rust rust/kernel.o
";

const TARGET: &str = "dkms-rust-metadata";

const MAKEFILE_NAME: &str = "dkms-rust.mk";
const TOOLS: &str = ".dkms-rust";

/// Everything that a rebuild needs.
#[derive(Debug)]
pub struct Rebuild {
    /// The kernel whose metadata is rebuilt.
    pub kernel: Kernel,
    /// The way in which modules will be built. [`Way::Linked`] needs more than metadata.
    pub way: Way,
    /// The kernel's source.
    pub source: KernelSource,
    /// The rustc that compiles the crates.
    pub rustc: Rustc,
    /// The bindgen that makes the bindings.
    pub bindgen: Bindgen,
    /// The C compiler.
    pub compiler: Compiler,
    /// The inputs of the tree, without the slice if it has not been taken from the source yet.
    pub inputs: Inputs,
}

/// Makes a build tree with metadata in the empty directory `tree`, with at most `jobs` jobs.
///
/// # Errors
///
/// Returns an error if the slice is damaged, the rules fail, or the disk is full.
pub fn run(
    system: &System,
    rebuild: &Rebuild,
    slice: &Slice,
    tree: &Path,
    jobs: Option<usize>,
) -> Result<()> {
    let release = &rebuild.kernel.release;
    let linked = rebuild.way == Way::Linked;
    let begin = Instant::now();
    overlay::create(&rebuild.kernel, tree)?;
    slice.unpack(tree)?;
    let headers = rebuild.inputs.get(HEADERS).unwrap_or_default();
    info::prepare(tree, rebuild.way, &rebuild.rustc.version, headers)?;
    if linked {
        rust_config::enable(&rebuild.kernel, &rebuild.rustc, tree)?;
        let exported = symbols::exports_helpers(&rebuild.kernel.symvers())?;
        runtime::prepare(tree, !exported)?;
    }
    let confined = confine::possible();
    if !confined.files {
        tell(format_args!(
            "{release}: the running kernel can't keep compilers from writing outside \
             the build tree (confined: {confined}); building anyway"
        ));
    }
    step(
        &format!("{release}: rebuilding its Rust metadata (takes a minute or two)"),
        || kbuild(system, rebuild, tree, jobs),
    )?;
    tidy(tree)?;
    let before = match linked {
        true => runtime::finish(tree, &rebuild.rustc.path)?,
        false => String::new(),
    };
    info::finish(tree, &before)?;
    // If this fails, the next rebuild is announced without a time.
    lasted::remember(system, release, rebuild.way, begin.elapsed().as_secs()).ok();
    Ok(())
}

fn kbuild(system: &System, rebuild: &Rebuild, tree: &Path, jobs: Option<usize>) -> Result<()> {
    let target = match rebuild.way {
        Way::Linked => runtime::TARGET,
        _ => TARGET,
    };
    let rules = [MAKEFILE, runtime::RULES, info::RULES].concat();
    fs::write(tree.join(MAKEFILE_NAME), rules)?;
    let tools = tree.join(TOOLS);
    fs::create_dir(&tools)?;
    let temporary = tools.join("tmp");
    fs::create_dir(&temporary)?;
    let shim = |name| {
        let link = tools.join(name);
        symlink(launch::own_path()?, &link).with_context(|| link.display().to_string())?;
        anyhow::Ok(link)
    };
    let (rustc, bindgen) = (shim(rustc_shim::RUSTC)?, shim(rustc_shim::BINDGEN)?);

    let jobs = jobs::of_rebuild(&rebuild.kernel, jobs);
    // This runs code from the kernel's source: its procedural macros.
    let mut make = clean(launch::confined(&program("make"), tree));
    let library = rebuild.rustc.library(&rebuild.kernel)?;
    let thin = tools.join("library");
    if thin_core::create(&library, &thin).is_ok() {
        make.env(rustc_shim::THIN, &thin);
    }
    make.current_dir(tree)
        .env(TMPDIR, &temporary)
        .env(rustc_shim::REAL_RUSTC, &rebuild.rustc.path)
        .env(rustc_shim::REAL_BINDGEN, &rebuild.bindgen.path)
        .env(parts::CACHE, system.cache())
        .args(["--no-print-directory", "-f", MAKEFILE_NAME])
        // Skip `prepare0`: the headers already contain its outputs and lack most of its inputs.
        .args(["-o", "prepare0"])
        .arg(format!("-j{jobs}"))
        .arg(format!("RUSTC={}", rustc.display()))
        .arg(format!("HOSTRUSTC={}", rustc.display()))
        .arg(format!("BINDGEN={}", bindgen.display()))
        .arg(format!("RUST_LIB_SRC={}", library.display()))
        .args(rebuild.compiler.make_args())
        // There is no object code that objtool could check or objcopy could edit.
        .args(["OBJECT_FILES_NON_STANDARD=y", "OBJCOPY=true"])
        .args([target, info::TARGET]);
    if rebuild.way == Way::Linked {
        make.env(rustc_shim::RUNTIME, "1");
    }
    let links = Links::of(tree)?;
    let made = logged(&mut make, "make", &log_of(system, &rebuild.kernel.release)?);
    // What follows is not confined, so no process may be left that could change the tree.
    end_orphans();
    made?;
    links.check(tree)?;
    ensure!(
        tree.join("rust/libkernel.rmeta").is_file(),
        "kbuild reported success but made no rust/libkernel.rmeta"
    );
    Ok(())
}

/// Returns the path of the rebuild's log. The log stays if the rebuild fails.
fn log_of(system: &System, release: &Release) -> Result<PathBuf> {
    let folder = system.logs();
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder.join(format!("{release}.log")))
}

/// Returns a `make` command without the variables by which an outer make or a user could change
/// what kbuild does. The same kernel gives the same metadata, whoever builds it.
pub fn clean_make() -> Command {
    clean(launch::command(&program("make")))
}

fn clean(mut make: Command) -> Command {
    make.env_clear()
        .env("LC_ALL", "C")
        .env("PATH", path_variable())
        // ccache would use a directory of its own, which may not exist.
        .env("CCACHE_DISABLE", "1");
    // Root's environment may come from any user's shell. So it is dropped, except TMPDIR if others
    // can't change root's files in it. Without TMPDIR, compilers use /tmp.
    let kept = |name: &&str| !is_root() || *name == TMPDIR && temporary_is_safe();
    let kept = ["HOME", TMPDIR].into_iter().filter(kept);
    make.envs(kept.filter_map(|name| Some((name, env::var_os(name)?))));
    make
}

/// The variable with the directory for the compilers' temporary files.
const TMPDIR: &str = "TMPDIR";

fn temporary_is_safe() -> bool {
    env::var_os(TMPDIR).is_some_and(|folder| trusted_folder(Path::new(&folder)).is_ok())
}

/// Removes what only the rebuild needed.
fn tidy(tree: &Path) -> Result<()> {
    fs::remove_file(tree.join(MAKEFILE_NAME))?;
    for folder in [TOOLS, "rust/host", "drivers", "init"] {
        match fs::remove_dir_all(tree.join(folder)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    fs::remove_file(tree.join("scripts/generate_rust_target")).ok();
    remove_leftovers(&tree.join("rust"))?;
    remove_leftovers(&tree.join("scripts"))
}

/// Removes kbuild's `.cmd` and `.d` files and all objects below `folder`. Does not follow links.
fn remove_leftovers(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            remove_leftovers(&entry.path())?;
        } else if (name.starts_with('.') && (name.ends_with(".cmd") || name.ends_with(".d")))
            || name.ends_with(".o")
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
