//! Looking at content while it is verified: an archive is read once, whoever wants to see of it what.

use jiff::Timestamp;

/// Sees the files of a bundle, in their order, while they are verified.
///
/// What is seen is proven only when verifying has ended well: until then a file may be anything, and
/// what comes of it must not be shown.
pub trait ContentVisitor {
    /// The content of a file begins. Returns whether its bytes are wanted.
    fn begin(&mut self, path: &str, size_bytes: u64) -> bool;
    /// The next bytes of a file that is wanted.
    fn content(&mut self, bytes: &[u8]);
    /// The file that is wanted is at its end.
    fn end(&mut self);
    /// One event of an Assay bundle, once it was checked.
    fn event(&mut self, _event: &AssayEvent<'_>) {}
}

/// What an Assay event says besides its data.
#[derive(Debug, Clone, Copy)]
pub struct AssayEvent<'a> {
    /// When it happened, by its own word.
    pub time: Timestamp,
    /// Which revision of the producer made it.
    pub git: &'a str,
    /// Whether it says that it holds personal data.
    pub declares_personal_data: bool,
    /// Whether it says that it holds secrets.
    pub declares_secrets: bool,
}

/// Wants to see nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVisitor;

impl ContentVisitor for NoVisitor {
    fn begin(&mut self, _path: &str, _size_bytes: u64) -> bool {
        false
    }

    fn content(&mut self, _bytes: &[u8]) {}

    fn end(&mut self) {}
}
