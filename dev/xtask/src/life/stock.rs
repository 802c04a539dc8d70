// SPDX-License-Identifier: GPL-2.0-only

//! What the cases begin with: roots without a kernel and with the older one, and local apt
//! repositories of two kernels, made of what the archive has.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::chroot::{self, Chroot};
use crate::debian::kernel::Kernel;
use crate::debian::kernels::{FLAVOUR, TESTED};
use crate::debian::layers;
use crate::debian::mirror::Mirror;
use crate::debian::root::Root;
use crate::debian::setup::Setup;
use crate::host::project::Project;
use crate::host::{files, mounts, run, ui};
use crate::life::cases::case::Start;
use crate::package::{repo, versions};

/// The names of a kernel's packages, apart from what they depend on.
const KERNEL: [&str; 3] = ["linux-image", "linux-headers", "linux-source"];

/// What dkms is called by before a kernel is unpacked.
const PREINST_HOOK: &str = "etc/kernel/preinst.d/dkms";

/// The suite of Debian's next release.
const NEXT_RELEASE: &str = "forky";

/// Removes every kernel, and leaves what kernels share.
const NO_KERNEL: &str = "apt-get -q -y purge $(dpkg-query -W -f '${Package}\\n' | \
     grep -E '^linux-(image|headers|source|kbuild|binary|modules|base-)') && \
     rm -rf /usr/lib/modules/* /var/lib/dkms/mok.*";

/// All that cases need.
pub struct Stock<'a> {
    /// Where things are.
    pub project: &'a Project,
    /// The older kernel.
    pub old: Kernel,
    /// The newer kernel.
    pub new: Kernel,
    /// The one before the older, where the archive still has it.
    pub before: Option<Kernel>,
    /// Repositories, by the name of their sources file.
    offers: Vec<(&'static str, PathBuf)>,
    /// The sources file of Debian's next release.
    next_release: String,
    /// What is put over Debian's dkms.
    dkms: Option<&'a Path>,
    /// Filled caches, by release.
    warm: Vec<(String, PathBuf)>,
    bare: Root,
    with_old: Root,
}

impl<'a> Stock<'a> {
    /// Makes what is not in the cache. `caches` are filled ones of the setup's kernels; `dkms` is
    /// put over Debian's.
    pub fn new(setup: &'a Setup<'_>, caches: &[PathBuf], dkms: Option<&'a Path>) -> Result<Self> {
        let Setup { project, base, .. } = setup;
        let [old, new] = pair(base)?;
        let what = "take the kernel out of the root";
        let recipe = [NO_KERNEL.to_owned()];
        let bare = layers::made(project, base, "bare", &recipe, what, |chroot| {
            let log = project.log("life-stock")?;
            chroot.sh(NO_KERNEL).log(&log).run().map(drop)
        })?;
        let before = old.before();
        let mut offers = versions::repositories(project, &setup.debs)?;
        offers.extend([
            ("procdriver", setup.repo.clone()),
            ("old", kernel(project, &bare, &old, package)?),
            ("new", kernel(project, &bare, &new, package)?),
        ]);
        if let Some(before) = &before {
            // No other package follows it any more.
            let own = |name: &str| match name {
                "linux-source" => format!("{name}-{}", before.series),
                _ => format!("{name}-{}", before.release),
            };
            offers.push(("before", kernel(project, &bare, before, own)?));
        }
        let mirror = Mirror::find()?;
        if let Some(suite) = TESTED.rustc {
            let names = ["rustc", "rust-src"].map(str::to_owned);
            offers.push(("rustc", archive(project, &bare, "rustc", suite, &names)?));
        }
        let mut stock = Self {
            project,
            offers,
            dkms: None,
            next_release: mirror.sources(NEXT_RELEASE),
            warm: setup
                .releases
                .iter()
                .cloned()
                .zip(caches.iter().cloned())
                .collect(),
            with_old: bare.clone(),
            bare,
            old,
            new,
            before,
        };
        stock.with_old = stock.with_old_kernel()?;
        // That root is kept, with Debian's.
        stock.dkms = dkms;
        Ok(stock)
    }

    /// A root to begin a case in; with the packages installed it is made anew by the caller.
    pub fn open(&self, start: Start) -> Result<Chroot> {
        match start {
            Start::Bare => self.prepared(Chroot::new(self.project, &self.bare)?),
            Start::Old | Start::Installed => {
                self.prepared(Chroot::new(self.project, &self.with_old)?)
            }
        }
    }

    /// The same over a layer.
    pub fn open_over(&self, layer: &Path) -> Result<Chroot> {
        let root = self.with_old.with_layer(layer);
        self.prepared(Chroot::new(self.project, &root)?)
    }

    fn with_old_kernel(&self) -> Result<Root> {
        let names = KERNEL.map(package).join(" ");
        // The layer outlives the repository, whose key is another each time that it is made.
        let line = format!(
            ". {STEPS}; offer old && install {names} && apt-get clean && \
             rm /etc/apt/sources.list.d/old.sources"
        );
        let recipe = [self.old.version.clone(), line.clone()];
        let what = format!("put kernel {} into it", self.old.release);
        layers::made(self.project, &self.bare, "old", &recipe, &what, |chroot| {
            self.prepare(chroot)?;
            let log = self.project.log("life-stock")?;
            chroot.sh(&line).log(&log).run().map(drop)
        })
    }

    fn prepared(&self, mut chroot: Chroot) -> Result<Chroot> {
        self.prepare(&mut chroot)?;
        Ok(chroot)
    }

    /// Brings in the repositories, the filled caches and what the steps call.
    fn prepare(&self, chroot: &mut Chroot) -> Result<()> {
        chroot::without_sources(chroot.path())?;
        chroot.without_secure_boot()?;
        if let Some(dkms) = self.dkms {
            run::copy_all(dkms, chroot.path())?;
            // Not every dkms has it, and another's would call for what it can't do.
            if !dkms.join(PREINST_HOOK).exists() {
                files::remove(&chroot.path().join(PREINST_HOOK))?;
            }
        }
        let offers = chroot.path().join("srv/offers");
        files::make_dir(&offers)?;
        for (name, repo) in &self.offers {
            let place = format!("/srv/{name}");
            chroot.bind(repo, &place)?;
            let file = offers.join(format!("{name}.sources"));
            write(&file, &repo::sources_at(repo, &place)?)?;
        }
        write(
            &offers.join(format!("{NEXT_RELEASE}.sources")),
            &self.next_release,
        )?;
        for (release, warm) in &self.warm {
            chroot.bind(warm, &format!("/srv/warm/{release}"))?;
        }
        write(
            &chroot.path().join(STEPS.trim_start_matches('/')),
            &self.steps(),
        )
    }

    fn steps(&self) -> String {
        let before = self.before.as_ref();
        let set = [
            ("BEFORE", before.map_or("", |kernel| &*kernel.release)),
            ("OLD", &*self.old.release),
            ("NEW", &self.new.release),
            ("OLD_SERIES", &self.old.series),
            ("NEW_SERIES", &self.new.series),
            ("V", versions::VERSION),
            ("NEXT", versions::NEXT),
            ("WORSE", versions::WORSE),
        ];
        let set: String = set
            .iter()
            .map(|(name, value)| format!("{name}='{value}'\n"))
            .collect();
        set + STEPS_TEXT
    }
}

/// The steps' shell functions.
pub const STEPS_TEXT: &str = include_str!("steps.sh");
/// Where they are in a root.
pub const STEPS: &str = "/srv/steps.sh";

/// The kernel of the stable suite, and the one that the root had.
fn pair(base: &Root) -> Result<[Kernel; 2]> {
    let of = |suite: &str| {
        base.offered
            .iter()
            .find(|kernel| kernel.suite == suite && kernel.flavour == FLAVOUR)
            .cloned()
            .with_context(|| format!("{suite} offers no kernel of flavour {FLAVOUR}"))
    };
    Ok([of(TESTED.suite)?, of(TESTED.kernel)?])
}

/// A repository of a kernel's packages, by these names.
fn kernel(
    project: &Project,
    bare: &Root,
    kernel: &Kernel,
    named: impl Fn(&str) -> String,
) -> Result<PathBuf> {
    let names = KERNEL.map(|name| format!("{}={}", named(name), kernel.version));
    let folder = format!("kernel-{}-{}", kernel.release, kernel.version);
    archive(project, bare, &folder, &kernel.suite, &names)
}

/// A repository of packages of a suite, with all that a root without a kernel needs for them, as
/// apt finds it; kept in a folder of this name. The packages are packed again without compression:
/// each case unpacks them anew.
fn archive(
    project: &Project,
    bare: &Root,
    folder: &str,
    suite: &str,
    names: &[String],
) -> Result<PathBuf> {
    let dir = bare.folder.join(folder);
    if dir.exists() {
        return Ok(dir);
    }
    ui::step(&format!("download {}", names.join(" ")), || {
        let work = mounts::scratch_folder(project)?;
        let place = work.path().join("archive");
        fs::create_dir(&place).with_context(|| format!("cannot make {}", place.display()))?;
        let mut chroot = Chroot::new(project, bare)?;
        chroot.bind(&place, "/srv/archive")?;
        let line = format!(
            "apt-get -q update && apt-get -q -y --no-install-recommends --download-only \
             -o Dir::Cache::Archives=/srv/archive -t '{suite}' install {}",
            names.join(" ")
        );
        let log = project.log("life-stock")?;
        chroot.sh(&line).log(&log).run()?;
        drop(chroot);
        let plain = work.path().join("plain");
        versions::without_compression(&place, &plain)?;
        repo::index(&plain, Path::new("/"))?;
        files::rename(&plain, &dir)
    })?;
    Ok(dir)
}

/// The package that follows the newest kernel of a suite.
fn package(name: &str) -> String {
    match name {
        "linux-source" => name.to_owned(),
        _ => format!("{name}-{FLAVOUR}"),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    files::write(path, text)
}
