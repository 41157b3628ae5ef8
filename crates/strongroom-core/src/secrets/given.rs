//! How a value is given to a name: the part that the patterns of all kinds share.
//!
//! A pattern writes `{is}` between a name and its value, `{q}` where a quotation mark may stand, and `{s}`
//! for blanks. What is inside a JSON string inside another one has backslashes before its marks.

/// A quotation mark, or none; with backslashes as often as strings were put into strings.
const QUOTE: &str = r#"(?:\\{0,7}["'])?"#;
/// Blanks, as many as align a column.
const BLANKS: &str = "[ \t]{0,40}";
/// The end of a line, or what stands for it inside a string.
const LINE_END: &str = r"(?:\r?\n|(?:\\{1,4}r)?\\{1,4}n)";

/// What may be between a name and its value:
///
/// | form | |
/// |---|---|
/// | `=`, `:=`, `=>`, `:` | the value is on the same line |
/// | `:`, then an indented line | YAML, with `\|` or `>` or a `-` before it too |
/// | `>` | the end of an XML tag |
/// | `, value:`, `</key><string>` | the name is itself the value of a name: a pair, as in lists of variables |
/// | blanks, a comma, a `-` on the next line | the next argument: only if the name is one, see [`ARGUMENT`] |
///
/// and then the beginning of a list, or of an object with the value under one of the usual names.
const IS: &str = r#"(?:{q}(?:{s}(?::=|=>|=){s}|{s}:{s}(?:(?:[|>][+-]?{s})?{nl}[ \t]{1,40}(?:-[ \t]{1,4})?)?|{s},?(?:\s|{nl}){0,80}\\{0,7}["']?[A-Za-z]{0,12}(?i:value){q}{s}[:=]{s}|</[A-Za-z]{1,16}>\s{0,80}<[A-Za-z]{1,16}>|(?P<argument>[ \t]{1,8}|\s{0,4},\s{0,40}|\s{0,4}\n[ \t]{0,40}-[ \t]{1,4}))(?:\[\s{0,40}|\{\s{0,40}{q}(?i:value|current|previous|new|old|plaintext|data){q}{s}:{s})?|>\s{0,40})"#;

/// The group that took part where the value is an argument of its own: then the name has to be an option.
pub(super) const ARGUMENT: &str = "argument";

/// A pattern of the table as the engine of regular expressions reads it.
pub(super) fn expanded(pattern: &str) -> String {
    let pattern = pattern.replacen("{is}", IS, 1);
    let pattern = pattern.replace("{q}", QUOTE).replace("{s}", BLANKS).replace("{nl}", LINE_END);
    format!("\\A(?:{pattern})")
}
