//! A full disk.

use std::process::Command;

use crate::Desk;

/// A file system of two mebibytes, for as long as it lives.
struct SmallDisk {
    at: tempfile::TempDir,
}

impl SmallDisk {
    /// `None`, with a word on standard error, where this process may not mount.
    fn mount() -> Option<Self> {
        let at = tempfile::TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(at.path())
            .output();
        if mounted.is_ok_and(|mount| mount.status.success()) {
            return Some(Self { at });
        }
        eprintln!("skipped: no right to mount a small file system");
        None
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(self.at.path()).unwrap().next().is_none()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.at.path()).status();
    }
}

#[test]
fn a_push_into_a_full_directory_exits_1_and_leaves_no_bundle() {
    let Some(disk) = SmallDisk::mount() else { return };
    let url = format!("file://{}/store", disk.at.path().display());
    let desk = Desk::at_a_file_store().with("STRONGROOM_STORE_URL", &url).with_a_big_run();
    let ended = desk.push();
    ended.assert_failed(1, "space");
    let bundles = disk.at.path().join("store/bundles");
    let left = std::fs::read_dir(bundles).map(Iterator::count).unwrap_or(0);
    assert_eq!(left, 0);
}

#[test]
fn a_pull_onto_a_full_disk_exits_1_and_leaves_no_file() {
    let Some(disk) = SmallDisk::mount() else { return };
    let desk = Desk::at_a_file_store().with_a_big_run();
    let id = desk.push().field("/bundle_id").unwrap();
    let out = disk.at.path().join("out.tar.gz");
    let out = out.to_str().unwrap();
    let pulled = desk.strongroom(&["evidence", "pull", "--bundle-id", &id, "--out", out]);
    pulled.assert_failed(1, "space");
    assert!(disk.is_empty());
}

#[test]
fn a_bundle_onto_a_full_disk_exits_1_and_leaves_no_file() {
    let Some(disk) = SmallDisk::mount() else { return };
    let desk = Desk::at_a_file_store().with_a_big_run();
    let out = disk.at.path().join("out.tar.gz");
    let made = desk.strongroom(&["evidence", "bundle", "run", "-o", out.to_str().unwrap()]);
    made.assert_failed(1, "space");
    assert!(disk.is_empty());
}
