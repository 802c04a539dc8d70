// SPDX-License-Identifier: GPL-2.0-only

use super::*;

#[test]
fn the_command_line_is_consistent() {
    command().debug_assert();
}

#[test]
fn arguments_for_make_come_after_two_dashes() {
    let cli = Cli::parse_from(["dkms-rust", "make", "-k", "7.3.4-amd64", "--", "V=1"]);
    let Command::Make { kernel, args } = cli.command else {
        panic!("not make")
    };
    assert_eq!(kernel.release().unwrap().as_str(), "7.3.4-amd64");
    assert_eq!(args, ["V=1"]);
}

#[test]
fn a_name_that_would_leave_its_directory_is_refused() {
    for name in ["../x", "a/b", "", "-v", ".x", "a b"] {
        let args = ["dkms-rust", "package", "purge", "--", name];
        assert_eq!(
            Cli::try_parse_from(args).unwrap_err().exit_code(),
            2,
            "{name}"
        );
    }
    let args = ["dkms-rust", "prebuild", "p/1.0~rc1", "-k", "7.3.4-amd64"];
    let Command::Prebuild { source, .. } = Cli::parse_from(args).command else {
        panic!("not prebuild")
    };
    assert_eq!((&*source.name, &*source.version), ("p", "1.0~rc1"));
}

#[test]
fn a_release_that_is_none_is_refused_before_anything_is_done() {
    let error = Cli::try_parse_from(["dkms-rust", "kdir", "-k", "../../tmp/x"]).unwrap_err();
    assert!(
        error.to_string().contains("is not a kernel release"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 2);
}
