// SPDX-License-Identifier: GPL-2.0-only

//! A running QEMU, and the lines of its console.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::{Context, Result};

use crate::guest::console;
use crate::host::run::Cmd;

/// A running QEMU, which is killed on drop.
pub struct Guest {
    child: Child,
    /// The lines of its console, as they arrive.
    pub lines: Receiver<String>,
}

impl Guest {
    /// Starts QEMU. Its own messages go to a file beside the console's log.
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
        // This thread ends when QEMU does, because that closes the pipe.
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

    /// Kills QEMU and waits for it.
    pub fn stop(&mut self) {
        // It may have ended by itself; then only its status is left to collect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.stop();
    }
}
