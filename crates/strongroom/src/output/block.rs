//! A headline, and facts under it: labels in one column, values in the next.

use anstyle::Style;

use super::{Console, safe, styled};

/// The column in which values start.
const INDENT: &str = "  ";

/// A short block of facts for people.
#[derive(Debug)]
pub struct Block {
    headline: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    label: &'static str,
    text: String,
    style: Style,
}

impl Block {
    /// A block under a headline, which is printed as it is.
    pub fn new(headline: impl Into<String>) -> Self {
        Self { headline: headline.into(), rows: Vec::new() }
    }

    /// Adds a fact. What others wrote is made harmless. An empty label continues the fact above.
    pub fn row(self, label: &'static str, text: impl AsRef<str>) -> Self {
        self.styled_row(Style::new(), label, text)
    }

    /// Adds a fact in a style.
    pub fn styled_row(mut self, style: Style, label: &'static str, text: impl AsRef<str>) -> Self {
        self.rows.push(Row { label, text: safe(text.as_ref()), style });
        self
    }

    /// Adds a fact that may be absent.
    pub fn row_if_any(self, label: &'static str, text: Option<impl AsRef<str>>) -> Self {
        match text {
            Some(text) => self.row(label, text),
            None => self,
        }
    }

    /// The block as text, folded to the console's width between words.
    pub fn render(&self, console: &Console) -> String {
        let widest = self.rows.iter().map(|row| row.label.len()).max().unwrap_or(0);
        let values_at = INDENT.len() + widest + 2;
        let columns = console.columns().saturating_sub(values_at);
        let mut text = format!("{}\n", self.headline);
        for row in &self.rows {
            let label = format!("{:widest$}", row.label);
            let mut lead = format!("{INDENT}{}  ", styled(console.palette().faint, label));
            for line in fold(&row.text, columns) {
                text.push_str(&lead);
                text.push_str(&styled(row.style, line));
                text.push('\n');
                lead = " ".repeat(values_at);
            }
        }
        text
    }
}

/// Folds text between words. A word that is longer than a line (an id, a key) is left whole, so
/// that it can be copied.
pub fn fold(text: &str, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > columns {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += word_length;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_long_words_stay_whole() {
        assert_eq!(fold("one two three", 7), ["one two", "three"]);
        assert_eq!(fold("sha256:0123456789 x", 7), ["sha256:0123456789", "x"]);
        assert_eq!(fold("", 7), [""]);
    }
}
