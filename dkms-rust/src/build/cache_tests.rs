// SPDX-License-Identifier: GPL-2.0-only

use super::*;
use crate::build::stale::drop_stale;
use anyhow::bail;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const RELEASE: &str = "7.3.4-amd64";

struct Bench {
    root: tempfile::TempDir,
    system: System,
    made: AtomicUsize,
}

impl Bench {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let system = System::below(root.path());
        fs::create_dir_all(root.path().join("lib/modules").join(RELEASE).join("build")).unwrap();
        Self {
            root,
            system,
            made: AtomicUsize::new(0),
        }
    }

    fn get(&self, input: &str) -> Result<CachedTree> {
        let cache = Cache::open(&self.system)?;
        let inputs = Inputs::new([("input", input)]);
        cache.get_or_make(&RELEASE.parse().unwrap(), &inputs, |tree| {
            self.made.fetch_add(1, Ordering::Relaxed);
            fs::create_dir(tree.join("rust"))?;
            fs::write(tree.join("rust/libkernel.rmeta"), input)?;
            symlink("/usr/src/headers/Makefile", tree.join("Makefile"))?;
            thread::sleep(Duration::from_millis(50));
            Ok(())
        })
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::Relaxed)
    }

    /// Counts the entries in the kernel's directory in the cache, without its lock.
    fn entries(&self) -> usize {
        let folder = self.root.path().join("var/cache/dkms-rust").join(RELEASE);
        fs::read_dir(folder).map_or(0, |entries| entries.count() - 1)
    }
}

#[test]
fn a_tree_is_made_once_and_found_again() {
    let bench = Bench::new();
    let first = bench.get("a").unwrap().path;
    assert_eq!(bench.get("a").unwrap().path, first);
    assert_eq!(bench.made(), 1);
}

#[test]
fn another_input_makes_another_tree_and_drops_the_old_one() {
    let bench = Bench::new();
    let first = bench.get("a").unwrap().path;
    let second = bench.get("b").unwrap().path;
    assert_ne!(first, second);
    assert!(!first.exists());
    assert_eq!((bench.made(), bench.entries()), (2, 1));
}

#[test]
fn names_and_values_of_inputs_do_not_run_into_each_other() {
    let name = |inputs: &[(&'static str, &'static str)]| Inputs::new(inputs.iter().copied()).name();
    assert_ne!(name(&[("a", "bc")]), name(&[("ab", "c")]));
    assert_ne!(name(&[("a", "b"), ("c", "d")]), name(&[("a", "bcd")]));
}

#[test]
fn whatever_is_changed_in_a_tree_has_it_made_anew() {
    let harms: [fn(&Path); 6] = [
        |tree| fs::write(tree.join("rust/libkernel.rmeta"), "x").unwrap(),
        |tree| fs::write(tree.join("rust/extra.rs"), "x").unwrap(),
        |tree| fs::remove_file(tree.join("rust/libkernel.rmeta")).unwrap(),
        |tree| {
            fs::remove_file(tree.join("Makefile")).unwrap();
            symlink("/tmp/Makefile", tree.join("Makefile")).unwrap();
        },
        |tree| {
            let mode = fs::Permissions::from_mode(0o666);
            fs::set_permissions(tree.join("rust/libkernel.rmeta"), mode).unwrap();
        },
        |tree| fs::write(tree.join(MANIFEST), "{").unwrap(),
    ];
    for (number, harm) in harms.into_iter().enumerate() {
        let bench = Bench::new();
        let tree = bench.get("a").unwrap().path;
        harm(&tree);
        let again = bench.get("a").unwrap().path;
        assert_eq!(bench.made(), 2, "harm {number}");
        assert_eq!(fs::read(again.join("rust/libkernel.rmeta")).unwrap(), b"a");
        bench.get("a").unwrap();
        assert_eq!(bench.made(), 2, "harm {number}");
    }
}

#[test]
fn kernels_share_large_files_that_are_the_same() {
    let bench = Bench::new();
    let get = |release: &str, core: &str| {
        let cache = Cache::open(&bench.system).unwrap();
        let inputs = Inputs::new([("core", core)]);
        let make = |tree: &Path| {
            fs::create_dir(tree.join("rust"))?;
            fs::write(tree.join("rust/small"), "same")?;
            Ok(fs::write(tree.join("rust/core"), core.repeat(70_000))?)
        };
        let kept = cache.get_or_make(&release.parse().unwrap(), &inputs, make);
        kept.unwrap().path.join("rust")
    };
    let inode = |path: PathBuf| fs::metadata(path).unwrap().ino();
    let core = |folder: &Path| inode(folder.join("core"));

    let kernels = ["7.3.4-amd64", "7.3.4-cloud", "7.3.4-rt"].map(|kernel| get(kernel, "a"));
    let other = get("7.3.4-other", "b");
    assert_eq!(core(&kernels[0]), core(&kernels[1]));
    assert_eq!(core(&kernels[0]), core(&kernels[2]));
    assert_ne!(core(&kernels[0]), core(&other));
    assert_ne!(
        inode(kernels[0].join("small")),
        inode(kernels[1].join("small"))
    );

    // The damage affects all of them, and the damaged file is not shared again.
    fs::write(kernels[0].join("core"), "x".repeat(70_000)).unwrap();
    for kernel in ["7.3.4-amd64", "7.3.4-cloud"] {
        let text = fs::read_to_string(get(kernel, "a").join("core")).unwrap();
        assert_eq!(text, "a".repeat(70_000));
    }
    // No temporary name is left over that would make a tree look damaged.
    assert!(
        kernels[1..]
            .iter()
            .all(|rust| fs::read_dir(rust).unwrap().count() == 2)
    );
}

#[test]
fn two_builders_at_once_make_it_once() {
    let bench = Bench::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.get("a").unwrap());
        }
    });
    assert_eq!(bench.made(), 1);
}

#[test]
fn a_failed_rebuild_leaves_nothing() {
    let bench = Bench::new();
    let cache = Cache::open(&bench.system).unwrap();
    let inputs = Inputs::new([("input", "a")]);
    let failed = cache.get_or_make(&RELEASE.parse().unwrap(), &inputs, |tree| {
        fs::write(tree.join("half"), "x")?;
        bail!("no space left on device")
    });
    assert!(failed.unwrap_err().to_string().contains("no space left"));
    assert_eq!(bench.entries(), 0);
}

#[test]
fn until_a_new_tree_is_whole_the_old_one_stays() {
    let bench = Bench::new();
    let old = bench.get("a").unwrap().path;
    let cache = Cache::open(&bench.system).unwrap();
    let other = Inputs::new([("input", "b")]);
    let failed = cache.get_or_make(&RELEASE.parse().unwrap(), &other, |_| {
        assert!(old.is_dir());
        bail!("bindgen failed")
    });
    assert!(failed.is_err());
    bench.get("a").unwrap();
    assert_eq!(bench.made(), 1);
}

#[test]
fn a_tree_is_found_by_its_inputs_also_where_its_slice_or_its_library_is_not_known() {
    let bench = Bench::new();
    let release: Release = RELEASE.parse().unwrap();
    let known = Inputs::new([("input", "a")]);
    let whole = known
        .clone()
        .with_slice("1".into())
        .with_library("1".into());
    let cache = Cache::open(&bench.system).unwrap();
    let find = |inputs: &Inputs| Cache::find(&bench.system, &release, inputs);
    assert_eq!(find(&known), None);
    drop(cache.get_or_make(&release, &whole, |_| Ok(())).unwrap());
    assert_eq!(find(&known), Some(whole.clone()));
    assert_eq!(find(&whole), Some(whole.clone()));
    assert_eq!(find(&known.clone().with_slice("2".into())), None);
    assert_eq!(find(&known.clone().with_library("2".into())), None);
    assert_eq!(find(&Inputs::new([("input", "b")])), None);
}

#[test]
fn what_a_killed_rebuild_left_is_removed_by_the_next() {
    let bench = Bench::new();
    bench.get("a").unwrap();
    let folder = bench.root.path().join("var/cache/dkms-rust").join(RELEASE);
    fs::create_dir_all(folder.join(".new-1/rust")).unwrap();
    bench.get("b").unwrap();
    assert_eq!(bench.entries(), 1);
}

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let bench = Bench::new();
    bench.get("a").unwrap();
    let folder = bench.root.path().join("var/cache/dkms-rust");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let error = format!("{:#}", bench.get("a").unwrap_err());
    assert!(error.contains("written by others"), "{error}");

    fs::remove_dir_all(&folder).unwrap();
    let elsewhere = bench.root.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, &folder).unwrap();
    let error = format!("{:#}", bench.get("a").unwrap_err());
    assert!(error.contains("is a link"), "{error}");
}

#[test]
fn the_tree_of_a_kernel_that_is_gone_is_dropped() {
    let bench = Bench::new();
    let tree = bench.get("a").unwrap().path;
    let cache = Cache::open(&bench.system).unwrap();
    drop_stale(&bench.system, None).unwrap();
    assert!(tree.exists());
    fs::remove_dir_all(bench.root.path().join("lib/modules").join(RELEASE)).unwrap();
    // Its own build, which holds the lock, does not wait for itself.
    drop_stale(&bench.system, Some(&RELEASE.parse().unwrap())).unwrap();
    assert!(tree.exists());
    drop_stale(&bench.system, None).unwrap();
    assert!(!tree.exists());
    assert_eq!(cache.releases().unwrap(), []);
}
