//! The login that is kept: one registry and one token, in a file that only its owner reads.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use strongroom_storage::new_file::{NewFile, directory_of};

use crate::bounded_file;
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The file in the user's configuration directory.
const FILE: &str = "login.json";
/// Bytes of it.
const LOGIN_BYTES_MAX: u64 = 64 << 10;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Where somebody logged in, and as whom.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The registry.
    pub url: String,
    /// The token, in clear: the file's rights keep it.
    pub token: String,
}

impl Login {
    /// The login that is kept, if there is one. A file that others can read is refused: its token is nobody's alone.
    pub fn read(context: &Context) -> Result<Option<Self>> {
        let Some(path) = path(context) else { return Ok(None) };
        let bytes = match bounded_file::read_up_to(&path, LOGIN_BYTES_MAX) {
            Ok(bytes) => bytes.ok_or_else(|| bounded_file::over(&path, "LOGIN_BYTES_MAX"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("{} could not be read", path.display()));
            }
        };
        let mode = fs::metadata(&path).map_or(OTHERS, |metadata| metadata.permissions().mode());
        if mode & OTHERS != 0 {
            let message = format!(
                "{} is open to others than its owner, and the token in it is not used",
                path.display()
            );
            return Err(Failure::new(Exit::Denied, message)
                .with_help("`strongroom logout`, revoke that token, and log in with another one")
                .into());
        }
        let login = serde_json::from_slice(&bytes).map_err(|_| {
            Failure::usage(format!("{} is no login that can be read", path.display()))
                .with_help("`strongroom login` makes it anew")
        })?;
        Ok(Some(login))
    }

    /// Keeps it in place of another one.
    pub fn keep(&self, context: &Context) -> Result<PathBuf> {
        let path = path(context).ok_or_else(|| {
            Failure::usage("there is no home directory to keep the login in")
                .with_help("set STRONGROOM_URL and STRONGROOM_TOKEN instead")
        })?;
        let cannot_write = || format!("{} could not be written", path.display());
        let mut folder = fs::DirBuilder::new();
        folder
            .recursive(true)
            .mode(0o700)
            .create(directory_of(&path))
            .with_context(cannot_write)?;
        let file = NewFile::create_private(&path).with_context(cannot_write)?;
        let written = file.writer().and_then(|mut writer| {
            writer.write_all(&serde_json::to_vec_pretty(self)?)?;
            writer.write_all(b"\n")
        });
        written.and_then(|()| file.place(true)).with_context(cannot_write)?;
        Ok(path)
    }

    /// Removes it; answers whether there was one.
    pub fn forget(context: &Context) -> Result<bool> {
        let Some(path) = path(context) else { return Ok(false) };
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => {
                Err(error).with_context(|| format!("{} could not be removed", path.display()))
            }
        }
    }
}

fn path(context: &Context) -> Option<PathBuf> {
    Some(context.config.config_directory()?.join(FILE))
}
