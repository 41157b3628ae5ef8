//! `strongroom man`

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap_mangen::Man;
use serde::Serialize;

use crate::cli::{self, ManArgs};
use crate::output::Console;

/// The schema that the pages that were written are printed under.
const SCHEMA: &str = "strongroom.man/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    pages: Vec<String>,
}

/// Prints the manual page, or writes one for each command.
pub fn run(args: &ManArgs, console: &Console) -> Result<()> {
    let mut tree = cli::command();
    tree.build();
    let Some(directory) = &args.output else {
        let mut page = Vec::new();
        Man::new(tree).render(&mut page)?;
        return console.print_bytes(&page);
    };
    fs::create_dir_all(directory)
        .with_context(|| format!("{} could not be made", directory.display()))?;
    let mut pages = Vec::new();
    write(&tree, directory, &mut pages)?;
    let human = |_: &Console| pages.iter().map(|page| format!("{page}\n")).collect::<String>();
    console.result(human, &Document { schema: SCHEMA, pages: pages.clone() })
}

fn write(command: &clap::Command, directory: &Path, pages: &mut Vec<String>) -> Result<()> {
    let manual = Man::new(command.clone());
    let path = directory.join(manual.get_filename());
    let mut page = Vec::new();
    manual.render(&mut page)?;
    fs::write(&path, page).with_context(|| format!("{} could not be written", path.display()))?;
    pages.push(path.display().to_string());
    let commands = command.get_subcommands().filter(|inner| inner.get_name() != "help");
    for inner in commands {
        write(inner, directory, pages)?;
    }
    Ok(())
}
