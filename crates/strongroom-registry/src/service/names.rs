//! Texts that name something: short, of one line, never blank.

use strongroom_core::limits::NAME_BYTES_MAX;

use crate::error::{ErrorKind, ServiceError};

/// Refuses what is no name. What was sent is not repeated.
pub(super) fn check_name(field: &'static str, text: &str) -> Result<(), ServiceError> {
    let is_name = !text.trim().is_empty()
        && text.len() <= NAME_BYTES_MAX
        && !text.chars().any(char::is_control);
    if is_name {
        return Ok(());
    }
    Err(ServiceError::new(
        ErrorKind::Unprocessable,
        format!("{field} is 1 to {NAME_BYTES_MAX} bytes without control characters"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_of_one_line_and_not_blank() {
        for name in ["ci", " a b ", "\u{e9}", &"x".repeat(NAME_BYTES_MAX)] {
            assert!(check_name("name", name).is_ok(), "{name:?}");
        }
        for other in ["", "  ", "a\nb", "a\0", "\u{85}", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(check_name("name", other).is_err(), "{other:?}");
        }
    }
}
