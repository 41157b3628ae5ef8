//! Looking at content while it is verified: an archive is read once, whoever wants to see of it what.

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
