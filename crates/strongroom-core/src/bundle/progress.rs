//! How far a long operation has come.

/// Told, from any thread, how many bytes of content were dealt with.
pub trait Progress: Send + Sync {
    /// `bytes` more bytes are done.
    fn add_bytes(&self, bytes: u64);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn add_bytes(&self, _bytes: u64) {}
}
