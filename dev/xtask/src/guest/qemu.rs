// SPDX-License-Identifier: GPL-2.0-only

//! Boots a kernel in QEMU, with a serial console and without network, and returns how it ended.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::guest::firmware::{self, Firmware};
use crate::guest::machine::{Machine, Pace};
use crate::guest::outcome::{End, Mark, Outcome, Seen};
use crate::guest::process::Guest;
use crate::host::run::Cmd;
use crate::host::ui;

/// A guest that is ready to boot.
pub struct Vm {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initramfs: PathBuf,
    /// Kernel parameters in addition to those that every guest gets.
    pub cmdline: String,
    /// Firmware that boots the first disk. Without it, QEMU itself boots the kernel.
    pub firmware: Option<Firmware>,
    /// Raw images, in the order of their names in the guest. Writes go to a temporary copy.
    pub disks: Vec<PathBuf>,
    /// Other devices, by their QEMU names.
    pub devices: &'static [&'static str],
    /// Memory in MiB.
    pub memory: u32,
    /// The number of processors.
    pub processors: u32,
    /// How instructions are executed.
    pub pace: Pace,
    /// The guest is killed after this time.
    pub timeout: Duration,
    /// Where its console output is logged.
    pub log: PathBuf,
}

/// Kernel parameters of every guest. Errors end the guest instead of hanging it, and warnings are
/// shown. The timer check is off: on a busy machine, the emulated timer may stand still for so long
/// that the kernel takes it for broken ("IO-APIC + timer doesn't work") and panics.
const CMDLINE: &str = "panic=-1 loglevel=6 no_timer_check";

/// How long a guest may take to power off after it has reported its end.
const POWEROFF: Duration = Duration::from_secs(60);

/// How long a guest may take to report its start. On an idle machine it takes a minute.
const BOOT: Duration = Duration::from_secs(300);

/// How long the KVM probe waits. A working kernel prints something at once, a hanging one never.
const PROBE: Duration = Duration::from_secs(8);

impl Vm {
    /// Boots the guest, and passes on each console line as it arrives. A guest that does not boot
    /// gets a second try: a failed boot says nothing about what is tested. The first log is kept.
    pub fn run(&self, on_line: &mut dyn FnMut(&str)) -> Result<Outcome> {
        let accelerator = match self.pace {
            Pace::Counted => TCG,
            _ if Machine::of(&self.kernel)? != Machine::Amd64 => TCG,
            pace => match accelerator(&self.kernel, self.log.parent())? {
                TCG if pace == Pace::Parallel => TCG_PARALLEL,
                found => found,
            },
        };
        let mut outcome = self.run_with(accelerator, on_line)?;
        if outcome.end != End::DidNotBoot {
            return Ok(outcome);
        }
        let kept = self.log.with_extension("first-try.log");
        fs::rename(&self.log, &kept)
            .with_context(|| format!("cannot keep the log as {}", kept.display()))?;
        outcome.log = kept;
        ui::say(&outcome.explain());
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
            log: self.log.clone(),
        })
    }

    /// Returns all kernel parameters.
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
        for device in self.devices {
            cmd = cmd.args(["-device", device]);
        }
        for (number, disk) in self.disks.iter().enumerate() {
            // QEMU takes a comma for the start of the next option, unless it is doubled.
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

const KVM: &str = "kvm";
/// One thread for all processors. With one thread each, a kernel that patches its own code during
/// boot sometimes stops or oopses before any of our code has run (2 of 16 boots with QEMU 7.2).
const TCG: &str = "tcg,thread=single";
const TCG_PARALLEL: &str = "tcg,thread=multi";

/// Returns the fastest accelerator that actually boots this kernel. That /dev/kvm can be opened
/// proves nothing: in many virtual machines it exists but does not work.
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
        // Without a root file system the kernel panics, and -no-reboot ends QEMU.
        cmdline: "earlyprintk=ttyS0".into(),
        firmware: None,
        disks: Vec::new(),
        devices: &[],
        memory: 512,
        processors: 1,
        pace: Pace::Fast,
        timeout: PROBE,
        log: logs.unwrap_or(Path::new(".")).join("kvm-probe.log"),
    };
    let outcome = vm.run_with(KVM, &mut |_| {})?;
    Ok(outcome.console.contains("VFS: Unable to mount root fs"))
}
