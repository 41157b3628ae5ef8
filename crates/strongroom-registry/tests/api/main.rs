//! The registry over HTTP, in the test's process, on both engines.

#![allow(unreachable_pub, clippy::unwrap_used)] // in a test, `pub` says "to other modules", and what fails shall end it

mod abandoning;
mod advisory;
mod app;
mod archived;
mod brought_back;
mod crash;
mod cuts;
mod damaged;
mod declared_time;
mod deletion;
mod downloads;
mod engines;
mod evidence;
mod files;
mod finalizing;
mod given_up;
mod hostile;
mod ingesting_again;
mod limits;
mod local_files;
mod long_looks;
mod model;
mod packages;
mod planted;
mod problems;
mod redirects;
mod refused;
mod replicas;
mod restores;
mod resumable;
mod resumable_ends;
mod resumable_turns;
mod retention;
mod rights;
mod s3_locks;
mod shelf;
mod signed_or_not;
mod signing;
mod stepped_db;
mod tokens;
mod tus;
mod uploads;
mod whose_holds;
mod without_date;
