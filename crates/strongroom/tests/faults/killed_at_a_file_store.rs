//! kill -9 at many moments of a push into a directory: the same promises as on S3.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Desk;

/// Moments to kill at, spread over the time that a whole push takes.
const MOMENTS: u32 = 24;

#[test]
fn a_push_into_a_directory_can_be_killed_at_any_moment() {
    let whole = Desk::at_a_file_store().with_a_big_run();
    let started = Instant::now();
    whole.push().assert_kept("stored");
    let whole_push = started.elapsed();

    let mut killed = 0;
    for moment in 0..MOMENTS {
        if killed_after(whole_push * moment / MOMENTS) {
            killed += 1;
        }
    }
    assert!(killed > MOMENTS / 4, "only {killed} pushes were under way when they were killed");
}

/// Kills a push after so long and looks at what it left. Whether it was still under way.
fn killed_after(delay: Duration) -> bool {
    let desk = Desk::at_a_file_store().with_a_big_run();
    let mut child = desk.start_push();
    // There is no condition to wait for: the moment itself is what differs.
    std::thread::sleep(delay);
    let under_way = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();

    let at = format!("killed after {delay:?}");
    for bundle in bundles(&desk.store_directory()) {
        let verified = desk.strongroom(&["evidence", "verify", bundle.to_str().unwrap()]);
        assert_eq!(verified.exit, Some(0), "{at}: {}", verified.stderr);
        assert_eq!(desk.listed().len(), 1, "{at}");
    }

    let again = desk.push();
    assert_eq!(again.exit, Some(0), "{at}: {}", again.stderr);
    let id = again.field("/bundle_id").unwrap();
    assert_eq!(desk.listed(), [(id, "present".to_owned())], "{at}");
    assert_eq!(bundles(&desk.store_directory()).len(), 1, "{at}");
    under_way
}

/// The archives under their final names.
fn bundles(store: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(store.join("bundles")) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().ends_with(".tar.gz")).collect()
}
