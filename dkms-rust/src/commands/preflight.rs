// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust preflight`: tests, before a release, whether the module in the current directory
//! builds for a kernel that is not installed, or for every kernel that is installed.

use super::make::{self, Output};
use super::own_cache;
use crate::build::plan::Plan;
use crate::build::way::Way;
use crate::kernel::build_result::BuildResult;
use crate::kernel::class::Class;
use crate::kernel::headers::Kernel;
use crate::kernel::refusal::Refusal;
use crate::kernel::release::Release;
use crate::source::find::linux_source;
use crate::source::slice::Slice;
use crate::source::{fetch, version};
use crate::system::print::{print, tell};
use crate::system::{System, dpkg, made_up, names_in};
use anyhow::{Result, ensure};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The user's request.
pub struct Request<'a> {
    /// The path of the kernel's source.
    pub source: Option<&'a Path>,
    /// The directory in which headers and trees are kept.
    pub cache: Option<&'a Path>,
    /// Whether to print the answer as JSON.
    pub json: bool,
    /// Additional arguments for make.
    pub args: &'a [String],
}

/// The answer as JSON. New fields do not change the schema number.
#[derive(Serialize)]
struct Report {
    schema: u32,
    kernels: Vec<KernelResult>,
}

/// The result for one kernel.
#[derive(Serialize)]
struct KernelResult {
    kernel: String,
    result: BuildResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    way: Option<Way>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rustc: Option<String>,
    modules: Vec<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Request<'_> {
    /// Builds for the kernel to which the headers belong.
    ///
    /// # Errors
    ///
    /// Returns an error if these are not headers, or the source does not belong to them.
    pub fn elsewhere(&self, headers: &[PathBuf]) -> Result<ExitCode> {
        let own = own_cache::of(self.cache)?;
        let (system, release) = made_up::make(&own.join("preflight"), headers)?;
        let release: Release = release.parse()?;
        let kernel = Kernel::find(&system, &release)?;
        let source = self.source.map(Path::to_path_buf);
        if let Some(source) = source.or_else(|| installed_source(&system, &kernel)) {
            fetch::from(&system, &kernel, &source, false)?;
        }
        let answer = self.one(&system, &release);
        self.say(vec![answer])
    }

    /// Builds for every kernel whose headers are installed, and cleans the directory after each
    /// build.
    ///
    /// # Errors
    ///
    /// Returns an error if no kernel has headers.
    pub fn all(&self, here: &System) -> Result<ExitCode> {
        let with_headers = |release: &Release| here.headers(release.as_str()).exists();
        let releases: Vec<Release> = names_in(&here.modules())
            .iter()
            .filter_map(|name| name.parse().ok())
            .filter(with_headers)
            .collect();
        ensure!(
            !releases.is_empty(),
            "no kernel headers are installed: apt install linux-headers-amd64, or those of the \
             kernels that you build for"
        );
        let mut answers = Vec::new();
        for release in releases {
            let system = own_cache::with(here.clone(), &release, self.cache)?;
            let answer = self.one(&system, &release);
            let clean = ["clean".to_owned()];
            make::build(&system, &release, &clean, Output::Error).ok();
            answers.push(answer);
        }
        self.say(answers)
    }

    fn one(&self, system: &System, release: &Release) -> KernelResult {
        let plan = Plan::of(system, release).ok();
        let output = match self.json {
            true => Output::Error,
            false => Output::Usual,
        };
        let mut answer = KernelResult {
            kernel: release.to_string(),
            result: BuildResult::Built,
            class: plan.as_ref().map(|plan| plan.class),
            way: plan.as_ref().map(|plan| plan.way),
            rustc: plan.map(|plan| plan.rustc.version),
            modules: Vec::new(),
            reason: None,
            mend: None,
        };
        match make::build(system, release, self.args, output) {
            Ok(modules) => answer.modules = modules,
            Err(error) => {
                tell(format_args!("{error:#}"));
                match error.downcast::<Refusal>() {
                    Ok(refusal) => {
                        answer.result = BuildResult::Refused;
                        answer.reason = Some(refusal.reason);
                        answer.mend = refusal.mend;
                    }
                    Err(error) => {
                        answer.result = BuildResult::Failed;
                        answer.reason = Some(format!("{error:#}"));
                    }
                }
            }
        }
        answer
    }

    /// Prints the answers. For the exit status, a failed build is worse than a refused kernel.
    fn say(&self, kernels: Vec<KernelResult>) -> Result<ExitCode> {
        let has = |result| kernels.iter().any(|answer| answer.result == result);
        let code = match (has(BuildResult::Failed), has(BuildResult::Refused)) {
            (true, _) => 1,
            (false, true) => Refusal::EXIT,
            (false, false) => 0,
        };
        if self.json {
            let report = Report { schema: 1, kernels };
            print(serde_json::to_string(&report)?)?;
        } else {
            for answer in &kernels {
                print(answer.line())?;
            }
        }
        Ok(ExitCode::from(code))
    }
}

/// Returns the archive of the installed linux-source if it has the same version as the headers.
/// Returns `None` if a slice is already kept.
fn installed_source(system: &System, kernel: &Kernel) -> Option<PathBuf> {
    if Slice::kept(system, &kernel.release).is_some() {
        return None;
    }
    let (here, package) = (System::here(), linux_source(kernel));
    let headers = version::package(system, kernel)?;
    let same = dpkg::source_of(&here, &package)? == headers;
    let archive = here.sources().join(format!("{package}.tar.xz"));
    (same && archive.is_file()).then_some(archive)
}

impl KernelResult {
    fn line(&self) -> String {
        let kernel = &self.kernel;
        let reason = self.reason.as_deref().unwrap_or_default();
        match (self.result, self.way) {
            (BuildResult::Built, Some(way)) => format!("{kernel}: built ({way})"),
            (BuildResult::Built, None) => format!("{kernel}: built"),
            (BuildResult::Refused, _) => format!("{kernel}: modules can't be built: {reason}"),
            (BuildResult::Failed, _) => format!("{kernel}: failed"),
        }
    }
}
