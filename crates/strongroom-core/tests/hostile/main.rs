//! Archives made to harm, or damaged on the way: each is refused, with the right class, and no
//! refusal repeats what the archive says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod content;
mod gzip;
mod manifest;
mod members;
mod pax;
#[path = "../support/mod.rs"]
mod support;
mod truncated;
