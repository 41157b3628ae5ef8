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

use super::apart::KeptApart;

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
    /// Opens every folder, or says which one cannot be used.
    pub fn open(
        named: &BTreeMap<String, PathBuf>,
        apart: &[KeptApart],
    ) -> Result<Self, RootRefused> {
        let opened = named.iter().map(|(name, path)| {
            let folder = open_root(name, path, apart)?;
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
/// belongs to anybody but root and the registry's own user, and what holds a place that is kept `apart` or lies in it.
pub fn open_root(name: &str, path: &Path, apart: &[KeptApart]) -> Result<OwnedFd, RootRefused> {
    open(path, apart).map_err(|why| RootRefused {
        name: name.to_owned(),
        path: path.to_owned(),
        why,
    })
}

fn open(path: &Path, apart: &[KeptApart]) -> Result<OwnedFd, Cow<'static, str>> {
    if !path.is_absolute() {
        return Err("is no absolute path".into());
    }
    let place = without_links(path)?;
    if let Some(met) = apart.iter().find_map(|kept| kept.met_by(&place)) {
        return Err(met.into());
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

    fn apart(data_dir: &Path) -> [KeptApart; 1] {
        [KeptApart::new("data_dir", data_dir)]
    }

    fn why(path: &Path, data_dir: &Path) -> String {
        open_root("here", path, &apart(data_dir)).map(drop).unwrap_err().to_string()
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
        assert!(open_root("here", &here, &apart(&data)).is_ok());
        assert!(why(Path::new("here"), &data).ends_with("is no absolute path"));
        assert!(why(&folder.path().join("gone"), &data).ends_with("is not there"));
        assert!(why(&folder.path().join("file"), &data).ends_with("is no folder"));
        let named = BTreeMap::from([("gone".to_owned(), folder.path().join("gone"))]);
        let told = LocalRoots::open(&named, &apart(&data)).unwrap_err().to_string();
        assert!(told.starts_with("the folder of `gone`, "), "{told}");
    }

    #[test]
    fn the_registrys_own_data_are_in_no_root_and_no_root_is_in_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir_all(data.join("store")).unwrap();
        symlink(&data, folder.path().join("elsewhere")).unwrap();
        for (root, how) in [
            ("", "holds"),
            ("data", "holds"),
            ("data/store", "lies in"),
            ("elsewhere", "holds"),
            ("data/../data", "holds"),
            ("elsewhere/store", "lies in"),
        ] {
            let told = why(&folder.path().join(root), &data);
            assert!(told.contains(&format!("{how} what data_dir names, ")), "{told}");
        }
        assert!(why(Path::new("/"), &data).contains("holds what data_dir names"));
    }

    #[test]
    fn a_root_is_reached_through_links_of_trusted_people_only() {
        let folder = tempfile::tempdir().unwrap();
        let (data, link) = (folder.path().join("data"), folder.path().join("link"));
        fs::create_dir_all(folder.path().join("there/inner")).unwrap();
        symlink("there", &link).unwrap();
        assert!(open_root("here", &link.join("inner"), &apart(&data)).is_ok());
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
