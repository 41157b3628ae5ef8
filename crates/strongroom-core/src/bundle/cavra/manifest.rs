//! `manifest.json` of a CAVRA directory: which files there are, and a signature over all but itself.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use super::directory::CavraFile;
use super::fields::{self, Fields, Limited, malformed};
use super::json::{self, Json};
use super::signature::{self, CavraSignature};
use super::{EVIDENCE, MANIFEST};
use crate::bundle::manifest::over;
use crate::bundle::{BundleError, Refusal, path};
use crate::signing::statement::SignedBundle;
use crate::{BundleId, Sha256Digest, limits};

const SCHEMA: &str = "cavra.evidence.bundle.v1";

pub(super) const LIMITED: Limited = Limited {
    name: MANIFEST,
    limit: "CAVRA_MANIFEST_BYTES_MAX",
    bytes_max: limits::CAVRA_MANIFEST_BYTES_MAX,
};

/// A manifest by itself: none of the files was looked at.
#[derive(Debug)]
pub struct CavraManifest {
    id: BundleId,
    pub(super) product: String,
    pub(super) signer: Option<String>,
    pub(super) created_at: Timestamp,
    /// By path, in the order of their bytes; the manifest is not among them.
    pub(super) files: BTreeMap<String, Listed>,
    pub(super) signature: CavraSignature,
    /// What a signature is over.
    pub(super) payload: Vec<u8>,
}

/// What the manifest says of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Listed {
    pub(super) size_bytes: u64,
    pub(super) sha256: Sha256Digest,
}

impl CavraManifest {
    /// Reads the bytes of a `manifest.json`.
    pub fn read(bytes: &[u8]) -> Result<Self, BundleError> {
        let value = fields::document(bytes, LIMITED, SCHEMA)?;
        let manifest = Fields(&value);
        let files = files_of(manifest.required("files")?)?;
        if !files.contains_key(EVIDENCE) {
            return Err(malformed(
                "files",
                "evidence.json, which has the session id, is not listed",
            ));
        }
        let object = value.as_object().ok_or_else(|| malformed(MANIFEST, "not an object"))?;
        let payload = json::dumps_without(object, "signature").into_bytes();
        Ok(Self {
            id: BundleId(Sha256Digest::of(bytes)),
            product: manifest.name("product")?,
            // Only shown: whatever else a producer puts here is covered by the signature all the same.
            signer: manifest.optional_name("signer").ok().flatten(),
            created_at: manifest.timestamp("created_at")?,
            files,
            signature: signature::of(manifest.optional("signature"), &payload)?,
            payload,
        })
    }

    /// The SHA-256 of its bytes.
    pub fn id(&self) -> BundleId {
        self.id
    }

    /// Every file that it lists, in the order of their paths, where it would lie under `root`; itself not
    /// among them.
    pub fn files_under(&self, root: &Path) -> Vec<CavraFile> {
        let file = |(path, listed): (&String, &Listed)| CavraFile {
            location: root.join(path),
            path: path.clone(),
            size_bytes: listed.size_bytes,
            sha256: listed.sha256,
        };
        self.files.iter().map(file).collect()
    }

    /// The bytes that a statement has to be about, to be about this directory.
    pub fn signed(&self) -> SignedBundle {
        SignedBundle { id: self.id, archive: None, id_covers_bytes: true }
    }
}

fn files_of(value: &Json) -> Result<BTreeMap<String, Listed>, BundleError> {
    let items = value.as_array().ok_or_else(|| malformed("files", "not an array"))?;
    if items.len() > limits::CAVRA_FILES_MAX {
        let max = limits::CAVRA_FILES_MAX as u64;
        return Err(over("the number of files", "CAVRA_FILES_MAX", max));
    }
    let mut files = BTreeMap::new();
    for item in items {
        let file = Fields(item);
        let path = file.text("path")?;
        check_path(path)?;
        let size_bytes = file.unsigned("bytes")?;
        if size_bytes > limits::FILE_BYTES_MAX {
            return Err(over("the size of a file", "FILE_BYTES_MAX", limits::FILE_BYTES_MAX));
        }
        let listed = Listed { size_bytes, sha256: file.sha256("sha256")? };
        if files.insert(path.to_owned(), listed).is_some() {
            return Err(path::repeated());
        }
    }
    check_together(files.keys().map(String::as_str))?;
    Ok(files)
}

/// A path that every reader reads alike, on whichever system.
pub(super) fn check_path(text: &str) -> Result<(), BundleError> {
    if text.len() > limits::CAVRA_PATH_BYTES_MAX {
        let max = limits::CAVRA_PATH_BYTES_MAX as u64;
        return Err(over("a path", "CAVRA_PATH_BYTES_MAX", max));
    }
    path::check(text)?;
    if text.chars().any(|character| character.is_control() || matches!(character, '\\' | ':')) {
        return Err(BundleError::new(
            Refusal::Security,
            "a path holds a backslash, a colon or a control character",
        ));
    }
    Ok(())
}

/// The manifest is a file of the directory too, and no system may take two files for one.
fn check_together<'a>(
    paths: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<(), BundleError> {
    path::check_all(paths.clone())?;
    let mut folded: Vec<String> = paths.chain([MANIFEST]).map(folded).collect();
    folded.sort_unstable();
    if folded.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(BundleError::new(
            Refusal::Security,
            "two paths differ in case or Unicode form only, or a file is listed as manifest.json",
        ));
    }
    path::check_all(folded.iter().map(String::as_str))
}

fn folded(path: &str) -> String {
    path.nfc().flat_map(char::to_lowercase).nfc().collect()
}
