//! The database suite: every test runs on both engines.

mod support;

mod statements;

mod rows;
