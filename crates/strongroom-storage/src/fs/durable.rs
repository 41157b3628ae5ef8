//! Which folders are known to be found again after a crash, and the syncs that make them so: as few as do.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Folder, FolderId};

/// Folders that are remembered; beyond it, all are forgotten and synced once more.
const REMEMBERED_MAX: usize = 16_384;

/// The folders that this process makes durable.
#[derive(Debug, Default)]
pub(super) struct DurableFolders {
    /// Folders whose own name this process has made durable. A name that another process made, or that came back, is
    /// not among them until it was synced here.
    known: Mutex<HashSet<FolderId>>,
    /// Those that are being synced, or waited for.
    syncing: Mutex<HashMap<FolderId, Arc<Syncs>>>,
}

/// The syncs of one folder, one after another. One that begins after a name was put there makes it durable, whoever
/// asked for it: so all that come while one is under way share the next.
#[derive(Debug, Default)]
struct Syncs {
    state: Mutex<State>,
    one_ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    ended: u64,
    /// The last that failed, and how.
    failed: Option<(u64, Failure)>,
}

/// An error that several are told of.
#[derive(Debug, Clone, Copy)]
struct Failure {
    errno: Option<i32>,
    kind: io::ErrorKind,
}

impl DurableFolders {
    /// Whether the folder's own name is durable.
    pub(super) fn has(&self, folder: FolderId) -> bool {
        locked(&self.known).contains(&folder)
    }

    /// The folder above it was synced, after this one had its name.
    pub(super) fn add(&self, folder: FolderId) {
        let mut known = locked(&self.known);
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(folder);
    }

    /// Makes the names that are in a folder now durable: by a sync that began after this was asked for.
    pub(super) fn sync(&self, disk: &Disk, folder: &Folder) -> io::Result<()> {
        let Some(id) = disk.id_of(folder)? else { return disk.sync_folder(folder) };
        let syncs = Arc::clone(locked(&self.syncing).entry(id).or_default());
        let synced = syncs.take_part(|| disk.sync_folder(folder));
        let mut syncing = locked(&self.syncing);
        drop(syncs);
        if syncing.get(&id).is_some_and(|syncs| Arc::strong_count(syncs) == 1) {
            syncing.remove(&id);
        }
        synced
    }
}

impl Syncs {
    fn take_part(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = locked(&self.state);
        // What is under way may have looked at the folder already.
        let needed = state.begun + 1;
        while state.ended < needed {
            if state.begun > state.ended {
                state = self.one_ended.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.begun += 1;
            drop(state);
            let synced = sync();
            let mut state = locked(&self.state);
            state.ended = state.begun;
            state.failed = match &synced {
                Ok(()) => state.failed,
                Err(error) => Some((state.ended, Failure::of(error))),
            };
            self.one_ended.notify_all();
            return synced;
        }
        match state.failed {
            // A later one that went well says nothing of what this one lost.
            Some((which, failure)) if which >= needed => Err(failure.again()),
            _ => Ok(()),
        }
    }
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self { errno: error.raw_os_error(), kind: error.kind() }
    }

    fn again(self) -> io::Error {
        self.errno.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const THREADS: u64 = 32;

    #[test]
    fn those_who_come_while_one_is_under_way_share_the_next() {
        let (syncs, clock, begun) = (Syncs::default(), AtomicU64::new(0), AtomicU64::new(0));
        let last_began_at = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let asked_at = clock.fetch_add(1, Ordering::SeqCst);
                    syncs
                        .take_part(|| {
                            last_began_at
                                .fetch_max(clock.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                            begun.fetch_add(1, Ordering::SeqCst);
                            thread::sleep(Duration::from_millis(20));
                            Ok(())
                        })
                        .unwrap();
                    assert!(
                        last_began_at.load(Ordering::SeqCst) > asked_at,
                        "an earlier sync was taken"
                    );
                });
            }
        });
        assert!(begun.into_inner() < THREADS / 2);
    }

    #[test]
    fn a_sync_that_failed_failed_for_all_who_shared_it() {
        let syncs = Syncs::default();
        let failures = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let told = syncs.take_part(|| {
                        thread::sleep(Duration::from_millis(5));
                        Err(io::Error::from_raw_os_error(5))
                    });
                    assert_eq!(told.unwrap_err().raw_os_error(), Some(5));
                    failures.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        assert_eq!(failures.into_inner(), THREADS);
        syncs.take_part(|| Ok(())).unwrap();
    }
}
