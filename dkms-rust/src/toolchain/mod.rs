// SPDX-License-Identifier: GPL-2.0-only

//! The programs that compile: rustc, bindgen and the C compiler. Each program that is found is
//! asked for its version. May use `kernel` and `system`.

pub mod bindgen;
pub mod built_by;
pub mod compiler;
pub mod gcc;
pub mod identity;
pub mod llvm;
pub mod minimum;
pub mod programs;
pub mod rustc;
pub mod rustup;

pub use bindgen::Bindgen;
pub use compiler::Compiler;
pub use rustc::Rustc;
