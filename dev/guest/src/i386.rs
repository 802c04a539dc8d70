// SPDX-License-Identifier: GPL-2.0-only

//! A real 32-bit process, generated at run time. It makes a list of system calls with `int 0x80`,
//! so that the kernel's 32-bit entry points answer.
//!
//! Its program is an ELF file of two pages: first the headers and the code, then the data. The data
//! starts with the table of calls. When all calls are made, the process writes the whole data page
//! to its standard output.

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
/// The address at which the file is mapped, and that of its data.
const BASE: u32 = 0x0804_8000;
const DATA: u32 = BASE + PAGE;
/// The size of an entry in the table: the call's number and six arguments. The result replaces the
/// number.
const ENTRY: usize = 7 * 4;
/// The number that ends the table.
const END: u32 = u32::MAX;
/// The size of the table. The data that the calls point to follows it.
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

    /// Returns the machine code. It is position-independent, since it only jumps within itself.
    pub fn bytes() -> &'static [u8] {
        let (start, end) = (&raw const guest_i386_start, &raw const guest_i386_end);
        // SAFETY: both labels are in one section, in this order, with nothing but code between.
        unsafe { std::slice::from_raw_parts(start, end.addr() - start.addr()) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
mod code {
    /// Returns nothing: there is no 32-bit code for this architecture, and its kernels would not
    /// run any.
    pub fn bytes() -> &'static [u8] {
        &[]
    }
}

/// The system calls that the process makes, and their data.
pub struct Program {
    calls: Vec<[u32; 7]>,
    data: Vec<u8>,
}

/// The data page after the run, which contains the results of the calls.
pub struct Outcome {
    page: Vec<u8>,
}

impl Program {
    /// Creates a program without calls.
    pub fn new() -> Self {
        Self {
            calls: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Puts bytes into the process's memory, and returns their address there.
    pub fn place(&mut self, bytes: &[u8]) -> u32 {
        let address = DATA as usize + TABLE + self.data.len();
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(4), 0);
        address as u32
    }

    /// Adds a system call, and returns its index.
    pub fn call(&mut self, number: u32, arguments: &[u32]) -> usize {
        let mut call = [0; 7];
        call[0] = number;
        call[1..=arguments.len()].copy_from_slice(arguments);
        self.calls.push(call);
        self.calls.len() - 1
    }

    /// Builds the whole file.
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

    /// Runs the program from a file in this directory. Skips the case if 32-bit processes can't
    /// run.
    pub fn run(&self, folder: &Path) -> anyhow::Result<Outcome> {
        if code::bytes().is_empty() {
            return skip("no 32-bit code for this machine");
        }
        let path = folder.join("i386");
        fs::write(&path, self.image()?).with_context(|| format!("writing {}", path.display()))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .context("making it executable")?;
        // The first file that it opens gets descriptor 3, since all our other descriptors are
        // closed on exec.
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
    /// Returns the result of a call: a value, or a negative error number.
    pub fn answer(&self, call: usize) -> i32 {
        let mut word = [0; 4];
        word.copy_from_slice(&self.page[call * ENTRY..call * ENTRY + 4]);
        i32::from_le_bytes(word)
    }

    /// Returns the bytes at an address that `place` returned.
    pub fn memory(&self, address: u32, length: usize) -> &[u8] {
        let start = (address - DATA) as usize;
        &self.page[start..start + length]
    }
}

/// Builds the ELF header and two program headers. The first maps both pages at `BASE`, readable,
/// writable and executable. The second makes the stack non-executable; without it the kernel would
/// warn about an executable stack.
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
        word(&mut bytes, value); // load, offset, addresses, sizes, flags, alignment
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
