//! Where a user's configuration and data live on this system.

use std::path::PathBuf;

use crate::environment::Environment;

/// The user's directories, as far as the environment tells.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    /// Holds `strongroom.yaml`.
    pub config: Option<PathBuf>,
    /// Holds the embedded store.
    pub data: Option<PathBuf>,
}

impl Directories {
    /// The XDG base directories, or `Library` on macOS.
    pub fn of(environment: &Environment) -> Self {
        let home = environment.absolute_path("HOME");
        let under_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let (config, data) = if cfg!(target_os = "macos") {
            let library = under_home("Library/Application Support");
            (library.clone(), library)
        } else {
            (
                environment.absolute_path("XDG_CONFIG_HOME").or_else(|| under_home(".config")),
                environment.absolute_path("XDG_DATA_HOME").or_else(|| under_home(".local/share")),
            )
        };
        let ours = |directory: PathBuf| directory.join("strongroom");
        Self { config: config.map(ours), data: data.map(ours) }
    }
}
