//! What evidence *is*: digests, canonical JSON, bundles, retention. Pure: no async runtime, no
//! network, no database; time, identifiers and the environment come in from the caller.
//!
//! | module | what |
//! |---|---|
//! | [`digest`] | SHA-256 as one newtype, one text form; the bundle id |
//! | [`limits`] | every bound on untrusted input, by name |
//! | [`lint`] | what of a bundle its maker may want to mend before it is kept |
//! | [`canonical`] | RFC 8785 canonical JSON and a strict I-JSON parser |
//! | [`bundle`] | writing, reading and verifying bundles (`strongroom.bundle/v1`, Assay v1) |
//! | [`observed`] | what was seen, or why it was not |
//! | [`retention`] | locks, requests for locks and how two of them combine |
//! | [`layout`] | where things are kept in a store: every key, in one place |
//! | [`receipt`] | what a store was seen to hold after a write |
//! | [`upload`] | the same of a bundle that is several objects |
//! | [`record`] | what was done to evidence later: extensions, holds, releases; the reader of every record |
//! | [`record_period`] | the periods that rules name, in days |
//! | [`history`] | what all records of one bundle promise together |
//! | [`secrets`] | what each kind of secret looks like, and where one stands in a text |
//! | [`diff`] | two bundles side by side: files, what they declare, who signed, and inside changed files |
//! | [`package`] | packages of a registry: states, retention classes, dates, records, documents |
//! | [`storage_plan`] | what a push would write where, under which lock, at which cost, by which rights |
//! | [`signing`] | keys, statements and detached signatures; who is trusted, and until when |

pub mod bundle;
pub mod canonical;
pub mod diff;
pub mod digest;
pub mod history;
pub mod layout;
pub mod limits;
pub mod lint;
pub mod observed;
pub mod package;
pub mod receipt;
pub mod record;
pub mod record_period;
pub mod retention;
mod rfc3339;
pub mod secrets;
pub mod signing;
pub mod storage_plan;
pub mod upload;

pub use digest::{BundleId, Sha256Digest};
