// SPDX-License-Identifier: GPL-2.0-only

//! The commands that users type, one file each; `status` is a room of its own. This is the highest
//! room: it may use all other rooms, and none of them may use it.

mod check;
mod clean;
mod export;
mod kdir;
mod make;
mod new;
mod own_cache;
mod package;
mod prebuild;
mod preflight;
mod ready;
mod source;

use crate::cli::{Cli, Command, FleetAction, KernelArg};
use crate::fleet;
use crate::kernel::refusal::Refusal;
use crate::pack;
use crate::status;
use crate::system::System;
use crate::system::child;
use crate::system::print::{print, tell};
use anyhow::Result;
use clap::Parser;
use std::process::ExitCode;

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Whatever root's umask is, everybody can read root's files, and only root can write to them.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    if let Err(error) = child::watch_signals() {
        tell(format_args!("can't watch for signals: {error}"));
        return ExitCode::FAILURE;
    }
    let result = run(&cli.command);
    // If interrupted, unfinished files are removed by now, and an incomplete answer must not be
    // returned.
    child::end_if_interrupted();
    match result {
        Ok(code) => code,
        Err(error) => {
            tell(format_args!("{error:#}"));
            match error.downcast_ref::<Refusal>() {
                Some(_) => ExitCode::from(Refusal::EXIT),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn run(command: &Command) -> Result<ExitCode> {
    let here = System::here();
    let with = |kernel: &KernelArg| {
        let system = here.clone().with_headers(kernel.headers.clone());
        own_cache::with(system, &kernel.release()?, kernel.cache.as_deref())
    };
    match command {
        Command::Make { kernel, args } => make::run(&with(kernel)?, &kernel.release()?, args),
        Command::Kdir { kernel } => kdir::run(&with(kernel)?, &kernel.release()?),
        Command::Source {
            kernel,
            from,
            fetch,
            force,
        } => source::run(
            &with(kernel)?,
            &kernel.release()?,
            from.as_deref(),
            *fetch,
            *force,
        ),
        Command::Check {
            kernel,
            quiet,
            json,
        } => {
            let release = kernel.release()?;
            check::run(&with(kernel)?, &release, *quiet, *json)
        }
        Command::Status { all, json } => status::run(&here, *all, *json),
        Command::Preflight {
            headers,
            source,
            all,
            json,
            cache,
            args,
        } => {
            let request = preflight::Request {
                source: source.as_deref(),
                cache: cache.as_deref(),
                json: *json,
                args,
            };
            match all {
                true => request.all(&here),
                false => request.elsewhere(headers),
            }
        }
        Command::Pack {
            source,
            kernel,
            key,
            certificate,
            rebuild,
            output,
            load,
            in_use,
        } => {
            let request = pack::Request {
                name: &source.name,
                version: &source.version,
                release: &kernel.release()?,
                key: key.as_deref().zip(certificate.as_deref()),
                rebuild: *rebuild,
                output,
                load,
                in_use,
            };
            let deb = pack::run(&with(kernel)?, &request)?;
            print(deb.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Export { form } => export::run(form),
        Command::Fleet {
            action: FleetAction::Build { file, again, json },
        } => fleet::build(file, *again, *json),
        Command::New {
            name,
            directory,
            debhelper,
        } => new::run(name, directory.as_deref(), *debhelper),
        Command::Package { action } => package::run(&here, action),
        Command::Prebuild {
            kernel,
            source,
            args,
        } => {
            let release = kernel.release()?;
            prebuild::run(
                &with(kernel)?,
                &source.name,
                &source.version,
                &release,
                args,
            )
        }
        Command::Clean { kernel, stale } => clean::run(&here, kernel.as_ref(), *stale),
    }
}
