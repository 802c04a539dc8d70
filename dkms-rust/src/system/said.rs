// SPDX-License-Identifier: GPL-2.0-only

//! Extracts the first error from the output of a failed build, and says whether it would fail again.

/// How many lines are shown at most.
const LINES: usize = 12;

/// How many lines are shown before make's own message: a program that failed may have said why in
/// words of its own.
const BEFORE: usize = 3;

/// The message of every program when the disk is full.
pub const DISK_FULL: &str = "No space left on device";

/// Returns the lines from the first error on, or the last lines if there is no error. Jobs run in
/// parallel, so the last lines are mostly about other jobs.
pub fn first_error(said: &str) -> Vec<&str> {
    // dkms writes the command before make's output, and the exit code after it.
    let of_dkms = |line: &str| line.starts_with('#') || line.starts_with("--");
    let lines = said.lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.trim().is_empty() && !of_dkms(line))
        .collect();
    let first_with = |words: &[&str]| {
        let tells = |line: &&str| words.iter().any(|word| line.contains(word));
        let of_make = |line: &str| line.starts_with("make");
        lines
            .iter()
            .position(|line| !of_make(line) && tells(line) || was_killed(line))
    };
    // A script that only looks for tools may print the second set of words, too.
    let first = first_with(&["error:", "error[", "panicked at"])
        .or_else(|| first_with(&["Error ", "No space left", "not found"]))
        .or_else(|| {
            let make = lines.iter().position(|line| line.contains("***"))?;
            // kbuild's own lines, such as `  CC x.o`, are indented.
            let own = |line: &&&str| !line.starts_with("  ") && !line.starts_with("make");
            let before = lines[..make].iter().rev().take(BEFORE);
            Some(make - before.take_while(own).count())
        })
        .unwrap_or(lines.len().saturating_sub(LINES));
    lines[first..].iter().take(LINES).copied().collect()
}

/// Returns whether a build with this output would fail again: not if the disk was full or memory
/// ran out.
pub fn would_fail_again(said: &str) -> bool {
    !said.contains(DISK_FULL) && !said.lines().any(was_killed)
}

/// Returns whether a line says that a program was killed or got no memory.
pub fn was_killed(line: &str) -> bool {
    let words = [
        "Killed",
        "signal: 9",
        "SIGKILL",
        "out of memory",
        "memory allocation of",
        "Cannot allocate memory",
    ];
    words.iter().any(|word| line.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_from_its_first_line_and_else_the_end() {
        let log = "# command: make\n  CC a\nx.rs:1: error: no\n  help\n";
        assert_eq!(first_error(log), ["x.rs:1: error: no", "  help"]);
        let log = "  CC b\n  RUSTC a\na.c:1:10: fatal error: x.h: No such file\nmake: no\n";
        let first = first_error(log)[0];
        assert_eq!(first, "a.c:1:10: fatal error: x.h: No such file");
        let log = "  CC b\nmake[1]: *** no rule\nmake: *** [all] Error 2\n";
        assert_eq!(first_error(log)[0], "make[1]: *** no rule");
        let log = "  LD b\nld: out of order\nmake[2]: *** [b] Error 1\n";
        assert_eq!(first_error(log)[0], "ld: out of order");
        let log = "pahole: not found\nx.rs:1: error: no\n";
        assert_eq!(first_error(log), ["x.rs:1: error: no"]);
        assert_eq!(first_error("# exit code: 1\n\nKilled\n-----\n"), ["Killed"]);
        assert_eq!(first_error("a\n\nb\n"), ["a", "b"]);
        assert!(first_error("").is_empty());
    }
}
