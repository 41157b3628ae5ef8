//! `strongroom`: keeps evidence in storage that its users own, and proves that it is kept.
//!
//! | module | what |
//! |---|---|
//! | [`cli`] | the command tree, which is the manual |
//! | [`run`] | from arguments to an exit code |
//! | [`commands`] | one verb a file |
//! | [`client`] | a registry, asked over HTTP |
//! | [`config`] | flags, environment, files and defaults in layers |
//! | [`output`] | what people and programs see |
//! | [`exit`], [`failure`] | how the program ends, and what it says then |
//! | [`progress`], [`logging`] | what is told while it runs |
//! | [`interrupt`], [`environment`] | signals, and what comes in from outside |

#![allow(unreachable_pub)] // in a binary, `pub` says "to other modules"

mod bounded_file;
mod cli;
mod client;
mod commands;
mod config;
mod environment;
mod exit;
mod failure;
mod interrupt;
mod logging;
mod output;
mod progress;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    run::run(std::env::args_os(), environment::Environment::of_process())
}
