// SPDX-License-Identifier: GPL-2.0-only

//! Reuses procdriver's files and package metadata for new projects.

/// A text in one of the files and its replacement. The file must contain the text.
pub type Change = (&'static str, &'static str);

/// The driver's names, each with the project's. Longer names come before the names that they
/// contain.
pub const NAMES: &[Change] = &[
    (
        "procdriver maintainers <maintainers@procdriver.example>",
        "@MAINTAINER@",
    ),
    ("procdriver maintainers", "@AUTHOR@"),
    ("Copyright: 2026", "Copyright: @YEAR@"),
    ("/proc/1999_proc", "/dev/@MODULE@"),
    ("src/procdriver", "src/@MODULE@"),
    ("procDriver", "@MODULE@"),
    ("procdriver", "@NAME@"),
];

/// The version of a new project.
pub const FIRST: &str = "0.1.0";

/// Returns one of the driver's files with placeholders for the project's names.
pub fn with_names(text: &str, changes: &[Change]) -> String {
    let version = (env!("CARGO_PKG_VERSION"), FIRST);
    let all = changes.iter().chain(NAMES).chain([&version]);
    all.fold(text.to_owned(), |text, (part, with)| {
        text.replace(part, with)
    })
}

/// The description of the driver's own package.
const PACKAGE: &str = include_str!("../../../Cargo.toml");

/// Returns the `Depends` of a project's package: the driver's, but with any later dkms-rust.
pub fn depends() -> String {
    field("depends").replace("dkms-rust (= ", "dkms-rust (>= ")
}

/// Returns the `Recommends` of a project's package.
pub fn recommends() -> String {
    field("recommends")
}

/// Returns a field of the driver's package, as one line.
fn field(name: &str) -> String {
    let start = format!("\n{name} = \"");
    let rest = PACKAGE.split(&start).nth(1).unwrap_or_default();
    let (rest, end) = match rest.strip_prefix("\"\"") {
        Some(rest) => (rest, "\"\"\""),
        None => (rest, "\""),
    };
    let value = rest.split(end).next().unwrap_or_default();
    value.replace("\\\n", "").trim().to_owned()
}
