//! The registry over HTTP, in the test's process, on both engines.

#![allow(unreachable_pub, clippy::unwrap_used)] // in a test, `pub` says "to other modules", and what fails shall end it

mod app;
mod cuts;
mod deletion;
mod evidence;
mod interrupted;
mod model;
mod packages;
mod problems;
mod retention;
mod s3_locks;
mod tokens;
