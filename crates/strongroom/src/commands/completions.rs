//! `strongroom completions`

use anyhow::Result;

use crate::cli::{self, CompletionsArgs};
use crate::output::Console;

/// Prints a completion script.
pub fn run(args: &CompletionsArgs, console: &Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "strongroom", &mut script);
    console.print_bytes(&script)
}
