//! A storage plan: every object that a push of one bundle would write, under which key and lock, what its
//! bucket must be set to, what that may cost, and who needs which right. Made before anything is written,
//! looked at by whoever decides, and kept to by `evidence push --plan`.
//!
//! | module | what |
//! |---|---|
//! | [`document`] | the plan itself, and how it is read back |
//! | [`settings`] | what a bucket must be set to: a table |
//! | [`policies`] | the rights of three roles, as policy files |
//! | [`cost`] | an estimate from a table of prices |
//! | [`clauses`] | rules on keeping records: what a configuration meets, fails, or cannot show |
//!
//! Pure: nothing here asks a store. What only a push can decide is named so, and never guessed.

pub mod clauses;
pub mod cost;
pub mod document;
pub mod policies;
pub mod settings;

pub use document::{PlanError, STORAGE_PLAN_SCHEMA, StoragePlan};
