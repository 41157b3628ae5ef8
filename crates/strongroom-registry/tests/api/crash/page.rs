//! The page that lists the steps: made of what the flows did, and held against it.

use std::fmt::Write as _;
use std::path::PathBuf;

use strongroom_testkit::steps::Step;

use super::flow::Flow;

const HEAD: &str = "\
# Where a process may end

What a registry does takes steps: it reads and writes rows, and asks its store and writes to it. A process can end between any two of
them, a call can fail, and the answer of one that was done can be lost. This page lists the steps of each flow, from the
request to the last object of its job. Tests have something become of one step after the other:

| on | each step | each step that changes something | each that stores bytes |
|---|---|---|---|
| SQLite and a store in memory | fails, and nothing was done | is done and its answer is lost; is the last thing that the process does | is cut off inside |
| PostgreSQL and a store in memory | | is done and its answer is lost; is the last | |
| SQLite and a bucket: uploading, finalizing with and without a signature, deleting | | is done and its answer is lost; is the last | |

What only a bucket has, an archive, is listed and tried on SQLite and PostgreSQL with a bucket instead of memory. What a step that was not
done would have changed does not depend on where, so it fails in one place only. Then they start the registry again on the same database
and store, let its jobs and its sweeper run, and look:

* what was acknowledged is there: bytes, rows and records;
* nothing is `receiving`, `finalizing` or `deleting` any more, no job waits or runs, none was given up;
* each object belongs to a row, or is a record, and each decision that a row tells of has its record;
* no date and no lock ended earlier than before, and what is held is locked;
* the same request again ends well.

A step in **bold** changes something. After any other one everything is as before it, so that to end there is to end after the last
change. Rows change by whole transactions: one step
is one transaction, on both engines. Only calls of the database and of the store are steps: who signs (OpenBao, a time-stamp authority, a
program) and the reading of local files are none, and what becomes of them is tested by itself. The list is made by the tests
(`crates/strongroom-registry/tests/api/crash/`), which fail where a flow takes a step that is not listed here.
";

/// Where the page is.
pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/CRASH-POINTS.md")
}

/// The page as it is.
pub fn written() -> String {
    std::fs::read_to_string(path()).unwrap_or_default()
}

#[allow(clippy::disallowed_methods)] // where the environment comes in
pub fn is_asked_to_write() -> bool {
    std::env::vars_os().any(|(name, _)| name == "STRONGROOM_WRITE_EXPECTED")
}

/// The page as it should be.
pub fn page(sections: &[String]) -> String {
    format!("{HEAD}\n{}", sections.join("\n"))
}

/// What the page says of one flow.
pub fn section(flow: Flow, steps: &[Step]) -> String {
    let mut section = format!("## {}\n\n", flow.title());
    for (number, step) in (1..).zip(steps) {
        let (who, what) = step.name.split_once(": ").unwrap_or(("", &step.name));
        let strong = if step.changes { "**" } else { "" };
        let what = what.replace(['{', '}'], "");
        writeln!(section, "{number}. {strong}{who}: {what}{strong}").unwrap();
    }
    section
}
