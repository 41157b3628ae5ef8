//! Places of the server that no folder for ingestion may hold or lie in: what is in them is the registry's own, and
//! whoever may download a package would have it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// A file or a folder that stays apart, and what names it, such as a key of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptApart {
    named_by: String,
    path: PathBuf,
}

impl KeptApart {
    /// A place, whether anything is there yet or not.
    pub fn new(named_by: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        Self { named_by: named_by.into(), path: path.into() }
    }

    /// How `root`, a folder without a link on the way to it, meets this place, in words that go on about `root`.
    pub(super) fn met_by(&self, root: &Path) -> Option<String> {
        let place = without_links(&self.path);
        let how = match () {
            () if is_within(&place, root) => "holds",
            () if is_within(root, &place) => "lies in",
            () => return None,
        };
        Some(format!("{how} what {} names, {place:?}", self.named_by))
    }
}

/// Where a path leads, as far as something is there.
fn without_links(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for above in path.ancestors() {
        if let (Ok(there), Ok(rest)) = (fs::canonicalize(above), path.strip_prefix(above)) {
            // Joined with nothing, a path would end with a slash.
            return if above == path { there } else { there.join(rest) };
        }
    }
    path
}

/// Whether `place` is `folder` or below it. A folder that is mounted at a second place is the same one.
fn is_within(place: &Path, folder: &Path) -> bool {
    let wanted = identity(folder);
    let is_it = |above: &Path| above == folder || (wanted.is_some() && identity(above) == wanted);
    place.ancestors().any(is_it)
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|there| (there.dev(), there.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// What is said of the folder at `root` where the place at `path` stays apart.
    fn told(path: &Path, root: &Path) -> Option<String> {
        KeptApart::new("signing.key", path).met_by(&root.canonicalize().unwrap())
    }

    #[test]
    fn a_place_is_met_by_what_holds_it_and_by_what_lies_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("srv/store/objects")).unwrap();
        fs::create_dir_all(at("srv/storehouse")).unwrap();
        fs::write(at("srv/key.pem"), "").unwrap();
        let says = |place: &str, root: &str| told(&at(place), &at(root)).unwrap_or_default();
        for (place, root, how) in [
            ("srv/store", "srv", "holds what signing.key names, "),
            ("srv/store", "srv/store", "holds what signing.key names, "),
            ("srv/store", "srv/store/objects", "lies in what signing.key names, "),
            ("srv/key.pem", "srv", "holds what signing.key names, "),
            // What is not there yet will be.
            ("srv/new/registry.db", "srv", "holds what signing.key names, "),
            ("srv/store/../new", "srv", "holds what signing.key names, "),
        ] {
            assert!(
                says(place, root).starts_with(how),
                "{place} and {root}: {}",
                says(place, root)
            );
        }
        let named = says("srv/key.pem", "srv");
        assert!(named.ends_with("srv/key.pem\""), "{named}");
        for (place, root) in
            [("srv/store", "srv/storehouse"), ("srv/key.pem", "srv/store"), ("other", "srv")]
        {
            assert_eq!(told(&at(place), &at(root)), None, "{place} and {root}");
        }
    }

    #[test]
    fn a_place_is_where_its_links_lead() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("srv/secret")).unwrap();
        fs::create_dir_all(at("etc")).unwrap();
        fs::write(at("srv/secret/key.pem"), "").unwrap();
        symlink(at("srv/secret/key.pem"), at("etc/key.pem")).unwrap();
        symlink(at("srv/secret"), at("etc/keys")).unwrap();
        for place in ["etc/key.pem", "etc/keys/key.pem", "etc/keys/not-there-yet.pem"] {
            assert!(told(&at(place), &at("srv")).is_some(), "{place}");
            assert_eq!(told(&at(place), &at("etc")), None, "{place}");
        }
    }
}
