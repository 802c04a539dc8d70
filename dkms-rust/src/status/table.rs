// SPDX-License-Identifier: GPL-2.0-only

//! Formats the report for people: first the answer, then a table with the problems below each row.

use super::report::{
    DKMS, KernelReport, Key, Kind, Load, Module, NextBoot, Problem, Report, Signing,
};
use std::fmt::Write;

const HEAD: [&str; 9] = [
    "KERNEL", "WAY", "RUSTC", "TREE", "MODULE", "BUILT", "SIGNED", "LOADABLE", "LOADED",
];

/// Returns the whole text. Where dkms is not installed, nothing is said of its key.
pub fn text(report: &Report, has_dkms: bool) -> String {
    let mut text = next_boot(report);
    let _ = writeln!(text, "{}\n", signing(&report.signing, has_dkms));
    let rows: Vec<Vec<Row>> = report.kernels.iter().map(rows).collect();
    let all = rows.iter().flatten();
    let width = |column: usize| {
        let cells = all.clone().map(|row| row.0[column].chars().count());
        cells.chain([HEAD[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    text.push_str(&line("  ", &HEAD.map(str::to_owned), &widths));
    for (kernel, rows) in report.kernels.iter().zip(&rows) {
        for (number, Row(cells, notes)) in rows.iter().enumerate() {
            let marks = match (number, kernel.running, kernel.next_boot) {
                (0, true, true) => "*>",
                (0, true, false) => "* ",
                (0, false, true) => " >",
                _ => "  ",
            };
            text.push_str(&line(marks, cells, &widths));
            for (note, mend) in notes {
                let _ = writeln!(text, "     {note}");
                if let Some(mend) = mend {
                    let _ = writeln!(text, "       mend: {mend}");
                }
            }
        }
    }
    text.push_str("\n* runs now, > boots next\n");
    text
}

/// The cells of a row, and the problems to print below it, each with its mend.
struct Row([String; 9], Vec<(String, Option<String>)>);

/// Returns one row per module. The first row also has the kernel's own cells.
fn rows(kernel: &KernelReport) -> Vec<Row> {
    let mut notes = Vec::new();
    // A problem for which `is_build` is true already says why the module can't be built.
    let said = |module: &Module| module.problems.iter().any(|problem| is_build(problem.kind));
    let modules = &kernel.modules;
    let needless = !modules.is_empty() && modules.iter().all(is_prebuilt);
    if let Some(reason) = kernel
        .reason
        .as_ref()
        .filter(|_| !needless && !modules.iter().any(said))
    {
        notes.push((
            format!("no module can be built: {reason}"),
            kernel.mend.clone(),
        ));
    }
    let own = [
        kernel.kernel.clone(),
        kernel.way.map_or("-".into(), |way| way.to_string()),
        kernel.rustc.as_deref().map_or("-".into(), number),
        kernel
            .metadata
            .unwrap_or("-")
            .replace("to rebuild", "rebuild"),
    ];
    let empty = || std::array::from_fn(|_| String::new());
    let mut rows: Vec<Row> = kernel.modules.iter().map(row).collect();
    for (number, module) in kernel.modules.iter().enumerate() {
        let problems = module.problems.iter();
        let problems = problems.filter_map(|problem| note(&kernel.modules, number, problem));
        let from = from(&kernel.modules, number);
        rows[number].1 = from.into_iter().chain(problems).collect();
    }
    if rows.is_empty() {
        rows.push(Row(empty(), Vec::new()));
    }
    rows[0].0[..4].clone_from_slice(&own);
    notes.append(&mut rows[0].1);
    rows[0].1 = notes;
    rows
}

/// Whether the file that modprobe loads was built elsewhere.
fn is_prebuilt(module: &Module) -> bool {
    module.from.as_ref().is_some_and(|from| from != DKMS)
}

/// Whether the problem is that the right module was not built.
fn is_build(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Missing | Kind::Stale | Kind::Altered | Kind::OtherHeaders | Kind::WrongKernel
    )
}

fn row(module: &Module) -> Row {
    let is = |kind: Kind| module.problems.iter().any(|problem| problem.kind == kind);
    let built = match (&module.installed, &module.built) {
        _ if is(Kind::Stale) || is(Kind::OtherHeaders) => "stale",
        _ if is_prebuilt(module) => "prebuilt",
        (Some(_), _) | (None, Some(_)) => "yes",
        (None, None) => "no",
    };
    let there = |answer: &'static str| if module.file.is_some() { answer } else { "-" };
    let loaded = match (module.loaded, module.current) {
        (Some(true), Some(false)) => "older",
        (loaded, _) => loaded.map_or("-", |loaded| word(Some(loaded))),
    };
    let cells = [
        "",
        "",
        "",
        "",
        &module.module,
        built,
        there(word(module.signed)),
        there(word(module.loadable)),
        loaded,
    ];
    Row(cells.map(str::to_owned), Vec::new())
}

/// Returns the line to print below module `number` if it is prebuilt: the package that it is from. It
/// is printed once for all modules of the package, below the last of them.
fn from(modules: &[Module], number: usize) -> Option<(String, Option<String>)> {
    let module = &modules[number];
    let package = module.from.as_ref().filter(|_| is_prebuilt(module))?;
    let with = |module: &&Module| module.from.as_ref() == Some(package);
    if modules[number + 1..].iter().any(|module| with(&module)) {
        return None;
    }
    Some((format!("{}: from {package}", names(modules, with)), None))
}

/// Returns the line to print for a problem below module `number`. If several modules of a package
/// share the problem, it is printed once, below the last of them.
fn note(modules: &[Module], number: usize, problem: &Problem) -> Option<(String, Option<String>)> {
    let package = &modules[number].package;
    let with = |module: &&Module| module.package == *package && module.problems.contains(problem);
    if modules[number + 1..].iter().any(|module| with(&module)) {
        return None;
    }
    let text = format!("{}: {}", names(modules, with), problem.text);
    Some((text, problem.mend.clone()))
}

/// Returns the names of the modules for which `which` is true.
fn names(modules: &[Module], which: impl Fn(&&Module) -> bool) -> String {
    let modules = modules.iter().filter(which);
    let names: Vec<&str> = modules.map(|module| &*module.module).collect();
    names.join(", ")
}

fn word(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "?",
    }
}

fn line(marks: &str, cells: &[String; 9], widths: &[usize]) -> String {
    let mut text = format!("{marks} ");
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(text, "{cell:width$}  ");
    }
    format!("{}\n", text.trim_end())
}

/// Says whether the next boot has the modules. This is what most people want to know.
fn next_boot(report: &Report) -> String {
    let NextBoot {
        kernel, guess, why, ..
    } = &report.next_boot;
    let Some(release) = kernel else {
        return format!("Next boot: can't tell which kernel: {why}\n");
    };
    let sure = if *guess { "probably " } else { "" };
    let mut text = format!("Next boot: {sure}{release} ({why})\n");
    let Some(kernel) = report.kernels.iter().find(|kernel| kernel.next_boot) else {
        let _ = writeln!(text, "  there are no modules for it in /lib/modules");
        return text;
    };
    if kernel.modules.is_empty() {
        text.push_str("  no installed DKMS package is built by dkms-rust\n");
    }
    for module in &kernel.modules {
        let _ = writeln!(text, "  {}: {}", module.module, at_boot(module));
    }
    text
}

fn at_boot(module: &Module) -> String {
    let (name, problem) = (&module.module, module.problems.first());
    match (module.at_boot, problem, module.autoload.how) {
        (Some(true), ..) => "will be loaded".into(),
        (None, ..) => "can't tell whether it will be loaded".into(),
        (Some(false), Some(problem), _) => format!("will not be loaded: {}", problem.text),
        (Some(false), None, Load::Nothing) => {
            format!("nothing loads it at boot; by hand: modprobe {name}")
        }
        (Some(false), None, _) => "will not be loaded".into(),
    }
}

fn signing(signing: &Signing, has_dkms: bool) -> String {
    let secure_boot = match signing.secure_boot {
        Some(true) => "Secure Boot is on",
        Some(false) => "Secure Boot is off",
        None => "Secure Boot: can't tell",
    };
    let enforced = match signing.enforced {
        Some(true) => "modules must be signed",
        Some(false) => "modules need no signature",
        None => "can't tell whether modules must be signed",
    };
    let key = match signing.key {
        Key::Trusted => "which the kernel trusts",
        Key::Enrolled => "which is enrolled, but the kernel does not have it",
        Key::Pending => "which waits to be enrolled at the next boot",
        Key::Absent => "which is not enrolled",
        Key::None | Key::Unknown => "which may or may not be enrolled",
    };
    let own = match &signing.certificate {
        Some(certificate) => format!("\n  dkms signs with {certificate}, {key}"),
        None if has_dkms => "\n  dkms has no key yet".into(),
        None => String::new(),
    };
    format!("Signatures: {secure_boot}; {enforced}{own}")
}

/// Returns `1.85.1` for `rustc 1.85.1 (4eb161250 2025-03-15)`.
fn number(version: &str) -> String {
    version.split(' ').nth(1).unwrap_or(version).to_owned()
}
