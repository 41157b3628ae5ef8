//! Ranges of bytes, as stores read them (RFC 9110 section 14.1.2).

use std::ops::Range;

use crate::{StorageError, StorageErrorKind};

/// The part of `range` that lies inside an object; without a range the whole object.
///
/// An end past the object's is the object's. A range that begins at or past the end, or holds
/// nothing, cannot be satisfied.
pub(crate) fn inside(
    range: Option<Range<u64>>,
    size_bytes: u64,
) -> Result<Range<u64>, StorageError> {
    let Some(range) = range else { return Ok(0..size_bytes) };
    let inside = range.start..range.end.min(size_bytes);
    if inside.is_empty() {
        return Err(no_byte());
    }
    Ok(inside)
}

/// A range that cannot be satisfied.
pub(crate) fn no_byte() -> StorageError {
    StorageError::new(StorageErrorKind::InvalidRequest, "the range holds no byte of the object")
}

/// A further range of an object is that of another.
pub(crate) fn replaced() -> StorageError {
    StorageError::new(
        StorageErrorKind::Integrity,
        "the object was replaced while it was being read",
    )
    .with_guidance("read it again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_ends_with_the_object() {
        assert_eq!(inside(Some(2..9), 5).expect("a range"), 2..5);
        assert_eq!(inside(None, 0).expect("the whole"), 0..0);
    }

    #[test]
    fn a_range_without_bytes_is_refused() {
        let backwards = Range { start: 3, end: 2 };
        for range in [5..6, 0..0, backwards] {
            let refused = inside(Some(range), 5).expect_err("no byte");
            assert_eq!(refused.kind(), StorageErrorKind::InvalidRequest);
        }
    }
}
