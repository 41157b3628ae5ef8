//! `strongroom config show`

use anyhow::Result;
use serde::Serialize;

use super::settings_table::{self, Row, row};
use crate::cli::ConfigShowArgs;
use crate::config::{self, Config, Sourced, credentials_in_words};
use crate::output::{Console, safe};

/// The schema that the configuration is printed under.
const SCHEMA: &str = "strongroom.config/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    files: Vec<String>,
    /// The store that commands would talk to; absent where they would refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    settings: Vec<Row>,
}

/// Prints every setting in effect.
pub fn run(args: &ConfigShowArgs, config: &Config, console: &Console) -> Result<()> {
    config.push()?;
    config.check_store()?;
    for note in config.left_out() {
        console.note(note);
    }
    let mut rows: Vec<Row> = config::ALL
        .iter()
        .map(|setting| row(setting.key, config.get(setting), args.origin))
        .collect();
    let Sourced { value, origin } = credentials_in_words(config);
    let credentials = Sourced { value: value.to_owned(), origin };
    rows.push(row("store.credentials", Some(credentials), args.origin));
    rows.sort_by_key(|row| row.key.starts_with("push."));
    let embedded = || config.embedded_url().ok();
    let document = Document {
        schema: SCHEMA,
        files: config.files().map(|path| path.display().to_string()).collect(),
        store: config.store_url()?.map(|url| url.value).or_else(embedded),
        settings: rows,
    };
    console.result(|console| human(&document, config, console), &document)
}

fn human(document: &Document, config: &Config, console: &Console) -> String {
    let mut text = settings_table::human(&document.settings, console);
    text.push('\n');
    match (&document.store, config.store_url()) {
        (Some(store), Ok(Some(_))) => text.push_str(&format!("store: {}\n", safe(store))),
        (Some(store), _) => {
            text.push_str(&format!("store: {} (embedded, as none is named)\n", safe(store)));
        }
        (None, _) => {
            text.push_str("store: none is named, and the embedded one cannot serve here\n")
        }
    }
    text
}
