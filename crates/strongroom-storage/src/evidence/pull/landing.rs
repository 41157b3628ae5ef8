//! A file that is filled in several places at once and read in order, right behind what came.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The file, and how much of it has come.
pub(super) struct Landing {
    file: File,
    size_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
    /// How far the reader is.
    read_until: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// Everything before this has come.
    whole_until: u64,
    /// Stretches further on, from their start to their end.
    ahead: BTreeMap<u64, u64>,
    abandoned: bool,
}

impl State {
    fn came(&mut self, start: u64, end: u64) {
        if start != self.whole_until {
            match self.ahead.range_mut(..start).next_back() {
                Some((_, until)) if *until == start => *until = end,
                _ => {
                    self.ahead.insert(start, end);
                }
            }
            return;
        }
        self.whole_until = end;
        while let Some(until) = self.ahead.remove(&self.whole_until) {
            self.whole_until = until;
        }
    }
}

impl Landing {
    pub(super) fn new(file: File, size_bytes: u64) -> Self {
        Self {
            file,
            size_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
            read_until: watch::Sender::new(0),
        }
    }

    /// Puts a piece where it belongs. Blocks.
    pub(super) fn write(&self, piece: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(piece, at)?;
        self.state().came(at, at + piece.len() as u64);
        self.changed.notify_all();
        Ok(())
    }

    /// Makes durable what was written. Blocks.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Nothing more will come: a reader that waits for it fails.
    pub(super) fn abandon(&self) {
        self.state().abandoned = true;
        self.changed.notify_all();
    }

    /// Follows how far the reader is.
    pub(super) fn read_until(&self) -> watch::Receiver<u64> {
        self.read_until.subscribe()
    }

    /// Reads the file from its start to its end. Blocks where it must wait for what is to come.
    pub(super) fn reader(self: &Arc<Self>) -> LandingReader {
        LandingReader { landing: Arc::clone(self), at: 0 }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is a single step: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many bytes may be read from `at` on; none only at the end of the file.
    fn wait_for(&self, at: u64) -> io::Result<u64> {
        let mut state = self.state();
        loop {
            if at < state.whole_until || at >= self.size_bytes {
                return Ok(state.whole_until.saturating_sub(at));
            }
            if state.abandoned {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the transfer ended early"));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// See [`Landing::reader`].
pub(super) struct LandingReader {
    landing: Arc<Landing>,
    at: u64,
}

impl Read for LandingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let come = self.landing.wait_for(self.at)?;
        let count = buffer.len().min(usize::try_from(come).unwrap_or(usize::MAX));
        let read = self.landing.file.read_at(&mut buffer[..count], self.at)?;
        if read < count && read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file was cut short"));
        }
        self.at += read as u64;
        self.landing.read_until.send_replace(self.at);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn landing(size_bytes: u64) -> Arc<Landing> {
        Arc::new(Landing::new(tempfile::tempfile().unwrap(), size_bytes))
    }

    #[test]
    fn pieces_in_any_order_are_read_in_order() {
        let content: Vec<u8> = (0..=255).cycle().take(4096).collect();
        let landing = landing(4096);
        let mut reader = landing.reader();
        let reading = thread::spawn(move || {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).map(|_| read)
        });
        for at in [2048, 3072, 1024, 2560, 3584, 1536, 0, 512] {
            landing.write(&content[at..at + 512], at as u64).unwrap();
        }
        assert_eq!(reading.join().unwrap().unwrap(), content);
        assert_eq!(*landing.read_until().borrow(), 4096);
    }

    #[test]
    fn what_has_not_come_is_never_read() {
        let landing = landing(10);
        landing.write(b"56789", 5).unwrap();
        landing.write(b"01", 0).unwrap();
        landing.abandon();
        let mut read = Vec::new();
        let ended = landing.reader().read_to_end(&mut read);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(read, b"01");
    }
}
