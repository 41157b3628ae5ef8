//! `strongroom.yaml`: which file is read, and what may stand in it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::directories::Directories;
use super::refusal::refused;
use super::registry::Section as Registry;
use super::settings::{self, FileKind, Origin, Setting, Sourced};
use crate::bounded_file;
use crate::failure::Failure;

/// Bytes of a configuration file.
const CONFIGURATION_BYTES_MAX: u64 = 1 << 20;
/// The file's name in the working and in the configuration directory.
const FILE_NAME: &str = "strongroom.yaml";

/// The values of one configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    /// The file.
    pub path: PathBuf,
    /// Whose word it is.
    pub kind: FileKind,
    values: BTreeMap<&'static str, Sourced<String>>,
}

impl ConfigFile {
    /// The value of one setting, if it stands in this file.
    pub fn get(&self, setting: &Setting) -> Option<&Sourced<String>> {
        self.values.get(setting.key)
    }

    /// A found file names no keys: whoever wrote it would choose which secrets are read and used.
    fn refuse_keys(&self) -> Result<(), Failure> {
        let keys = [settings::ACCESS_KEY_REF, settings::SECRET_KEY_REF];
        let Some((setting, sourced)) =
            keys.iter().find_map(|setting| Some((setting, self.get(setting)?)))
        else {
            return Ok(());
        };
        let message = format!(
            "{} ({}): a file that was found in the working directory names no keys",
            setting.key, sourced.origin
        );
        Err(Failure::usage(message).with_help(
            "name the file with --config, or name the keys in your own configuration or in the \
             environment",
        ))
    }
}

/// The files that count, the strongest first: the one that was named, and only that; or the one in
/// the working directory and the one in the user's configuration directory.
pub fn find(named: Option<&Path>, directories: &Directories) -> Result<Vec<ConfigFile>> {
    if let Some(path) = named {
        let bytes = read(path).map_err(|error| unreadable(path, &error))?;
        return Ok(vec![of_bytes(path, bytes, FileKind::Own)?]);
    }
    let of_the_user = directories.config.as_ref().map(|config| config.join(FILE_NAME));
    let mut files = Vec::new();
    let found = Some(PathBuf::from(FILE_NAME));
    for (kind, path) in [(FileKind::Found, found), (FileKind::Own, of_the_user)] {
        let Some(path) = path else { continue };
        match read(&path) {
            Ok(bytes) => files.push(of_bytes(&path, bytes, kind)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(&path, &error).into()),
        }
    }
    let mut found = files.iter().filter(|file| file.kind == FileKind::Found);
    found.try_for_each(ConfigFile::refuse_keys)?;
    Ok(files)
}

/// Nothing where it is longer than a configuration may be.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    bounded_file::read_up_to(path, CONFIGURATION_BYTES_MAX)
}

pub(super) fn of_bytes(path: &Path, bytes: Option<Vec<u8>>, kind: FileKind) -> Result<ConfigFile> {
    let bytes = bytes.ok_or_else(|| bounded_file::over(path, "CONFIGURATION_BYTES_MAX"))?;
    Ok(parse(path, &bounded_file::text(path, bytes)?, kind)?)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(format!("{} could not be read: {error}", path.display()))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    store: Option<Store>,
    push: Option<Push>,
    registry: Option<Registry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Store {
    url: Option<Spanned<String>>,
    endpoint: Option<Spanned<String>>,
    bucket: Option<Spanned<String>>,
    region: Option<Spanned<String>>,
    prefix: Option<Spanned<String>>,
    path_style: Option<Spanned<bool>>,
    allow_http: Option<Spanned<bool>>,
    ca_file: Option<Spanned<String>>,
    public_endpoint: Option<Spanned<String>>,
    sse: Option<Spanned<String>>,
    kms_key_id: Option<Spanned<String>>,
    storage_class: Option<Spanned<String>>,
    profile: Option<Spanned<String>>,
    access_key_ref: Option<Spanned<String>>,
    secret_key_ref: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Push {
    auto_push: Option<Spanned<bool>>,
    verify_on_push: Option<Spanned<bool>>,
    lock: Option<Spanned<String>>,
    allow_unlocked: Option<Spanned<bool>>,
}

fn parse(path: &Path, text: &str, kind: FileKind) -> Result<ConfigFile, Failure> {
    // An empty file, or one of comments only, is YAML's null.
    let document: Option<Document> =
        serde_saphyr::from_str(text).map_err(|error| refused(path, &error))?;
    let Document { store, push, registry } = document.unwrap_or_default();
    let (store, push) = (store.unwrap_or_default(), push.unwrap_or_default());
    let texts = [
        (settings::URL, store.url),
        (settings::ENDPOINT, store.endpoint),
        (settings::BUCKET, store.bucket),
        (settings::REGION, store.region),
        (settings::PREFIX, store.prefix),
        (settings::CA_FILE, store.ca_file),
        (settings::PUBLIC_ENDPOINT, store.public_endpoint),
        (settings::SSE, store.sse),
        (settings::KMS_KEY_ID, store.kms_key_id),
        (settings::STORAGE_CLASS, store.storage_class),
        (settings::PROFILE, store.profile),
        (settings::ACCESS_KEY_REF, store.access_key_ref),
        (settings::SECRET_KEY_REF, store.secret_key_ref),
        (settings::LOCK, push.lock),
    ];
    let switches = [
        (settings::PATH_STYLE, store.path_style),
        (settings::ALLOW_HTTP, store.allow_http),
        (settings::AUTO_PUSH, push.auto_push),
        (settings::VERIFY_ON_PUSH, push.verify_on_push),
        (settings::ALLOW_UNLOCKED, push.allow_unlocked),
    ];
    let from_here = |line| Origin::File { path: path.to_owned(), kind, line };
    let texts = texts.into_iter().filter_map(|(setting, value)| {
        let value = value?;
        let origin = from_here(value.referenced.line());
        Some((setting.key, Sourced { value: value.value, origin }))
    });
    let switches = switches.into_iter().filter_map(|(setting, value)| {
        let value = value?;
        let origin = from_here(value.referenced.line());
        Some((setting.key, Sourced { value: value.value.to_string(), origin }))
    });
    let of_the_registry = registry.unwrap_or_default().into_found().into_iter();
    let of_the_registry = of_the_registry
        .map(|(setting, value, line)| (setting.key, Sourced { value, origin: from_here(line) }));
    let values = texts.chain(switches).chain(of_the_registry).collect();
    Ok(ConfigFile { path: path.to_owned(), kind, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<ConfigFile, String> {
        parse(Path::new("strongroom.yaml"), text, FileKind::Found)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn each_value_knows_its_line() {
        let file =
            parsed("store:\n  url: s3://evidence\n  path_style: true\npush:\n  lock: compliance\n")
                .expect("a good file");
        let url = file.get(&settings::URL).expect("a URL");
        assert_eq!(
            (url.value.as_str(), url.origin.to_string().as_str()),
            ("s3://evidence", "strongroom.yaml:2")
        );
        let path_style = file.get(&settings::PATH_STYLE).expect("a switch");
        assert_eq!(
            (path_style.value.as_str(), path_style.origin.to_string().as_str()),
            ("true", "strongroom.yaml:3")
        );
        assert_eq!(
            file.get(&settings::LOCK).expect("a lock").origin.to_string(),
            "strongroom.yaml:5"
        );
        assert!(file.get(&settings::REGION).is_none());
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in ["", "# nothing\n", "store:\n", "---\n"] {
            assert!(parsed(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn each_mistake_is_told_once_with_its_line() {
        let table = [
            ("store:\n  url: s3://a\n  bukket: b\n", "3: unknown key `bukket`"),
            ("storee:\n  url: s3://a\n", "1: unknown key `storee`"),
            ("url: s3://a\n", "1: unknown key `url`"),
            (
                "store:\n  url: s3://a\n  url: s3://b\n",
                "3: the key `url` stands here a second time",
            ),
            ("push:\n  auto_push: maybe\n", "2: `true` or `false` is expected here"),
            ("store: s3://a\n", "1: a group of keys and their values is expected here"),
            ("store:\n  url: [s3://a]\n", "2: a single value is expected here"),
            ("store:\n  url: \"s3://a\n", "no YAML that can be read"),
            ("store:\n\turl: s3://a\n", "no YAML that can be read"),
            (
                "registry:\n  deletion:\n    grace_ticks: many\n",
                "3: a whole number is expected here",
            ),
            ("registry:\n  jobs:\n    workers: -1\n", "3: a whole number is expected here"),
            (
                "registry:\n  jobs: {workers: 1, workers: 2}\n",
                "2: the key `workers` stands here a second time",
            ),
            (
                "registry:\n  retention:\n    permanent-record:\n      days: 1\n",
                "4: unknown key `days`",
            ),
            ("registry:\n  retention:\n    raw_evidence: {}\n", "3: unknown key `raw_evidence`"),
        ];
        for (text, told) in table {
            let message = parsed(text).expect_err(text);
            let told = match told.starts_with("no") {
                true => message.strip_prefix("strongroom.yaml:").is_some_and(|rest| {
                    rest.split_once(": ").is_some_and(|(_, problem)| problem == told)
                }),
                false => message == format!("strongroom.yaml:{told}"),
            };
            assert!(told, "{text:?}: {message}");
        }
    }

    #[test]
    fn a_mistyped_or_misplaced_key_is_helped() {
        let help = |text: &str| {
            let refused = parse(Path::new("x"), text, FileKind::Own).expect_err(text);
            crate::failure::ErrorDocument::of(&refused.into()).help.unwrap_or_default()
        };
        assert_eq!(help("storee:\n  url: s3://a\n"), "did you mean `store`?");
        assert_eq!(help("store:\n  bukcet: a\n"), "did you mean `bucket`?");
        assert_eq!(help("url: s3://a\n"), "it stands under `store:`");
        assert_eq!(help("serve: a\n"), "known here: store, push, registry");
        assert_eq!(help("grace_ticks: 1\n"), "it stands under `registry.deletion:`");
        assert_eq!(help("registry:\n  jobs:\n    worker: 1\n"), "did you mean `workers`?");
        assert!(help("push:\n  auto_push: maybe\n").contains("store.{url, endpoint, bucket"));
    }

    #[test]
    fn a_secret_put_there_by_mistake_is_not_repeated() {
        let message = parsed("store:\n  secret_key: hunter2hunter2\n").expect_err("refused");
        assert!(!message.contains("hunter2"), "{message}");
        let message = parsed("store:\n  path_style: hunter2hunter2\n").expect_err("refused");
        assert!(!message.contains("hunter2"), "{message}");
    }
}
