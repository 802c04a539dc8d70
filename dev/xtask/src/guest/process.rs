// SPDX-License-Identifier: GPL-2.0-only

//! A QEMU that runs, and the lines of its console.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context, Result};

use crate::guest::console;
use crate::host::run::Cmd;

/// A QEMU that runs; killed when this is dropped.
pub struct Guest {
    child: Child,
    /// Each line of its console, as it comes.
    pub lines: Receiver<String>,
}

impl Guest {
    /// Starts it. What QEMU itself says is kept beside the log of the console.
    pub fn start(cmd: Cmd, log: &Path) -> Result<Self> {
        let errors = log.with_extension("qemu");
        let stderr = File::create(&errors)
            .with_context(|| format!("cannot write the log {}", errors.display()))?;
        let mut child = cmd
            .into_inner()
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .context("cannot run qemu-system-x86_64")?;
        let stdout = child.stdout.take().context("qemu has no output to read")?;
        let (send, lines) = channel();
        // It ends with QEMU, whose end of the pipe goes then.
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut raw = Vec::new();
            while matches!(reader.read_until(b'\n', &mut raw), Ok(count) if count > 0) {
                if send
                    .send(console::shown(&String::from_utf8_lossy(&raw)))
                    .is_err()
                {
                    break;
                }
                raw.clear();
            }
        });
        Ok(Self { child, lines })
    }

    /// Ends it.
    pub fn stop(&mut self) {
        // It may have ended by itself; then there is nothing to kill and only its status to take.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stop();
    }
}
