//! The S3 server that other tests stand on does what S3 does, and fails as it is asked to.

#![allow(clippy::unwrap_used)] // clippy knows `#[test]` functions, not what they stand on

mod client;
mod conditions;
mod digests;
mod faults;
mod listing;
mod locks;
mod multipart;
mod objects;
mod regions_and_clocks;
mod tls;
mod users;
