// SPDX-License-Identifier: GPL-2.0-only

//! The kernel log, through `/dev/kmsg`.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::io::Read as _;
use std::io::Seek as _;
use std::io::SeekFrom;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use anyhow::Context as _;
use anyhow::bail;

const PATH: &str = "/dev/kmsg";

/// Writes a line to the log, at a level that reaches the console. Returns false if it can't.
pub fn say(line: &str) -> bool {
    // Level 4 is for warnings, the least severe that the console shows (see `boot`).
    OpenOptions::new()
        .write(true)
        .open(PATH)
        .and_then(|mut log| log.write_all(format!("<4>{line}\n").as_bytes()))
        .is_ok()
}

/// One record of the log.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The facility of the writer: 0 is the kernel.
    pub facility: u32,
    /// The text of the message.
    pub text: String,
}

impl Record {
    /// Parses one read of `/dev/kmsg`: `priority,sequence,time,flags;text\n key=value`.
    fn parse(raw: &str) -> Option<Self> {
        let (head, body) = raw.split_once(';')?;
        let priority: u32 = head.split(',').next()?.parse().ok()?;
        Some(Self {
            facility: priority >> 3,
            text: body.lines().next().unwrap_or_default().to_owned(),
        })
    }
}

/// A position in the log; what comes after it is new.
pub struct Cursor(File);

impl Cursor {
    /// Returns a cursor at the current end of the log.
    pub fn at_end() -> anyhow::Result<Self> {
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(PATH)
            .with_context(|| format!("opening {PATH}"))?;
        file.seek(SeekFrom::End(0))
            .with_context(|| format!("going to the end of {PATH}"))?;
        Ok(Self(file))
    }

    /// Returns what the kernel, and not a program, wrote since the last call.
    pub fn new_records(&mut self) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        let mut raw = [0; 8192];
        loop {
            match self.0.read(&mut raw) {
                Ok(length) => records.extend(
                    Record::parse(&String::from_utf8_lossy(&raw[..length]))
                        .filter(|record| record.facility == 0),
                ),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(records),
                // EPIPE means that records were overwritten before we read them.
                Err(error) => return Err(error).with_context(|| format!("reading {PATH}")),
            }
        }
    }

    /// Checks that each of these lines is in what the kernel wrote since the last call.
    pub fn has_lines(&mut self, lines: &[&str]) -> anyhow::Result<()> {
        let records = self.new_records()?;
        let missing = lines
            .iter()
            .find(|line| !records.iter().any(|record| record.text.contains(**line)));
        if let Some(line) = missing {
            let said: Vec<_> = records.iter().map(|record| &record.text).collect();
            bail!("the log has no {line:?}: {said:#?}");
        }
        Ok(())
    }

    /// Returns the new lines that the module of this name wrote.
    pub fn new_lines_of(&mut self, module: &str) -> anyhow::Result<Vec<String>> {
        let prefix = format!("{module}:");
        let records = self.new_records()?;
        Ok(records
            .into_iter()
            .map(|record| record.text)
            .filter(|text| text.starts_with(&prefix))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_kernel() {
        let record = Record::parse("6,339,5140900,-;procDriver: hello\n SUBSYSTEM=x\n").unwrap();
        assert_eq!(record.facility, 0);
        assert_eq!(record.text, "procDriver: hello");
    }

    #[test]
    fn a_record_of_a_program_keeps_its_facility() {
        let record = Record::parse("12,340,5140901,-;guest: case a;b\n").unwrap();
        assert_eq!(record.facility, 1);
        assert_eq!(record.text, "guest: case a;b");
    }

    #[test]
    fn what_is_no_record_is_none() {
        assert_eq!(Record::parse("no record"), None);
        assert_eq!(Record::parse("x,1;text"), None);
    }
}
