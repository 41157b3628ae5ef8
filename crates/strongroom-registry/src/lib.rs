//! The registry: a team's durable home for generated artifacts, in storage that it owns.
//!
//! | module | what |
//! |---|---|
//! | [`api`] | HTTP: thin; its router is the table of contents |
//! | [`web`] | pages for people |
//! | [`service`] | what it does, one use case a file; knows neither HTTP nor SQL |
//! | [`jobs`] | work that goes on after an answer, under leases |
//! | [`db`] | every SQL statement, on SQLite and PostgreSQL |
//! | [`auth`] | who asks, and what they may do |
//! | [`documents`] | what crosses the API, both ways |
//! | [`backends`] | where bytes are kept |
//! | [`config`] | what it is told before it starts |
//! | [`local_files`] | files in folders of its server, for operators |
//! | [`signing`] | the key that signs manifests |
//! | [`error`] | failures by meaning |
//! | [`server`] | connections, and an orderly end |
//! | [`metrics`] | what it counts of itself |

pub mod api;
pub mod auth;
pub mod backends;
pub mod config;
pub mod db;
pub mod documents;
pub mod error;
pub mod jobs;
pub mod local_files;
pub mod metrics;
pub mod server;
pub mod service;
pub mod signing;
pub mod web;
