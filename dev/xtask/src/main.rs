// SPDX-License-Identifier: GPL-2.0-only

//! Developer tasks of this project: `make demo`, `make test` and others run this program.
//!
//! The program is divided into rooms: one top-level module per subject or task, usually a directory.
//! The first lines of a room say what it contains and which other rooms it may use. The rooms are
//! declared below from the lowest to the highest, and `tests/rooms.rs` checks that each uses only
//! lower ones. This file only parses the command line and dispatches.

mod host;

mod package;
mod report;

mod debian;

mod guest;

mod bench;
mod demo;
mod life;
mod matrix;

mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::debian::kernels::TESTED;
use crate::debian::{provision, slices};
use crate::host::project::Project;
use crate::host::{machine, mounts, ui};
use crate::package::{deb, repo};
use crate::test::choice::Choice;

#[derive(Parser)]
#[command(
    name = "xtask",
    about = "What developers of procdriver-dkms run",
    version
)]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the Debian packages into target/debian
    Deb,
    /// Make a signed apt repository of the packages in target/repo
    Repo,
    /// Show the main job: apt install in a booted Debian creates /proc/1999_proc/mydrive
    Demo,
    /// Run all tests; the last line counts passed, failed and skipped ones
    Test {
        /// Also run the long ones: foreign test suites, the matrix, ten minutes of random calls
        #[arg(long)]
        all: bool,
        /// Run only these steps and what they need; an unknown step name lists all steps
        #[arg(long, value_name = "STEP", value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Build, boot and test the driver on every kernel in the table
    Matrix {
        /// Only these: a suite, a series and flavour such as 7.3-amd64, both joined by a slash, or
        /// a release
        kernels: Vec<String>,
        /// Write the rows of this run into README.md and docs/matrix.*
        #[arg(long)]
        docs: bool,
    },
    /// Compare the driver with modules written in C
    Bench {
        /// Only these; everything if empty
        parts: Vec<bench::Part>,
        /// Count instructions only, and compare them with the results in docs
        #[arg(long, conflicts_with_all = ["parts", "docs"])]
        check: bool,
        /// Write the rows of this run into docs/benchmark.* and docs/costs.svg
        #[arg(long)]
        docs: bool,
        /// Compare the costs with an earlier state: its target/repo, made by `make repo`
        #[arg(long, value_name = "REPO", conflicts_with = "check")]
        before: Option<PathBuf>,
    },
    /// Upgrade, break and remove the packages, with apt, dkms and several kernels
    Life {
        /// Only the cases whose names contain one of these
        cases: Vec<String>,
        #[command(flatten)]
        options: life::Options,
    },
    /// Make the Debian root that the demo and the tests boot, and print its path
    Provision,
    /// Build dkms-rust-sources and dkms-rust-core, which replace linux-source and rust-src
    Sources,
    /// Remove the caches: provisioned roots, images, prepared metadata
    Clean,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = Project::find().and_then(|project| match args.task {
        Task::Deb => deb::build(&project).map(|_| true),
        Task::Repo => repo::task(&project),
        Task::Demo => demo::task(&project),
        Task::Test { all, only } => test::task(&project, &Choice { all, only }),
        Task::Matrix { kernels, docs } => matrix::task(&project, &kernels, docs),
        Task::Bench { check: true, .. } => bench::check(&project),
        Task::Bench {
            parts,
            docs,
            before,
            ..
        } => bench::task(&project, &parts, docs, before.as_deref()),
        Task::Life { cases, options } => life::task(&project, &cases, &options),
        Task::Provision => provision_and_print(&project),
        Task::Sources => slices::task(&project),
        Task::Clean => provision::clean(&project).map(|()| true),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            ui::say("");
            ui::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn provision_and_print(project: &Project) -> Result<bool> {
    mounts::private_namespace()?;
    machine::need(machine::PROVISION)?;
    let root = provision::base(project, TESTED)?;
    println!("{}", root.path.display());
    Ok(true)
}
