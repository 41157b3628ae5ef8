//! Files of trust roots: read within their limit, written whole or not at all, and read back.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use strongroom_core::Sha256Digest;
use strongroom_core::limits::{KEY_BYTES_MAX, TRUST_ROOTS_BYTES_MAX};
use strongroom_core::signing::key::{KeyError, KeyId, PublicKey};
use strongroom_core::signing::trust::{TrustError, TrustFile, TrustRoot};
use strongroom_storage::new_file::{NewFile, directory_of};

use crate::cli::TrustOutputArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// A file of trust roots, as it was read.
pub struct ReadFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it holds.
    pub file: TrustFile,
}

impl ReadFile {
    /// Reads a trust root or a collection.
    pub async fn read(path: &Path) -> Result<Self> {
        let bytes = read_bounded(path, "TRUST_ROOTS_BYTES_MAX", TRUST_ROOTS_BYTES_MAX).await?;
        let file = TrustFile::read(&bytes).with_context(|| path.display().to_string())?;
        Ok(Self { path: path.to_owned(), bytes, file })
    }

    /// The digest of its bytes.
    pub fn sha256(&self) -> Sha256Digest {
        Sha256Digest::of(&self.bytes)
    }

    /// The root to change: the one that is named, or the only one.
    pub fn root_mut(&mut self, key: Option<KeyId>) -> Result<&mut TrustRoot> {
        let only = match (key, self.file.roots.len()) {
            (Some(key), _) => key,
            (None, 1) => self.file.roots.iter().next().ok_or(TrustError::Absent)?.key_id(),
            (None, _) => {
                return Err(Failure::usage("it holds several keys, and none is named")
                    .with_help("name one with --key-id; `strongroom trust-root list` shows them")
                    .into());
            }
        };
        Ok(self.file.roots.get_mut(only)?)
    }

    /// Writes the file anew, in place, and reads it back. A file that somebody else changed since it was
    /// read stays as they left it.
    pub async fn rewrite(self, now: Timestamp) -> Result<Self> {
        // A link stays a link.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let bytes = self.file.to_bytes(now)?;
        let new = begin(&path, &bytes)?;
        if Self::read(&self.path).await?.bytes != self.bytes {
            let message = format!("{} was changed meanwhile", self.path.display());
            let failure = Failure::new(Exit::Conflict, message);
            return Err(failure.with_help("run the same command again").into());
        }
        new.place(true).with_context(|| could_not_be_written(&self.path))?;
        Self::read_back(&self.path, &bytes).await
    }

    /// Writes a new file, and reads it back.
    pub async fn create(output: &TrustOutputArgs, bytes: &[u8]) -> Result<Self> {
        let path = &output.output;
        if path.is_dir() {
            return Err(Failure::usage("--output is a directory: name the file in it").into());
        }
        // What could not be read back takes no good file's place.
        TrustFile::read(bytes)?;
        match begin(path, bytes)?.place(output.force) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("{} is there already", path.display());
                let help = "choose another --output, or replace it with --force";
                return Err(Failure::new(Exit::Conflict, message).with_help(help).into());
            }
            placed => placed.with_context(|| could_not_be_written(path))?,
        }
        Self::read_back(path, bytes).await
    }

    async fn read_back(path: &Path, bytes: &[u8]) -> Result<Self> {
        let read = Self::read(path).await?;
        match read.bytes == bytes {
            true => Ok(read),
            false => {
                let message = format!("{} reads back as something else", path.display());
                Err(Failure::new(Exit::Integrity, message).into())
            }
        }
    }
}

/// The public key in a PEM file.
pub async fn public_key(path: &Path) -> Result<PublicKey> {
    let bytes = read_bounded(path, "KEY_BYTES_MAX", KEY_BYTES_MAX).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| KeyError::NotPem("public key"));
    text.and_then(PublicKey::from_pem).with_context(|| path.display().to_string())
}

/// The bytes of a file that has a limit. Opening may block, and does not keep an interrupt from being
/// heard.
pub async fn read_bounded(path: &Path, limit: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let opened = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        File::open(opened)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
        Ok::<_, io::Error>(bytes)
    });
    let read = reading.await.context("the reading ended before its work")?;
    let bytes = match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let message = format!("{} is not there", path.display());
            return Err(Failure::new(Exit::NotFound, message).into());
        }
        read => read.with_context(|| format!("{} could not be read", path.display()))?,
    };
    if bytes.len() as u64 > bytes_max {
        let message = format!("{} is longer than the limit {limit}", path.display());
        return Err(Failure::new(Exit::Limit, message).into());
    }
    Ok(bytes)
}

/// A file on its way, with its bytes in it.
pub fn begin(path: &Path, bytes: &[u8]) -> Result<NewFile> {
    let file = NewFile::create(path)
        .with_context(|| format!("{} cannot take a new file", directory_of(path).display()))?;
    file.writer()
        .and_then(|mut writer| writer.write_all(bytes))
        .with_context(|| could_not_be_written(path))?;
    Ok(file)
}

/// What is said of a file that could not be written.
pub fn could_not_be_written(path: &Path) -> String {
    format!("{} could not be written", path.display())
}

#[cfg(test)]
mod tests {
    use strongroom_core::signing::key::{Algorithm, PrivateKey};
    use strongroom_core::signing::trust::Window;

    use super::*;
    use crate::exit::exit_of;

    #[tokio::test]
    async fn a_file_that_somebody_changed_meanwhile_stays_as_they_left_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("root.json");
        let key = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
        let root =
            TrustRoot::new(key.public_key().clone(), "ci", Window::default()).expect("a root");
        fs::write(&path, root.to_document().expect("bytes")).expect("written");
        let mut mine = ReadFile::read(&path).await.expect("read");
        let mut theirs = ReadFile::read(&path).await.expect("read");
        theirs.root_mut(None).expect("the root").revoke(None, Some("stolen")).expect("revoked");
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
        let theirs = theirs.rewrite(now).await.expect("written");
        mine.root_mut(None).expect("the root").retire(now, None).expect("retired");
        let refused = mine.rewrite(now).await.err().expect("refused");
        assert_eq!(exit_of(&refused), Exit::Conflict);
        assert_eq!(fs::read(&path).expect("read"), theirs.bytes);
    }
}
