//! Settings in effect, one a row, and where each came from.

use serde::Serialize;

use crate::config::Sourced;
use crate::output::{Console, safe, styled};

/// One setting.
#[derive(Debug, Serialize)]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// Its value; absent where nobody says anything and there is no default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The unit of the value, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// What it decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<&'static str>,
    /// Where the value came from, where that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

/// A row without a unit.
pub fn row(key: &'static str, sourced: Option<Sourced<String>>, with_origin: bool) -> Row {
    let origin = sourced.as_ref().map(|sourced| sourced.origin.to_string());
    let value = sourced.map(|sourced| sourced.value);
    Row { key, value, unit: None, what: None, origin: origin.filter(|_| with_origin) }
}

/// The rows for people.
pub fn human(rows: &[Row], console: &Console) -> String {
    let palette = console.palette();
    let key_width = rows.iter().map(|row| row.key.len()).max().unwrap_or(0);
    let shown: Vec<String> = rows
        .iter()
        .map(|row| match (&row.value, row.unit) {
            (None, _) => "-".to_owned(),
            (Some(value), None) => safe(value),
            (Some(value), Some(unit)) => format!("{} {unit}", safe(value)),
        })
        .collect();
    let value_width = shown.iter().map(|value| value.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (row, value) in rows.iter().zip(&shown) {
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
    text
}
