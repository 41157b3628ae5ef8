//! What can be read of a package, and when.

use strongroom_core::package::{FileStatus, PackageStatus};

use super::{Model, Refused};

impl Model {
    /// Whether a package's deletion waits for its grace.
    pub fn is_asked_to_go(&self, package: usize) -> bool {
        self.packages[package].status == PackageStatus::DeletionRequested
    }

    /// Reads the `package.json`, which outlives the bytes.
    pub fn read_manifest(&self, package: usize) -> Result<(), Refused> {
        match self.packages[package].status {
            PackageStatus::Open | PackageStatus::Finalizing | PackageStatus::Abandoned => {
                Err("wrong-state")
            }
            _ => Ok(()),
        }
    }

    pub fn read_bundle(&mut self, package: usize) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        let is_whole =
            package.stored().count() == package.files.iter().filter(|file| file.was_stored).count();
        match package.status {
            PackageStatus::Finalized | PackageStatus::DeletionRequested if is_whole => {
                package.event("retrieval_requested");
                Ok(())
            }
            _ => Err("wrong-state"),
        }
    }

    pub fn read_file(&mut self, package: usize, file: usize) -> Result<(), Refused> {
        let package = &mut self.packages[package];
        match package.status {
            PackageStatus::Deleting | PackageStatus::Deleted | PackageStatus::Abandoned => {
                return Err("wrong-state");
            }
            _ if package.files[file].status != FileStatus::Stored => return Err("wrong-state"),
            _ => package.event("retrieval_requested"),
        }
        Ok(())
    }
}
