// SPDX-License-Identifier: GPL-2.0-only

//! Generates the files of the package `dh-dkms-rust` from procdriver's own maintainer scripts and
//! dkms.conf. So packages that use debhelper get the same scripts as procdriver.

use dkms_rust::scaffold::driver;

/// A file of the package: its path in the directory of assets, and its content.
pub type File = (&'static str, String);

/// Returns all files.
pub fn files() -> Vec<File> {
    let program = include_str!("../perl/dh_dkms_rust")
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@DEPENDS@", &driver::depends());
    vec![
        ("dh_dkms_rust", program),
        ("dkms_rust.pm", include_str!("../perl/dkms_rust.pm").into()),
        ("dkms.conf", dkms_conf()),
        (
            "autoscripts/postinst-dkms-rust",
            snippet(
                include_str!("../../../debian/procdriver-dkms/postinst"),
                "procdriver --load procDriver --in-use /proc/1999_proc",
                "#CONFIGURE#",
            ),
        ),
        (
            "autoscripts/prerm-dkms-rust",
            snippet(
                include_str!("../../../debian/procdriver-dkms/prerm"),
                "procdriver --unload procDriver",
                "#REMOVE#",
            ),
        ),
        (
            "autoscripts/postrm-dkms-rust",
            snippet(
                include_str!("../../../debian/procdriver-dkms/postrm"),
                "procdriver.json",
                "#NAME#.json",
            ),
        ),
    ]
}

/// Returns the part of a maintainer script after `set -e`, which debhelper inserts into its own
/// script. Replaces the driver's own arguments by a placeholder.
fn snippet(script: &str, own: &str, place: &str) -> String {
    let (_, body) = script.split_once("set -e\n\n").unwrap_or_default();
    body.replace(own, place)
}

/// Returns the driver's dkms.conf with placeholders for the names, the version and the modules.
fn dkms_conf() -> String {
    let driver = include_str!("../../../dkms.conf");
    let line = |line: &str| match line.split_once('=').unwrap_or_default().0 {
        "PACKAGE_NAME" => Some("PACKAGE_NAME=\"#NAME#\"".to_owned()),
        "PACKAGE_VERSION" => Some("PACKAGE_VERSION=\"#MODULE_VERSION#\"".to_owned()),
        "BUILT_MODULE_NAME[0]" => Some("#BUILT#".to_owned()),
        "DEST_MODULE_LOCATION[0]" => None,
        _ if line.starts_with("# To use this for") => None,
        _ => Some(line.to_owned()),
    };
    let lines: Vec<_> = driver.lines().filter_map(line).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> String {
        let found = files().into_iter().find(|(name, _)| *name == path);
        found.unwrap().1
    }

    #[test]
    fn scripts_are_the_driver_s_with_places_for_what_is_a_package_s_own() {
        let postinst = file("autoscripts/postinst-dkms-rust");
        assert!(postinst.starts_with("case $1 in\n"), "{postinst}");
        assert!(postinst.contains("dkms-rust package configure #CONFIGURE# ||\n        echo "));
        let prerm = file("autoscripts/prerm-dkms-rust");
        assert!(prerm.contains("dkms-rust package remove #REMOVE# ||\n        echo "));
        let postrm = file("autoscripts/postrm-dkms-rust");
        assert!(postrm.contains("rm -f /var/lib/dkms-rust/#NAME#.json"));
        for (path, text) in files() {
            let text = text.to_lowercase();
            assert!(
                !text.contains("procdriver") && !text.contains("1999"),
                "{path}"
            );
        }
    }

    #[test]
    fn the_dkms_conf_has_a_place_for_each_name_and_all_else_of_the_driver_s() {
        let conf = file("dkms.conf");
        for place in ["\"#NAME#\"", "\"#MODULE_VERSION#\"", "\n#BUILT#\n"] {
            assert_eq!(conf.matches(place).count(), 1, "{place} in {conf}");
        }
        let driver = include_str!("../../../dkms.conf");
        for key in ["MAKE[0]=", "PRE_BUILD=", "AUTOINSTALL=", "CLEAN="] {
            let line = driver.lines().find(|line| line.starts_with(key)).unwrap();
            assert!(conf.lines().any(|other| other == line), "{line}");
        }
    }

    #[test]
    fn the_program_depends_on_what_the_driver_s_package_depends_on() {
        let program = file("dh_dkms_rust");
        assert!(program.contains("my $DEPENDS = 'dkms (>= 3.1.5), dkms-rust (>= "));
        assert!(!program.contains("@DEPENDS@") && !program.contains("@VERSION@"));
    }
}
