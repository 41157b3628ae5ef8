//! The registry: a team's durable home for generated artifacts, in storage that it owns.
//!
//! | module | what |
//! |---|---|
//! | `db` | every SQL statement, on SQLite and PostgreSQL |

pub mod db;
