// SPDX-License-Identifier: GPL-2.0-only

//! Prints messages for the user of apt. The sentences are in `configure`, `run`,
//! `kernel_build`, `load`, `remove`, `prebuilt`, `leftovers` and `key`.

/// Prints messages on behalf of a package.
#[derive(Clone, Debug)]
pub struct Voice {
    name: String,
    /// What was said. Tests check this and print nothing.
    #[cfg(test)]
    said: std::rc::Rc<std::cell::RefCell<String>>,
}

impl Voice {
    /// Returns the voice of the package `name`.
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            #[cfg(test)]
            said: std::rc::Rc::default(),
        }
    }

    /// Prints a line.
    pub fn say(&self, text: impl AsRef<str>) {
        self.put(&format!("{}: {}", self.name, text.as_ref()));
    }

    /// Prints another program's output, indented to show that it comes from elsewhere.
    pub fn quote(&self, text: impl AsRef<str>) {
        for line in text.as_ref().lines().filter(|line| !line.is_empty()) {
            self.put(&format!("    {line}"));
        }
    }

    #[cfg(not(test))]
    fn put(&self, line: &str) {
        use std::io::Write;
        // apt may have closed the output; this must not stop an installation.
        writeln!(std::io::stdout(), "{line}").ok();
    }

    #[cfg(test)]
    fn put(&self, line: &str) {
        self.said.borrow_mut().push_str(&format!("{line}\n"));
    }

    /// Returns everything that was said so far.
    #[cfg(test)]
    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }
}
