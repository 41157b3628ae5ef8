//! `strongroom config show`

use anyhow::Result;
use serde::Serialize;

use crate::cli::ConfigShowArgs;
use crate::config::{self, Config, Origin, Sourced, credentials_in_words};
use crate::output::{Console, safe, styled};

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

#[derive(Serialize)]
struct Row {
    key: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
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

fn row(key: &'static str, sourced: Option<Sourced<String>>, with_origin: bool) -> Row {
    let origin = sourced.as_ref().map(|sourced| match &sourced.origin {
        Origin::Default => "default".to_owned(),
        other => other.to_string(),
    });
    Row { key, value: sourced.map(|sourced| sourced.value), origin: origin.filter(|_| with_origin) }
}

fn human(document: &Document, config: &Config, console: &Console) -> String {
    let palette = console.palette();
    let key_width = document.settings.iter().map(|row| row.key.len()).max().unwrap_or(0);
    let shown: Vec<String> = document
        .settings
        .iter()
        .map(|row| row.value.as_deref().map_or_else(|| "-".to_owned(), safe))
        .collect();
    let value_width = shown.iter().map(|value| value.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (row, value) in document.settings.iter().zip(&shown) {
        let key = format!("{:key_width$}", row.key);
        let line = match (&row.value, &row.origin) {
            (None, _) => styled(palette.faint, format!("{key}  -")),
            (Some(_), None) => format!("{key}  {value}"),
            (Some(_), Some(origin)) => {
                let origin = styled(palette.faint, safe(origin));
                let fits = key_width + 2 + value_width + 2 + 24 <= console.columns();
                let padded = if fits { format!("{value:value_width$}") } else { value.clone() };
                format!("{key}  {padded}  {origin}")
            }
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
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
