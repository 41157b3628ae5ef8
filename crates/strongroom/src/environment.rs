//! The one place where the process's environment comes in. A variable that is set but empty counts
//! as not set.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The environment, as it was when the program started.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

impl Environment {
    /// The environment of this process.
    #[allow(clippy::disallowed_methods)] // the one place where the environment comes in
    pub fn of_process() -> Self {
        Self(std::env::vars_os().filter(|(_, value)| !value.is_empty()).collect())
    }

    /// The value of a variable that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(OsStr::new(name))?.to_str()
    }

    /// The value of a variable that is an absolute path.
    pub fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(OsStr::new(name)).map(PathBuf::from).filter(|path| path.is_absolute())
    }

    /// The folder of the user that this process is: as `HOME` says, or else the system. Libraries that have files of
    /// their own there look for it so.
    pub fn home(&self) -> Option<PathBuf> {
        self.absolute_path("HOME").or_else(std::env::home_dir).filter(|home| home.is_absolute())
    }

    /// Whether a variable says yes: set, and not to a word for no.
    pub fn says_yes(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| {
            !matches!(
                value.to_string_lossy().to_ascii_lowercase().as_str(),
                "0" | "n" | "no" | "f" | "false" | "off"
            )
        })
    }

    /// Whether a variable is set.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(OsStr::new(name))
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        let variables = variables.into_iter().filter(|(_, value)| !value.is_empty());
        Self(variables.map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Whether this process has a variable of that name without a value.
#[allow(clippy::disallowed_methods)] // the one place where the environment comes in
pub fn is_set_but_empty(name: &OsStr) -> bool {
    std::env::var_os(name).is_some_and(|value| value.is_empty())
}
