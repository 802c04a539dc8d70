// SPDX-License-Identifier: GPL-2.0-only

//! A machine with Secure Boot: its firmware has Microsoft's keys, and its disk contains shim, GRUB
//! and the kernel, signed by Debian. Its owner may have enrolled keys.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::root::Root;
use crate::guest::firmware::Firmware;
use crate::guest::qemu::Vm;
use crate::host::files;
use crate::host::project::Project;

/// Where the machine is made, in the root with the tools.
const PLACE: &str = "/srv/machine";

/// The firmware's code, from the ovmf package.
const CODE: &str = "usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

/// Makes the disk and the variables from the files in the directory. virt-fw-vars enrols the keys
/// as mokutil and shim would, but needs nobody at the console.
const MAKE: &str = r#"
set -e
size=$(du -cm vmlinuz initrd | tail -n 1 | cut -f 1)
# Below 33 MB it would be no FAT32, which mformat is asked for and firmware wants.
truncate -s $((size + 48))M disk
mformat -i disk -F ::
mmd -i disk ::/EFI ::/EFI/BOOT ::/EFI/debian
mcopy -i disk /usr/lib/shim/shimx64.efi.signed ::/EFI/BOOT/BOOTX64.EFI
mcopy -i disk /usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed ::/EFI/BOOT/grubx64.efi
mcopy -i disk grub.cfg ::/EFI/debian/grub.cfg
mcopy -i disk vmlinuz initrd ::/
set --
for key in mok-*.der; do
    [ ! -e "$key" ] || set -- "$@" --add-mok 605dab50-e046-4300-abb6-3dd810dd8b23 "$key"
done
virt-fw-vars --input /usr/share/OVMF/OVMF_VARS_4M.ms.fd --output variables "$@"
"#;

/// Makes a guest boot with Secure Boot. The root must come from
/// [`crate::debian::layers::with_secure_boot`]. `folder` contains the guest's initramfs, and holds
/// the machine while it runs. `enrolled` are the certificates to enrol.
pub fn machine(
    project: &Project,
    root: &Root,
    folder: &Path,
    mut vm: Vm,
    enrolled: &[&[u8]],
) -> Result<Vm> {
    let config = format!("linux /vmlinuz {}\ninitrd /initrd\nboot\n", vm.words()?);
    let write = |name: &str, content: &[u8]| {
        fs::write(folder.join(name), content)
            .with_context(|| format!("cannot write the machine's {name}"))
    };
    write("grub.cfg", config.as_bytes())?;
    for (number, certificate) in enrolled.iter().enumerate() {
        write(&format!("mok-{number}.der"), certificate)?;
    }
    for (from, name) in [(&vm.kernel, "vmlinuz"), (&vm.initramfs, "initrd")] {
        files::copy(from, &folder.join(name))?;
    }
    let mut chroot = Chroot::new(project, root)?;
    chroot.bind(folder, PLACE)?;
    let log = project.log("secure-boot")?;
    chroot.sh(&format!("cd {PLACE}\n{MAKE}")).log(&log).run()?;
    let code = folder.join("code");
    fs::copy(chroot.path().join(CODE), &code).with_context(|| format!("cannot copy {CODE}"))?;
    vm.disks.insert(0, folder.join("disk"));
    vm.firmware = Some(Firmware {
        code,
        variables: folder.join("variables"),
    });
    // The firmware needs a good part of the memory.
    vm.memory = vm.memory.max(1024);
    Ok(vm)
}
