//! Pages: how long one may be, and where it ended, as a text that clients hand back and do not look into.

use uuid::Uuid;

use super::Registry;
use crate::db::Cursor;
use crate::error::{ErrorKind, ServiceError};

/// Entries of a page unless it is said.
const PAGE_ENTRIES_DEFAULT: u32 = 50;
/// Hexadecimal digits of a cursor: a time of 64 bits and an id of 128.
const CURSOR_CHARACTERS: usize = 16 + 32;

impl Registry {
    /// How many entries a page shall have.
    pub(super) fn page_entries(&self, asked: Option<u32>) -> Result<u32, ServiceError> {
        let most = self.settings().limits.page_entries_max;
        let limit = asked.unwrap_or(PAGE_ENTRIES_DEFAULT.min(most));
        if limit == 0 || limit > most {
            return Err(ServiceError::new(
                ErrorKind::Invalid,
                format!("a page has 1 to {most} entries"),
            ));
        }
        Ok(limit)
    }
}

/// A cursor as text.
pub(crate) fn to_text(cursor: Cursor) -> String {
    format!("{:016x}{}", cursor.at, cursor.id.simple())
}

/// A text as a cursor.
pub(crate) fn from_text(text: &str) -> Result<Cursor, ServiceError> {
    if text.len() != CURSOR_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let (at, id) = text.split_at(16);
    let at = u64::from_str_radix(at, 16).map_err(|_| wrong())?.cast_signed();
    Ok(Cursor { at, id: Uuid::try_parse(id).map_err(|_| wrong())? })
}

/// A text that no page ended with.
pub(crate) fn wrong() -> ServiceError {
    ServiceError::new(ErrorKind::Invalid, "the cursor is not one that a page ended with")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_nothing_else_is_one() {
        for at in [0, 1, -1, i64::MAX, i64::MIN] {
            let cursor = Cursor { at, id: Uuid::from_u128(7) };
            assert_eq!(from_text(&to_text(cursor)).unwrap(), cursor);
        }
        for wrong in ["", "0", &"g".repeat(CURSOR_CHARACTERS), &"0".repeat(CURSOR_CHARACTERS + 1)] {
            assert!(from_text(wrong).is_err(), "{wrong}");
        }
    }
}
