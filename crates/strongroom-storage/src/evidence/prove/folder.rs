//! The folder on its way: files in a temporary one beside it, a list of their digests, the script that
//! checks them; then its name.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use strongroom_core::Sha256Digest;

use super::Proof;
use crate::evidence::pull::failed;
use crate::evidence::{EvidenceError, EvidenceErrorKind};
use crate::new_file::directory_of;
use crate::new_folder::NewFolder;

/// The script, in which the digest of the list stands.
const CHECK: &str = include_str!("check.py");
/// What stands in the script for that digest.
const SUMS_SHA256: &str = "@SUMS_SHA256@";
const README: &str = include_str!("README.md");

/// A folder that has no name yet. Gone when dropped.
pub(super) struct Folder {
    folder: NewFolder,
    out: PathBuf,
    sums: BTreeMap<String, Sha256Digest>,
}

impl Folder {
    /// Begins the folder that will be at `out`.
    pub(super) fn beside(out: &Path) -> Result<Self, EvidenceError> {
        let folder = NewFolder::beside(out)
            .map_err(|error| failed(directory_of(out), "cannot take a new folder", error))?;
        Ok(Self { folder, out: out.to_owned(), sums: BTreeMap::new() })
    }

    /// Where a file of the folder is for now. Its own folder is made.
    pub(super) fn path_of(&self, path: &str) -> Result<PathBuf, EvidenceError> {
        self.folder.path_of(path).map_err(|error| failed(&self.out, "cannot be made", error))
    }

    /// Names a file that is there.
    pub(super) fn list(&mut self, path: &str, sha256: Sha256Digest) {
        self.sums.insert(path.to_owned(), sha256);
    }

    /// Writes a file.
    pub(super) fn write(&mut self, path: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.folder
            .write(path, bytes)
            .map_err(|error| failed(&self.out, "could not be written", error))?;
        self.list(path, Sha256Digest::of(bytes));
        Ok(())
    }

    /// Writes a document.
    pub(super) fn write_json(
        &mut self,
        path: &str,
        document: &impl Serialize,
    ) -> Result<(), EvidenceError> {
        let mut bytes = serde_json::to_vec_pretty(document).map_err(|error| {
            EvidenceError::new(EvidenceErrorKind::LocalFile, "a document could not be written")
                .with_source(error)
        })?;
        bytes.push(b'\n');
        self.write(path, &bytes)
    }

    /// Writes the list and the script, and gives the folder its name. Answers the list's digest.
    pub(super) fn finish(mut self, proof: &Proof) -> Result<Sha256Digest, EvidenceError> {
        self.write_json("proof.json", proof)?;
        self.write("README.md", readme(proof).as_bytes())?;
        let mut sums = String::new();
        for (path, sha256) in &self.sums {
            // Writing to a String does not fail.
            let _ = writeln!(sums, "{}  {path}", sha256.to_hex());
        }
        let sums_sha256 = Sha256Digest::of(sums.as_bytes());
        self.write("SHA256SUMS", sums.as_bytes())?;
        self.write("check", CHECK.replace(SUMS_SHA256, &sums_sha256.to_hex()).as_bytes())?;
        let Self { folder, out, .. } = self;
        let place = || {
            fs::set_permissions(folder.path_of("check")?, Permissions::from_mode(0o755))?;
            folder.place()
        };
        place().map_err(|error| failed(&out, "could not be written", error))?;
        Ok(sums_sha256)
    }
}

fn readme(proof: &Proof) -> String {
    let mut bundles = String::new();
    for bundle in &proof.bundles {
        // With the one that a manifest carries itself.
        let number = bundle.checked.signatures.len();
        let signed = match (number, &proof.trust_roots) {
            (0, _) => "no signatures".to_owned(),
            (number, None) => format!("{number} signatures, unchecked"),
            (number, Some(_)) => {
                let valid = bundle.checked.signatures.iter();
                let valid = valid.filter(|one| one.checked.state.is_valid()).count();
                format!("{number} signatures, {valid} of them valid when this was gathered")
            }
        };
        let enough = match bundle.checked.signatures_unmet.is_empty() {
            true => "",
            false => "; **not what was asked of them**",
        };
        let _ = writeln!(bundles, "* `{}`: {signed}{enough}", bundle.bundle_id);
    }
    for missing in &proof.missing {
        let (id, what) = (missing.bundle_id, missing.what);
        let _ = writeln!(bundles, "* `{id}`: **{what} could not be had**: {}", missing.reason);
    }
    let signatures = match proof.trust_roots {
        Some(_) => {
            "The keys that are believed are in `trust/`. Whether they are to be believed is not for this \
             folder to say: get them, or their digests, by another way."
        }
        None => {
            "**No trust root was given, so the signatures are unchecked**: `check` says nothing of them, \
             and its status speaks for the rest."
        }
    };
    README
        .replace("@STORE@", &proof.store)
        .replace("@GATHERED_AT@", &proof.gathered_at.to_string())
        .replace("@SIGNATURES@", signatures)
        .replace("@BUNDLES@", bundles.trim_end())
}
