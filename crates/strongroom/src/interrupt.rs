//! Ctrl-C and termination: the command's future is dropped, which removes its temporary files and
//! aborts its uploads, and the program exits 130.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Waits until somebody wants the program to end.
pub async fn interrupted() {
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(_) => return std::future::pending().await,
    };
    tokio::select! {
        caught = tokio::signal::ctrl_c() => if caught.is_err() {
            std::future::pending::<()>().await;
        },
        _ = terminate.recv() => {}
    }
}

/// A command that, when somebody wants the program to end, ends by itself with what it has.
#[derive(Debug, Default)]
pub struct WindingDown {
    is_offered: AtomicBool,
    is_wanted: Notify,
}

impl WindingDown {
    /// Offers to wind down, and waits until that is wanted.
    pub async fn wanted(&self) {
        self.is_offered.store(true, Ordering::Relaxed);
        self.is_wanted.notified().await;
    }

    /// Asks the command to wind down; answers whether it offers to.
    pub fn ask(&self) -> bool {
        self.is_wanted.notify_one();
        self.is_offered.load(Ordering::Relaxed)
    }
}

/// Tells a blocking thread that nobody waits for it any more, when dropped.
#[derive(Debug, Default)]
pub struct Waiting(Arc<AtomicBool>);

impl Waiting {
    /// `inner`, failing once nobody waits.
    pub fn guard<T>(&self, inner: T) -> WhileWaitedFor<T> {
        WhileWaitedFor { inner, gone: Arc::clone(&self.0) }
    }
}

impl Waiting {
    /// Nobody waits any more.
    pub fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A reader or writer that fails once nobody waits for its thread.
#[derive(Debug)]
pub struct WhileWaitedFor<T> {
    inner: T,
    gone: Arc<AtomicBool>,
}

impl<T> WhileWaitedFor<T> {
    fn check(&self) -> io::Result<()> {
        if self.gone.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for this any more"));
        }
        Ok(())
    }
}

impl<T: Write> Write for WhileWaitedFor<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for WhileWaitedFor<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.inner.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_nobody_waits_for_stops_writing() {
        let waiting = Waiting::default();
        let mut writer = waiting.guard(Vec::new());
        assert!(writer.write_all(b"a").is_ok());
        drop(waiting);
        assert!(writer.write_all(b"b").is_err());
        assert_eq!(writer.inner, b"a");
    }
}
