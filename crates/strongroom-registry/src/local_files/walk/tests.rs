use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use futures::StreamExt as _;

use super::*;

/// A root with files in it, beside what is not in it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("root/run/logs")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        let place = Self { folder };
        place.write("outside/secret", "secret");
        place.write("root/run/report", "report");
        place.write("root/run/.hidden", "hidden");
        place.write("root/run/logs/one", "one");
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn source(&self, path: &str) -> Source {
        source_in(&self.path("root"), path)
    }

    /// Every file by its path, with what is in it.
    fn files(&self, path: &str) -> Result<BTreeMap<String, String>, ServiceError> {
        files(&self.source(path), || {})
    }

    fn refusal(&self, path: &str) -> (ErrorKind, String) {
        let refused = self.files(path).unwrap_err();
        assert!(!refused.to_string().contains(self.folder.path().to_str().unwrap()), "{refused}");
        (refused.kind(), refused.to_string())
    }
}

fn source_in(root: &Path, path: &str) -> Source {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags, Mode::empty()).unwrap();
    let path = (!path.is_empty()).then(|| PackagePath::new(path).unwrap());
    Source { root: Arc::new(root), path, prefix: None, file_bytes_max: 1 << 20 }
}

/// What a walk finds; `meanwhile` is called before the first file is opened.
fn files(
    source: &Source,
    meanwhile: impl FnOnce(),
) -> Result<BTreeMap<String, String>, ServiceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut found, meanwhile) = (BTreeMap::new(), RefCell::new(Some(meanwhile)));
    walk(source, &mut |entry| {
        if let Some(meanwhile) = meanwhile.borrow_mut().take() {
            meanwhile();
        }
        let (body, broke_off) = entry.open()?.into_body();
        let pieces: Vec<_> = runtime.block_on(body.collect());
        assert!(broke_off.why().is_none());
        let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect();
        found.insert(entry.path.to_owned(), String::from_utf8(bytes).unwrap());
        Ok(())
    })?;
    Ok(found)
}

fn as_told<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(path, content)| (path.to_owned(), content.to_owned())).collect()
}

#[test]
fn a_folder_gives_its_files_by_their_paths_inside_and_a_file_its_name() {
    let place = Place::new();
    let all = [(".hidden", "hidden"), ("logs/one", "one"), ("report", "report")];
    assert_eq!(place.files("run").unwrap(), as_told(all));
    assert_eq!(place.files("run/logs/one").unwrap(), as_told([("one", "one")]));
    assert_eq!(place.files("").unwrap().len(), 3);
    assert!(place.files("").unwrap().contains_key("run/logs/one"));
    let source =
        Source { prefix: Some(PackagePath::new("x/y").unwrap()), ..place.source("run/logs") };
    assert_eq!(files(&source, || {}).unwrap(), as_told([("x/y/one", "one")]));
}

#[test]
fn a_link_is_refused_wherever_it_stands_and_wherever_it_leads() {
    let place = Place::new();
    for (link, target) in [
        ("root/run/to-file", "../../outside/secret"),
        ("root/run/to-folder", "../../outside"),
        ("root/run/inside", "report"),
        ("root/run/nowhere", "gone"),
    ] {
        symlink(target, place.path(link)).unwrap();
        let name = link.rsplit('/').next().unwrap();
        let (kind, told) = place.refusal("run");
        assert_eq!(kind, ErrorKind::Unprocessable);
        assert_eq!(told, format!("{name:?} is a link, and none is followed"));
        let asked =
            (ErrorKind::Unprocessable, format!("{ASKED_FOR} is a link, and none is followed"));
        assert_eq!(place.refusal(&format!("run/{name}")), asked);
        assert_eq!(place.refusal(&format!("run/{name}/secret")), asked);
        fs::remove_file(place.path(link)).unwrap();
    }
    assert_eq!(place.files("run").unwrap().len(), 3);
}

#[test]
fn what_is_put_in_the_place_of_a_file_meanwhile_is_not_read() {
    for target in ["../../../outside/secret", "../report"] {
        let place = Place::new();
        assert!(place.path("root/run/logs").join(target).exists());
        // One file, so that the first one is this.
        let source = place.source("run/logs/one");
        let refused = files(&source, || {
            fs::remove_file(place.path("root/run/logs/one")).unwrap();
            symlink(target, place.path("root/run/logs/one")).unwrap();
        });
        let refused = refused.unwrap_err();
        assert!(refused.kind().is_transient(), "the next attempt finds the link");
        assert_eq!(refused.to_string(), "\"one\" changed while it was read");
    }
    let place = Place::new();
    let refused = files(&place.source("run/logs"), || {
        fs::remove_file(place.path("root/run/logs/one")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, place.path("root/run/logs/one"), Mode::RUSR).unwrap();
    });
    assert_eq!(refused.unwrap_err().to_string(), "\"one\" changed while it was read");
}

#[test]
fn a_folder_that_gives_way_to_a_link_meanwhile_is_still_the_one_that_was_opened() {
    let place = Place::new();
    place.write("outside/one", "another");
    let found = files(&place.source("run/logs"), || {
        fs::rename(place.path("root/run/logs"), place.path("root/run/moved")).unwrap();
        symlink("../../outside", place.path("root/run/logs")).unwrap();
    });
    assert_eq!(found.unwrap(), as_told([("one", "one")]));
    assert!(place.files("run/logs").is_err(), "the link is refused from now on");
}

#[test]
fn no_folder_is_opened_through_a_link() {
    let place = Place::new();
    symlink("logs", place.path("root/run/link")).unwrap();
    let run = open_folder(&place.source("").root, c"run").unwrap();
    assert!(open_folder(&run, c"logs").is_ok());
    let refused = open_folder(&run, c"link").unwrap_err();
    assert!(failed("link", refused).to_string().ends_with("changed while it was read"));
}

#[test]
fn pipes_sockets_and_devices_are_refused_and_not_opened() {
    let place = Place::new();
    let pipe = place.path("root/run/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR).unwrap();
    let told = |name: &str| {
        let told = format!("{name:?} is a device, a socket or a pipe, which no package holds");
        (ErrorKind::Unprocessable, told)
    };
    assert_eq!(place.refusal("run"), told("pipe"));
    assert_eq!(place.refusal("run/pipe"), told("pipe"));
    fs::remove_file(pipe).unwrap();
    let _socket = UnixListener::bind(place.path("root/run/socket")).unwrap();
    assert_eq!(place.refusal("run"), told("socket"));
    let refused = files(&source_in(Path::new("/dev"), "null"), || {}).unwrap_err();
    assert_eq!((refused.kind(), refused.to_string()), told("null"));
}

#[test]
fn what_is_not_there_or_not_to_be_read_says_so() {
    let place = Place::new();
    let absent = (ErrorKind::NotFound, format!("{ASKED_FOR} is not there"));
    assert_eq!(place.refusal("gone"), absent);
    assert_eq!(place.refusal("gone/report"), absent);
    assert_eq!(place.refusal("run/report/x"), absent);
    fs::set_permissions(place.path("root/run/report"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything.
    if !rustix::process::geteuid().is_root() {
        let (kind, told) = place.refusal("run/report");
        assert_eq!(kind, ErrorKind::Unprocessable);
        assert_eq!(told, "\"report\" cannot be read by the registry's user");
    }
    let told = explained("it", Errno::ACCESS);
    assert!(!told.kind().is_transient() && explained("it", Errno::IO).kind().is_transient());
}

#[test]
fn a_name_that_is_not_utf8_a_file_too_large_and_folders_too_deep_are_refused() {
    let place = Place::new();
    let name = place.path("root/run/logs").join(OsStr::from_bytes(b"\xff"));
    fs::write(&name, "").unwrap();
    let told = "\"logs\" holds a name that is not UTF-8".to_owned();
    assert_eq!(place.refusal("run"), (ErrorKind::Unprocessable, told));
    fs::remove_file(name).unwrap();

    let small = Source { file_bytes_max: 5, ..place.source("run/report") };
    let refused = files(&small, || {}).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(refused.to_string(), "\"report\" is larger than the limit of 5 bytes");

    let deep = |folders: usize| vec!["d"; folders].join("/");
    fs::create_dir_all(place.path("root").join(deep(LOCAL_FOLDERS_DEEP_MAX))).unwrap();
    assert!(place.files("").is_ok());
    fs::create_dir(place.path("root").join(deep(LOCAL_FOLDERS_DEEP_MAX + 1))).unwrap();
    let (kind, told) = place.refusal("");
    assert_eq!(kind, ErrorKind::TooLarge);
    assert!(told.contains("LOCAL_FOLDERS_DEEP_MAX: 64"), "{told}");
    assert!(place.files("d").is_ok(), "its inside is not as deep");
}

#[test]
fn there_are_at_most_so_many_files_and_folders() {
    assert!(over("files", FILES_MAX, "FILES_MAX", FILES_MAX).is_ok());
    let refused = over("files", FILES_MAX + 1, "FILES_MAX", FILES_MAX).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(refused.to_string(), "the number of files is over the limit FILES_MAX: 100000");
}
