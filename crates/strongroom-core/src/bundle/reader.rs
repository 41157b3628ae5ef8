//! Opening an archive: up to and including its manifest, nothing believed yet.

use std::io::Read;

use super::assay::AssayManifest;
use super::gzip::Inflater;
use super::manifest::{Manifest, Producer, RetentionRequest, check_size};
use super::source::{ArchiveSource, Buffered, Chunks, read_full};
use super::tar::{self, Block, Member};
use super::{BundleError, Refusal};
use crate::canonical::{JsonLimits, Parser};
use crate::{BundleId, Sha256Digest, limits};

/// Bytes read at once while opening; a small bundle is read whole by then.
const ARCHIVE_BUFFER_BYTES: usize = 32 << 10;
const INFLATE_BUFFER_BYTES: usize = 64 << 10;

/// The bounds that a caller may raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of the archive, as compressed.
    pub archive_bytes_max: u64,
}

impl Default for ReadLimits {
    fn default() -> Self {
        Self { archive_bytes_max: limits::ARCHIVE_BYTES_MAX }
    }
}

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BundleFormat {
    /// `strongroom.bundle/v1`: its id covers every byte of content.
    Native,
    /// Assay evidence bundle, `schema_version` 1: its id does *not* cover every byte.
    Assay,
}

impl BundleFormat {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "strongroom.bundle/v1",
            Self::Assay => "assay/v1",
        }
    }
}

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum BundleManifest {
    /// Of `strongroom.bundle/v1`.
    Native(Manifest),
    /// Of Assay v1.
    Assay(AssayManifest),
}

impl BundleManifest {
    /// The run that made the content.
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Native(manifest) => manifest.run_id.as_deref(),
            Self::Assay(manifest) => Some(&manifest.run_id),
        }
    }

    /// What the evidence is about; Assay has no such field.
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Native(manifest) => manifest.subject.as_deref(),
            Self::Assay(_) => None,
        }
    }

    /// Who or what made the content.
    pub fn producer(&self) -> Option<&Producer> {
        match self {
            Self::Native(manifest) => manifest.producer.as_ref(),
            Self::Assay(manifest) => Some(&manifest.producer),
        }
    }

    /// How long the producer asks for it to be kept; Assay has no such field.
    pub fn retention(&self) -> Option<&RetentionRequest> {
        match self {
            Self::Native(manifest) => manifest.retention.as_ref(),
            Self::Assay(_) => None,
        }
    }
}

/// An archive whose manifest was read and checked by itself. Nothing is known yet of whether the
/// content is what the manifest lists.
pub struct UnverifiedBundle<R> {
    pub(super) tar: Buffered<Inflater<Buffered<ArchiveSource<R>>>>,
    pub(super) id: BundleId,
    pub(super) manifest: BundleManifest,
    pub(super) manifest_bytes: Vec<u8>,
}

impl<R> std::fmt::Debug for UnverifiedBundle<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedBundle").field("id", &self.id).finish_non_exhaustive()
    }
}

impl<R: Read + Send> UnverifiedBundle<R> {
    /// Reads up to and including the manifest, and no more of `archive` than a buffer beyond it.
    ///
    /// Memory: the manifest and less than 200 KiB.
    pub fn open(archive: R, limits: &ReadLimits) -> Result<Self, BundleError> {
        let source = ArchiveSource::new(archive, limits.archive_bytes_max);
        let inflater =
            Inflater::open(Buffered::new(source, ARCHIVE_BUFFER_BYTES)).map_err(no_bundle)?;
        let mut tar = Buffered::new(inflater, INFLATE_BUFFER_BYTES);
        let (header, size_bytes) = read_manifest_header(&mut tar)?;
        let manifest_bytes = read_manifest(&mut tar, size_bytes)?;
        let (id, manifest) = match BundleFormat::of_manifest(&manifest_bytes)? {
            BundleFormat::Native => {
                let expected = tar::headers(tar::MANIFEST_PATH, size_bytes);
                if header[..] != expected[..] {
                    return Err(tar::refuse_headers(&expected, &header, "manifest.json"));
                }
                let id = BundleId(Sha256Digest::of(&manifest_bytes));
                (id, BundleManifest::Native(Manifest::from_bytes(&manifest_bytes)?))
            }
            BundleFormat::Assay => {
                let manifest = AssayManifest::from_bytes(&manifest_bytes)?;
                tar.source_mut().limit(limits::ASSAY_DECODED_BYTES_MAX);
                let archive = tar.source_mut().input_mut().source_mut();
                archive.limit(limits::ASSAY_ARCHIVE_BYTES_MAX);
                (manifest.bundle_id, BundleManifest::Assay(manifest))
            }
        };
        Ok(Self { tar, id, manifest, manifest_bytes })
    }

    /// The format that the manifest declares.
    pub fn format(&self) -> BundleFormat {
        match self.manifest {
            BundleManifest::Native(_) => BundleFormat::Native,
            BundleManifest::Assay(_) => BundleFormat::Assay,
        }
    }

    /// The id that the bundle has *if* it verifies.
    pub fn claimed_id(&self) -> BundleId {
        self.id
    }

    /// What the archive says of itself.
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The bytes of `manifest.json`, fields that this version does not know included.
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }
}

impl BundleFormat {
    /// Which format the bytes of a `manifest.json` declare, whatever else they hold.
    fn of_manifest(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut schema = None;
        let mut assay = false;
        let mut parser = Parser::new(bytes, JsonLimits::NATIVE)?;
        parser.object(|parser, name| {
            match name {
                "schema" => schema = Some(parser.string()?.into_owned()),
                "schema_version" => {
                    assay = true;
                    parser.skip()?;
                }
                _ => parser.skip()?,
            }
            Ok::<(), BundleError>(())
        })?;
        parser.end()?;
        match schema {
            None if assay => Ok(Self::Assay),
            schema => Manifest::check_schema(schema.as_deref()).map(|()| Self::Native),
        }
    }
}

/// Reads the first header; returns it with the size of the manifest.
fn read_manifest_header(tar: &mut impl Chunks) -> Result<(Block, u64), BundleError> {
    let mut block = [0; tar::BLOCK_BYTES];
    if read_full(tar, &mut block)? < block.len() {
        return Err(truncated());
    }
    let Some(member) = Member::of(&block) else {
        return Err(no_bundle(BundleError::new(Refusal::Format, "not a tar archive")));
    };
    if let Err((refusal, what)) = member.check() {
        let message = format!("the first member is not manifest.json: {what}");
        return Err(no_bundle(BundleError::new(refusal, message)));
    }
    if member.name != tar::MANIFEST_PATH.as_bytes() {
        let message = "the first member is not manifest.json";
        return Err(no_bundle(BundleError::new(Refusal::Format, message)));
    }
    let size_bytes = member.size_bytes.unwrap_or(u64::MAX);
    check_size(size_bytes)?;
    Ok((block, size_bytes))
}

/// Reads the manifest; memory follows what is there, not what the header says.
fn read_manifest(tar: &mut impl Chunks, size_bytes: u64) -> Result<Vec<u8>, BundleError> {
    // At most MANIFEST_BYTES_MAX, so it fits.
    let size = size_bytes as usize;
    let mut bytes = Vec::new();
    while bytes.len() < size {
        let chunk = tar.chunk()?;
        if chunk.is_empty() {
            return Err(truncated());
        }
        let count = chunk.len().min(size - bytes.len());
        bytes.extend_from_slice(&chunk[..count]);
        tar.consume(count);
    }
    read_padding(tar, size_bytes, "manifest.json")?;
    Ok(bytes)
}

/// Reads the zeros after a member's content.
pub(super) fn read_padding(
    tar: &mut impl Chunks,
    size_bytes: u64,
    position: &str,
) -> Result<(), BundleError> {
    let mut padding = [0; tar::BLOCK_BYTES];
    let padding = &mut padding[..tar::padding_bytes(size_bytes)];
    if read_full(tar, padding)? < padding.len() {
        return Err(truncated());
    }
    if padding.iter().any(|byte| *byte != 0) {
        let message = format!("{position}: the padding is not zero");
        return Err(BundleError::new(Refusal::Format, message));
    }
    Ok(())
}

/// Most likely an archive that was made for something else.
fn no_bundle(error: BundleError) -> BundleError {
    if error.refusal() == Refusal::Unreadable {
        return error;
    }
    error.with_guidance(
        "a bundle is what `strongroom evidence bundle DIR` makes: a gzipped tar that begins with \
         manifest.json; `evidence push DIR` bundles a directory and stores it",
    )
}

/// The tar archive ends too early.
pub(super) fn truncated() -> BundleError {
    BundleError::new(Refusal::Format, "the archive is truncated")
}
