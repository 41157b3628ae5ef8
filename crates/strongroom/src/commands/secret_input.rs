//! Where a secret comes in: a file, standard input, a variable, a file descriptor or OpenBao. It is read up to a
//! limit, and overwritten in memory when it is dropped. A variable's own copy is the system's, and stays.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ArgMatches;
use clap::parser::ValueSource;
use zeroize::Zeroizing;

use super::Context;
use crate::config::SecretReference;
use crate::exit::Exit;
use crate::failure::Failure;

/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// The place of a secret. Shows the place, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// A variable of the environment.
    Variable(String),
    /// A file descriptor that was open when the program started.
    Descriptor(u16),
    /// A secret that a service keeps.
    Referred(SecretReference),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::StandardInput => f.write_str("standard input"),
            Self::Variable(name) => write!(f, "the variable {name}"),
            Self::Descriptor(number) => write!(f, "file descriptor {number}"),
            Self::Referred(reference) => write!(f, "{reference}"),
        }
    }
}

/// The most that is read of a secret, and the name of that limit.
#[derive(Debug, Clone, Copy)]
pub struct SecretLimit {
    /// Its name.
    pub name: &'static str,
    /// Bytes.
    pub bytes_max: u64,
}

/// A secret.
pub struct Secret {
    /// Its bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Whether it is in a file that others than its owner may read or change.
    pub is_open_to_others: bool,
}

impl Place {
    /// The place at `path`: `-` is standard input.
    pub fn at(path: &Path) -> Self {
        match path == Path::new("-") {
            true => Self::StandardInput,
            false => Self::File(path.to_owned()),
        }
    }

    /// The one place that is named: a flag beats the environment, and two flags are a mistake.
    pub fn one_of<const N: usize>(
        what: &'static str,
        named: [(&'static str, Option<Self>); N],
        matches: &ArgMatches,
    ) -> Result<Option<Self>, Failure> {
        let named: Vec<_> =
            named.into_iter().filter_map(|(id, place)| Some((id, place?))).collect();
        for source in [ValueSource::CommandLine, ValueSource::EnvVariable] {
            let mut from_there =
                named.iter().filter(|(id, _)| matches.value_source(id) == Some(source));
            match (from_there.next(), from_there.next()) {
                (None, _) => {}
                (Some((_, place)), None) => return Ok(Some(place.clone())),
                (Some((one, _)), Some((other, _))) => {
                    let flag = |id: &str| format!("--{}", id.replace('_', "-"));
                    return Err(Failure::usage(format!("the {what} is named twice"))
                        .with_help(format!("keep one of {} and {}", flag(one), flag(other))));
                }
            }
        }
        Ok(None)
    }

    /// Reads the secret. That may block, and does not keep an interrupt from being heard.
    pub async fn read(&self, limit: SecretLimit, context: &Context) -> Result<Secret> {
        let secret = match self {
            Self::Variable(name) => {
                let text = context.config.environment().text(name);
                let text = text
                    .ok_or_else(|| Failure::usage(format!("{self} is not set, or is no text")))?;
                let bytes = Zeroizing::new(text.as_bytes().to_vec());
                Secret { bytes, is_open_to_others: false }
            }
            Self::Referred(reference) => {
                let bytes = reference.fetch(&context.config).await?.0.into_bytes();
                Secret { bytes: Zeroizing::new(bytes), is_open_to_others: false }
            }
            Self::StandardInput => in_a_thread(move || read_from(io::stdin(), limit)).await??,
            // Opened by its name, since no safe call takes a number.
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                let read = move || read_from(File::open(path)?, limit);
                in_a_thread(read).await?.with_context(|| format!("{self} could not be read"))?
            }
            Self::File(path) => {
                let path = path.clone();
                in_a_thread(move || read_file(&path, limit))
                    .await?
                    .with_context(|| format!("{self} could not be read"))?
            }
        };
        if secret.bytes.len() as u64 > limit.bytes_max {
            let SecretLimit { name, bytes_max } = limit;
            let message = format!("{self} is longer than the limit {name} ({bytes_max} bytes)");
            return Err(Failure::new(Exit::Limit, message).into());
        }
        Ok(secret)
    }

    /// Says that others may read it.
    pub fn warn_of_others(&self, what: &str, context: &Context) {
        context.console.warning(format!(
            "{self} holds {what}, and is open to others than its owner: `chmod 600` closes it"
        ));
    }
}

async fn in_a_thread<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<io::Result<T>> {
    tokio::task::spawn_blocking(read).await.context("the reading ended before its work")
}

fn read_file(path: &Path, limit: SecretLimit) -> io::Result<Secret> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let is_open_to_others = metadata.is_file() && metadata.permissions().mode() & OTHERS != 0;
    Ok(Secret { is_open_to_others, ..read_from(file, limit)? })
}

/// One byte over the limit tells that there is more.
fn read_from(reader: impl Read, limit: SecretLimit) -> io::Result<Secret> {
    // A buffer that grows leaves copies behind.
    let capacity = usize::try_from(limit.bytes_max).unwrap_or(usize::MAX).saturating_add(64);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    reader.take(limit.bytes_max + 1).read_to_end(&mut bytes)?;
    Ok(Secret { bytes, is_open_to_others: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_never_grows_while_a_secret_is_read() {
        let limit = SecretLimit { name: "X", bytes_max: 1_000 };
        for length in [0, 999, 1_000, 1_001, 5_000] {
            let secret = read_from(&vec![7; length][..], limit).expect("read");
            assert_eq!(secret.bytes.len(), length.min(1_001));
            assert_eq!(secret.bytes.capacity(), 1_064, "{length}");
        }
    }
}
