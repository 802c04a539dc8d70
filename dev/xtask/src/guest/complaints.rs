// SPDX-License-Identifier: GPL-2.0-only

//! Kernel messages that report a problem, and those that are expected.

/// Text in kernel messages that report a problem.
pub const PATTERNS: &[&str] = &[
    "WARNING:",
    "BUG:",
    "BUG at",
    "Oops",
    "general protection fault",
    "Call Trace:",
    "KASAN:",
    "KCSAN:",
    "UBSAN:",
    "INFO: task",
    "INFO: rcu",
    "rcu: INFO:",
    "soft lockup",
    "hard LOCKUP",
    "refcount_t:",
    "list_add corruption",
    "list_del corruption",
    "detected buffer overflow",
    "suspicious RCU usage",
    "inconsistent lock state",
    "trying to register non-static key",
    "ODEBUG:",
    "pagealloc:",
    "suspected memory leak",
    "cannot allocate a kmemleak",
    "Kernel memory leak detector disabled",
    "INFO: lockdep is turned off",
    "possible circular locking",
    "possible recursive locking",
    "bad unlock balance",
    "unchecked MSR access",
    "Kernel panic",
];

/// Complaints that a case provokes on purpose: the case, and text of the complaint.
const EXPECTED: &[(&str, &str)] = &[
    // proc_mkdir with a name that is in use: the kernel itself warns.
    ("load-directory-taken", "already registered"),
    // A module whose stack is dumped while it formats, and one that panics.
    ("runtime-what-a-module-uses", "Call Trace:"),
    ("runtime-stack-trace", "Call Trace:"),
    ("runtime-panic", "kernel BUG at"),
    // When an allocation fails, the kernel shows who requested it.
    ("faults-in-loading", "Call Trace:"),
    ("faults-in-unloading", "Call Trace:"),
    ("faults-in-opening", "Call Trace:"),
    ("faults-in-reading", "Call Trace:"),
    ("faults-in-writing", "Call Trace:"),
    ("faults-in-closing", "Call Trace:"),
    ("faults-in-looking", "Call Trace:"),
];

/// The beginning of a data race report.
pub const RACE: &str = "BUG: KCSAN: data-race in ";

/// Returns whether the running case provokes a complaint with these lines.
pub fn is_expected(case: Option<&str>, block: &[&str]) -> bool {
    EXPECTED
        .iter()
        .any(|(name, text)| case == Some(name) && block.iter().any(|line| line.contains(text)))
}

/// Returns whether this is a data race outside of modules: both sides are known, and neither was in
/// a module or called by one. No other processor must have reported another problem in between.
pub fn is_elsewhere(block: &[&str]) -> bool {
    let both_known = block[0].starts_with(RACE) && block[0].contains(" / ");
    let in_a_module = block.iter().any(|line| line.ends_with(']'));
    let more = block[1..].iter().any(|line| matches(line));
    both_known && !in_a_module && !more
}

/// Returns whether a kernel message reports a problem.
pub fn matches(message: &str) -> bool {
    PATTERNS.iter().any(|pattern| message.contains(pattern))
}
