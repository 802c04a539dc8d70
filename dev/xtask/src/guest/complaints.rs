// SPDX-License-Identifier: GPL-2.0-only

//! What the kernel says when something is wrong with it, and when that is as it should be.

/// What the kernel says when something is wrong with it.
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

/// Complaints that a case provokes on purpose: the case, and what the complaint must say.
const EXPECTED: &[(&str, &str)] = &[
    // proc_mkdir with a name that is taken: the kernel itself warns.
    ("load-directory-taken", "already registered"),
    // A module that has its stack shown while it formats, and one that panics.
    ("runtime-what-a-module-uses", "Call Trace:"),
    ("runtime-stack-trace", "Call Trace:"),
    ("runtime-panic", "kernel BUG at"),
    // Where memory is not to be had, the kernel shows who wanted it.
    ("faults-in-loading", "Call Trace:"),
    ("faults-in-unloading", "Call Trace:"),
    ("faults-in-opening", "Call Trace:"),
    ("faults-in-reading", "Call Trace:"),
    ("faults-in-writing", "Call Trace:"),
    ("faults-in-closing", "Call Trace:"),
    ("faults-in-looking", "Call Trace:"),
];

/// How the report of a data race begins.
pub const RACE: &str = "BUG: KCSAN: data-race in ";

/// Whether the case that runs provokes a complaint of these lines.
pub fn is_expected(case: Option<&str>, block: &[&str]) -> bool {
    EXPECTED
        .iter()
        .any(|(name, text)| case == Some(name) && block.iter().any(|line| line.contains(text)))
}

/// Whether this is a data race of which both sides are known, and neither was in a module or called
/// by one; and nothing else that is wrong was said in between, by another processor.
pub fn is_elsewhere(block: &[&str]) -> bool {
    let both_known = block[0].starts_with(RACE) && block[0].contains(" / ");
    let in_a_module = block.iter().any(|line| line.ends_with(']'));
    let more = block[1..].iter().any(|line| matches(line));
    both_known && !in_a_module && !more
}

/// Whether a line of the kernel says that something is wrong.
pub fn matches(message: &str) -> bool {
    PATTERNS.iter().any(|pattern| message.contains(pattern))
}
