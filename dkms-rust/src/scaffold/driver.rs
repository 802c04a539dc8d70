// SPDX-License-Identifier: GPL-2.0-only

//! What a project has of procdriver: its files, and what its package says of itself.

/// A part of a file and what a project has instead of it; the part must be there.
pub type Change = (&'static str, &'static str);

/// The driver's names, each with a project's own. Those that others are a part of come first.
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

/// The first version of a project.
pub const FIRST: &str = "0.1.0";

/// One of the driver's files with a project's names in it, as places to fill.
pub fn with_names(text: &str, changes: &[Change]) -> String {
    let version = (env!("CARGO_PKG_VERSION"), FIRST);
    let all = changes.iter().chain(NAMES).chain([&version]);
    all.fold(text.to_owned(), |text, (part, with)| {
        text.replace(part, with)
    })
}

/// The driver's own package.
const PACKAGE: &str = include_str!("../../../Cargo.toml");

/// What a package of a project depends on: the driver's, but on any later dkms-rust.
pub fn depends() -> String {
    field("depends").replace("dkms-rust (= ", "dkms-rust (>= ")
}

/// What it recommends.
pub fn recommends() -> String {
    field("recommends")
}

/// A field of the driver's package, on one line.
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
