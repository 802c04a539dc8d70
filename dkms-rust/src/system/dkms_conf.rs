// SPDX-License-Identifier: GPL-2.0-only

//! Reads a package's `dkms.conf`. dkms runs it as a shell script, but those of packages only assign
//! constants, or the package's name and version.

use super::framework::word;

/// What other values may contain.
const VARIABLES: [&str; 2] = ["PACKAGE_NAME", "PACKAGE_VERSION"];

/// Returns the values that are assigned to a variable or to the elements of an array. Leaves out
/// those that only a shell can expand.
pub fn values<'a>(conf: &'a str, name: &'a str) -> impl Iterator<Item = String> + 'a {
    elements(conf, name).map(|(_, value)| value)
}

/// A module in a `dkms.conf`.
pub struct Module {
    /// The name of the file that is built.
    pub built: String,
    /// The name of the file that dkms installs.
    pub installed: String,
}

/// Returns the modules in a `dkms.conf`, or one with the package's name if there are none.
pub fn modules(conf: &str, package: &str) -> Vec<Module> {
    let others: Vec<_> = elements(conf, "DEST_MODULE_NAME").collect();
    let mut found: Vec<Module> = elements(conf, "BUILT_MODULE_NAME")
        .map(|(index, built)| {
            let other = others.iter().find(|(of, _)| *of == index);
            let installed = other.map_or(&built, |(_, other)| other).clone();
            Module { built, installed }
        })
        .collect();
    if found.is_empty() {
        found.push(Module {
            built: package.to_owned(),
            installed: package.to_owned(),
        });
    }
    found
}

/// Returns the modules' names as dkms installs them.
pub fn module_names(conf: &str, package: &str) -> Vec<String> {
    let modules = modules(conf, package).into_iter();
    modules.map(|module| module.installed).collect()
}

/// Returns the elements of an array with their indices. A variable has an empty index.
fn elements<'a>(conf: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, String)> + 'a {
    assigned(conf, name).filter_map(|(index, text)| {
        let mut text = text.to_owned();
        for variable in VARIABLES {
            if let Some((_, value)) = assigned(conf, variable).next() {
                text = text.replace(&format!("${{{variable}}}"), value);
                text = text.replace(&format!("${variable}"), value);
            }
        }
        (!text.contains(['$', '`'])).then_some((index, text))
    })
}

fn assigned<'a>(conf: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    conf.lines()
        .filter_map(move |line| line.trim().strip_prefix(name)?.split_once('='))
        .filter(|(index, _)| index.is_empty() || index.starts_with('['))
        .filter_map(|(index, value)| Some((index, word(value)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_names_no_module_has_one_of_its_own_name() {
        assert_eq!(module_names("MAKE=x\n", "p"), ["p"]);
        let two = "BUILT_MODULE_NAME[0]=a\nBUILT_MODULE_NAME[1]='b'\n";
        assert_eq!(module_names(two, "p"), ["a", "b"]);
    }

    #[test]
    fn comments_and_the_package_s_own_variables_are_understood() {
        let conf = "PACKAGE_NAME=\"a-b\" # of the package\nPACKAGE_VERSION=1.0 # as in the changelog\n\
                    BUILT_MODULE_NAME[0]=\"$PACKAGE_NAME\"\nBUILT_MODULE_NAME[1]='${PACKAGE_NAME}-c';\n\
                    BUILT_MODULE_NAME[2]=\"$(uname -r)\"\n\
                    BUILT_MODULE_NAME[3]=d\nDEST_MODULE_NAME[3]=\"e\"\n";
        assert_eq!(values(conf, "PACKAGE_VERSION").next().unwrap(), "1.0");
        assert_eq!(module_names(conf, "a-b"), ["a-b", "a-b-c", "e"]);
    }
}
