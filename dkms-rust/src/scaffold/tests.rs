// SPDX-License-Identifier: GPL-2.0-only

use super::files::Origin;
use super::project::{NOBODY, Packaging, maintainer};
use super::*;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

fn project(packaging: Packaging) -> Project {
    Project {
        name: "my-first".parse().unwrap(),
        maintainer: "Ann Author <ann@author.example>".into(),
        packaging,
        now: UNIX_EPOCH + Duration::from_secs(1_795_377_600),
    }
}

fn written(packaging: Packaging) -> BTreeMap<String, String> {
    let project = project(packaging);
    let files = files_of(&project).map(|(path, text, _)| (path, text));
    files.collect()
}

/// Returns the path, the text and the changes of each file that comes from procdriver.
fn of_driver() -> impl Iterator<Item = (&'static str, &'static str, &'static [driver::Change])> {
    FILES.iter().filter_map(|file| match file.origin {
        Origin::Driver(text, changes) => Some((file.path, text, changes)),
        _ => None,
    })
}

#[test]
fn the_driver_s_own_names_give_back_the_driver_s_own_files() {
    let mut unchanged = 0;
    for (path, text, changes) in of_driver().filter(|(.., changes)| changes.is_empty()) {
        let mut back = driver::with_names(text, changes);
        assert_ne!(back, text, "{path} has none of the driver's names");
        let version = (env!("CARGO_PKG_VERSION"), driver::FIRST);
        for (part, with) in driver::NAMES.iter().chain([&version]) {
            back = back.replace(with, part);
        }
        assert_eq!(back, text, "{path}");
        unchanged += 1;
    }
    // These include dkms.conf and the three maintainer scripts.
    assert!(unchanged >= 6, "{unchanged}");
}

#[test]
fn what_is_changed_in_the_driver_s_files_is_there() {
    for (path, text, changes) in of_driver() {
        for (part, _) in changes {
            assert!(
                text.contains(part),
                "{path} does not have {part:?} any more"
            );
        }
    }
    let all: String = of_driver().map(|(_, text, _)| text).collect();
    for (part, _) in driver::NAMES {
        assert!(all.contains(part), "no file has {part:?} any more");
    }
}

#[test]
fn nothing_of_the_driver_is_left_and_no_place_is_empty() {
    for packaging in [Packaging::Plain, Packaging::Debhelper] {
        for (path, text) in written(packaging) {
            if path == "LICENSE" {
                continue;
            }
            for trace in [
                "procdriver",
                "1999",
                "mydrive",
                "procfs",
                "xtask",
                "maintainers@",
            ] {
                let lower = text.to_lowercase();
                assert!(!lower.contains(trace), "{path} has {trace}");
            }
            let place =
                |word: &&str| word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase());
            // A word in capitals between two @ is a placeholder that was not filled.
            let places: Vec<_> = text.split('@').skip(1).filter(place).collect();
            assert!(places.is_empty(), "{path}: {places:?}");
        }
    }
}

#[test]
fn scripts_and_dkms_conf_have_the_project_s_names() {
    let files = written(Packaging::Plain);
    let postinst = &files["debian/my-first-dkms.postinst"];
    let call = "dkms-rust package configure my-first --load my_first --in-use /dev/my_first ||\n        echo ";
    assert!(postinst.contains(call), "{postinst}");
    assert!(files["debian/my-first-dkms.prerm"].contains("remove my-first --unload my_first"));
    assert!(files["debian/my-first-dkms.postrm"].contains("/var/lib/dkms-rust/my-first.json"));
    let conf = &files["dkms.conf"];
    for line in [
        "PACKAGE_NAME=\"my-first\"",
        "PACKAGE_VERSION=\"0.1.0\"",
        "BUILT_MODULE_NAME[0]=\"my_first\"",
    ] {
        assert!(conf.lines().any(|l| l == line), "{line} in {conf}");
    }
    assert!(files["Kbuild"].contains("my_first-y := src/my_first.o src/misc/layout.o"));
    assert!(files["src/modinfo.rs"].contains("author=Ann Author\\0"));
    let control = &files["debian/control"];
    assert!(
        control.contains("Depends: dkms (>= 3.1.5), dkms-rust (>= 0."),
        "{control}"
    );
    assert!(
        control.contains("Recommends: openssl, linux-headers-amd64 | "),
        "{control}"
    );
    assert!(
        files["debian/changelog"].contains("Ann Author <ann@author.example>  Sun, 22 Nov 2026")
    );
}

#[test]
fn debhelper_writes_the_scripts_itself() {
    let files = written(Packaging::Debhelper);
    assert!(files.contains_key("debian/rules"));
    assert!(
        !files
            .keys()
            .any(|path| path.contains(".postinst") || path.contains("deb.mk"))
    );
    let control = &files["debian/control"];
    assert!(control.contains("dh-sequence-dkms-rust"), "{control}");
    assert!(control.contains("Depends: ${misc:Depends}"), "{control}");
    assert_eq!(
        files["debian/my-first-dkms.dkms"].lines().last(),
        Some("src")
    );
    assert!(!written(Packaging::Plain).contains_key("debian/rules"));
}

#[test]
fn every_text_of_ours_says_its_license() {
    for (path, text) in written(Packaging::Debhelper) {
        let without = [
            "LICENSE",
            "debian/changelog",
            "debian/source/format",
            "debian/copyright",
        ];
        let head: String = text.lines().take(2).collect();
        assert!(
            head.contains("SPDX-License-Identifier: GPL-2.0-only")
                || without.contains(&path.as_str()),
            "{path}"
        );
    }
}

#[test]
fn it_is_written_into_an_empty_directory_only() {
    let dir = tempfile::tempdir().unwrap();
    let project = project(Packaging::Plain);
    create(&project, dir.path()).unwrap();
    let mode = |path: &str| {
        let meta = fs::metadata(dir.path().join(path)).unwrap();
        meta.permissions().mode() & 0o111
    };
    assert_ne!(mode("ci/build-all"), 0);
    assert_eq!(mode("Kbuild"), 0);
    let why = create(&project, dir.path()).unwrap_err().to_string();
    assert!(why.contains("is not empty (.github is in it)"), "{why}");
    let why = create(&project, &dir.path().join("Kbuild")).unwrap_err();
    assert!(why.to_string().contains("is not a directory"), "{why}");
    assert!(create(&project, &dir.path().join("deep/er")).is_ok());
}

#[test]
fn the_maintainer_is_who_the_variables_name() {
    let of = |known: &'static [(&str, &str)]| {
        maintainer(|name| {
            let value = known.iter().find(|(known, _)| *known == name);
            value.map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(of(&[("NAME", "A B"), ("DEBEMAIL", "a@b")]), "A B <a@b>");
    assert_eq!(
        of(&[("DEBFULLNAME", "A"), ("NAME", "B"), ("EMAIL", "e")]),
        "A <e>"
    );
    assert_eq!(of(&[("DEBFULLNAME", "A")]), NOBODY);
    assert_eq!(of(&[("DEBFULLNAME", "A\"\n"), ("EMAIL", "e")]), NOBODY);
}
