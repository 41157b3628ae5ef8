//! The database suite: every test runs on both engines, unless it says which one it is about.

mod support;

mod rows;
mod schema;
mod statements;
mod writes;
