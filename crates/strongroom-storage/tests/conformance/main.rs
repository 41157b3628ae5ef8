//! The conformance suite against every store there is, each compared with what is known of it.
//!
//! `expected/<store>.txt` has one line a case: what comes of it on that store. A case that comes
//! out otherwise fails the test, for better or for worse: a store that has changed is to be looked
//! at. Two outcomes joined by ` | ` are both expected, where a race decides.
//! `STRONGROOM_WRITE_EXPECTED=1` writes the files anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use strongroom_storage::conformance::{ConformanceOptions, Outcome, Report, run};
use strongroom_storage::fs::FsStorage;
use strongroom_storage::memory::MemoryStorage;
use strongroom_storage::{Clock, Storage};

mod azure;
mod s3;

/// Runs the suite and compares what came of it with `expected/<name>.txt`.
async fn check(store: &dyn Storage, name: &str) -> Report {
    let report = run(store, &ConformanceOptions::new(Clock::system())).await;
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/conformance/expected")
        .join(format!("{name}.txt"));
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let mut expected: BTreeMap<_, _> =
        known.lines().filter_map(|line| line.split_once(": ")).collect();
    if is_set("STRONGROOM_WRITE_EXPECTED") {
        write_expected(&path, &report, &expected);
        return report;
    }
    let mut changed = String::new();
    for case in &report.cases {
        let known = expected.remove(case.name).unwrap_or("nothing");
        let outcome = case.outcome.to_string();
        if is_one_of(&outcome, known) {
            continue;
        }
        writeln!(changed, "{}: {outcome}; expected: {known}", case.name).expect("a line");
        if let Outcome::Finding { seen, .. } = &case.outcome {
            writeln!(changed, "    seen: {seen}").expect("a line");
        }
    }
    expected.keys().for_each(|gone| writeln!(changed, "{gone}: gone").expect("a line"));
    assert!(changed.is_empty(), "{name} is not as it was:\n{changed}");
    report
}

fn is_one_of(outcome: &str, known: &str) -> bool {
    known.split(" | ").any(|known| known == outcome)
}

/// Writes what came of each case, and keeps the lines that allow for it.
fn write_expected(path: &Path, report: &Report, expected: &BTreeMap<&str, &str>) {
    let lines = report.cases.iter().map(|case| {
        let outcome = case.outcome.to_string();
        match expected.get(case.name) {
            Some(known) if is_one_of(&outcome, known) => format!("{}: {known}\n", case.name),
            _ => format!("{}: {outcome}\n", case.name),
        }
    });
    std::fs::write(path, lines.collect::<String>()).expect("written");
}

#[allow(clippy::disallowed_methods)] // what to do is told by the environment
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_set(name: &str) -> bool {
    variable(name).is_some()
}

#[tokio::test]
async fn memory() {
    let report = check(&MemoryStorage::new(Clock::system()), "memory").await;
    assert!(report.leftovers.iter().all(|leftover| leftover.locked_until.is_some()));
}

#[tokio::test]
async fn file() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = FsStorage::open(directory.path(), Clock::system()).expect("a store");
    let report = check(&store, "file").await;
    assert!(report.leftovers.iter().all(|leftover| leftover.locked_until.is_some()));
}
