// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: adds `CONFIG_RUST` and the options of the installed rustc to the kernel's
//! configuration, in the build tree only. Only the crates and kbuild depend on these options, not
//! the kernel's headers.

use crate::build::overlay;
use crate::kernel::headers::Kernel;
use crate::kernel::kconfig::Kconfig;
use crate::kernel::options::{self, Entry};
use crate::toolchain::Rustc;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The name of the files that declare the options and their dependencies.
const KCONFIG: &str = "Kconfig";

/// The object of a linked module also contains the runtime. objtool rejects an object that is
/// linked from several others, unless kbuild runs it on the whole module, as for kernels with IBT.
const OBJTOOL_LAST: &str = "override delay-objtool := y\n";

/// An option and its value, or `None` if it must not be set.
type Setting = (String, Option<String>);

/// Rewrites the overlay's configuration for `rustc`. The tree must have the slice's Kconfig files.
///
/// # Errors
///
/// Returns an error if a file is missing, or on write errors.
pub fn enable(kernel: &Kernel, rustc: &Rustc, tree: &Path) -> Result<()> {
    let mut kconfig = String::new();
    read_kconfig(tree, &mut kconfig)?;
    ensure!(
        kconfig.contains("config RUST\n"),
        "the kernel's source has no {KCONFIG} file with the option RUST"
    );
    let dot_config = fs::read_to_string(tree.join(".config"))?;
    let options = options(rustc, &kconfig, &dot_config);

    let generated = tree.join("include/generated");
    fs::remove_file(&generated).ok();
    let headers = [kernel.build.as_path(), kernel.common.as_path()];
    let ours = ["autoconf.h", "rustc_cfg"];
    overlay::merge(tree, "include/generated", &headers, &ours)?;
    for name in ours {
        fs::copy(
            kernel.build.join("include/generated").join(name),
            generated.join(name),
        )
        .with_context(|| format!("the headers lack include/generated/{name}"))?;
    }
    for (file, line) in [
        (
            "include/config/auto.conf",
            make_line as fn(&str, &str) -> String,
        ),
        ("include/generated/autoconf.h", c_line),
        ("include/generated/rustc_cfg", rust_line),
    ] {
        let path = tree.join(file);
        let old = fs::read_to_string(&path)?;
        fs::write(&path, with(&old, &options, line))?;
    }
    // Every make reads this file, and with `override` nothing later can change the value.
    let path = tree.join("include/config/auto.conf");
    let text = fs::read_to_string(&path)?;
    Ok(fs::write(path, text + OBJTOOL_LAST)?)
}

/// Appends all Kconfig files of the tree, sorted by path. Ignores links, because their targets are
/// not part of the kernel's source.
fn read_kconfig(folder: &Path, text: &mut String) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            read_kconfig(&path, text)?;
        } else if kind.is_file() && entry.file_name() == KCONFIG {
            *text += &fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            text.push('\n');
        }
    }
    Ok(())
}

/// Returns the options and their values, in the format of `auto.conf`.
fn options(rustc: &Rustc, kconfig: &str, dot_config: &str) -> Vec<Setting> {
    let version = rustc.number().unwrap_or(0);
    let basic = [
        ("RUST", "y".to_owned()),
        ("RUST_IS_AVAILABLE", "y".to_owned()),
        ("RUST_OVERFLOW_CHECKS", "y".to_owned()),
        ("RUSTC_VERSION", version.to_string()),
        ("RUSTC_VERSION_TEXT", format!("\"{}\"", rustc.version)),
    ];
    // If the kernel has Rust, keep its own choice of abstractions: it exports the helpers only for
    // these.
    let chosen = Kconfig::parse(dot_config).is_on("RUST");
    // The last line for an option wins.
    let lines = basic
        .iter()
        .map(|(name, value)| format!("CONFIG_{name}={value}\n"));
    let config = Kconfig::parse(&(dot_config.to_owned() + &lines.collect::<String>()));
    let mut options: Vec<Setting> = basic
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Some(value)))
        .collect();
    for entry in options::entries(kconfig) {
        let follows = entry
            .default
            .as_ref()
            .filter(|condition| condition.contains("RUSTC_"));
        if let Some(condition) = follows {
            let value = options::holds(condition, &config).then(|| "y".to_owned());
            options.push((entry.name, value));
        } else if !chosen && is_abstraction(&entry) && entry.is_possible(&config) {
            options.push((entry.name, Some("y".to_owned())));
        }
    }
    options
}

/// Returns whether an option only adds a part of the C interface to the `kernel` crate, and nothing
/// to the kernel itself.
fn is_abstraction(entry: &Entry) -> bool {
    entry.prompt && entry.name.starts_with("RUST_") && entry.name.ends_with("_ABSTRACTIONS")
}

fn make_line(name: &str, value: &str) -> String {
    format!("CONFIG_{name}={value}\n")
}

fn c_line(name: &str, value: &str) -> String {
    let value = if value == "y" { "1" } else { value };
    format!("#define CONFIG_{name} {value}\n")
}

fn rust_line(name: &str, value: &str) -> String {
    match value {
        "y" => format!("--cfg=CONFIG_{name}\n--cfg=CONFIG_{name}=\"y\"\n"),
        text if text.starts_with('"') => format!("--cfg=CONFIG_{name}={text}\n"),
        number => format!("--cfg=CONFIG_{name}=\"{number}\"\n"),
    }
}

/// Returns the text of a configuration file with the options set to their values.
fn with(old: &str, options: &[Setting], line: fn(&str, &str) -> String) -> String {
    let sets = |text: &str| {
        options.iter().any(|(name, _)| {
            let mut words = text.split([' ', '=']);
            words.any(|word| word.strip_prefix("CONFIG_") == Some(name))
        })
    };
    let kept = old
        .lines()
        .filter(|text| !sets(text))
        .map(|text| format!("{text}\n"));
    let set = options
        .iter()
        .filter_map(|(name, value)| Some(line(name, value.as_deref()?)));
    kept.chain(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rustc() -> Rustc {
        Rustc {
            path: "/usr/bin/rustc".into(),
            version: "rustc 1.85.1 (4eb161250 2025-03-15)".into(),
        }
    }

    #[test]
    fn options_that_follow_from_rustc_are_read_from_kconfig() {
        let kconfig = "config RUSTC_HAS_A\n\tdef_bool RUSTC_VERSION >= 108400\n\n\
                       config RUSTC_HAS_B\n\tdef_bool RUSTC_VERSION >= 108800\n";
        let options = options(
            &rustc(),
            kconfig,
            "CONFIG_RUSTC_VERSION=0\nCONFIG_RUSTC_HAS_B=y\n",
        );
        let of = |name: &str| {
            options
                .iter()
                .find(|(option, _)| option == name)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(of("RUSTC_HAS_A").as_deref(), Some("y"));
        assert_eq!(
            of("RUSTC_HAS_B"),
            None,
            "an older rustc than the kernel's has it not"
        );
        assert_eq!(of("RUSTC_VERSION").as_deref(), Some("108501"));
    }

    #[test]
    fn abstractions_follow_from_what_the_kernel_has() {
        let kconfig = "config RUST_FW_LOADER_ABSTRACTIONS\n\tbool \"x\"\n\tdepends on RUST\n\
                       \tselect FW_LOADER\n\nconfig RUST_PHYLIB_ABSTRACTIONS\n\
                       \tbool \"x\"\n\tdepends on RUST\n\tdepends on PHYLIB=y\n\n\
                       config RUST_SERIAL_DEV_BUS_ABSTRACTIONS\n\tbool \"x\"\n\
                       \tdepends on RUST\n\tselect SERIAL_DEV_BUS\n";
        let has = |name: &str, config: &str| {
            let options = options(&rustc(), kconfig, config);
            options.iter().any(|(option, _)| option == name)
        };
        let config = "CONFIG_FW_LOADER=y\nCONFIG_PHYLIB=m\n";
        assert!(has("RUST_FW_LOADER_ABSTRACTIONS", config));
        assert!(!has("RUST_PHYLIB_ABSTRACTIONS", config));
        assert!(!has("RUST_SERIAL_DEV_BUS_ABSTRACTIONS", config));
        let with_rust = format!("{config}CONFIG_RUST=y\n");
        assert!(!has("RUST_FW_LOADER_ABSTRACTIONS", &with_rust));
    }

    #[test]
    fn every_kconfig_file_of_the_source_is_read_and_nothing_that_is_linked() {
        let (tree, headers) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for (root, file) in [
            (&tree, "init/Kconfig"),
            (&tree, "drivers/a/b/Kconfig"),
            (&tree, "drivers/a/Makefile"),
            (&headers, "Kconfig"),
        ] {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        std::os::unix::fs::symlink(headers.path(), tree.path().join("scripts")).unwrap();
        let mut text = String::new();
        read_kconfig(tree.path(), &mut text).unwrap();
        assert_eq!(text, "drivers/a/b/Kconfig\ninit/Kconfig\n");
    }

    #[test]
    fn an_option_that_is_set_is_set_anew_and_others_stay() {
        let options = [
            ("RUST".into(), Some("y".into())),
            ("RUSTC_VERSION".into(), Some("7".into())),
            ("GONE".into(), None),
        ];
        let old = "CONFIG_A=y\nCONFIG_GONE=y\nCONFIG_RUSTC_VERSION=0\n";
        let new = "CONFIG_A=y\nCONFIG_RUST=y\nCONFIG_RUSTC_VERSION=7\n";
        assert_eq!(with(old, &options, make_line), new);
        let old = "#define CONFIG_RUSTC_VERSION 0\n#define CONFIG_TRUST 1\n";
        let new = "#define CONFIG_TRUST 1\n#define CONFIG_RUST 1\n#define CONFIG_RUSTC_VERSION 7\n";
        assert_eq!(with(old, &options, c_line), new);
        let old = "--cfg=CONFIG_RUSTC_VERSION=\"0\"\n";
        let new = "--cfg=CONFIG_RUST\n--cfg=CONFIG_RUST=\"y\"\n--cfg=CONFIG_RUSTC_VERSION=\"7\"\n";
        assert_eq!(with(old, &options, rust_line), new);
    }
}
