// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust export`: puts packages of prebuilt modules into other forms.

use crate::cli::ExportForm;
use crate::pack::export::kmm::Resource;
use crate::pack::export::{Unpacked, oci, sysext};
use crate::pack::field;
use crate::system::print::print;
use anyhow::Result;
use std::path::absolute;
use std::process::ExitCode;

/// Writes the form, and prints its path or its text.
///
/// # Errors
///
/// If it can't be made.
pub fn run(form: &ExportForm) -> Result<ExitCode> {
    match form {
        ExportForm::Oci { debs, output, name } => {
            let output = absolute(output)?;
            oci::write(&Unpacked::of(debs)?, &output, name)?;
            print(output.display())?;
        }
        ExportForm::Kmm {
            debs,
            image,
            namespace,
            key_secret,
            cert_secret,
        } => {
            let resource = Resource {
                image,
                namespace,
                secrets: key_secret.as_deref().zip(cert_secret.as_deref()),
            };
            let unpacked = Unpacked::of(debs)?;
            let text = resource.text(&unpacked, &field(&debs[0], "Architecture")?)?;
            print(text.trim_end())?;
        }
        ExportForm::Sysext { debs, output, os } => {
            let output = absolute(output)?;
            sysext::write(&Unpacked::of(debs)?, &output, os)?;
            print(output.display())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
