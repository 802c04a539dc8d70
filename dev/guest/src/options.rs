// SPDX-License-Identifier: GPL-2.0-only

//! The options on the kernel command line.

use std::num::ParseIntError;
use std::str::FromStr;

use anyhow::Context as _;

use crate::random::Random;

/// The `guest=` and `guest.*=` words of the kernel command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The suites to run, in this order.
    pub suites: Vec<String>,
    /// The factor by which each case may take longer than usual.
    pub patience: u32,
    /// How many rounds the case `load-and-unload-rounds` makes.
    pub rounds: u32,
    /// How many seconds the cases with concurrent readers and writers, and stress-ng, run.
    pub seconds: u64,
    /// How many seconds random calls are made.
    pub random: u64,
    /// The seed of the random calls; a new one each time unless it is given.
    pub seed: u64,
    /// The names of the cases to run; empty for all.
    pub only: Vec<String>,
}

impl Options {
    /// Parses the command line. Words that are not for us belong to the kernel.
    pub fn from_command_line(line: &str) -> anyhow::Result<Self> {
        let mut options = Self {
            suites: vec!["behaviour".into()],
            patience: 1,
            rounds: 200,
            seconds: 10,
            random: 30,
            seed: Random::seed(),
            only: Vec::new(),
        };
        for (key, value) in line
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
        {
            match key {
                "guest" => options.suites = value.split(',').map(String::from).collect(),
                "guest.patience" => options.patience = number(key, value)?,
                "guest.rounds" => options.rounds = number(key, value)?,
                "guest.seconds" => options.seconds = number(key, value)?,
                "guest.random" => options.random = number(key, value)?,
                "guest.seed" => options.seed = number(key, value)?,
                "guest.only" => options.only = value.split(',').map(String::from).collect(),
                _ => {}
            }
        }
        Ok(options)
    }

    /// Returns whether to run the case of this name.
    pub fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

fn number<T: FromStr<Err = ParseIntError>>(key: &str, value: &str) -> anyhow::Result<T> {
    value
        .parse()
        .with_context(|| format!("{key}={value}: a whole number is wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_kernel_are_left_alone() {
        let options = Options::from_command_line("console=ttyS0 panic=-1 quiet\n").unwrap();
        assert_eq!(options.suites, ["behaviour"]);
        assert_eq!(options.rounds, 200);
        assert!(options.wants("anything"));
    }

    #[test]
    fn suite_rounds_and_choice_are_taken() {
        let line = "guest=bench,memory guest.patience=4 guest.rounds=7 guest.seconds=60 guest.random=600 guest.seed=5 guest.only=a,b-c";
        let options = Options::from_command_line(line).unwrap();
        assert_eq!(options.suites, ["bench", "memory"]);
        assert_eq!(options.patience, 4);
        assert_eq!(options.rounds, 7);
        assert_eq!(options.seconds, 60);
        assert_eq!((options.random, options.seed), (600, 5));
        assert!(options.wants("b-c"));
        assert!(!options.wants("b"));
    }

    #[test]
    fn rounds_that_are_no_number_are_an_error_that_names_them() {
        let error = Options::from_command_line("guest.rounds=many").unwrap_err();
        assert!(error.to_string().contains("guest.rounds=many"), "{error}");
    }
}
