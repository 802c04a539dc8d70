// SPDX-License-Identifier: GPL-2.0-only

//! What developers of this project run; `make demo`, `make test` and their kin come here.
//!
//! A directory for each subject, and then one for each task. Each says in its first lines what is
//! inside and which of the others it may use; they are listed here from the lowest to the highest,
//! and a test of the project's (`tests/rooms.rs`) keeps it so. This file only parses the command
//! line and calls.

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
    /// Show the main job: apt install in a booted Debian brings /proc/1999_proc/mydrive
    Demo,
    /// Run every test; the last line counts what passed, failed and was skipped
    Test {
        /// The long ones too: others' suites, the matrix, ten minutes of random calls
        #[arg(long)]
        all: bool,
        /// Only these steps, and what they need; another word than a step's name lists them
        #[arg(long, value_name = "STEP", value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Build, boot and test the driver on every kernel of the table
    Matrix {
        /// Only these: a suite, a series and flavour such as 7.3-amd64, both with a slash between
        /// them, or a release
        kernels: Vec<String>,
        /// Write the rows of this run into README.md and docs/matrix.*
        #[arg(long)]
        docs: bool,
    },
    /// Measure the driver beside modules in C
    Bench {
        /// Only these; everything when empty
        parts: Vec<bench::Part>,
        /// Count instructions only, and compare them with the results in docs
        #[arg(long, conflicts_with_all = ["parts", "docs"])]
        check: bool,
        /// Write the rows of this run into docs/benchmark.*
        #[arg(long)]
        docs: bool,
    },
    /// Upgrade, break, remove: the packages' life with apt, dkms and several kernels
    Life {
        /// Only the cases whose names contain one of these
        cases: Vec<String>,
        #[command(flatten)]
        options: life::Options,
    },
    /// Make the Debian root that the demo and the tests boot, and print its path
    Provision,
    /// Build dkms-rust-sources: slices of all kernels of the archive, in place of linux-source
    Sources,
    /// Remove the caches: provisioned roots, images, warmed metadata
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
        Task::Bench { parts, docs, .. } => bench::task(&project, &parts, docs),
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
