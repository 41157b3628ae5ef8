//! Work that goes on after an answer: one job a file, run by whichever worker has its lease.
//!
//! | module | what |
//! |---|---|
//! | `kind` | [`JobKind`]: what a job does |
//! | `runner` | claims jobs, holds their leases, and says what came of them |
//! | `attempt` | [`Attempt`]: one run of a job, its progress and its fence |
//!
//! A job may be run any number of times, by any process, and may end anywhere: it looks at what is there, does what
//! is missing, and writes rows only in a transaction that asks for its lease first.

mod attempt;
mod kind;
mod runner;

pub(crate) use attempt::Attempt;
pub use kind::JobKind;
pub use runner::work;
