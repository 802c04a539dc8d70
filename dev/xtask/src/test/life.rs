// SPDX-License-Identifier: GPL-2.0-only

//! The cases of `make life`, or the most telling of them.

use std::path::PathBuf;

use crate::cases::package_life::{self, Case};
use crate::life;

use super::Bench;
use super::tally::Tally;

/// Runs them; each counts one, its boots included.
pub fn run(bench: &Bench<'_>, caches: &[PathBuf], all: bool, tally: &mut Tally) {
    let cases: Vec<&Case> = package_life::all()
        .filter(|case| all || case.in_test)
        .collect();
    let warm: Vec<(String, PathBuf)> = bench
        .releases
        .iter()
        .cloned()
        .zip(caches.iter().cloned())
        .collect();
    let with = life::Bench {
        project: bench.project,
        base: &bench.base,
        repo: &bench.repo,
        debs: &bench.debs,
        warm: &warm,
        boots: true,
    };
    let mut results = vec![life::run(&with, &cases, &|_| {})];
    if all {
        results.push(life::running(&with).map(|row| vec![row]));
    }
    for result in results {
        match result {
            Ok(rows) => rows.iter().for_each(|row| count(row, tally)),
            Err(error) => tally.fail("life", &format!("{error:#}")),
        }
    }
}

fn count(row: &life::Row, tally: &mut Tally) {
    let name = format!("life/{}", row.name);
    match row.failures.first() {
        None => tally.pass(&name),
        Some(why) => tally.fail(&name, why),
    }
}
