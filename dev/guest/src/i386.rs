// SPDX-License-Identifier: GPL-2.0-only

//! A true 32-bit process, made on the spot: a list of system calls that it carries out through
//! `int 0x80`, so that the kernel's 32-bit entry points are what answers.
//!
//! Its program is an ELF file of two pages: header and code, then the data. The data starts with
//! the table of calls; when all are done the process writes the whole data page to its output.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context as _;
use anyhow::ensure;

use crate::check::skip;

/// Numbers of the system calls, from the i386 table.
pub mod call {
    pub const READ: u32 = 3;
    pub const WRITE: u32 = 4;
    pub const OPEN: u32 = 5;
    pub const LSEEK: u32 = 19;
    pub const IOCTL: u32 = 54;
    pub const LLSEEK: u32 = 140;
    pub const READV: u32 = 145;
    pub const WRITEV: u32 = 146;
    pub const POLL: u32 = 168;
    pub const PREAD64: u32 = 180;
    pub const PWRITE64: u32 = 181;
    pub const MMAP2: u32 = 192;
    pub const PREADV: u32 = 333;
}

const PAGE: u32 = 4096;
const HEADERS: usize = 52 + 2 * 32;
/// Where the file is mapped, and where in it the data starts.
const BASE: u32 = 0x0804_8000;
const DATA: u32 = BASE + PAGE;
/// A call in the table: its number, six arguments. The answer takes the number's place.
const ENTRY: usize = 7 * 4;
/// Ends the table.
const END: u32 = u32::MAX;
/// Room for the table; what the calls point to lies behind it.
const TABLE: usize = 2048;

#[cfg(target_arch = "x86_64")]
mod code {
    core::arch::global_asm!(
        ".pushsection .rodata.guest_i386, \"a\"",
        ".code32",
        "guest_i386_start:",
        "    mov esi, {data}",
        "2:  mov eax, dword ptr [esi]",
        "    cmp eax, {end}",
        "    je 3f",
        "    push esi",
        "    mov ebx, dword ptr [esi + 4]",
        "    mov ecx, dword ptr [esi + 8]",
        "    mov edx, dword ptr [esi + 12]",
        "    mov edi, dword ptr [esi + 20]",
        "    mov ebp, dword ptr [esi + 24]",
        "    mov esi, dword ptr [esi + 16]",
        "    int 0x80",
        "    pop esi",
        "    mov dword ptr [esi], eax",
        "    add esi, {entry}",
        "    jmp 2b",
        // write(1, data, page), then exit(0)
        "3:  mov eax, 4",
        "    mov ebx, 1",
        "    mov ecx, {data}",
        "    mov edx, {page}",
        "    int 0x80",
        "    mov eax, 1",
        "    xor ebx, ebx",
        "    int 0x80",
        "guest_i386_end:",
        ".code64",
        ".popsection",
        data = const super::DATA,
        page = const super::PAGE,
        entry = const super::ENTRY,
        end = const -1,
    );

    unsafe extern "C" {
        static guest_i386_start: u8;
        static guest_i386_end: u8;
    }

    /// The machine code; it works wherever it stands, as it only jumps within itself.
    pub fn bytes() -> &'static [u8] {
        let (start, end) = (&raw const guest_i386_start, &raw const guest_i386_end);
        // SAFETY: both labels are in one section, in this order, with nothing but code between.
        unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod code {
    /// There is no 32-bit code for this machine, and no kernel of it would run any.
    pub fn bytes() -> &'static [u8] {
        &[]
    }
}

/// What the process is to do.
pub struct Program {
    calls: Vec<[u32; 7]>,
    data: Vec<u8>,
}

/// What it did: the answers, in the order of the calls, and its data page.
pub struct Outcome {
    page: Vec<u8>,
}

impl Program {
    /// One that does nothing yet.
    pub fn new() -> Self {
        Self {
            calls: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Puts bytes into the process's memory, and gives their address in it.
    pub fn place(&mut self, bytes: &[u8]) -> u32 {
        let address = DATA as usize + TABLE + self.data.len();
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        address as u32
    }

    /// Adds a call; its number in the order of calls comes back.
    pub fn call(&mut self, number: u32, arguments: &[u32]) -> usize {
        let mut call = [0; 7];
        call[0] = number;
        call[1..=arguments.len()].copy_from_slice(arguments);
        self.calls.push(call);
        self.calls.len() - 1
    }

    /// The whole file.
    fn image(&self) -> anyhow::Result<Vec<u8>> {
        let code = code::bytes();
        ensure!(
            HEADERS + code.len() <= PAGE as usize,
            "the code does not fit its page"
        );
        ensure!((self.calls.len() + 1) * ENTRY <= TABLE, "too many calls");
        ensure!(
            TABLE + self.data.len() <= PAGE as usize,
            "the data does not fit its page"
        );
        let mut image = headers();
        image.extend(code);
        image.resize(PAGE as usize, 0);
        for word in self.calls.iter().flatten().chain([&END]) {
            image.extend(word.to_le_bytes());
        }
        image.resize(PAGE as usize + TABLE, 0);
        image.extend(&self.data);
        image.resize(2 * PAGE as usize, 0);
        Ok(image)
    }

    /// Runs it from a file in this folder; skips the case where no 32-bit process can run.
    pub fn run(&self, folder: &Path) -> anyhow::Result<Outcome> {
        if code::bytes().is_empty() {
            return skip("no 32-bit code for this machine");
        }
        let path = folder.join("i386");
        fs::write(&path, self.image()?).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .context("making it executable")?;
        // Its first open gets descriptor 3: all that we have beyond these is closed on exec.
        let output = Command::new(&path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let output = match output {
            Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
                return skip(format!("this kernel runs no 32-bit programs: {error}"));
            }
            output => output.context("running a 32-bit program")?,
        };
        ensure!(
            output.status.success(),
            "the 32-bit program ended with {}",
            output.status
        );
        ensure!(
            output.stdout.len() == PAGE as usize,
            "the 32-bit program wrote {} bytes, a page was wanted",
            output.stdout.len()
        );
        Ok(Outcome {
            page: output.stdout,
        })
    }
}

impl Outcome {
    /// What a call came to: an answer, or the negative of an error's number.
    pub fn answer(&self, call: usize) -> i32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.page[call * ENTRY..call * ENTRY + 4]);
        i32::from_le_bytes(word)
    }

    /// What stands at an address that `place` gave.
    pub fn memory(&self, address: u32, length: usize) -> &[u8] {
        let start = (address - DATA) as usize;
        &self.page[start..start + length]
    }
}

/// The ELF header and two program headers: both pages at `BASE`, to read, write and run; and a
/// stack that is not to be run, as the kernel warns of those that say nothing.
fn headers() -> Vec<u8> {
    let mut bytes = Vec::from(*b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    let half = |bytes: &mut Vec<u8>, value: u16| bytes.extend(value.to_le_bytes());
    let word = |bytes: &mut Vec<u8>, value: u32| bytes.extend(value.to_le_bytes());
    half(&mut bytes, 2); // e_type: executable
    half(&mut bytes, 3); // e_machine: 386
    word(&mut bytes, 1); // e_version
    word(&mut bytes, BASE + HEADERS as u32); // e_entry
    word(&mut bytes, 52); // e_phoff
    word(&mut bytes, 0); // e_shoff
    word(&mut bytes, 0); // e_flags
    for value in [52, 32, 2, 40, 0, 0] {
        half(&mut bytes, value); // sizes and numbers of headers
    }
    for value in [1, 0, BASE, BASE, 2 * PAGE, 2 * PAGE, 7, PAGE] {
        word(&mut bytes, value); // load, offset, addresses, sizes, rights, alignment
    }
    for value in [0x6474_e551, 0, 0, 0, 0, 0, 6, 16] {
        word(&mut bytes, value); // stack: readable and writable
    }
    bytes
}

#[cfg(test)]
mod tests {
    use object::Object as _;

    use super::*;

    #[test]
    fn the_image_is_an_i386_program_that_starts_at_its_code() {
        let mut program = Program::new();
        let text = program.place(b"abc");
        program.call(call::READ, &[1, 2, text]);
        let image = program.image().unwrap();
        let file = object::File::parse(&*image).unwrap();
        assert_eq!(file.architecture(), object::Architecture::I386);
        assert_eq!(file.entry(), u64::from(BASE) + HEADERS as u64);
        assert_eq!(image[PAGE as usize], call::READ as u8);
        let place = (text - BASE) as usize;
        assert_eq!(&image[place..place + 4], b"abc\0");
    }

    #[test]
    fn a_program_that_does_not_fit_is_refused() {
        let mut program = Program::new();
        program.place(&[0; 4096]);
        assert!(program.image().is_err());
    }

    #[test]
    fn it_reads_a_file_where_the_kernel_runs_32_bit_programs() {
        let folder = std::env::temp_dir().join(format!("guest-i386-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("text"), "Hello\n").unwrap();
        let mut program = Program::new();
        let name = format!("{}\0", folder.join("text").display());
        let name = program.place(name.as_bytes());
        let buffer = program.place(&[0; 16]);
        let open = program.call(call::OPEN, &[name, 0, 0]);
        let bad = program.call(call::READ, &[999, buffer, 16]);
        let outcome = program.run(&folder);
        fs::remove_dir_all(&folder).unwrap();
        match outcome {
            Ok(outcome) => {
                assert!(outcome.answer(open) > 2);
                assert_eq!(outcome.answer(bad), -libc::EBADF);
            }
            Err(error) => assert!(error.is::<crate::check::Skip>(), "{error:#}"),
        }
    }
}
