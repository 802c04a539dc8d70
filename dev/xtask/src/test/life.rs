// SPDX-License-Identifier: GPL-2.0-only

//! Runs all cases of `make life`, or those marked `in_test`.

use std::path::PathBuf;

use crate::debian::setup::Setup;
use crate::life::cases::case::Case;
use crate::life::{self, Options, cases};

use super::tally::Tally;

/// Runs the cases. Each counts as one test, including its boots.
pub fn run(setup: &Setup<'_>, caches: &[PathBuf], all: bool, tally: &mut Tally) {
    let cases: Vec<&Case> = cases::all().filter(|case| all || case.in_test).collect();
    let mut results = vec![life::run(
        setup,
        caches,
        &cases,
        &Options::default(),
        &|_| {},
    )];
    if all {
        results.push(life::running(setup, caches).map(|row| vec![row]));
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
