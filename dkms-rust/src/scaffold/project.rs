// SPDX-License-Identifier: GPL-2.0-only

//! The properties of a new project: its name, its author, and how its package is built.

use super::date;
use super::driver;
use super::name::Name;
use std::time::SystemTime;

/// The way in which the package is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// With a target of the Makefile that only uses dpkg.
    Plain,
    /// With debhelper and `dh-sequence-dkms-rust`.
    Debhelper,
}

/// The values for the placeholders in the templates.
#[derive(Clone, Debug)]
pub struct Project {
    /// The name of the project.
    pub name: Name,
    /// The maintainer as `Name <address>`, the format of Debian packages.
    pub maintainer: String,
    /// The way in which the package is built.
    pub packaging: Packaging,
    /// The date of the first release.
    pub now: SystemTime,
}

/// The maintainer if the user has not set one.
pub const NOBODY: &str = "Your Name <you@example.org>";

/// Returns the maintainer from the usual variables of Debian's tools.
pub fn maintainer(variable: impl Fn(&str) -> Option<String>) -> String {
    let first = |names: [&str; 2]| {
        let mut values = names.into_iter().filter_map(&variable);
        values.find(|value| !value.trim().is_empty() && !value.contains(['\n', '"', '\\']))
    };
    match (first(["DEBFULLNAME", "NAME"]), first(["DEBEMAIL", "EMAIL"])) {
        (Some(name), Some(mail)) => format!("{} <{}>", name.trim(), mail.trim()),
        _ => NOBODY.to_owned(),
    }
}

impl Project {
    /// Returns whether the user still has to enter a maintainer.
    pub fn is_nobody_s(&self) -> bool {
        self.maintainer == NOBODY
    }

    /// Replaces the placeholders in a text by the project's values.
    pub fn fill(&self, text: &str) -> String {
        let author = self.maintainer.split(" <").next().unwrap_or_default();
        [
            ("@NAME@", self.name.package()),
            ("@MODULE@", &self.name.module()),
            ("@TYPE@", &self.name.type_()),
            ("@MAINTAINER@", &self.maintainer),
            ("@AUTHOR@", author),
            ("@YEAR@", &date::year(self.now)),
            ("@DATE@", &date::of_mail(self.now)),
            ("@DEPENDS@", &self.depends()),
            ("@RECOMMENDS@", &self.recommends()),
            ("@BUILD@", self.how_to_build()),
            ("@BUILD_DEPENDS@", self.build_depends()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (place, with)| {
            text.replace(place, with)
        })
        // The build instructions contain the name, too.
        .replace("@NAME@", self.name.package())
    }

    fn depends(&self) -> String {
        match self.packaging {
            Packaging::Plain => driver::depends(),
            Packaging::Debhelper => "${misc:Depends}".to_owned(),
        }
    }

    fn recommends(&self) -> String {
        driver::recommends()
    }

    fn build_depends(&self) -> &'static str {
        match self.packaging {
            // The tools that this needs are part of build-essential.
            Packaging::Plain => "build-essential",
            Packaging::Debhelper => "debhelper-compat (= 13), dh-sequence-dkms-rust",
        }
    }

    fn how_to_build(&self) -> &'static str {
        match self.packaging {
            Packaging::Plain => {
                "    make deb\n    sudo apt install ./build/@NAME@-dkms_0.1.0_all.deb"
            }
            Packaging::Debhelper => {
                "    dpkg-buildpackage -us -uc -b\n    sudo apt install ../@NAME@-dkms_0.1.0_all.deb"
            }
        }
    }
}
