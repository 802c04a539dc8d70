// SPDX-License-Identifier: GPL-2.0-only

//! What is a project's own: its names, its author, and how its package is made.

use super::date;
use super::driver;
use super::name::Name;
use std::time::SystemTime;

/// How the package is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packaging {
    /// By a target of the Makefile, with dpkg alone.
    Plain,
    /// By debhelper, with `dh-sequence-dkms-rust`.
    Debhelper,
}

/// What the files are filled with.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name.
    pub name: Name,
    /// `Name <address>`, as Debian's packages have it.
    pub maintainer: String,
    /// How its package is made.
    pub packaging: Packaging,
    /// When it begins.
    pub now: SystemTime,
}

/// Stands for whoever did not say who they are.
pub const NOBODY: &str = "Your Name <you@example.org>";

/// Whoever the usual variables of Debian's tools name.
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
    /// Whether somebody has yet to say whose it is.
    pub fn is_nobody_s(&self) -> bool {
        self.maintainer == NOBODY
    }

    /// Puts what is this project's into the places that a text has for it.
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
        // The text about building has the name in it, too.
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
            // What makes it is essential on machines that build packages.
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
