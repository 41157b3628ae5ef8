//! The S3 server that other tests stand on does what S3 does, and fails as it is asked to.

#![allow(clippy::unwrap_used)] // clippy knows `#[test]` functions, not what they stand on

mod bucket_locks;
mod client;
mod conditions;
mod copies;
mod deletions;
mod digests;
mod faults;
mod lies;
mod listing;
mod lock_changes;
mod locking;
mod locks;
mod multipart;
mod objects;
mod presigned;
mod regions_and_clocks;
mod tls;
mod truncated;
mod uploads;
mod users;
