// SPDX-License-Identifier: GPL-2.0-only

//! Finds the entry that systemd-boot boots by default, according to the Boot Loader Specification
//! (entries of type 1).

use super::report::{How, NextBoot};
use crate::kernel::release::Release;
use crate::system::version;
use crate::system::{System, names_in};
use std::cmp::Ordering;
use std::fs;
use std::path::Path;

/// The possible mount points of the partition with the entries.
const PLACES: [&str; 3] = ["boot", "efi", "boot/efi"];

/// The vendor GUID at the end of the names of systemd-boot's EFI variables.
const VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// A boot entry.
#[derive(Debug, Default)]
struct Entry {
    /// The file name without the boot counter.
    id: String,
    /// Whether all its tries are used up.
    bad: bool,
    sort_key: Option<String>,
    version: String,
    kernel: Option<String>,
}

/// Returns the kernel of the default entry. Returns `None` if systemd-boot does not boot this
/// machine, or if the entry boots no known kernel.
pub fn next(system: &System) -> Option<NextBoot> {
    let loader = variable(system, "LoaderInfo");
    let runs = loader.is_some_and(|name| name.starts_with("systemd-boot"));
    let place = PLACES.iter().find(|place| {
        let has = |name: &str| system.at(place).join(name).exists();
        has("loader/entries") && (runs || has("EFI/systemd"))
    })?;
    if !runs && system.at("boot/grub/grub.cfg").exists() {
        return None;
    }
    let folder = system.at(place).join("loader");
    let (id, why) = chosen(system, &folder);
    let mut entries = entries(&folder.join("entries"));
    entries.sort_by(order);
    let entry = match &id {
        Some(pattern) => entries.iter().find(|entry| matches(pattern, &entry.id)),
        None => entries.first(),
    }?;
    Some(NextBoot {
        kernel: Some(entry.kernel.clone()?),
        how: How::SystemdBoot,
        guess: false,
        why: format!("systemd-boot's entry {}, {why}", entry.id),
    })
}

/// Returns the pattern of the chosen entry, and where the choice comes from.
fn chosen(system: &System, loader: &Path) -> (Option<String>, &'static str) {
    if let Some(id) = variable(system, "LoaderEntryOneShot") {
        return (Some(id), "for the next boot only");
    }
    if let Some(id) = variable(system, "LoaderEntryDefault") {
        return (Some(id), "chosen in its menu");
    }
    let config = fs::read_to_string(loader.join("loader.conf")).unwrap_or_default();
    match field(&config, "default") {
        Some(id) => (Some(id.to_owned()), "set in loader.conf"),
        None => (None, "the first in its menu"),
    }
}

fn entries(folder: &Path) -> Vec<Entry> {
    let read = |name: &String| {
        let text = fs::read_to_string(folder.join(name)).ok()?;
        Some(parse(name.strip_suffix(".conf")?, &text))
    };
    names_in(folder).iter().filter_map(read).collect()
}

fn parse(name: &str, text: &str) -> Entry {
    // `name+left` and `name+left-done` have a boot counter at the end.
    let tries = name.rsplit_once('+').and_then(|(id, tries)| {
        let left = tries.split('-').next()?;
        Some((id, left.parse::<u32>().ok()?))
    });
    let (id, left) = tries.map_or((name, None), |(id, left)| (id, Some(left)));
    let version = field(text, "version").unwrap_or_default();
    let linux = field(text, "linux").unwrap_or_default();
    // kernel-install copies a kernel to a directory that is named after its release.
    let folder = Path::new(linux).parent().and_then(Path::file_name);
    let folder = folder.and_then(|name| name.to_str()?.parse().ok());
    let kernel = folder
        .or_else(|| Release::of_image(linux))
        .or_else(|| version.parse().ok());
    Entry {
        id: format!("{id}.conf"),
        bad: left == Some(0),
        sort_key: field(text, "sort-key").map(str::to_owned),
        version: version.to_owned(),
        kernel: kernel.map(|release| release.to_string()),
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        let (key, value) = line.trim().split_once(char::is_whitespace)?;
        (key == name).then(|| value.trim())
    };
    text.lines().find_map(value)
}

/// The order of the specification: bad entries last, entries with a sort key first, and newer
/// versions before older ones.
fn order(a: &Entry, b: &Entry) -> Ordering {
    let none = |entry: &Entry| entry.sort_key.is_none();
    a.bad
        .cmp(&b.bad)
        .then_with(|| none(a).cmp(&none(b)))
        .then_with(|| a.sort_key.cmp(&b.sort_key))
        .then_with(|| version::compare(&b.version, &a.version))
        .then_with(|| version::compare(&b.id, &a.id))
}

/// Matches a name against a pattern with `*` and `?`. The pattern may omit `.conf`.
fn matches(pattern: &str, name: &str) -> bool {
    fn fits(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some((b'*', rest)), _) if fits(rest, name) => true,
            (Some((b'*', _)), Some((_, name))) => fits(pattern, name),
            (Some((wanted, rest)), Some((letter, name))) => {
                (*wanted == b'?' || wanted.eq_ignore_ascii_case(letter)) && fits(rest, name)
            }
            _ => false,
        }
    }
    let name = name.as_bytes();
    let short = name.strip_suffix(b".conf").unwrap_or(name);
    fits(pattern.as_bytes(), name) || fits(pattern.as_bytes(), short)
}

/// Reads an EFI variable with text that systemd-boot or bootctl has set.
fn variable(system: &System, name: &str) -> Option<String> {
    let path = format!("sys/firmware/efi/efivars/{name}-{VENDOR}");
    let bytes = fs::read(system.at(&path)).ok()?;
    let letters = bytes.get(4..)?.chunks_exact(2);
    let letters: Vec<u16> = letters
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    let text = String::from_utf16_lossy(&letters);
    Some(text.trim_end_matches('\0').to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn set(root: &Path, name: &str, text: &str) {
        let letters = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        let value: Vec<u8> = [7, 0, 0, 0].into_iter().chain(letters).collect();
        write(
            root,
            &format!("sys/firmware/efi/efivars/{name}-{VENDOR}"),
            value,
        );
    }

    /// Two kernels, with the entries that kernel-install writes.
    fn machine() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for release in ["7.3.4-amd64", "7.3.10-amd64"] {
            let text = format!(
                "title Debian\nversion {release}\nsort-key debian\nlinux /1a2b/{release}/linux\n"
            );
            let name = format!("boot/efi/loader/entries/1a2b-{release}.conf");
            write(root.path(), &name, text);
        }
        set(root.path(), "LoaderInfo", "systemd-boot 257.8-1");
        root
    }

    fn kernel(root: &tempfile::TempDir) -> Option<String> {
        next(&System::below(root.path()))?.kernel
    }

    #[test]
    fn the_newest_comes_first_unless_it_failed() {
        let root = machine();
        assert_eq!(kernel(&root).as_deref(), Some("7.3.10-amd64"));
        let entries = root.path().join("boot/efi/loader/entries");
        let (good, bad) = ("1a2b-7.3.10-amd64.conf", "1a2b-7.3.10-amd64+0-3.conf");
        fs::rename(entries.join(good), entries.join(bad)).unwrap();
        assert_eq!(kernel(&root).as_deref(), Some("7.3.4-amd64"));
    }

    #[test]
    fn loader_conf_the_menu_and_a_choice_for_once_decide_in_rising_order() {
        let root = machine();
        let conf = "timeout 3\ndefault 1a2b-7.3.4*\n";
        write(root.path(), "boot/efi/loader/loader.conf", conf);
        assert_eq!(kernel(&root).as_deref(), Some("7.3.4-amd64"));
        set(root.path(), "LoaderEntryDefault", "1a2b-7.3.10-amd64.conf");
        assert_eq!(kernel(&root).as_deref(), Some("7.3.10-amd64"));
        set(root.path(), "LoaderEntryOneShot", "1a2b-7.3.4-amd64.conf");
        assert_eq!(kernel(&root).as_deref(), Some("7.3.4-amd64"));
        set(root.path(), "LoaderEntryOneShot", "auto-windows");
        assert_eq!(kernel(&root), None);
    }

    #[test]
    fn entries_of_a_loader_that_does_not_boot_this_machine_do_not_count() {
        let root = machine();
        set(root.path(), "LoaderInfo", "GRUB 2.12");
        assert_eq!(kernel(&root), None);
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        assert!(matches("debian-*", "debian-7.conf") && matches("DEBIAN-?", "debian-7.conf"));
        assert!(matches("debian-7.conf", "debian-7.conf"));
        assert!(!matches("debian-8", "debian-7.conf") && !matches("debian-", "debian-7.conf"));
    }
}
