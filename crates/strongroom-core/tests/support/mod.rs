//! Makes archives byte by byte, right ones and wrong ones, independently of the crate's own writer.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::error::Error;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::bundle::{
    BundleError, NoProgress, ReadLimits, Refusal, UnverifiedBundle, VerifiedBundle,
};

/// In every text that a hostile archive holds; no refusal may repeat it.
pub(crate) const MARK: &str = "EVIL";

/// A tar header with the values of `strongroom.bundle/v1`, checksum included.
pub(crate) fn header(name: &[u8], size_bytes: u64, kind: u8) -> [u8; 512] {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[108..116].copy_from_slice(b"0000000\0");
    block[116..124].copy_from_slice(b"0000000\0");
    block[124..136].copy_from_slice(format!("{size_bytes:011o}\0").as_bytes());
    block[136..148].copy_from_slice(b"00000000000\0");
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[329..337].copy_from_slice(b"0000000\0");
    block[337..345].copy_from_slice(b"0000000\0");
    seal(&mut block);
    block
}

/// Puts the right checksum in.
pub(crate) fn seal(block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Content and the zeros after it.
pub(crate) fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

/// A whole member.
pub(crate) fn member(name: &str, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(name.as_bytes(), content.len() as u64, b'0').to_vec();
    bytes.extend(padded(content));
    bytes
}

/// A PAX extended header that holds `records`.
pub(crate) fn pax(records: &str) -> Vec<u8> {
    let mut bytes = header(b"PaxHeader", records.len() as u64, b'x').to_vec();
    bytes.extend(padded(records.as_bytes()));
    bytes
}

/// The entry of a file in a manifest.
pub(crate) fn listed(path: &str, content: &[u8]) -> Value {
    json!({"path": path, "size_bytes": content.len(), "sha256": Sha256Digest::of(content)})
}

/// A manifest of these files, in this order.
pub(crate) fn manifest(files: &[(&str, &[u8])]) -> Value {
    let files: Vec<Value> = files.iter().map(|(path, content)| listed(path, content)).collect();
    json!({"schema": "strongroom.bundle/v1", "files": files})
}

/// The RFC 8785 bytes.
pub(crate) fn canonical(value: &Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

/// A tar archive of these parts and the two blocks of zeros.
pub(crate) fn tar(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.extend([0; 1024]);
    bytes
}

/// A right tar archive of these files.
pub(crate) fn bundle_tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut parts = vec![manifest_member(&manifest(files))];
    parts.extend(files.iter().map(|(path, content)| member(&format!("files/{path}"), content)));
    tar(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// The first member.
pub(crate) fn manifest_member(manifest: &Value) -> Vec<u8> {
    member("manifest.json", &canonical(manifest))
}

/// One gzip member of the given bytes.
pub(crate) fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(tar).unwrap();
    encoder.finish().unwrap()
}

/// Opens and verifies.
pub(crate) fn verify(archive: impl Read + Send) -> Result<VerifiedBundle, BundleError> {
    UnverifiedBundle::open(archive, &ReadLimits::default())?.verify(&NoProgress)
}

/// The class by which an archive is refused. Checks that nothing of the archive is repeated.
pub(crate) fn refusal(archive: impl Read + Send) -> Refusal {
    let error = verify(archive).unwrap_err();
    let mut cause: Option<&dyn Error> = Some(&error);
    while let Some(one) = cause {
        assert!(!format!("{one} {one:?}").contains(MARK), "{one} repeats the archive");
        cause = one.source();
    }
    error.refusal()
}

/// The class by which a tar archive, properly compressed, is refused.
pub(crate) fn refusal_of_tar(tar: &[u8]) -> Refusal {
    refusal(gzip(tar).as_slice())
}

/// The same bytes again and again, without holding more than once.
pub(crate) struct Repeated<'a> {
    unit: &'a [u8],
    left_bytes: u64,
    at: usize,
}

impl<'a> Repeated<'a> {
    pub(crate) fn new(unit: &'a [u8], times: u64) -> Self {
        Self { unit, left_bytes: unit.len() as u64 * times, at: 0 }
    }
}

impl Read for Repeated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.unit.len() - self.at);
        let count = count.min(usize::try_from(self.left_bytes).unwrap_or(usize::MAX));
        buffer[..count].copy_from_slice(&self.unit[self.at..self.at + count]);
        self.at = (self.at + count) % self.unit.len();
        self.left_bytes -= count as u64;
        Ok(count)
    }
}
