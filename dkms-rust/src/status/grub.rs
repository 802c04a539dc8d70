// SPDX-License-Identifier: GPL-2.0-only

//! Finds the entry that GRUB boots by default, in the configuration that `update-grub` writes.

use super::report::{How, NextBoot};
use crate::kernel::release::Release;
use crate::system::System;
use std::fs;

const CONFIG: &str = "boot/grub/grub.cfg";
const ENVIRONMENT: &str = "boot/grub/grubenv";

/// An entry of GRUB's menu. A submenu has entries below it.
#[derive(Debug, Default)]
struct Entry {
    title: String,
    id: Option<String>,
    kernel: Option<String>,
    entries: Vec<Entry>,
}

/// Returns the kernel of the default entry. Returns `None` if there is no GRUB configuration, or if
/// it is not understood.
pub fn next(system: &System) -> Option<NextBoot> {
    let config = fs::read_to_string(system.at(CONFIG)).ok()?;
    let environment = fs::read_to_string(system.at(ENVIRONMENT)).unwrap_or_default();
    let (spec, once) = default(&config, &environment);
    let menu = menu(&config);
    let kernel = entry(&menu, &spec)?.kernel.as_deref()?;
    let what = if once {
        "entry for the next boot only"
    } else {
        "default entry"
    };
    Some(NextBoot {
        kernel: Some(Release::of_image(kernel)?.to_string()),
        how: How::Grub,
        guess: false,
        why: format!("GRUB's {what} `{spec}` in /{CONFIG}"),
    })
}

/// Returns the entry to boot, and whether it was chosen for the next boot only.
fn default(config: &str, environment: &str) -> (String, bool) {
    let variable = |name: &str| {
        let value = |line: &'_ str| Some(line.strip_prefix(name)?.strip_prefix('=')?.to_owned());
        let value = environment.lines().find_map(value);
        value.filter(|value| !value.is_empty())
    };
    let uses = |text: &str| config.contains(text);
    if let Some(next) = variable("next_entry").filter(|_| uses("${next_entry}")) {
        return (next, true);
    }
    let set = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("set default="))
        .map(|value| value.trim_matches('"'))
        .find(|value| *value != "${next_entry}");
    let spec = match set {
        Some("${saved_entry}") => variable("saved_entry"),
        set => set.map(str::to_owned),
    };
    (spec.unwrap_or_else(|| "0".into()), false)
}

/// Parses the menu. The configuration is a script, of which only the menu entries and the braces
/// matter here.
fn menu(config: &str) -> Vec<Entry> {
    // The last element is the innermost open block; `None` stands for a block that is no entry.
    let mut open: Vec<Option<Entry>> = vec![Some(Entry::default())];
    for line in config.lines().map(str::trim) {
        if line == "}" && open.len() > 1 {
            let closed = open.pop().flatten();
            if let (Some(entry), Some(Some(parent))) = (closed, open.last_mut()) {
                parent.entries.push(entry);
            }
        } else if line.ends_with('{') {
            let words = words(line);
            let is_entry = ["menuentry", "submenu"].contains(&words[0].as_str());
            open.push(is_entry.then(|| head(&words)));
        } else if let Some(Some(entry)) = open.last_mut() {
            let mut words = line.split_whitespace();
            if matches!(words.next(), Some("linux" | "linuxefi")) {
                entry.kernel = words.next().map(str::to_owned);
            }
        }
    }
    open.into_iter()
        .next()
        .flatten()
        .unwrap_or_default()
        .entries
}

fn head(words: &[String]) -> Entry {
    let option = |name: &str| words.iter().position(|word| word == name);
    let id = option("$menuentry_id_option").or_else(|| option("--id"));
    Entry {
        title: words.get(1).cloned().unwrap_or_default(),
        id: id.and_then(|place| words.get(place + 1)).cloned(),
        ..Entry::default()
    }
}

/// Splits a line into words and removes the quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter.is_whitespace() => words.push(String::new()),
            _ => words
                .last_mut()
                .into_iter()
                .for_each(|word| word.push(letter)),
        }
    }
    words
}

/// Resolves a specification such as `1>2`, which may also use titles or ids instead of numbers.
fn entry<'a>(entries: &'a [Entry], spec: &str) -> Option<&'a Entry> {
    let by_name = |name: &str| {
        let is = |entry: &&Entry| entry.title == name || entry.id.as_deref() == Some(name);
        entries.iter().find(is)
    };
    let one = |name: &str| match name.parse::<usize>() {
        Ok(number) => entries.get(number),
        Err(_) => by_name(name),
    };
    if let Some(entry) = one(spec) {
        return Some(entry);
    }
    let (first, rest) = spec.split_once('>')?;
    entry(&one(first)?.entries, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shortened configuration of Debian's update-grub.
    const DEBIAN: &str = r#"
if [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
else
   set default="DEFAULT"
fi
function savedefault {
  if [ -z "${boot_once}" ]; then
    save_env saved_entry
  fi
}
menuentry 'Debian GNU/Linux' --class debian $menuentry_id_option 'gnulinux-simple-1a' {
	load_video
	linux	/boot/vmlinuz-7.3.4+deb13-amd64 root=UUID=1a ro quiet
	initrd	/boot/initrd.img-7.3.4+deb13-amd64
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-1a' {
	menuentry 'Debian, with Linux 7.3.4+deb13-amd64' $menuentry_id_option 'gnulinux-7.3.4+deb13-amd64-advanced-1a' {
		linux	/boot/vmlinuz-7.3.4+deb13-amd64 root=UUID=1a ro quiet
	}
	menuentry 'Debian, with Linux 6.12.107+deb13-amd64' --id 'old' {
		if [ x$grub_platform = xxen ]; then insmod xzio; fi
		linux	/vmlinuz-6.12.107+deb13-amd64 root=UUID=1a ro
	}
}
menuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {
	fwsetup
}
"#;

    fn kernel(default: &str, environment: &str) -> Option<String> {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("boot/grub")).unwrap();
        let config = DEBIAN.replace("DEFAULT", default);
        fs::write(root.path().join(CONFIG), config).unwrap();
        fs::write(root.path().join(ENVIRONMENT), environment).unwrap();
        next(&System::below(root.path()))?.kernel
    }

    const NEW: Option<&str> = Some("7.3.4+deb13-amd64");
    const OLD: Option<&str> = Some("6.12.107+deb13-amd64");

    #[test]
    fn entries_are_found_by_number_title_and_id() {
        for spec in ["0", "Debian GNU/Linux", "gnulinux-simple-1a", "1>0"] {
            assert_eq!(kernel(spec, "").as_deref(), NEW, "{spec}");
        }
        let title = "Advanced options for Debian GNU/Linux>Debian, with Linux 6.12.107+deb13-amd64";
        for spec in ["1>1", "gnulinux-advanced-1a>old", title] {
            assert_eq!(kernel(spec, "").as_deref(), OLD, "{spec}");
        }
    }

    #[test]
    fn what_was_saved_counts_where_the_configuration_says_so() {
        assert_eq!(
            kernel("${saved_entry}", "saved_entry=1>1\n").as_deref(),
            OLD
        );
        assert_eq!(kernel("${saved_entry}", "").as_deref(), NEW);
        assert_eq!(kernel("0", "saved_entry=1>1\n").as_deref(), NEW);
    }

    #[test]
    fn an_entry_chosen_for_once_goes_before() {
        assert_eq!(kernel("0", "next_entry=1>old\n").as_deref(), OLD);
        assert_eq!(kernel("0", "next_entry=\n").as_deref(), NEW);
    }

    #[test]
    fn what_boots_no_kernel_is_no_answer() {
        for spec in ["2", "1", "7", "1>7", "nonsense"] {
            assert_eq!(kernel(spec, ""), None, "{spec}");
        }
        assert!(next(&System::below("/nonexistent")).is_none());
    }
}
