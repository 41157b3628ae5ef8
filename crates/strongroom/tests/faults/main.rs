//! The program against stores that fail: its exit code, its message, and that it ends in time; and
//! the program killed at any moment.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod cluster;
mod credentials;
mod killed_at_a_file_store;
mod killed_at_an_s3_store;
mod no_space;
mod program;
mod stores_that_refuse;
mod stores_that_waver;
mod tls;
mod two_at_once;

pub(crate) use program::Desk;
