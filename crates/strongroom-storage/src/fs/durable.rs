//! Which folders are known to be found again after a crash, and the syncs that make them so: as few as do.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Folder, FolderId};

/// Folders that are remembered; beyond it, all are forgotten and synced once more.
const REMEMBERED_MAX: usize = 16_384;

/// The folders that this process makes durable.
#[derive(Debug, Default)]
pub(super) struct DurableFolders {
    /// Whether a sync failed: none is shared any more.
    has_failed: AtomicBool,
    /// Folders whose own name this process has made durable. A name that another process made, or that came back, is
    /// not among them until it was synced here.
    known: Mutex<HashSet<FolderId>>,
    /// Those that are being synced, or waited for.
    syncing: Mutex<HashMap<FolderId, Arc<Syncs>>>,
}

/// The syncs of one folder, one after another. One that begins after a name was put there makes it durable, whoever
/// asked for it: so all that come while one is under way share the next.
///
/// The kernel tells of a lost write once to each descriptor that was open then, and of nothing to one that was opened
/// later. So after a failure each syncs by its own descriptor.
#[derive(Debug, Default)]
struct Syncs {
    state: Mutex<State>,
    one_ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    ended: u64,
}

/// A sync that is under way. It ends when this is dropped, also by a panic.
struct UnderWay<'a> {
    syncs: &'a Syncs,
    has_failed: &'a AtomicBool,
    went_well: bool,
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
        let synced = syncs.take_part(&self.has_failed, || disk.sync_folder(folder));
        let mut syncing = locked(&self.syncing);
        drop(syncs);
        if syncing.get(&id).is_some_and(|syncs| Arc::strong_count(syncs) == 1) {
            syncing.remove(&id);
        }
        synced
    }
}

impl Syncs {
    fn take_part(
        &self,
        has_failed: &AtomicBool,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = locked(&self.state);
        // What is under way may have looked at the folder already.
        let needed = state.begun + 1;
        loop {
            if has_failed.load(Ordering::SeqCst) {
                drop(state);
                return sync();
            }
            if state.ended >= needed {
                return Ok(());
            }
            if state.begun == state.ended {
                break;
            }
            state = self.one_ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.begun += 1;
        drop(state);
        let mut under_way = UnderWay { syncs: self, has_failed, went_well: false };
        let synced = sync();
        under_way.went_well = synced.is_ok();
        synced
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.syncs.state);
        state.ended = state.begun;
        if !self.went_well {
            self.has_failed.store(true, Ordering::SeqCst);
        }
        self.syncs.one_ended.notify_all();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const THREADS: u64 = 32;

    #[test]
    fn those_who_come_while_one_is_under_way_share_the_next() {
        let (syncs, clock, begun) = (Syncs::default(), AtomicU64::new(0), AtomicU64::new(0));
        let (has_failed, last_began_at) = (AtomicBool::new(false), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let asked_at = clock.fetch_add(1, Ordering::SeqCst);
                    let sync = || {
                        let began_at = clock.fetch_add(1, Ordering::SeqCst);
                        last_began_at.fetch_max(began_at, Ordering::SeqCst);
                        begun.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(20));
                        Ok(())
                    };
                    syncs.take_part(&has_failed, sync).unwrap();
                    let began_at = last_began_at.load(Ordering::SeqCst);
                    assert!(began_at > asked_at, "an earlier sync was taken");
                });
            }
        });
        assert!(begun.into_inner() < THREADS / 2);
    }

    #[test]
    fn after_a_failure_each_asks_for_itself_and_nobody_is_told_that_all_is_well() {
        let (syncs, has_failed) = (Syncs::default(), AtomicBool::new(false));
        let asked = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let told = syncs.take_part(&has_failed, || {
                        asked.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(5));
                        Err(io::Error::from_raw_os_error(5))
                    });
                    assert_eq!(told.unwrap_err().raw_os_error(), Some(5));
                });
            }
        });
        assert_eq!(asked.into_inner(), THREADS);
    }

    #[test]
    fn a_panic_in_a_sync_leaves_nobody_waiting() {
        let (syncs, has_failed) = (Syncs::default(), AtomicBool::new(false));
        thread::scope(|scope| {
            let first = scope.spawn(|| {
                syncs.take_part(&has_failed, || {
                    thread::sleep(Duration::from_millis(50));
                    panic!("on purpose")
                })
            });
            thread::sleep(Duration::from_millis(10));
            syncs.take_part(&has_failed, || Ok(())).unwrap();
            assert!(first.join().is_err());
        });
    }
}
