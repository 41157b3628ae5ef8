//! Where a secret is, instead of the secret.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use strongroom_storage::open::Secret;

use crate::environment::Environment;
use crate::failure::Failure;

/// Bytes of a file that holds one secret.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// The place of a secret. Shows the place, never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    /// A variable of the environment.
    Environment(String),
    /// A file that holds the secret and nothing else (but a line's end).
    File(PathBuf),
    /// A field of a secret in OpenBao (or HashiCorp Vault).
    OpenBao {
        /// The path of the secret in the API, mount included (`secret/data/strongroom`).
        path: String,
        /// The field.
        field: String,
    },
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::OpenBao { path, field } => write!(f, "bao:{path}#{field}"),
        }
    }
}

impl FromStr for SecretReference {
    type Err = ();

    /// What is no reference may be the secret itself, so the error repeats nothing of it.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.split_once(':').ok_or(())? {
            ("env", name) if is_variable_name(name) => Ok(Self::Environment(name.to_owned())),
            ("file", path) if !path.is_empty() => Ok(Self::File(path.into())),
            ("bao", place) => match place.rsplit_once('#').ok_or(())? {
                ("", _) | (_, "") => Err(()),
                (path, field) => {
                    Ok(Self::OpenBao { path: path.to_owned(), field: field.to_owned() })
                }
            },
            _ => Err(()),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl SecretReference {
    /// Fetches the secret.
    pub fn resolve(&self, environment: &Environment) -> Result<Secret, Failure> {
        match self {
            Self::Environment(name) => environment
                .text(name)
                .map(|secret| Secret(secret.to_owned()))
                .ok_or_else(|| Failure::usage(format!("{self} names a variable that is not set"))),
            Self::File(path) => read(path)
                .map_err(|error| Failure::usage(format!("{self} could not be read: {error}"))),
            Self::OpenBao { .. } => Err(Failure::usage(format!(
                "{self} names an OpenBao secret, which the command line does not fetch"
            ))
            .with_help(
                "let the OpenBao agent write it to a file and name that: file:PATH, or env:NAME",
            )),
        }
    }
}

fn read(path: &std::path::Path) -> std::io::Result<Secret> {
    let mut text = String::new();
    fs::File::open(path)?.take(SECRET_BYTES_MAX).read_to_string(&mut text)?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(std::io::Error::other("it is empty"));
    }
    Ok(Secret(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_show_as_they_are_written() {
        for text in ["env:KEY", "file:/run/secrets/key", "bao:secret/data/store#key"] {
            let reference: SecretReference = text.parse().expect(text);
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn a_secret_itself_is_no_reference() {
        for text in
            ["", "AKIAIOSFODNN7EXAMPLE", "env:", "env:9", "env:a b", "file:", "bao:x", "bao:#y"]
        {
            assert!(text.parse::<SecretReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_in_a_file_loses_its_lines_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        fs::write(&path, "s3cret\r\n").expect("written");
        let secret = SecretReference::File(path).resolve(&Environment::default()).expect("read");
        assert!(secret == Secret("s3cret".into()));
    }

    #[test]
    fn a_variable_that_is_not_set_is_refused_by_its_name() {
        let reference = SecretReference::Environment("MISSING".into());
        let failure = reference.resolve(&Environment::from([("OTHER", "x")])).expect_err("refused");
        assert_eq!(failure.to_string(), "env:MISSING names a variable that is not set");
    }
}
