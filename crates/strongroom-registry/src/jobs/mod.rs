//! Work that goes on after an answer: one job a file, run by whichever worker has its lease.
//!
//! | module | what |
//! |---|---|
//! | `kind` | [`JobKind`]: what a job does |
//! | `runner` | claims jobs, holds their leases, and says what came of them |
//! | `attempt` | `Attempt`: one run of a job, its progress and its fence |
//! | `apply_retention` `conclude_retention` | a package's date and holds, brought to every object |
//! | `truth` `intend` `bring` `objects` | what they should be under; whose their bits are; one brought there; which they are |
//! | `delete_package` `delete_object` `conclude_deletion` | the bytes of a package, deleted under a fence |
//! | `in_doubt` `gone` | objects whose deletion was stopped; objects that are not there any more |
//! | `sweep` `sweep_deletion` `sweep_stranded` `sweep_restores` | the look over everything, at regular times |
//! | `finalize` | verifies and locks every object of a package, and makes it evidence |
//! | `clean_up` `clear_parts` | delete what was never evidence |
//! | `restore` | asks the store for archived objects |
//! | `ingest_local_files` | stores files of a folder of the server's |
//!
//! A job may be run any number of times, by any process, and may end anywhere: it looks at what is there, does what
//! is missing, and writes rows only in a transaction that asks for its lease first.

mod apply_retention;
mod attempt;
mod bring;
mod clean_up;
mod clear_parts;
mod conclude_deletion;
mod conclude_retention;
mod delete_object;
mod delete_package;
mod finalize;
mod gone;
mod in_doubt;
mod ingest_local_files;
mod intend;
mod kind;
mod objects;
mod restore;
mod runner;
pub mod sweep;
mod sweep_deletion;
mod sweep_restores;
mod sweep_stranded;
mod truth;

pub(crate) use attempt::Attempt;
pub(crate) use ingest_local_files::Payload as IngestionPayload;
pub use kind::JobKind;
pub use runner::{run_one, work};
