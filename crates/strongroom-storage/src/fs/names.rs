//! How a key becomes the names of folders and of a file, and back. Injective both ways, so that no
//! two keys meet in one file and no file is listed under two keys.
//!
//! A segment of a key is a name as it is, except
//! * one of more than 255 bytes, which Linux cannot hold: its head, and the mark [`CONTINUED`],
//!   is a folder, in which the rest goes on in the same way;
//! * one that ends with [`CONTINUED`] itself, and the store's own folder [`OWN_FOLDER`]: cut in the
//!   same way before its last character.

/// The folder at the root in which Strongroom keeps what is not an object.
pub(super) const OWN_FOLDER: &str = ".strongroom";
/// What the name of a folder ends with that holds not a folder's entries but the rest of names.
pub(super) const CONTINUED: &str = "%~";

/// The longest name that Linux holds, in bytes.
const NAME_BYTES_MAX: usize = 255;
/// Where a longer segment is cut, at the latest.
const HEAD_BYTES_MAX: usize = 200;

/// Where an object is: folders from the root, and a name in the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) folders: Vec<String>,
    pub(super) file: String,
}

impl Names {
    /// Where the object under `key` is.
    pub(super) fn of(key: &str) -> Self {
        let mut folders = folders_of(key);
        let file = folders.pop().unwrap_or_default();
        Self { folders, file }
    }
}

/// The names of a folder of keys (segments joined by `/`), one below the other.
pub(super) fn folders_of(folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, segment) in folder.split('/').enumerate() {
        push_names(segment, at == 0, &mut names);
    }
    names
}

/// The names of one segment of a key: folders that continue it, and the last name.
pub(super) fn folders_of_segment(segment: &str, at_root: bool) -> Vec<String> {
    let mut names = Vec::new();
    push_names(segment, at_root, &mut names);
    names
}

fn push_names(segment: &str, at_root: bool, names: &mut Vec<String>) {
    let mut rest = segment;
    loop {
        let reserved =
            rest.ends_with(CONTINUED) || at_root && segment == OWN_FOLDER && rest == segment;
        let head_bytes = match rest {
            long if long.len() > NAME_BYTES_MAX => long.floor_char_boundary(HEAD_BYTES_MAX),
            _ if reserved => rest.floor_char_boundary(rest.len() - 1),
            _ => break,
        };
        let (head, tail) = rest.split_at(head_bytes);
        names.push(format!("{head}{CONTINUED}"));
        rest = tail;
    }
    names.push(rest.to_owned());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a listing makes of names.
    fn joined(names: &[String]) -> String {
        let mut key = String::new();
        for name in names {
            match name.strip_suffix(CONTINUED) {
                Some(head) => key.push_str(head),
                None => key.extend([name, "/"]),
            }
        }
        key.pop();
        key
    }

    proptest! {
        #[test]
        fn names_join_to_the_key_they_came_from(
            segments in prop::collection::vec("[a-z%~é]{1,300}|\\.strongroom|%~", 1..4)
        ) {
            let key = segments.join("/");
            let names = folders_of(&key);
            prop_assert_eq!(joined(&names), key);
            prop_assert!(names.iter().all(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX));
            prop_assert!(names[0] != OWN_FOLDER);
        }
    }

    #[test]
    fn usual_keys_are_paths() {
        let names = Names::of("bundles/sha256:00.tar.gz");
        assert_eq!(
            (names.folders, names.file),
            (vec!["bundles".into()], "sha256:00.tar.gz".into())
        );
    }

    #[test]
    fn what_a_name_cannot_hold_goes_on_in_a_folder() {
        assert_eq!(folders_of(".strongroom/a"), [".strongroo%~", "m", "a"]);
        assert_eq!(folders_of("a/.strongroom"), ["a", ".strongroom"]);
        assert_eq!(folders_of("x%~"), ["x%%~", "~"]);
        let long = "é".repeat(150);
        assert_eq!(folders_of(&long), [format!("{}%~", "é".repeat(100)), "é".repeat(50)]);
    }
}
