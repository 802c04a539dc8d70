// SPDX-License-Identifier: GPL-2.0-only

//! What apt's user reads.

/// Speaks for a package.
#[derive(Clone, Debug)]
pub struct Voice {
    name: String,
    /// What was said, for tests; tests print nothing.
    #[cfg(test)]
    said: std::rc::Rc<std::cell::RefCell<String>>,
}

impl Voice {
    /// That of the package `name`.
    pub fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            #[cfg(test)]
            said: std::rc::Rc::default(),
        }
    }

    /// Says a line.
    pub fn say(&self, text: impl AsRef<str>) {
        self.put(&format!("{}: {}", self.name, text.as_ref()));
    }

    /// Shows what another program said, indented, so that it is clear whose lines they are.
    pub fn quote(&self, text: impl AsRef<str>) {
        for line in text.as_ref().lines().filter(|line| !line.is_empty()) {
            self.put(&format!("    {line}"));
        }
    }

    #[cfg(not(test))]
    fn put(&self, line: &str) {
        use std::io::Write;
        // apt may have closed it; that stops no installation.
        writeln!(std::io::stdout(), "{line}").ok();
    }

    #[cfg(test)]
    fn put(&self, line: &str) {
        self.said.borrow_mut().push_str(&format!("{line}\n"));
    }

    /// What was said so far.
    #[cfg(test)]
    pub fn said(&self) -> String {
        self.said.borrow().clone()
    }
}
