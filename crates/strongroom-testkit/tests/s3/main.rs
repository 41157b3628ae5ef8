//! The S3 server that other tests stand on does what S3 does, and fails as it is asked to.

#[cfg(test)] // so that clippy knows it for tests and lets it unwrap
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
