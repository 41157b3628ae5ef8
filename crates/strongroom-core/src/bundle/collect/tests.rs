use super::*;

const FOLLOW: CollectOptions = CollectOptions { follow_symlinks: true };
const REFUSE: CollectOptions = CollectOptions { follow_symlinks: false };

fn folder_with(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let location = folder.path().join(file);
        fs::create_dir_all(location.parent().unwrap()).unwrap();
        fs::write(location, file).unwrap();
    }
    folder
}

fn paths(inputs: &[&Path], options: &CollectOptions) -> Result<Vec<String>, Refusal> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|input| input.to_path_buf()).collect();
    collect(&inputs, options)
        .map(|files| files.into_iter().map(|file| file.path).collect())
        .map_err(|error| error.refusal())
}

#[test]
fn a_directory_gives_every_file_by_its_path_inside_and_a_file_its_base_name() {
    let folder = folder_with(&["b/c/d.txt", "a", ".hidden/.file", "b.txt", "B"]);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let other = folder_with(&["deep/report.json"]);
    let file = other.path().join("deep/report.json");

    let files = collect(&[folder.path().to_owned(), file.clone()], &REFUSE).unwrap();

    let found: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(found, [".hidden/.file", "B", "a", "b.txt", "b/c/d.txt", "report.json"]);
    assert_eq!(files[4].size_bytes, 9);
    assert_eq!(fs::canonicalize(&files[5].location).unwrap(), fs::canonicalize(file).unwrap());
}

#[test]
fn two_files_of_one_path_are_refused() {
    let (one, other) = (folder_with(&["x/a"]), folder_with(&["a"]));
    let file = one.path().join("x/a");
    assert_eq!(paths(&[&file, other.path()], &REFUSE), Err(Refusal::Security));
    assert_eq!(paths(&[&file, &file], &REFUSE), Err(Refusal::Security));
    let decomposed = folder_with(&["e\u{301}", "\u{e9}"]);
    assert_eq!(paths(&[decomposed.path()], &REFUSE), Err(Refusal::Security));
}

#[test]
fn what_is_not_there_is_unreadable() {
    assert_eq!(paths(&[Path::new("/no/such/place")], &REFUSE), Err(Refusal::Unreadable));
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_link_is_refused_unless_links_are_followed() {
        let folder = folder_with(&["data/a"]);
        symlink("data/a", folder.path().join("link")).unwrap();
        symlink("data", folder.path().join("linked")).unwrap();
        assert_eq!(paths(&[folder.path()], &REFUSE), Err(Refusal::Security));
        let followed = paths(&[folder.path()], &FOLLOW).unwrap();
        assert_eq!(followed, ["data/a", "link", "linked/a"]);
    }

    #[test]
    fn an_input_that_is_a_link_is_refused_unless_links_are_followed() {
        let folder = folder_with(&["run-1/a"]);
        let latest = folder.path().join("latest");
        symlink("run-1", &latest).unwrap();
        assert_eq!(paths(&[&latest], &REFUSE), Err(Refusal::Security));
        assert_eq!(paths(&[&latest], &FOLLOW).unwrap(), ["a"]);
    }

    #[test]
    fn a_link_that_leads_outside_or_nowhere_is_refused_even_when_links_are_followed() {
        let outside = folder_with(&["secret"]);
        for target in [outside.path().join("secret"), outside.path().to_owned()] {
            let folder = folder_with(&["a"]);
            symlink(target, folder.path().join("link")).unwrap();
            assert_eq!(paths(&[folder.path()], &FOLLOW), Err(Refusal::Security));
        }
        let folder = folder_with(&["a"]);
        symlink("nowhere", folder.path().join("link")).unwrap();
        assert_eq!(paths(&[folder.path()], &FOLLOW), Err(Refusal::Unreadable));
    }

    #[test]
    fn links_in_a_circle_end() {
        for (link, target) in [("loop", "."), ("a/up", ".."), ("a/b/up", "../../a")] {
            let folder = folder_with(&["a/b/file"]);
            symlink(target, folder.path().join(link)).unwrap();
            assert_eq!(paths(&[folder.path()], &FOLLOW), Err(Refusal::Security), "{link}");
        }
    }

    #[test]
    fn sockets_devices_and_names_that_are_not_utf8_are_refused() {
        let folder = folder_with(&["a"]);
        let _listener = UnixListener::bind(folder.path().join("socket")).unwrap();
        assert_eq!(paths(&[folder.path()], &REFUSE), Err(Refusal::Security));
        assert_eq!(paths(&[Path::new("/dev/null")], &REFUSE), Err(Refusal::Security));
        let folder = folder_with(&["a"]);
        fs::write(folder.path().join(OsStr::from_bytes(b"\xff")), "").unwrap();
        assert_eq!(paths(&[folder.path()], &REFUSE), Err(Refusal::Security));
    }
}
