//! A CAVRA directory, every byte of it checked against its manifest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::fields::{self, Fields, Limited};
use super::manifest::{self, CavraManifest, Listed, check_path};
use super::retention::CavraRetention;
use super::signature::{CavraSignature, HmacSecret};
use super::{DOCUMENTS, EVIDENCE, MANIFEST, RETENTION_POLICY};
use crate::bundle::collect::unreadable;
use crate::bundle::manifest::over;
use crate::bundle::plan::{open_as_it_is, open_unchanged, read_some};
use crate::bundle::{BundleError, ContentVisitor, NoVisitor, Progress, Refusal};
use crate::digest::Sha256Hasher;
use crate::{BundleId, Sha256Digest, limits};

const READ_BUFFER_BYTES: usize = 256 << 10;
/// What a manifest of this kind says of itself, whatever its version.
const CLAIM: &[u8] = b"\"cavra.evidence.bundle.";

/// The JSON documents beside the manifest.
pub(super) const DOCUMENT: Limited = Limited {
    name: "a JSON document",
    limit: "CAVRA_DOCUMENT_BYTES_MAX",
    bytes_max: limits::CAVRA_DOCUMENT_BYTES_MAX,
};

/// A CAVRA directory that was read to its last byte and is what its manifest says. Says nothing of who
/// signed it: see [`signature`](Self::signature).
#[derive(Debug)]
pub struct VerifiedCavra {
    manifest: CavraManifest,
    manifest_bytes: Vec<u8>,
    session_id: String,
    retention: Option<CavraRetention>,
    files: Vec<CavraFile>,
}

/// One file of a verified directory, the manifest among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CavraFile {
    /// Its path inside the directory.
    pub path: String,
    /// Where it lies.
    pub location: PathBuf,
    /// Its length.
    pub size_bytes: u64,
    /// The digest of its bytes.
    pub sha256: Sha256Digest,
}

impl CavraFile {
    /// Opens the file, which must still be a regular one of its length. Its bytes may be others by now.
    pub fn open(&self) -> Result<File, BundleError> {
        open_unchanged(&self.location, self.size_bytes)
    }
}

/// Whether a directory says of itself that it is a CAVRA bundle: what does not verify is refused then,
/// not taken for something else.
pub fn is_claimed_by(directory: &Path) -> Result<bool, BundleError> {
    let location = directory.join(MANIFEST);
    let refused = |error| unreadable(&location, error);
    match fs::symlink_metadata(&location) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(refused(error)),
    }
    let mut start = Vec::new();
    let file = File::open(&location).map_err(refused)?;
    file.take(limits::CAVRA_MANIFEST_BYTES_MAX).read_to_end(&mut start).map_err(refused)?;
    Ok(start.windows(CLAIM.len()).any(|window| window == CLAIM))
}

/// A CAVRA directory whose manifest was read and checked by itself. None of the files was looked at.
#[derive(Debug)]
pub struct UnverifiedCavra {
    root: PathBuf,
    manifest: CavraManifest,
    manifest_bytes: Vec<u8>,
}

impl UnverifiedCavra {
    /// Reads the manifest of `directory`. Blocks.
    pub fn open(directory: &Path) -> Result<Self, BundleError> {
        let root = fs::canonicalize(directory).map_err(|error| unreadable(directory, error))?;
        let manifest_bytes = read_manifest(&root.join(MANIFEST))?;
        let manifest = CavraManifest::read(&manifest_bytes)?;
        Ok(Self { root, manifest, manifest_bytes })
    }

    /// The bytes of `manifest.json`.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The id that the directory has if it verifies.
    pub fn claimed_id(&self) -> BundleId {
        self.manifest.id()
    }

    /// What made it, as the manifest claims.
    pub fn product(&self) -> &str {
        &self.manifest.product
    }

    /// The files that the manifest lists, by path, itself not among them.
    pub fn listed(&self) -> impl Iterator<Item = (&str, u64, Sha256Digest)> {
        let files = self.manifest.files.iter();
        files.map(|(path, listed)| (path.as_str(), listed.size_bytes, listed.sha256))
    }

    /// Checks all of the directory, as [`VerifiedCavra::verify`] does; `visitor` sees the files.
    pub fn verify_seen_by(
        self,
        progress: &dyn Progress,
        visitor: &mut dyn ContentVisitor,
    ) -> Result<VerifiedCavra, BundleError> {
        let Self { root, manifest, manifest_bytes } = self;
        let found = Walk::of(&root)?;
        check_listed(&manifest.files, &found)?;
        let mut documents = Documents::default();
        let mut files = Vec::with_capacity(manifest.files.len() + 1);
        let mut buffer = vec![0; READ_BUFFER_BYTES];
        let mut seeing = Seeing { progress, visitor };
        for (path, listed) in &manifest.files {
            let location = root.join(path);
            let sha256 =
                documents.check(path, &location, listed.size_bytes, &mut buffer, &mut seeing)?;
            if sha256 != listed.sha256 {
                return Err(integrity("a file does not match its digest in the manifest"));
            }
            let path = path.clone();
            files.push(CavraFile { path, location, size_bytes: listed.size_bytes, sha256 });
        }
        let sha256 = manifest.id().0;
        files.push(CavraFile {
            path: MANIFEST.to_owned(),
            location: root.join(MANIFEST),
            size_bytes: manifest_bytes.len() as u64,
            sha256,
        });
        let session_id = session_id(documents.evidence.as_deref().unwrap_or_default())?;
        let policy = documents.retention_policy.as_deref();
        let retention = policy
            .map(|bytes| CavraRetention::from_bytes(bytes, &session_id, manifest.created_at))
            .transpose()?;
        Ok(VerifiedCavra { manifest, manifest_bytes, session_id, retention, files })
    }
}

impl VerifiedCavra {
    /// Reads and checks all of `directory`. Blocks; memory: the manifest, one document and 256 KiB.
    ///
    /// Refused: a file that is missing, of other bytes, or not listed; links and everything that is no
    /// regular file; paths that climb or that two systems read differently; a session id that differs
    /// between documents; what is over a limit.
    pub fn verify(directory: &Path, progress: &dyn Progress) -> Result<Self, BundleError> {
        UnverifiedCavra::open(directory)?.verify_seen_by(progress, &mut NoVisitor)
    }

    /// The SHA-256 of the bytes of `manifest.json`. Covers every byte of every file.
    pub fn id(&self) -> BundleId {
        self.manifest.id()
    }

    /// What it is made of.
    pub fn manifest(&self) -> &CavraManifest {
        &self.manifest
    }

    /// The session, as `evidence.json` has it.
    pub fn session_id(&self) -> &str {
        &self.session_id
    }

    /// What made it, as the manifest claims.
    pub fn product(&self) -> &str {
        &self.manifest.product
    }

    /// Who signed it, as the manifest claims. Proves nothing.
    pub fn claimed_signer(&self) -> Option<&str> {
        self.manifest.signer.as_deref()
    }

    /// When it was made, as the manifest claims.
    pub fn created_at(&self) -> Timestamp {
        self.manifest.created_at
    }

    /// What the manifest carries as its signature.
    pub fn signature(&self) -> &CavraSignature {
        &self.manifest.signature
    }

    /// Whether an HS256 value was made with this secret; `None` where the signature is no such value.
    pub fn was_made_with(&self, secret: &HmacSecret) -> Option<bool> {
        match &self.manifest.signature {
            CavraSignature::Hs256(mac) => Some(secret.made(mac, &self.manifest.payload)),
            _ => None,
        }
    }

    /// What the retention policy asks for; `None` where the manifest covers none.
    pub fn retention(&self) -> Option<&CavraRetention> {
        self.retention.as_ref()
    }

    /// Every file in the order of their paths, and the manifest last.
    pub fn files(&self) -> &[CavraFile] {
        &self.files
    }

    /// The bytes of `manifest.json`.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// The sum of the lengths of all files, the manifest's too.
    pub fn content_size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    /// Documents that CAVRA's own tool writes and that the manifest does not list.
    pub fn absent_documents(&self) -> Vec<&'static str> {
        let is_absent = |name: &&str| !self.manifest.files.contains_key(*name);
        DOCUMENTS.into_iter().filter(is_absent).collect()
    }
}

fn read_manifest(location: &Path) -> Result<Vec<u8>, BundleError> {
    let failed = |error| unreadable(location, error);
    let file = match open_as_it_is(location) {
        Ok(file) => file.ok_or_else(refused_kind)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(BundleError::new(
                Refusal::Format,
                "the directory has no manifest.json, so it is no CAVRA bundle",
            )
            .with_guidance(
                "make a bundle of it with `strongroom evidence bundle`, or push it as it is",
            ));
        }
        Err(error) => return Err(failed(error)),
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(refused_kind());
    }
    let mut bytes = Vec::new();
    let max = manifest::LIMITED.bytes_max;
    file.take(max + 1).read_to_end(&mut bytes).map_err(failed)?;
    manifest::LIMITED.check(bytes.len() as u64)?;
    Ok(bytes)
}

/// Who is told of content as it is read.
struct Seeing<'a> {
    progress: &'a dyn Progress,
    visitor: &'a mut dyn ContentVisitor,
}

/// The documents that are read, not only hashed.
#[derive(Default)]
struct Documents {
    evidence: Option<Vec<u8>>,
    retention_policy: Option<Vec<u8>>,
}

impl Documents {
    /// Hashes one file. Of a JSON document of the format the very bytes that are hashed are read.
    fn check(
        &mut self,
        path: &str,
        location: &Path,
        size_bytes: u64,
        buffer: &mut [u8],
        seeing: &mut Seeing<'_>,
    ) -> Result<Sha256Digest, BundleError> {
        let document = DOCUMENTS.into_iter().find(|name| *name == path && name.ends_with(".json"));
        let limited = document.map(|name| Limited { name, ..DOCUMENT });
        if let Some(limited) = limited {
            limited.check(size_bytes)?;
        }
        let mut kept = Vec::new();
        let is_wanted = seeing.visitor.begin(path, size_bytes);
        let sha256 = read_through(location, size_bytes, buffer, |piece| {
            seeing.progress.add_bytes(piece.len() as u64);
            if is_wanted {
                seeing.visitor.content(piece);
            }
            if limited.is_some() {
                kept.extend_from_slice(piece);
            }
        })?;
        if is_wanted {
            seeing.visitor.end();
        }
        let Some(limited) = limited else { return Ok(sha256) };
        fields::object(&kept, limited)?;
        match path {
            EVIDENCE => self.evidence = Some(kept),
            RETENTION_POLICY => self.retention_policy = Some(kept),
            _ => {}
        }
        Ok(sha256)
    }
}

/// The session that an `evidence.json` is about.
pub fn session_id(evidence: &[u8]) -> Result<String, BundleError> {
    let value = fields::object(evidence, Limited { name: EVIDENCE, ..DOCUMENT })?;
    Fields(&value).name("session_id")
}

/// The digest of a file of this length, of which `take` sees every byte.
fn read_through(
    location: &Path,
    size_bytes: u64,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]),
) -> Result<Sha256Digest, BundleError> {
    let mut file = open_unchanged(location, size_bytes)?;
    let mut hasher = Sha256Hasher::new();
    let mut left = size_bytes;
    while left > 0 {
        // The smaller of both fits in both types.
        let want = left.min(buffer.len() as u64) as usize;
        let count = read_some(&mut file, &mut buffer[..want], location)?;
        hasher.update(&buffer[..count]);
        take(&buffer[..count]);
        left -= count as u64;
    }
    Ok(hasher.finish())
}

/// What lies in the directory must be what the manifest lists, and the manifest.
fn check_listed(
    listed: &BTreeMap<String, Listed>,
    found: &BTreeMap<String, u64>,
) -> Result<(), BundleError> {
    let unlisted =
        found.keys().filter(|path| *path != MANIFEST && !listed.contains_key(*path)).count();
    if unlisted > 0 {
        return Err(integrity_owned(format!(
            "{unlisted} of the files in the directory are not listed in the manifest"
        ))
        .with_guidance("nothing vouches for them: compare the directory with manifest.json"));
    }
    let missing = listed.keys().filter(|path| !found.contains_key(*path)).count();
    if missing > 0 {
        return Err(integrity_owned(format!("{missing} of the listed files are missing")));
    }
    let of_other_size =
        listed.iter().filter(|(path, listed)| found.get(*path) != Some(&listed.size_bytes)).count();
    if of_other_size > 0 {
        return Err(integrity_owned(format!(
            "{of_other_size} of the files are not of the size that the manifest lists"
        )));
    }
    Ok(())
}

/// Every file under a directory: its path inside and its length.
struct Walk {
    files: BTreeMap<String, u64>,
    folders: usize,
}

impl Walk {
    fn of(root: &Path) -> Result<BTreeMap<String, u64>, BundleError> {
        let mut walk = Self { files: BTreeMap::new(), folders: 0 };
        walk.folder(root, "")?;
        Ok(walk.files)
    }

    fn folder(&mut self, folder: &Path, prefix: &str) -> Result<(), BundleError> {
        let failed = |error| unreadable(folder, error);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| {
                BundleError::new(Refusal::Security, "a file has a name that is not UTF-8")
            })?;
            let path = format!("{prefix}{name}");
            check_path(&path)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                self.folders += 1;
                if self.folders > limits::CAVRA_FOLDERS_MAX {
                    let max = limits::CAVRA_FOLDERS_MAX as u64;
                    return Err(over("the number of folders", "CAVRA_FOLDERS_MAX", max));
                }
                self.folder(&entry.path(), &format!("{path}/"))?;
                continue;
            }
            if !kind.is_file() {
                return Err(refused_kind());
            }
            // The manifest is a file too.
            if self.files.len() > limits::CAVRA_FILES_MAX {
                let max = limits::CAVRA_FILES_MAX as u64;
                return Err(over("the number of files", "CAVRA_FILES_MAX", max));
            }
            self.files.insert(path, entry.metadata().map_err(failed)?.len());
        }
        Ok(())
    }
}

fn refused_kind() -> BundleError {
    BundleError::new(
        Refusal::Security,
        "the directory holds a link, a device, a socket or a pipe, which no CAVRA bundle has",
    )
}

fn integrity(message: &'static str) -> BundleError {
    BundleError::new(Refusal::Integrity, message)
}

fn integrity_owned(message: String) -> BundleError {
    BundleError::new(Refusal::Integrity, message)
}
