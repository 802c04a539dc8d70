// SPDX-License-Identifier: GPL-2.0-only

//! Checks that `dkms-rust` and `xtask` keep to their rooms. A room is a top-level module of a crate,
//! usually a directory. The rooms of a crate have an order, and each uses only rooms before it. Also
//! checks that no two files import each other, in however many steps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, UsePath, UseTree};

/// A crate's rooms from the lowest to the highest. Those on a line do not use each other.
struct House {
    src: &'static str,
    rooms: &'static [&'static [&'static str]],
}

const HOUSES: &[House] = &[
    House {
        src: "dkms-rust/src",
        rooms: &[
            &["system"],
            &["kernel", "scaffold"],
            &["source", "toolchain"],
            &["build"],
            &["status"],
            &["package"],
            &["pack"],
            &["fleet"],
            &["cli"],
            &["commands"],
        ],
    },
    House {
        src: "dev/xtask/src",
        rooms: &[
            &["host"],
            &["package", "report"],
            &["debian"],
            &["guest"],
            &["bench", "demo", "life", "matrix"],
            &["test"],
        ],
    },
];

/// A file's place in its crate, such as `["kernel", "release"]`.
type Module = Vec<String>;

/// For each file of a crate the files that it imports from, by their modules.
fn imports(src: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut texts = BTreeMap::new();
    read(src, &mut Vec::new(), &mut texts);
    let known: BTreeSet<Module> = texts.keys().cloned().collect();
    texts
        .iter()
        .map(|(module, text)| {
            let mut used = paths(module, text);
            for path in &mut used {
                while !path.is_empty() && !known.contains(path) {
                    path.pop();
                }
            }
            let used = used
                .into_iter()
                .filter(|used| used != module && !used.is_empty());
            (module.clone(), used.collect())
        })
        .collect()
}

fn read(folder: &Path, inside: &mut Module, texts: &mut BTreeMap<Module, String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|err| panic!("{}: {err}", folder.display()));
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            inside.push(name);
            read(&path, inside, texts);
            inside.pop();
            continue;
        }
        // The crate's own file imports rooms and is imported by none.
        let counts = !["lib", "main"].contains(&name.as_str()) && !name.ends_with("tests");
        if counts && path.extension().is_some_and(|end| end == "rs") {
            let mut module = inside.clone();
            if name != "mod" {
                module.push(name);
            }
            let text = fs::read_to_string(&path).unwrap();
            texts.entry(module).or_default().push_str(&text);
        }
    }
}

/// The paths into its own crate that a file names, from the crate's root.
fn paths(module: &[String], text: &str) -> Vec<Module> {
    let file = syn::parse_file(text).unwrap_or_else(|err| panic!("{}: {err}", module.join("::")));
    let mut names = Names::default();
    names.visit_file(&file);
    let inside = |path: Module| {
        let mut parts = path.into_iter().peekable();
        let mut base = match parts.next()?.as_str() {
            "crate" => Vec::new(),
            "super" => module[..module.len().saturating_sub(1)].to_vec(),
            own if names.children.contains(own) => [module, &[own.to_owned()]].concat(),
            _ => return None,
        };
        while parts.next_if(|part| part == "super").is_some() {
            base.pop();
        }
        base.extend(parts);
        Some(base)
    };
    names.paths.iter().cloned().filter_map(inside).collect()
}

/// Every path in a file, but for those that only its tests have.
#[derive(Default)]
struct Names {
    paths: Vec<Module>,
    /// The modules that it declares: what begins with one of them is a path of its own.
    children: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, mut path: Module, tree: &UseTree) {
        match tree {
            UseTree::Path(UsePath { ident, tree, .. }) => {
                path.push(ident.to_string());
                self.add(path, tree);
            }
            UseTree::Group(group) => group
                .items
                .iter()
                .for_each(|tree| self.add(path.clone(), tree)),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                self.paths.push(path);
            }
            UseTree::Rename(name) => {
                path.push(name.ident.to_string());
                self.paths.push(path);
            }
            UseTree::Glob(_) => self.paths.push(path),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add(Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts = path.segments.iter();
        self.paths
            .push(parts.map(|part| part.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let test = |attribute: &Attribute| {
            let condition = attribute.parse_args::<syn::Ident>();
            attribute.path().is_ident("cfg") && condition.is_ok_and(|name| name == "test")
        };
        if !item.attrs.iter().any(test) {
            self.children.insert(item.ident.to_string());
            visit::visit_item_mod(self, item);
        }
    }
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

#[test]
fn each_room_uses_only_those_below_it() {
    for house in HOUSES {
        let floor = |room: &str| {
            house
                .rooms
                .iter()
                .position(|floor| floor.contains(&room))
                .unwrap_or_else(|| panic!("{}: which floor is the room {room} on?", house.src))
        };
        for (module, used) in imports(&root().join(house.src)) {
            let Some(room) = module.first() else { continue };
            for used in used.iter().filter(|used| used[0] != *room) {
                assert!(
                    floor(&used[0]) < floor(room),
                    "{}: {} uses {}",
                    house.src,
                    module.join("::"),
                    used.join("::")
                );
            }
        }
    }
}

#[test]
fn no_file_imports_itself_by_way_of_others() {
    for house in HOUSES {
        let mut imports = imports(&root().join(house.src));
        // Take away what imports nothing that is left, until nothing is or all that is, is circles.
        loop {
            let done: Vec<Module> = imports
                .iter()
                .filter(|(_, used)| !used.iter().any(|used| imports.contains_key(used)))
                .map(|(module, _)| module.clone())
                .collect();
            if done.is_empty() {
                break;
            }
            imports.retain(|module, _| !done.contains(module));
        }
        let circle: Vec<_> = imports.keys().map(|module| module.join("::")).collect();
        assert!(circle.is_empty(), "{}: circles among {circle:?}", house.src);
    }
}

#[test]
fn each_room_says_what_is_inside_and_what_it_may_use() {
    for house in HOUSES {
        for room in house.rooms.iter().flat_map(|floor| floor.iter()) {
            let src = root().join(house.src);
            let text = [format!("{room}/mod.rs"), format!("{room}.rs")]
                .iter()
                .find_map(|name| fs::read_to_string(src.join(name)).ok())
                .unwrap_or_else(|| panic!("{}: no room {room}", house.src));
            let head: Vec<&str> = text
                .lines()
                .skip_while(|line| !line.starts_with("//!"))
                .take_while(|line| line.starts_with("//!"))
                .collect();
            assert!(
                head.iter().any(|line| line.contains("use")),
                "{}/{room}: its first lines do not say what it may use",
                house.src
            );
        }
    }
}

#[test]
fn imports_are_found_in_whatever_way_they_are_written() {
    let module = ["a", "b"].map(str::to_owned);
    let text = "use crate::x::{y, z::{self, Z}};\n// crate::no\nuse super::c::C;\n\
                fn f() { crate::w::g() }\n\
                #[cfg(test)]\nmod tests { use crate::only::tests; }\n\nuse super::super::v;\nuse other_crate::q;";
    let mut found: Vec<String> = paths(&module, text)
        .iter()
        .map(|path| path.join("::"))
        .collect();
    found.sort();
    let expected = ["a::c::C", "v", "w::g", "x::y", "x::z::Z", "x::z::self"];
    assert_eq!(found, expected);
}
