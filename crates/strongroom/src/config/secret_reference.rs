//! Where a secret is, instead of the secret.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::str::FromStr;

use strongroom_storage::open::Secret;
use strongroom_storage::openbao::read_secret;

use super::Config;
use crate::environment::Environment;
use crate::exit::of_service;
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
                (path, field) if is_secret_path(path) && !field.is_empty() => {
                    Ok(Self::OpenBao { path: path.to_owned(), field: field.to_owned() })
                }
                _ => Err(()),
            },
            _ => Err(()),
        }
    }
}

fn is_variable_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a path leads to where it says: what a URL would read otherwise is in none of its segments.
fn is_secret_path(path: &str) -> bool {
    let is_plain = |letter: char| !letter.is_control() && !"?#%\\".contains(letter);
    path.split('/').all(|segment| !matches!(segment, "" | "." | "..")) && path.chars().all(is_plain)
}

impl SecretReference {
    /// Whether another machine has to be asked for the secret.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::OpenBao { .. })
    }

    /// Fetches the secret, wherever it is. What goes wrong names the reference, and nothing of the secret.
    pub async fn fetch(&self, config: &Config) -> Result<Secret, Failure> {
        let Self::OpenBao { path, field } = self else { return self.resolve(config.environment()) };
        let access = config.openbao().map_err(|failure| failure.about(self))?;
        read_secret(access, path, field).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::debug!(cause, "a secret could not be fetched");
            let failure = Failure::new(of_service(error.kind()), format!("{self}: {error}"));
            match error.guidance() {
                Some(guidance) => failure.with_help(guidance.to_owned()),
                None => failure,
            }
        })
    }

    /// Fetches a secret that is on this machine.
    pub fn resolve(&self, environment: &Environment) -> Result<Secret, Failure> {
        match self {
            Self::Environment(name) => environment
                .text(name)
                .map(|secret| Secret(secret.to_owned()))
                .ok_or_else(|| Failure::usage(format!("{self} names a variable that is not set"))),
            Self::File(path) => read(path)
                .map_err(|error| Failure::usage(format!("{self} could not be read: {error}"))),
            Self::OpenBao { .. } => Err(Failure::usage(format!(
                "{self} names a secret in OpenBao, which cannot be one here"
            ))
            .with_help("name a variable or a file: env:NAME, or file:PATH")),
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
    fn a_path_in_openbao_leads_nowhere_else() {
        for path in ["/secret/x", "secret//x", "secret/../sys/x", "secret/%2e", "secret/x?a", "a#b"]
        {
            let text = format!("bao:{path}#key");
            assert!(text.parse::<SecretReference>().is_err(), "{text}");
        }
        assert!("bao:team/secret/data/my app#pass word".parse::<SecretReference>().is_ok());
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
