// SPDX-License-Identifier: GPL-2.0-only

//! Results of the tasks that measure: rows, stored as JSON.
//!
//! Each run stores its rows in `target`. The documentation has its own rows beside each page. They
//! change only on request, and only those that the run has produced.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::host::files;
use crate::host::project::Project;

/// A row of results.
pub trait Row: Clone + Serialize + DeserializeOwned {
    /// Returns whether this row replaces a row of an earlier run.
    fn replaces(&self, old: &Self) -> bool;
}

/// Where the rows of a task are stored.
pub struct Results<'a> {
    /// The project's directories.
    pub project: &'a Project,
    /// The name of the task and of its directory in `target`.
    pub task: &'static str,
    /// The documentation page, without its extension.
    pub page: &'static str,
    /// Whether to write the documentation.
    pub docs: bool,
}

impl Results<'_> {
    /// Merges the rows of a run with those of earlier runs, in `target`. `arrange` sorts them and
    /// drops outdated ones.
    pub fn keep<R: Row>(&self, new: &[R], arrange: impl FnOnce(&mut Vec<R>)) -> Result<PathBuf> {
        let path = self.project.product(self.task)?.join("results.json");
        // Ignore a file that another version of this program wrote.
        let mut rows = read(&path).unwrap_or_default();
        merge(&mut rows, new);
        arrange(&mut rows);
        write(&path, &rows)?;
        Ok(path)
    }

    /// Returns the rows of the documentation.
    pub fn documented<R: Row>(&self) -> Result<Vec<R>> {
        read(&self.documentation())
    }

    /// If the documentation is to be written, merges the rows of a run into it and lets `render`
    /// write the pages.
    pub fn document<R: Row>(
        &self,
        new: &[R],
        arrange: impl FnOnce(&mut Vec<R>),
        render: impl FnOnce(&[R]) -> Result<()>,
    ) -> Result<()> {
        if !self.docs {
            return Ok(());
        }
        let mut rows = self.documented()?;
        merge(&mut rows, &self.without_places(new)?);
        arrange(&mut rows);
        write(&self.documentation(), &rows)?;
        render(&rows)
    }

    /// Returns the path of the documentation's rows.
    pub fn documentation(&self) -> PathBuf {
        self.project.source.join(self.page).with_extension("json")
    }

    /// Replaces paths of this machine, which a failure may name and which do not belong in the
    /// documentation.
    fn without_places<R: Row>(&self, rows: &[R]) -> Result<Vec<R>> {
        let mut text = serde_json::to_string(rows).context("the results as JSON")?;
        let Project {
            source,
            target,
            cache,
        } = self.project;
        for (place, name) in [(target, "target"), (cache, "cache"), (source, ".")] {
            text = text.replace(&*place.to_string_lossy(), name);
        }
        serde_json::from_str(&text).context("the results without the names of directories")
    }
}

/// Replaces old rows with new ones, and appends new rows that replace none.
fn merge<R: Row>(rows: &mut Vec<R>, new: &[R]) {
    for new in new {
        match rows.iter_mut().find(|old| new.replaces(old)) {
            Some(old) => *old = new.clone(),
            None => rows.push(new.clone()),
        }
    }
}

/// Reads the rows of a file; it may not exist.
fn read<R: Row>(path: &Path) -> Result<Vec<R>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::text(path)?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is of another version: remove it", path.display()))
}

fn write<R: Row>(path: &Path, rows: &[R]) -> Result<()> {
    let text = serde_json::to_string_pretty(rows).context("the results as JSON")?;
    files::write(path, text + "\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde::Deserialize;

    use super::*;

    #[derive(Clone, Serialize, Deserialize)]
    struct Pair(String, String);

    impl Row for Pair {
        fn replaces(&self, old: &Self) -> bool {
            self.0 == old.0
        }
    }

    fn pairs(text: &str) -> Vec<Pair> {
        let pair = |word: &str| word.split_once('=').map(|(a, b)| Pair(a.into(), b.into()));
        text.split(' ').filter_map(pair).collect()
    }

    fn text(rows: &[Pair]) -> String {
        let words: Vec<_> = rows
            .iter()
            .map(|row| format!("{}={}", row.0, row.1))
            .collect();
        words.join(" ")
    }

    /// Makes a project in which an earlier run left results, in the documentation and in target.
    fn project(dir: &Path) -> Project {
        let [source, target, cache] =
            ["source", "source/target", "cache"].map(|name| dir.join(name));
        fs::create_dir_all(source.join("docs")).unwrap();
        fs::create_dir_all(target.join("task")).unwrap();
        write(&source.join("docs/page.json"), &pairs("a=1 b=1 c=1")).unwrap();
        write(&target.join("task/results.json"), &pairs("b=0")).unwrap();
        Project {
            source,
            target,
            cache,
        }
    }

    fn results(project: &Project, docs: bool) -> Results<'_> {
        Results {
            project,
            task: "task",
            page: "docs/page",
            docs,
        }
    }

    #[test]
    fn the_documentation_stays_as_it_is_unless_asked_and_the_rows_are_in_target() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let results = results(&project, false);
        let kept = results.keep(&pairs("a=2"), |_| {}).unwrap();
        results
            .document(&pairs("a=2"), |_| {}, |_| panic!("a page is written"))
            .unwrap();
        assert_eq!(text(&results.documented().unwrap()), "a=1 b=1 c=1");
        assert_eq!(text(&read(&kept).unwrap()), "b=0 a=2");
    }

    #[test]
    fn a_run_of_a_part_replaces_its_own_rows_in_the_documentation_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let results = results(&project, true);
        let mut rendered = String::new();
        results
            .document(
                &pairs("d=2 b=2"),
                |rows| rows.sort_by(|a, b| a.0.cmp(&b.0)),
                |rows| {
                    rendered = text(rows);
                    Ok(())
                },
            )
            .unwrap();
        assert_eq!(rendered, "a=1 b=2 c=1 d=2");
        assert_eq!(text(&results.documented().unwrap()), rendered);
    }

    #[test]
    fn the_documentation_names_no_directory_of_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let log = project.target.join("logs/x.log");
        let row = Pair("a".into(), format!("see {}", log.display()));
        let rows = results(&project, true).without_places(&[row]).unwrap();
        assert_eq!(text(&rows), "a=see target/logs/x.log");
    }

    #[test]
    fn results_of_another_version_are_replaced_in_target_and_kept_in_the_documentation() {
        let dir = tempfile::tempdir().unwrap();
        let project = project(dir.path());
        let results = results(&project, true);
        for path in ["docs/page.json", "target/task/results.json"] {
            fs::write(project.source.join(path), "{}").unwrap();
        }
        let kept = results.keep(&pairs("a=2"), |_| {}).unwrap();
        assert_eq!(text(&read(&kept).unwrap()), "a=2");
        assert!(results.document(&pairs("a=2"), |_| {}, |_| Ok(())).is_err());
    }
}
