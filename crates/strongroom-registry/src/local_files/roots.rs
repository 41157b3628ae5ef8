//! The folders that were named, each opened once: whatever takes its place later is not what was named.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use rustix::process::geteuid;

/// Folders that can be named.
pub const ROOTS_MAX: usize = 64;
/// Bytes of the name of one.
pub const ROOT_NAME_BYTES_MAX: usize = 64;
/// Links on the way to one. As many as the kernel follows.
const LINKS_MAX: usize = 40;

/// Whether a text can name a folder: lower case letters, digits, `-` and `_`.
pub fn is_root_name(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=ROOT_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// A folder that was named and cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the folder of `{name}`, {path:?}, {why}")]
pub struct RootRefused {
    name: String,
    path: PathBuf,
    why: Cow<'static, str>,
}

/// Folders by their names, open.
#[derive(Debug, Clone, Default)]
pub struct LocalRoots(BTreeMap<String, Arc<OwnedFd>>);

impl LocalRoots {
    /// Opens every folder, or says which one cannot be used. None of them may hold the registry's own data.
    pub fn open(named: &BTreeMap<String, PathBuf>, data_dir: &Path) -> Result<Self, RootRefused> {
        let opened = named.iter().map(|(name, path)| {
            let folder = open_root(name, path, data_dir)?;
            Ok((name.clone(), Arc::new(folder)))
        });
        opened.collect::<Result<_, _>>().map(Self)
    }

    /// A folder.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<OwnedFd>> {
        self.0.get(name).cloned()
    }
}

/// Opens a folder that was named.
///
/// Refused are paths that are not absolute, what is no folder or cannot be read, what is reached through a link that
/// belongs to anybody but root and the registry's own user, and what holds `data_dir` or lies in it: the
/// administrator's token is there.
pub fn open_root(name: &str, path: &Path, data_dir: &Path) -> Result<OwnedFd, RootRefused> {
    open(path, data_dir).map_err(|why| RootRefused {
        name: name.to_owned(),
        path: path.to_owned(),
        why,
    })
}

fn open(path: &Path, data_dir: &Path) -> Result<OwnedFd, Cow<'static, str>> {
    if !path.is_absolute() {
        return Err("is no absolute path".into());
    }
    let place = without_links(path)?;
    let data_dir = fs::canonicalize(data_dir).or_else(|_| std::path::absolute(data_dir));
    let data_dir = data_dir.map_err(cannot_be_read)?;
    if place.starts_with(&data_dir) || data_dir.starts_with(&place) {
        return Err("holds the registry's own data, or lies in them".into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::open(&place, flags, Mode::empty()).map_err(|error| cannot_be_read(error.into()))
}

/// Where a path leads, by links of whom the registry trusts.
fn without_links(path: &Path) -> Result<PathBuf, Cow<'static, str>> {
    let mut place = PathBuf::new();
    let mut left = steps_of(path);
    let mut links = 0;
    while let Some(step) = left.pop() {
        match Path::new(&step).components().next() {
            Some(Component::ParentDir) => drop(place.pop()),
            Some(Component::Normal(name)) => {
                let next = place.join(name);
                let seen = fs::symlink_metadata(&next).map_err(cannot_be_read)?;
                if !seen.is_symlink() {
                    place = next;
                    continue;
                }
                if !is_trusted(seen.uid(), geteuid().as_raw()) {
                    return Err("is reached through a link that belongs to somebody else".into());
                }
                links += 1;
                if links > LINKS_MAX {
                    return Err("is reached through links that lead in a circle".into());
                }
                left.extend(steps_of(&fs::read_link(&next).map_err(cannot_be_read)?));
            }
            Some(Component::RootDir | Component::Prefix(_)) => place = PathBuf::from("/"),
            Some(Component::CurDir) | None => {}
        }
    }
    Ok(place)
}

/// The steps of a path, the first one last.
fn steps_of(path: &Path) -> Vec<OsString> {
    let steps = path.components().map(|step| step.as_os_str().to_owned());
    let mut steps: Vec<OsString> = steps.collect();
    steps.reverse();
    steps
}

/// Whose links may lead to a folder.
fn is_trusted(owner: u32, own: u32) -> bool {
    owner == 0 || owner == own
}

fn cannot_be_read(error: io::Error) -> Cow<'static, str> {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".into(),
        io::ErrorKind::NotADirectory => "is no folder".into(),
        io::ErrorKind::PermissionDenied => "cannot be read by the registry's user".into(),
        _ => format!("cannot be read: {error}").into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    fn why(path: &Path, data_dir: &Path) -> String {
        open_root("here", path, data_dir).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "nightly-7", "x_y", &"x".repeat(ROOT_NAME_BYTES_MAX)] {
            assert!(is_root_name(name), "{name:?}");
        }
        for other in ["", "A", "a/b", "..", "a b", "é", &"x".repeat(ROOT_NAME_BYTES_MAX + 1)] {
            assert!(!is_root_name(other), "{other:?}");
        }
    }

    #[test]
    fn only_a_folder_that_can_be_opened_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let (here, data) = (folder.path().join("here"), folder.path().join("data"));
        fs::create_dir(&here).unwrap();
        fs::write(folder.path().join("file"), "content").unwrap();
        assert!(open_root("here", &here, &data).is_ok());
        assert!(why(Path::new("here"), &data).ends_with("is no absolute path"));
        assert!(why(&folder.path().join("gone"), &data).ends_with("is not there"));
        assert!(why(&folder.path().join("file"), &data).ends_with("is no folder"));
        let named = BTreeMap::from([("gone".to_owned(), folder.path().join("gone"))]);
        let told = LocalRoots::open(&named, &data).unwrap_err().to_string();
        assert!(told.starts_with("the folder of `gone`, "), "{told}");
    }

    #[test]
    fn the_registrys_own_data_are_in_no_root_and_no_root_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("store")).unwrap();
        symlink(&data, folder.path().join("elsewhere")).unwrap();
        for root in ["", "data", "data/store", "elsewhere", "data/../data", "elsewhere/store"] {
            let told = why(&folder.path().join(root), &data);
            assert!(told.ends_with("holds the registry's own data, or lies in them"), "{told}");
        }
        assert!(why(Path::new("/"), &data).contains("own data"));
    }

    #[test]
    fn a_root_is_reached_through_links_of_trusted_people_only() {
        let folder = tempfile::tempdir().unwrap();
        let (data, link) = (folder.path().join("data"), folder.path().join("link"));
        fs::create_dir_all(folder.path().join("there/inner")).unwrap();
        symlink("there", &link).unwrap();
        assert!(open_root("here", &link.join("inner"), &data).is_ok());
        symlink("round", folder.path().join("round")).unwrap();
        assert!(why(&folder.path().join("round"), &data).contains("in a circle"));

        assert!(is_trusted(0, 7) && is_trusted(7, 7) && !is_trusted(8, 7) && !is_trusted(8, 0));
        // Only root can give a link away.
        if geteuid().is_root() {
            lchown(&link, Some(12_345), None).unwrap();
            let told = why(&link.join("inner"), &data);
            assert!(told.ends_with("a link that belongs to somebody else"), "{told}");
        }
    }
}
