// SPDX-License-Identifier: GPL-2.0-only

//! What `dkms-rust status` must detect. Each case runs in a fresh copy of a Debian 13 root, in
//! which the driver is installed for one kernel, and whose /sys is that of a machine without Secure
//! Boot.
//!
//! Commands are run by sh, as root, with these variables: `R` is the kernel's release, `V` the
//! driver's version, `M` the directory of the kernel's modules.

/// A case.
pub struct Status {
    /// Its name.
    pub name: &'static str,
    /// The commands that modify the machine.
    pub prepare: &'static str,
    /// The expected exit status of `dkms-rust status`.
    pub exit: i32,
    /// Patterns that its output must match.
    pub says: &'static [&'static str],
    /// Whether each `mend:` names a command that mends the problem.
    pub mends: bool,
}

/// Makes a case in which something is missing, and the named commands bring it.
const fn mended(
    name: &'static str,
    prepare: &'static str,
    says: &'static [&'static str],
) -> Status {
    Status {
        name,
        prepare,
        exit: 1,
        says,
        mends: true,
    }
}

/// Makes a case with nothing to mend, or one that commands alone can't mend.
const fn said(
    name: &'static str,
    prepare: &'static str,
    exit: i32,
    says: &'static [&'static str],
) -> Status {
    Status {
        name,
        prepare,
        exit,
        says,
        mends: false,
    }
}

/// Pretends that Secure Boot is on. Defines `keys`, which sets an additional certificate of the
/// kernel.
macro_rules! enforce {
    () => {
        "mkdir -p /sys/firmware/efi/efivars && printf '\\6\\0\\0\\0\\1' > \
         /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c && \
         echo 'none [integrity] confidentiality' > /sys/kernel/security/lockdown && \
         keys() { echo \"1 I------ 1 perm 1f030000 0 0 asymmetri $1: X509.rsa 1 []\" > /tmp/keys; \
         mount --bind /tmp/keys /proc/keys; }; "
    };
}

/// All cases.
pub const CASES: &[Status] = &[
    said(
        "well",
        "true",
        0,
        &[
            "Next boot: probably [0-9].*/vmlinuz links to it",
            "procDriver: will be loaded\n",
            "Secure Boot is off; modules need no signature",
            r"(?m)^ > [0-9].* rebuilt .* kept +procDriver +yes +yes +yes +-$",
        ],
    ),
    said(
        "nothing-known-of-keys",
        "rm -r /sys/*",
        2,
        &[
            "can't tell whether it will be loaded",
            "Secure Boot: can't tell",
        ],
    ),
    mended(
        "missing",
        "dkms uninstall procdriver/$V -k $R",
        &[
            "procDriver: will not be loaded: built, but not installed",
            "mend: dkms install procdriver/",
        ],
    ),
    mended(
        "stale",
        "cp -a /usr/src/procdriver-$V /usr/src/procdriver-99.0 && \
         sed -i s/$V/99.0/ /usr/src/procdriver-99.0/dkms.conf && dkms add procdriver/99.0",
        &[
            "procDriver: will be loaded",
            r"procDriver +stale",
            r"built from [0-9.]+, but the source is 99\.0",
            "mend: dkms install --force procdriver/99.0",
        ],
    ),
    mended(
        "shadowed",
        "mkdir $M/extra && cp -a /usr/lib/modules/$R/kernel/lib/crc/*.ko.xz $M/extra && \
         set -- $M/extra/* && mv $1 $M/extra/procDriver.ko.xz && \
         echo 'search extra updates built-in' > /etc/depmod.d/extra.conf && depmod $R",
        &[
            "modprobe loads /lib/modules/.*/extra/procDriver.ko.xz instead of \
             /lib/modules/.*/updates/dkms/procDriver.ko.xz",
            "mend: rm /lib/modules/.*/extra/procDriver.ko.xz; depmod",
        ],
    ),
    mended(
        "altered",
        "mv $M/updates/dkms/procDriver.ko.xz /tmp && unxz /tmp/procDriver.ko.xz && \
         strip -g /tmp/procDriver.ko && xz --check=crc32 /tmp/procDriver.ko && \
         mv /tmp/procDriver.ko.xz $M/updates/dkms",
        &[
            "has changed since dkms built it",
            "mend: dkms install --force",
        ],
    ),
    mended(
        "unindexed",
        "mv $M/updates/dkms /tmp && depmod $R && mv /tmp/dkms $M/updates",
        &[
            "modprobe's index does not have /lib/modules/.*/procDriver.ko.xz",
            "mend: depmod",
        ],
    ),
    mended(
        "masked",
        "ln -s /dev/null /etc/modules-load.d/procdriver.conf",
        &[
            "will not be loaded: /etc/modules-load.d/procdriver.conf keeps it",
            "mend: rm /etc/modules-load.d/procdriver.conf",
        ],
    ),
    said(
        "blacklisted",
        "printf '#\\nblacklist procDriver\\n' > /etc/modprobe.d/no.conf",
        1,
        &["will not be loaded: blacklisted by /etc/modprobe.d/no.conf:2"],
    ),
    said(
        "not-enrolled",
        concat!(enforce!(), "keys 'Somebody: 0123456789'"),
        1,
        &[
            "Secure Boot is on; modules must be signed",
            "does not know the key of its signature \\(DKMS module signing key\\): it is not enrolled",
            "mend: mokutil --import /var/lib/dkms/mok.pub",
        ],
    ),
    said(
        "enrolment-pending",
        concat!(
            enforce!(),
            "keys 'Somebody: 0123456789'; \
             { printf '\\a\\0\\0\\0list'; cat /var/lib/dkms/mok.pub; } > \
             /sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23"
        ),
        1,
        &[
            "it waits to be enrolled",
            "mend: reboot, and confirm the key",
        ],
    ),
    said(
        "enrolled",
        concat!(
            enforce!(),
            "id=$(openssl x509 -inform der -in /var/lib/dkms/mok.pub -noout \
             -ext subjectKeyIdentifier | tail -n 1 | tr -d ': ' | tr A-F a-f); \
             keys \"DKMS module signing key: $id\""
        ),
        0,
        &[
            "/var/lib/dkms/mok.pub, which the kernel trusts",
            "will be loaded",
        ],
    ),
    said(
        "unsigned",
        concat!(
            enforce!(),
            "keys 'Somebody: 0123456789'; rm /var/lib/dkms/mok.*; \
             mv /usr/bin/openssl /usr/bin/no-openssl; \
             dkms build --force procdriver/$V -k $R; dkms install --force procdriver/$V -k $R"
        ),
        1,
        &[
            "dkms has no key yet",
            "not signed, but the kernel loads only signed modules",
            "mend: apt install openssl && dkms build --force procdriver/",
        ],
    ),
    said(
        "grub-boots-a-kernel-without-modules",
        "mkdir -p /boot/grub && printf '%s\\n' 'set default=\"1>0\"' \"menuentry 'a' {\" \
         \"linux /boot/vmlinuz-$R ro\" } \"submenu 'b' {\" \"menuentry 'c' {\" \
         'linux /boot/vmlinuz-5.4.3-amd64 ro' } } > /boot/grub/grub.cfg",
        1,
        &[
            r"Next boot: 5\.4\.3-amd64 \(GRUB's default entry `1>0` in /boot/grub/grub.cfg\)",
            "there are no modules for it in /lib/modules",
        ],
    ),
    said(
        "no-package-of-that-kind",
        "dkms remove procdriver/$V --all; rm -r /usr/src/procdriver-*",
        0,
        &["no installed DKMS package is built by dkms-rust"],
    ),
];
