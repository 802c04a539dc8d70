// SPDX-License-Identifier: GPL-2.0-only

use super::*;

const CORE: &str = "--emit=obj=rust/core.o --emit=metadata=rust/libcore.rmeta --crate-name \
                    core /usr/src/library/core/src/lib.rs";

fn words(args: &str) -> Vec<OsString> {
    args.split(' ').map(Into::into).collect()
}

fn text(args: Vec<OsString>) -> String {
    args.join(OsStr::new(" ")).into_string().unwrap()
}

#[test]
fn a_kernel_crate_gets_metadata_but_no_object_code() {
    assert_eq!(
        text(adapt(words(CORE), false)),
        format!("{CORE} --cap-lints=allow -Zno-codegen -Cdebuginfo=0")
    );
}

#[test]
fn kernels_with_other_lints_share_their_crates() {
    let lints = "-Dunsafe_op_in_unsafe_fn -Wclippy::all -Aclippy::precedence -Fkeyword_idents";
    for args in [CORE, "--emit=link=libsyn.rlib --crate-type rlib lib.rs"] {
        let linted = adapt(words(&format!("{lints} {args}")), false);
        assert_eq!(text(linted), text(adapt(words(args), false)));
    }
}

#[test]
fn what_modules_carry_of_core_does_not_check_its_own_sums() {
    let of = |args: &str, runtime| text(adapt(words(args), runtime));
    assert!(of(CORE, true).contains(UNCHECKED));
    assert!(!of(CORE, false).contains(UNCHECKED));
    assert!(!of(&CORE.replace("name core", "name kernel"), true).contains(UNCHECKED));
}

#[test]
fn a_macro_s_library_is_not_optimised() {
    let args = words("--emit=link=libsyn.rlib --crate-type rlib -O lib.rs");
    assert_eq!(
        text(adapt(args, false)),
        "--emit=link=libsyn.rlib --crate-type rlib lib.rs --cap-lints=allow -Copt-level=0 \
         -Cdebug-assertions=n -Cstrip=debuginfo"
    );
}

#[test]
fn a_question_is_passed_on_as_it_is() {
    for args in [
        "--version --verbose",
        "--print sysroot",
        "--print file-names - x",
    ] {
        let passed = relocate(adapt(words(args), true), Path::new("/tree"));
        assert_eq!(text(passed), args);
        assert_eq!(with_thin_core(&words(args), Path::new("/thin")), None);
    }
}

#[test]
fn bindings_are_not_formatted() {
    let uapi = "rust/uapi/uapi_helper.h -o uapi_generated.rs -- -DMODULE";
    assert_eq!(
        text(unformatted(words(uapi))),
        format!("--formatter=none {uapi}")
    );
    let question = "--version workaround-for-0.69.0";
    assert_eq!(text(unformatted(words(question))), question);
}

#[test]
fn paths_do_not_say_where_the_tree_was_made() {
    let args = words("--emit=obj=a.o --remap-path-prefix=./= --remap-path-scope=macro lib.rs");
    assert_eq!(
        text(relocate(args, Path::new("/cache/.new-7"))),
        "--emit=obj=a.o --remap-path-prefix=./= --remap-path-scope=all lib.rs \
         --remap-path-prefix=/cache/.new-7="
    );
}

#[test]
fn only_core_is_built_from_the_thin_library() {
    let args = format!("@./include/generated/rustc_cfg {CORE}");
    let thin = with_thin_core(&words(&args), Path::new("/tree/thin")).unwrap();
    assert_eq!(
        text(thin),
        CORE.replace("/usr/src/library/", "/tree/thin/")
            + " --remap-path-prefix=/tree/thin=/usr/src/library"
    );
    let other = CORE.replace("/usr/src/library/core/src/lib.rs", "rust/kernel/lib.rs");
    assert_eq!(with_thin_core(&words(&other), Path::new("/thin")), None);
}

#[test]
fn all_but_the_longest_chains_steps_back() {
    assert!(is_in_chain(&words(CORE)));
    assert!(!is_in_chain(&words(
        "--edition=2021 --crate-name uapi rust/uapi/lib.rs"
    )));
    assert!(!is_in_chain(&words("rust/bindings/bindings_helper.h -o x")));
    assert!(!is_in_chain(&words("--crate-name")));
    assert!(!is_in_chain(&[]));
}
