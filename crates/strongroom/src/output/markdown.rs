//! Text of others in a page of Markdown: it stays what it is, wherever it is put.

use super::{safe, visible};

/// In a code span that it cannot leave, nor its cell of a table.
pub fn code(text: &str) -> String {
    let text = safe(text).replace('|', "\\|");
    let fence = "`".repeat(longest_run_of_backticks(&text) + 1);
    let space = if fence.len() > 1 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// In an element of HTML, where Markdown is not read: in a `<summary>`.
pub fn html_code(text: &str) -> String {
    let escaped = visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    format!("<code>{escaped}</code>")
}

/// Lines in a fenced block that none of them ends.
pub fn block(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run_of_backticks(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", lines.join("\n"))
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_somebody_elses_stays_in_its_code_span() {
        assert_eq!(code("runs/42"), "`runs/42`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(code("a|b\n# c"), "`a\\|b\\n# c`");
    }

    #[test]
    fn a_name_of_somebody_elses_is_no_html() {
        let shown = html_code("</summary><img src=x onerror=\"1\">&\n");
        assert_eq!(
            shown,
            "<code>&lt;/summary&gt;&lt;img src=x onerror=&quot;1&quot;&gt;&amp;\\n</code>"
        );
    }

    #[test]
    fn a_block_ends_where_it_ends() {
        let lines = ["+```".to_owned(), "-x".to_owned()];
        assert_eq!(block("diff", &lines), "````diff\n+```\n-x\n````\n");
        assert_eq!(block("", &["x".to_owned()]), "```\nx\n```\n");
    }
}
