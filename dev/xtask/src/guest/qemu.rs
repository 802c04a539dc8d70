// SPDX-License-Identifier: GPL-2.0-only

//! Boots a kernel in QEMU with a serial console, without a network, and says how it ended.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::guest::firmware::{self, Firmware};
use crate::guest::{console, serial};
use crate::host::run::{Cmd, last_lines};
use crate::host::ui;

/// A guest that is about to boot.
pub struct Vm {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// Words for the kernel besides those that every guest here gets.
    pub cmdline: String,
    /// What boots the first disk, in place of QEMU, which otherwise boots the kernel by itself.
    pub firmware: Option<Firmware>,
    /// Raw images, in the order of their names in the guest. Writes go to a copy that is thrown
    /// away.
    pub disks: Vec<PathBuf>,
    /// Memory in MiB.
    pub memory: u32,
    /// Processors.
    pub processors: u32,
    /// How its instructions are run.
    pub pace: Pace,
    /// It is killed after this long.
    pub timeout: Duration,
    /// Where all it says on the console is kept.
    pub log: PathBuf,
}

/// How a guest's instructions are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as is sure to boot.
    Fast,
    /// One after the other, and each takes a nanosecond of the guest's time.
    Counted,
    /// Each processor beside the others. Emulated, it now and then does not boot.
    Parallel,
}

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its program never said that it begins.
    DidNotBoot,
    /// It began, and the machine was gone before it said that it ends.
    Crashed,
    /// It began, and was killed when its time was over.
    TimedOut,
    /// It said that it ends.
    Finished,
}

/// What a guest left.
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// All that came on the console.
    pub console: String,
    /// How long it ran.
    pub seconds: f64,
}

/// Words that every guest's kernel gets: errors end the guest instead of leaving it hanging, and
/// warnings are seen. Nobody checks the timer: on a busy machine the emulated one may stand still
/// for so long that the kernel takes it for broken ("IO-APIC + timer doesn't work") and panics.
const CMDLINE: &str = "panic=-1 loglevel=6 no_timer_check";

/// After a guest has said that it ends it has this long to switch itself off.
const POWEROFF: Duration = Duration::from_secs(60);

/// A guest that has not begun by then will not: it takes a minute on an idle machine.
const BOOT: Duration = Duration::from_secs(300);

/// A kernel under KVM says something at once; one that hangs never does.
const PROBE: Duration = Duration::from_secs(8);

impl Vm {
    /// Boots it and hands over each line of the console as it comes. A guest that does not boot
    /// gets a second try: that says nothing of what it was to test. The first log is kept.
    pub fn run(&self, on_line: &mut dyn FnMut(&str)) -> Result<Outcome> {
        let accelerator = match self.pace {
            Pace::Counted => TCG,
            _ if Machine::of(&self.kernel)? != Machine::Amd64 => TCG,
            pace => match accelerator(&self.kernel, self.log.parent())? {
                TCG if pace == Pace::Parallel => TCG_PARALLEL,
                found => found,
            },
        };
        let outcome = self.run_with(accelerator, on_line)?;
        if outcome.end != End::DidNotBoot {
            return Ok(outcome);
        }
        let kept = self.log.with_extension("first-try.log");
        fs::rename(&self.log, &kept)
            .with_context(|| format!("cannot keep the log as {}", kept.display()))?;
        ui::say(&explain(&outcome, &kept));
        ui::say("booting it once more ...");
        self.run_with(accelerator, on_line)
    }

    fn run_with(&self, accelerator: &str, on_line: &mut dyn FnMut(&str)) -> Result<Outcome> {
        let mut log = File::create(&self.log)
            .with_context(|| format!("cannot write the log {}", self.log.display()))?;
        let begin = Instant::now();
        let mut guest = Guest::start(self.command(accelerator)?, &self.log)?;
        let mut console = String::new();
        let mut seen = Seen::default();
        let mut deadline = begin + self.timeout.min(BOOT);
        let mut killed = false;
        loop {
            match guest
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    writeln!(log, "{line}").context("cannot write the console's log")?;
                    match seen.look(&line) {
                        Some(Mark::Begin) => deadline = begin + self.timeout,
                        Some(Mark::End) => deadline = deadline.min(Instant::now() + POWEROFF),
                        None => {}
                    }
                    on_line(&line);
                    console.push_str(&line);
                    console.push('\n');
                }
                Err(RecvTimeoutError::Timeout) => {
                    killed = true;
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        guest.stop();
        let seconds = begin.elapsed().as_secs_f64();
        Ok(Outcome {
            end: seen.end(killed),
            console,
            seconds,
        })
    }

    /// All words for the kernel.
    pub fn words(&self) -> Result<String> {
        let console = Machine::of(&self.kernel)?.console();
        Ok(format!("console={console} {CMDLINE} {}", self.cmdline))
    }

    fn command(&self, accelerator: &str) -> Result<Cmd> {
        let machine = Machine::of(&self.kernel)?;
        let firmware = self.firmware.as_ref();
        let cpu = match (accelerator, self.pace) {
            (KVM, _) => "host",
            (_, pace) => machine.cpu(pace),
        };
        let model = firmware.map_or(machine.model(), |_| firmware::MODEL);
        let mut cmd = Cmd::new(machine.program())
            .args(["-M", model])
            .args(["-accel", accelerator, "-cpu", cpu])
            .args(["-smp", &self.processors.to_string()])
            .args(["-m", &self.memory.to_string()])
            .args(["-display", "none", "-monitor", "none", "-serial", "stdio"])
            .args(["-nic", "none", "-no-reboot", "-nodefaults"]);
        cmd = match firmware {
            Some(firmware) => firmware.add_to(cmd),
            None => cmd
                .arg("-kernel")
                .arg(&self.kernel)
                .args(["-append", &self.words()?]),
        };
        if self.pace == Pace::Counted {
            cmd = cmd.args(["-icount", "shift=0,sleep=off"]);
        }
        if self.initramfs.as_os_str().is_empty() {
            return Ok(cmd);
        }
        if firmware.is_none() {
            cmd = cmd.arg("-initrd").arg(&self.initramfs);
        }
        for (number, disk) in self.disks.iter().enumerate() {
            // A comma in a path would begin the next option.
            let path = disk.to_string_lossy().replace(',', ",,");
            cmd = cmd
                .arg("-drive")
                .arg(format!(
                    "file={path},format=raw,if=none,id=d{number},snapshot=on"
                ))
                .arg("-device")
                .arg(format!("virtio-blk-pci,drive=d{number}"));
        }
        Ok(cmd)
    }
}

/// What a kernel is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Debian's amd64.
    Amd64,
    /// Debian's arm64.
    Arm64,
}

impl Machine {
    /// Looks into a kernel.
    pub fn of(kernel: &Path) -> Result<Self> {
        let mut head = [0; 64];
        File::open(kernel)
            .and_then(|mut file| file.read_exact(&mut head))
            .with_context(|| format!("cannot read the kernel {}", kernel.display()))?;
        // Its boot protocol's magic number; what has none is taken for the other.
        Ok(match &head[56..60] {
            b"ARM\x64" => Self::Arm64,
            _ => Self::Amd64,
        })
    }

    fn program(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    fn model(self) -> &'static str {
        match self {
            Self::Amd64 => "pc",
            Self::Arm64 => "virt",
        }
    }

    fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    fn cpu(self, pace: Pace) -> &'static str {
        match (self, pace) {
            (Self::Arm64, _) => "cortex-a57",
            // Where instructions are counted they are to be those of a real processor.
            (Self::Amd64, Pace::Counted) => "qemu64",
            // The vector instructions of a newer one cost more than they save: apt install took
            // 174 s with this, 215 s with `max`. And QEMU 7.2 now and then takes RAX for the flags
            // after cmpxchg16b, which a kernel's allocator uses if there is one: 7 of 8 boots of
            // 6.12's cloud kernel died of that, and none of 8 without.
            (Self::Amd64, _) => "qemu64,-cx16",
        }
    }
}

/// Which of the guest's own marks were seen.
#[derive(Default)]
struct Seen {
    begin: bool,
    end: bool,
}

/// A line by which the guest's program marks its way.
enum Mark {
    Begin,
    End,
}

impl Seen {
    /// Takes a line in, and says which mark it is when it is seen for the first time.
    fn look(&mut self, line: &str) -> Option<Mark> {
        if !self.begin && line.starts_with(serial::BEGIN) {
            self.begin = true;
            return Some(Mark::Begin);
        }
        if self.begin && !self.end && line.starts_with(serial::END) {
            self.end = true;
            return Some(Mark::End);
        }
        None
    }

    fn end(&self, killed: bool) -> End {
        match (self.begin, self.end, killed) {
            (_, true, _) => End::Finished,
            (false, ..) => End::DidNotBoot,
            (true, false, true) => End::TimedOut,
            (true, false, false) => End::Crashed,
        }
    }
}

/// A QEMU that runs; killed when this is dropped.
struct Guest {
    child: Child,
    lines: Receiver<String>,
}

impl Guest {
    fn start(cmd: Cmd, log: &Path) -> Result<Self> {
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

    fn stop(&mut self) {
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

const KVM: &str = "kvm";
/// One thread for all processors: with one for each, a kernel that patches its own code while it
/// boots now and then stops or oopses before any of our code has run (2 of 16 boots on QEMU 7.2).
const TCG: &str = "tcg,thread=single";
const TCG_PARALLEL: &str = "tcg,thread=multi";

/// The fastest accelerator that really boots this kernel. A /dev/kvm that opens proves nothing:
/// inside many virtual machines it is there and does not work.
fn accelerator(kernel: &Path, logs: Option<&Path>) -> Result<&'static str> {
    static FOUND: OnceLock<&'static str> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Ok(found);
    }
    let opens = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    let found = if opens && kvm_boots(kernel, logs)? {
        KVM
    } else {
        TCG
    };
    ui::say(&format!("QEMU runs guests with -accel {found}"));
    Ok(FOUND.get_or_init(|| found))
}

fn kvm_boots(kernel: &Path, logs: Option<&Path>) -> Result<bool> {
    let vm = Vm {
        kernel: kernel.to_path_buf(),
        initramfs: PathBuf::new(),
        // Without a root it panics, and -no-reboot ends it.
        cmdline: "earlyprintk=ttyS0".into(),
        firmware: None,
        disks: Vec::new(),
        memory: 512,
        processors: 1,
        pace: Pace::Fast,
        timeout: PROBE,
        log: logs.unwrap_or(Path::new(".")).join("kvm-probe.log"),
    };
    let outcome = vm.run_with(KVM, &mut |_| {})?;
    Ok(outcome.console.contains("VFS: Unable to mount root fs"))
}

/// A sentence for a guest that did not come to its end.
pub fn explain(outcome: &Outcome, log: &Path) -> String {
    let what = match outcome.end {
        End::DidNotBoot => "the guest did not boot",
        End::Crashed => "the guest crashed",
        End::TimedOut => "the guest did not end in time",
        End::Finished => "the guest ended",
    };
    let mut text = format!(
        "{what} after {:.0} s; its console: {}",
        outcome.seconds,
        log.display()
    );
    for line in last_lines(&outcome.console, 15) {
        text.push_str("\n    ");
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_s_machine_is_told_by_its_head() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("vmlinuz");
        let mut head = vec![0; 64];
        fs::write(&kernel, &head).unwrap();
        assert_eq!(Machine::of(&kernel).unwrap(), Machine::Amd64);
        head[56..60].copy_from_slice(b"ARMd");
        fs::write(&kernel, &head).unwrap();
        assert_eq!(Machine::of(&kernel).unwrap(), Machine::Arm64);
        fs::write(&kernel, "short").unwrap();
        assert!(Machine::of(&kernel).is_err());
    }

    fn end_of(lines: &[&str], killed: bool) -> End {
        let mut seen = Seen::default();
        for line in lines {
            seen.look(line);
        }
        seen.end(killed)
    }

    #[test]
    fn a_guest_that_never_began_did_not_boot() {
        assert_eq!(
            end_of(&["[    0.0] Linux version 7"], false),
            End::DidNotBoot
        );
        assert_eq!(
            end_of(&["[    0.0] Linux version 7"], true),
            End::DidNotBoot
        );
    }

    #[test]
    fn a_guest_that_began_and_went_away_crashed() {
        assert_eq!(
            end_of(&["GUEST begin kernel=7", "CASE a ok"], false),
            End::Crashed
        );
    }

    #[test]
    fn a_guest_that_began_and_was_killed_timed_out() {
        assert_eq!(end_of(&["GUEST begin kernel=7"], true), End::TimedOut);
    }

    #[test]
    fn a_guest_that_said_its_end_finished_however_it_was_switched_off() {
        let lines = [
            "GUEST begin kernel=7",
            "GUEST end passed=0 failed=0 skipped=0",
        ];
        assert_eq!(end_of(&lines, true), End::Finished);
        assert_eq!(end_of(&lines, false), End::Finished);
    }
}
