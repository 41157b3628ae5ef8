//! The registry over HTTP, in the test's process, on both engines.

#![allow(unreachable_pub)] // in a test, `pub` says "to other modules"

mod app;
mod packages;
mod problems;
mod tokens;
