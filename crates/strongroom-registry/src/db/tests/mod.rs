//! The database suite: every test runs on both engines, unless it says which one it is about.

mod support;

mod fences;
mod jobs;
mod kept;
mod lapsing;
mod placed_files;
mod plans;
mod rows;
mod schema;
mod search;
mod statements;
mod uploads;
mod writes;
