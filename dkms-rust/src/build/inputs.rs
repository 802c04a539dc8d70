// SPDX-License-Identifier: GPL-2.0-only

//! The inputs of a build tree: everything that it is made of, and that decides whether it is still
//! right.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All inputs of a tree, by name. They decide whether the tree is still right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs(BTreeMap<String, String>);

/// The input with the fingerprint of the headers.
pub const HEADERS: &str = "headers";

/// The inputs that may be unknown: a kept tree may outlive its slice and its rustc's library.
const SLICE: &str = "slice";
const LIBRARY: &str = "rust-src";

impl Inputs {
    /// Makes inputs from pairs of a name and a value.
    pub fn new<'a>(inputs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(inputs.into_iter().map(owned).collect())
    }

    /// Returns the value of an input.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns these inputs with the digest of the slice added.
    pub fn with_slice(mut self, digest: String) -> Self {
        self.0.insert(SLICE.to_owned(), digest);
        self
    }

    /// Returns these inputs with the digest of rustc's library added.
    pub fn with_library(mut self, digest: String) -> Self {
        self.0.insert(LIBRARY.to_owned(), digest);
        self
    }

    /// Returns whether all inputs that both sides know are the same.
    pub fn agree(&self, other: &Self) -> bool {
        let both = |name: &str| self.0.contains_key(name) && other.0.contains_key(name);
        let known = |name: &str| ![SLICE, LIBRARY].contains(&name) || both(name);
        let names: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let mut names = names.into_iter().filter(|name| known(name));
        names.all(|name| self.0.get(name) == other.0.get(name))
    }

    /// Returns the name of the tree with these inputs.
    pub fn name(&self) -> String {
        let mut hash = blake3::Hasher::new();
        for part in self.0.iter().flat_map(|(name, value)| [name, value]) {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().to_hex()[..24].to_owned()
    }
}
