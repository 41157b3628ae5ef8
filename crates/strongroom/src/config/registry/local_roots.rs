//! Folders of the server that operators may ingest files from: `NAME=/folder,NAME2=/folder2`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use strongroom_registry::local_files::roots::{ROOT_NAME_BYTES_MAX, ROOTS_MAX, is_root_name};

use super::keys;
use crate::config::{Config, Sourced};
use crate::failure::Failure;

/// The folders that are named, by their names. Whether they are there is found out by whoever opens them.
pub fn named(config: &Config) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let Some(Sourced { value, origin }) = config.get(&keys::LOCAL_ROOTS.setting) else {
        return Ok(BTreeMap::new());
    };
    read(&value).map_err(|why| {
        Failure::usage(format!("{}: {why} ({origin})", keys::LOCAL_ROOTS.setting.key))
    })
}

fn read(text: &str) -> Result<BTreeMap<String, PathBuf>, String> {
    let mut roots = BTreeMap::new();
    for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, folder) = pair.split_once('=').ok_or(
            "each folder has a name: NAME=/folder, with commas between them and none in a path",
        )?;
        let (name, folder) = (name.trim(), PathBuf::from(folder.trim()));
        if !is_root_name(name) {
            return Err(format!(
                "a name is 1 to {ROOT_NAME_BYTES_MAX} lower case letters, digits, `-` and `_`"
            ));
        }
        if !folder.is_absolute() {
            return Err(format!("the folder of `{name}` is no absolute path"));
        }
        if roots.insert(name.to_owned(), folder).is_some() {
            return Err(format!("`{name}` is named twice"));
        }
    }
    match roots.len() {
        0..=ROOTS_MAX => Ok(roots),
        _ => Err(format!("more folders than the limit ROOTS_MAX: {ROOTS_MAX}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_read_with_their_names() {
        let read_back: Vec<_> = read(" a=/srv/a , b-2=/srv/b=c,").unwrap().into_iter().collect();
        assert_eq!(
            read_back,
            [("a".to_owned(), "/srv/a".into()), ("b-2".to_owned(), "/srv/b=c".into())]
        );
        assert!(read("").unwrap().is_empty());
    }

    #[test]
    fn what_names_no_folder_says_what_is_missing() {
        let many: Vec<String> = (0..=ROOTS_MAX).map(|number| format!("r{number}=/r")).collect();
        for (text, why) in [
            ("/srv/a", "each folder has a name"),
            ("a=/srv/x,y", "none in a path"),
            ("A=/srv/a", "a name is 1 to 64 lower case"),
            ("=/srv/a", "a name is 1 to 64 lower case"),
            ("a=srv/a", "the folder of `a` is no absolute path"),
            ("a=", "the folder of `a` is no absolute path"),
            ("a=/srv/a,a=/srv/b", "`a` is named twice"),
            (&many.join(","), "the limit ROOTS_MAX: 64"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
