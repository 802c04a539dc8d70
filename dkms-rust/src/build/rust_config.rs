// SPDX-License-Identifier: GPL-2.0-only

//! Class "no rust": the kernel's configuration as it would be with `CONFIG_RUST`, for the build
//! tree alone. Nothing in the kernel's headers depends on it; the crates and kbuild do.

use crate::build::overlay;
use crate::kernel::headers::Kernel;
use crate::toolchain::Rustc;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// The file of linux-source that says which options follow from the version of rustc.
pub const KCONFIG: &str = "init/Kconfig";

/// Rewrites the overlay's configuration for `rustc`; [`KCONFIG`] has to be in it.
///
/// # Errors
///
/// If the tree lacks a part, or on errors of writing.
pub fn enable(kernel: &Kernel, rustc: &Rustc, tree: &Path) -> Result<()> {
    let kconfig = tree.join(KCONFIG);
    let kconfig = fs::read_to_string(&kconfig)
        .with_context(|| format!("can't read {}", kconfig.display()))?;
    let options = options(rustc, &kconfig);

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
        .with_context(|| format!("the headers have no include/generated/{name}"))?;
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
    Ok(())
}

/// The options and their values, as `auto.conf` has them.
fn options(rustc: &Rustc, kconfig: &str) -> Vec<(String, String)> {
    let version = rustc.number().unwrap_or(0);
    let mut options = vec![
        ("RUST".to_owned(), "y".to_owned()),
        ("RUST_IS_AVAILABLE".into(), "y".into()),
        ("RUST_OVERFLOW_CHECKS".into(), "y".into()),
        ("RUSTC_VERSION".into(), version.to_string()),
        (
            "RUSTC_VERSION_TEXT".into(),
            format!("\"{}\"", rustc.version),
        ),
    ];
    let since = |lines: &str| {
        lines
            .trim()
            .parse()
            .is_ok_and(|since: u32| version >= since)
    };
    let mut name = None;
    for line in kconfig.lines() {
        if let Some(config) = line.strip_prefix("config ") {
            name = Some(config.trim());
        } else if let (Some(name), Some(bound)) =
            (name, line.trim().strip_prefix("def_bool RUSTC_VERSION >= "))
        {
            if since(bound) {
                options.push((name.to_owned(), "y".into()));
            }
        }
    }
    options
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

/// The text of a file of the configuration with the options set to their values.
fn with(old: &str, options: &[(String, String)], line: fn(&str, &str) -> String) -> String {
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
    let set = options.iter().map(|(name, value)| line(name, value));
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
        let options = options(&rustc(), kconfig);
        let has = |name: &str| options.iter().any(|(option, _)| option == name);
        assert!(has("RUSTC_HAS_A") && !has("RUSTC_HAS_B"));
        assert!(options.contains(&("RUSTC_VERSION".into(), "108501".into())));
    }

    #[test]
    fn an_option_that_is_set_is_set_anew_and_others_stay() {
        let options = [
            ("RUST".into(), "y".into()),
            ("RUSTC_VERSION".into(), "7".into()),
        ];
        let old = "CONFIG_A=y\nCONFIG_RUSTC_VERSION=0\n";
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
