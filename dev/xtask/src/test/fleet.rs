// SPDX-License-Identifier: GPL-2.0-only

//! Tests `dkms-rust fleet` on a build host that has no kernel, no compiler and no dkms: it builds
//! for the stable suite's kernel in a chroot of the real archive.

use anyhow::{Context, Result};

use crate::debian::chroot::Chroot;
use crate::debian::kernels::{FLAVOUR, TESTED};
use crate::debian::mirror::Mirror;
use crate::debian::setup::Setup;
use crate::debian::{layers, packaged};
use crate::guest::full_guest::{self, EXPORTED, Payload};
use crate::guest::outcome::{Outcome, show_cases};
use crate::host::{files, ui};

use super::prebuilt::Prebuilt;
use super::tally::Tally;

/// Installs the tool, and makes the keys of the modules and of the repository.
const PREPARE: &str = "apt-get -q -y --no-install-recommends install dkms-rust-common && \
     openssl req -new -x509 -nodes -days 1 -subj /CN=Fleet -newkey rsa:2048 \
         -keyout /srv/key.pem -out /srv/certificate.pem && \
     gpg --batch --passphrase '' --quick-generate-key fleet@localhost ed25519 sign 1d && \
     gpg --export fleet@localhost >/srv/repository.gpg";

/// Builds everything, and checks that apt would install the modules with the kernel.
const BUILD: &str = "dkms-rust fleet build /srv/fleet.toml && \
     test -s /srv/fleet/suites/trixie/procdriver-modules-${R}_*.deb && \
     echo 'deb [signed-by=/srv/repository.gpg] file:/srv/fleet/repository trixie main' \
         >/etc/apt/sources.list.d/fleet.list && \
     cp /srv/trixie.sources /etc/apt/sources.list.d/ && apt-get -q update && \
     apt-get -s --no-install-recommends install procdriver-modules-amd64";

/// Checks that nothing is built that is there, however the last build ended, and that a package
/// that is lost is built again, the same to the byte.
const AGAIN: &str = "dkms-rust fleet build /srv/fleet.toml && \
     deb=$(ls /srv/fleet/suites/trixie/procdriver-modules-[0-9]*.deb) && mv $deb /srv/before.deb && \
     { timeout -s KILL 20 dkms-rust fleet build /srv/fleet.toml; test ! -e $deb; } && \
     flock -w 60 /srv/fleet/.lock true && \
     dkms-rust fleet build /srv/fleet.toml && cmp $deb /srv/before.deb";

/// Checks that a new key gives a package with a higher version, and that the repository has it.
const NEW_KEY: &str = "openssl req -new -x509 -nodes -days 1 -subj /CN=Other -newkey rsa:2048 \
         -keyout /srv/key.pem -out /srv/certificate.pem && \
     dkms-rust fleet build /srv/fleet.toml && apt-get -q update && \
     apt-cache policy procdriver-modules-$R";

/// Checks that a key in a PKCS#11 token signs, and that it gives a higher version although the last
/// package's file is lost.
const TOKEN: &str = "softhsm2-util --init-token --free --label fleet --pin 123456 --so-pin 654321 && \
     pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin 123456 \
         --token-label fleet --keypairgen --key-type rsa:2048 --label modules --id 01 && \
     printf 123456 >/etc/fleet.pin && cd /srv && \
     OPENSSL_CONF=token.cnf openssl req -new -x509 -days 1 -subj /CN=Token -outform DER \
         -key 'pkcs11:token=fleet;object=modules;type=private' -out token.der && \
     { cat token.toml; sed '/^key/d; /^certificate/d' fleet.toml; } >with-token.toml && \
     rm fleet/suites/trixie/procdriver-modules-[0-9]*.deb && \
     dkms-rust fleet build with-token.toml && apt-get -q update && \
     apt-cache policy procdriver-modules-$R && \
     dpkg-deb -x fleet/suites/trixie/procdriver-modules-[0-9]*.deb signed && \
     modinfo -F signer signed/usr/lib/modules/$R/updates/dkms-rust/procDriver.ko.xz";

/// Checks that two images of the same package have the same digest, and that modprobe finds the
/// module in them as Kernel Module Management has it look.
const IMAGE: &str = "deb=$(ls /srv/fleet/suites/trixie/procdriver-modules-[0-9]*.deb) && mkdir /srv/image && \
     for name in a b; do dkms-rust export oci $deb -o /srv/$name.tar && \
         skopeo inspect --format '{{.Digest}}' oci-archive:/srv/$name.tar >/srv/$name || exit; done && \
     cmp /srv/a /srv/b && tar -xf /srv/a.tar -C /srv/image && \
     for blob in /srv/image/blobs/sha256/*; do tar -xf $blob -C /srv/image 2>/dev/null; done; \
     modprobe -d /srv/image/opt -S $R --show-depends procDriver && \
     dkms-rust export kmm $deb --image 'registry.example.org/procdriver:{kernel}'";

/// Checks the files of a system extension, and that systemd understands its unit.
const EXTENSION: &str = "dkms-rust export sysext /srv/fleet/suites/trixie/procdriver-modules-[0-9]*.deb \
         -o /srv/hello.raw && unsquashfs -d /srv/extension /srv/hello.raw && cd /srv/extension/usr/lib && \
     grep -Fx ID=_any extension-release.d/extension-release.hello && \
     modinfo -F name modules/$R/updates/dkms-rust/procDriver.ko.xz && \
     systemd-analyze verify systemd/system/hello.service && \
     { dkms-rust export sysext /srv/repo/dkms-rust_*.deb -o /srv/no.raw; test $? = 1; }";

/// Exports the module for the kernel that boots.
const EXPORT: &str = "dkms-rust export oci /srv/packed/*.deb -o /srv/image.tar && \
     dkms-rust export sysext /srv/packed/*.deb -o /srv/hello.raw";

/// Sets up a build host, and runs these checks. `prebuilt` is the driver for the kernel that boots.
pub fn run(setup: &Setup<'_>, prebuilt: Option<&Prebuilt>, tally: &mut Tally) {
    tally.cases("fleet", "a build host", |tally| {
        let chroot = host(setup)?;
        let cases: [(&str, &str, &[&str]); 6] = [
            (
                "builds-what-the-archive-offers",
                BUILD,
                &[
                    "procdriver for $R: built in",
                    "Inst procdriver-modules-$R ",
                    "Inst linux-image-$R ",
                ],
            ),
            (
                "goes-on-where-it-was",
                AGAIN,
                &["procdriver for $R: built in"],
            ),
            (
                "exports-an-image-for-kubernetes",
                IMAGE,
                &[
                    "insmod /srv/image/opt/lib/modules/$R/procDriver.ko",
                    "literal: \"$R\"",
                ],
            ),
            (
                "exports-a-system-extension",
                EXTENSION,
                &["procDriver\n", "has no modules"],
            ),
            (
                "a-new-key-is-a-new-version",
                NEW_KEY,
                &["Candidate: .*[+]b1"],
            ),
            (
                "a-key-in-a-token-signs",
                TOKEN,
                &["Candidate: .*[+]b2", "\nToken\n"],
            ),
        ];
        for (name, line, says) in cases {
            tally.case(&format!("fleet/{name}"), || {
                step(setup, &chroot, line, says)
            });
        }
        tally.guest("exported", exported(setup, chroot, prebuilt));
        Ok(())
    });
}

/// Boots a Debian in which the exported module is loaded.
fn exported(setup: &Setup<'_>, mut chroot: Chroot, prebuilt: Option<&Prebuilt>) -> Result<Outcome> {
    let deb = &prebuilt.context("nothing was packed")?.deb;
    let folder = deb.parent().context("a package without a folder")?;
    chroot.bind(folder, "/srv/packed")?;
    step(setup, &chroot, EXPORT, &[])?;
    let bytes = |name: &str| files::bytes(&chroot.path().join("srv").join(name));
    let (image, extension) = (bytes("image.tar")?, bytes("hello.raw")?);
    let podman = layers::with_podman(setup.project, &setup.base)?;
    let payload = Payload {
        script: EXPORTED,
        repo: &setup.repo,
        more: &[],
        warm: podman.layers.first().context("podman has no layer")?,
        words: "",
        files: &[("image.tar", &image), ("hello.raw", &extension)],
        timeout: full_guest::TIMEOUT,
    };
    let on_line = &mut show_cases("");
    ui::step("load what was exported in a booted Debian", || {
        full_guest::run(
            setup.project,
            &setup.base,
            &payload,
            "guest-exported",
            on_line,
        )
    })
}

/// Makes the build host, with a fleet of one suite and one kernel.
fn host(setup: &Setup<'_>) -> Result<Chroot> {
    let root = layers::with_fleet(setup.project, &setup.base)?;
    let chroot = packaged::with_repo(setup.project, &root, &setup.repo)?;
    let mirror = Mirror::find()?;
    let write = |name: &str, text: &str| files::write(&chroot.path().join(name), text);
    write("srv/trixie.sources", &mirror.sources(TESTED.suite))?;
    let options: Vec<String> = mirror
        .apt_options
        .iter()
        .map(|option| format!("'{option}'"))
        .collect();
    let fleet = format!(
        "directory = \"fleet\"\ndebs = [\"{}\"]\npackages = [\"procdriver-dkms\"]\n\
         key = \"key.pem\"\ncertificate = \"certificate.pem\"\n\
         repository-key = \"fleet@localhost\"\napt-options = [{}]\n\n\
         [[suite]]\nname = \"{}\"\nsources = \"trixie.sources\"\nkernels = [\"{}\"]\n\
         flavours = [\"{FLAVOUR}\"]\n",
        packaged::REPO,
        options.join(", "),
        TESTED.suite,
        stable(setup)?,
    );
    write("srv/fleet.toml", &fleet)?;
    write("srv/token.toml", include_str!("cases/fleet/token.toml"))?;
    write("srv/token.cnf", include_str!("cases/fleet/token.cnf"))?;
    step(setup, &chroot, PREPARE, &[])?;
    Ok(chroot)
}

/// Returns the release of the stable suite's kernel.
fn stable<'a>(setup: &'a Setup<'_>) -> Result<&'a str> {
    let mut offered = setup.base.offered.iter();
    let kernel = offered.find(|kernel| kernel.suite == TESTED.suite && kernel.flavour == FLAVOUR);
    Ok(&kernel.context("the stable suite offers no kernel")?.release)
}

/// Runs a line. `R` is the kernel's release.
fn step(setup: &Setup<'_>, chroot: &Chroot, line: &str, says: &[&str]) -> Result<()> {
    let release = stable(setup)?;
    let output = chroot
        .sh(&format!("R='{release}'; {line}"))
        .log(&setup.project.log("fleet")?)
        .try_run()?;
    output.must_end_with(0)?;
    let release = release.replace('+', "[+]");
    says.iter()
        .try_for_each(|says| output.must_say(&says.replace("$R", &release)))
}
