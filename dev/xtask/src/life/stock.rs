// SPDX-License-Identifier: GPL-2.0-only

//! The common base of the cases: roots without a kernel and with the older one, and local apt
//! repositories of two kernels, made from the archive's packages.

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
use crate::debian::signing::Keys;
use crate::host::project::Project;
use crate::host::{files, mounts, run, ui};
use crate::life::cases::case::Start;
use crate::package::{repo, versions};

/// The names of a kernel's packages, without their dependencies.
const KERNEL: [&str; 3] = ["linux-image", "linux-headers", "linux-source"];

/// The hook that calls dkms before a kernel is unpacked.
const PREINST_HOOK: &str = "etc/kernel/preinst.d/dkms";

/// The suite of Debian's next release.
const NEXT_RELEASE: &str = "forky";

/// Removes all kernels, but keeps the packages that they share.
const NO_KERNEL: &str = "apt-get -q -y purge $(dpkg-query -W -f '${Package}\\n' | \
     grep -E '^linux-(image|headers|source|kbuild|binary|modules|base-)') && \
     rm -rf /usr/lib/modules/* /var/lib/dkms/mok.*";

/// Everything that cases need.
pub struct Stock<'a> {
    /// The project's directories.
    pub project: &'a Project,
    /// The older kernel.
    pub old: Kernel,
    /// The newer kernel.
    pub new: Kernel,
    /// The kernel before the older one, if the archive still has it.
    pub before: Option<Kernel>,
    /// Repositories, with the names of their sources files.
    pub offers: Vec<(&'static str, PathBuf)>,
    /// The sources file of Debian's next release.
    next_release: String,
    /// A directory that is copied over Debian's dkms.
    dkms: Option<&'a Path>,
    /// Filled caches, with the releases of their kernels.
    warm: Vec<(String, PathBuf)>,
    /// What signs prebuilt modules, if they were made.
    pub keys: Option<Keys>,
    bare: Root,
    with_old: Root,
    target: Root,
}

impl<'a> Stock<'a> {
    /// Makes everything that is not cached. `caches` are the filled caches of the setup's kernels.
    /// `dkms` is copied over Debian's.
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
            // No metapackage depends on this version any more.
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
            keys: None,
            with_old: bare.clone(),
            target: bare.clone(),
            bare,
            old,
            new,
            before,
        };
        stock.with_old = stock.with_old_kernel()?;
        stock.target = stock.without_compilers()?;
        // Set this late: the cached root must keep Debian's dkms.
        stock.dkms = dkms;
        Ok(stock)
    }

    /// Opens a root to start a case in. For [`Start::Installed`], the caller has to install the
    /// packages.
    pub fn open(&self, start: Start) -> Result<Chroot> {
        match start {
            Start::Bare => self.prepared(Chroot::new(self.project, &self.bare)?),
            Start::Old | Start::Installed => {
                self.prepared(Chroot::new(self.project, &self.with_old)?)
            }
            Start::Target => self.prepared(Chroot::new(self.project, &self.target)?),
        }
    }

    /// Opens the root with the older kernel and a layer on top.
    pub fn open_over(&self, layer: &Path) -> Result<Chroot> {
        let root = self.with_old.with_layer(layer);
        self.prepared(Chroot::new(self.project, &root)?)
    }

    fn with_old_kernel(&self) -> Result<Root> {
        let names = KERNEL.map(package).join(" ");
        let what = format!("put kernel {} into it", self.old.release);
        self.with_old_packages("old", &format!("install {names}"), &what)
    }

    fn without_compilers(&self) -> Result<Root> {
        let line = format!("install {} && without_compilers", package(KERNEL[0]));
        let what = format!("put kernel {} into it, without compilers", self.old.release);
        self.with_old_packages("target", &line, &what)
    }

    /// Adds a layer, called `name`, in which a line has run that the older kernel was offered to.
    fn with_old_packages(&self, name: &str, line: &str, what: &str) -> Result<Root> {
        // The layer outlives the repository, which gets a new key whenever it is made.
        let line = format!(
            ". {STEPS}; offer old && {line} && apt-get clean && \
             rm /etc/apt/sources.list.d/old.sources"
        );
        let recipe = [self.old.version.clone(), line.clone()];
        layers::made(self.project, &self.bare, name, &recipe, what, |chroot| {
            self.prepare(chroot)?;
            let log = self.project.log("life-stock")?;
            chroot.sh(&line).log(&log).run().map(drop)
        })
    }

    fn prepared(&self, mut chroot: Chroot) -> Result<Chroot> {
        self.prepare(&mut chroot)?;
        Ok(chroot)
    }

    /// Adds the repositories, the filled caches and the functions for the steps.
    fn prepare(&self, chroot: &mut Chroot) -> Result<()> {
        chroot::without_sources(chroot.path())?;
        chroot.without_secure_boot()?;
        if let Some(dkms) = self.dkms {
            run::copy_all(dkms, chroot.path())?;
            // Not every dkms has this hook, and Debian's may ask another dkms for things that it
            // can't do.
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
        if let Some(keys) = &self.keys {
            keys.put(chroot, "/srv")?;
        }
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

/// The shell functions for the steps.
pub const STEPS_TEXT: &str = include_str!("steps.sh");
/// Their path in a root.
pub const STEPS: &str = "/srv/steps.sh";

/// Returns the kernel of the stable suite, and the one that the root was provisioned with.
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

/// Makes a repository of a kernel's packages. `named` maps the entries of [`KERNEL`] to their
/// names.
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

/// Makes a repository of packages of a suite, with all dependencies that apt adds for a root
/// without a kernel. It is cached in a directory of this name. The packages are repacked without
/// compression, because each case unpacks them again.
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

/// Returns the name of the metapackage for the newest kernel of a suite.
fn package(name: &str) -> String {
    match name {
        "linux-source" => name.to_owned(),
        _ => format!("{name}-{FLAVOUR}"),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    files::write(path, text)
}
