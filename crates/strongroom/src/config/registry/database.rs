//! Which database: by its URL, or by a file or a secret that holds it, so that a password stands neither in arguments
//! nor in a configuration file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use strongroom_registry::config::DatabaseUrl;

use super::keys::{self, Key};
use super::signing::REFERENCES;
use crate::bounded_file;
use crate::config::{Config, Origin, SecretReference, Sourced};
use crate::failure::Failure;

/// Bytes of a file that holds the URL.
const URL_BYTES_MAX: u64 = 8 << 10;
/// Permission bits of everybody but the owner and the owner's group, as mounted secrets have them.
const STRANGERS: u32 = 0o007;

/// The database that somebody named.
#[derive(Debug)]
pub struct NamedDatabase {
    /// Its URL, or where that is.
    pub url: UrlPlace,
    /// What named it.
    pub origin: Origin,
    /// Whether strangers on this machine may read the file that holds it.
    pub is_open_to_others: bool,
}

/// A URL, or where it is.
#[derive(Debug)]
pub enum UrlPlace {
    /// The URL.
    Known(DatabaseUrl),
    /// A secret that holds it, and is not fetched yet.
    Secret(SecretReference),
}

/// The database that is named, if any is. The stronger layer decides between several ways to name one.
pub fn named(config: &Config) -> Result<Option<NamedDatabase>, Failure> {
    type Read = fn(Sourced<String>) -> Result<NamedDatabase, Failure>;
    let ways: [(&Key, Read); 3] = [
        (&keys::DATABASE_URL, of_url),
        (&keys::DATABASE_URL_FILE, of_file),
        (&keys::DATABASE_URL_REF, of_reference),
    ];
    let named: Vec<(Sourced<String>, Read)> = ways
        .into_iter()
        .filter_map(|(key, read)| Some((config.get(&key.setting)?, read)))
        .collect();
    let Some(strongest) = named.iter().map(|(named, _)| named.origin.rank()).max() else {
        return Ok(None);
    };
    let mut named = named.into_iter().filter(|(named, _)| named.origin.rank() == strongest);
    match (named.next(), named.next()) {
        (Some((one, _)), Some((other, _))) => Err(Failure::usage(format!(
            "the database is named twice: by {} and by {}",
            one.origin, other.origin
        ))
        .with_help("keep one of the two")),
        (Some((one, read)), None) => read(one).map(Some),
        (None, _) => Ok(None),
    }
}

/// The URL in a secret.
pub async fn fetched(reference: &SecretReference, config: &Config) -> Result<DatabaseUrl, Failure> {
    let key = keys::DATABASE_URL_REF.setting.key;
    let secret = reference.fetch(config).await.map_err(|failure| failure.about(key))?;
    let url = the_one_line(&secret.0).ok_or_else(|| {
        Failure::usage(format!("{key}: {reference} holds one line, the URL, and nothing else"))
    })?;
    Ok(DatabaseUrl::new(url))
}

fn the_one_line(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && text.lines().count() == 1).then_some(text)
}

fn of_reference(reference: Sourced<String>) -> Result<NamedDatabase, Failure> {
    let Sourced { value, origin } = reference;
    let Ok(reference) = value.parse() else {
        let key = keys::DATABASE_URL_REF.setting.key;
        return Err(Failure::usage(format!(
            "{key} is {REFERENCES}, and never the URL itself ({origin})"
        )));
    };
    Ok(NamedDatabase { url: UrlPlace::Secret(reference), origin, is_open_to_others: false })
}

fn of_url(url: Sourced<String>) -> Result<NamedDatabase, Failure> {
    let Sourced { value, origin } = url;
    let instead = "put the whole URL into a file that only the service can read, and name that: \
                   registry.database_url_file; or set STRONGROOM_DATABASE_URL in the environment, or \
                   refer to a secret: registry.database_url_ref";
    let who_can_read = match &origin {
        Origin::Flag(_) => "a password in an argument can be read by everybody on this machine",
        Origin::File { .. } => "a password does not stand in a configuration file",
        Origin::Environment(_) | Origin::Default => "",
    };
    if has_password(&value) && !who_can_read.is_empty() {
        return Err(Failure::usage(format!("{who_can_read} ({origin})")).with_help(instead));
    }
    let url = UrlPlace::Known(DatabaseUrl::new(value));
    Ok(NamedDatabase { url, origin, is_open_to_others: false })
}

fn of_file(file: Sourced<String>) -> Result<NamedDatabase, Failure> {
    let path = Path::new(&file.value);
    let unusable = |why: &str| {
        Failure::usage(format!("{} ({}): {why}", keys::DATABASE_URL_FILE.setting.key, file.origin))
    };
    let bytes = bounded_file::read_up_to(path, URL_BYTES_MAX)
        .map_err(|error| unusable(&format!("the file could not be read: {error}")))?
        .ok_or_else(|| unusable("the file is longer than the limit URL_BYTES_MAX: 8192"))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("the file is not UTF-8"))?;
    let url = the_one_line(&text)
        .ok_or_else(|| unusable("the file holds one line, the URL, and nothing else"))?;
    let mode = path.metadata().map_or(0, |metadata| metadata.permissions().mode());
    Ok(NamedDatabase {
        url: UrlPlace::Known(DatabaseUrl::new(url)),
        origin: file.origin.clone(),
        is_open_to_others: mode & STRANGERS != 0,
    })
}

/// The file of a SQLite database.
pub fn sqlite_file(url: &DatabaseUrl) -> Option<&Path> {
    let path = url.reveal().strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}

/// Whether a URL holds a password: between the user and the host, or as a parameter.
fn has_password(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    // A password that holds a slash unescaped ends what looks like the authority.
    let before_any_at = rest.rsplit_once('@').map_or("", |(before, _)| before);
    user.contains(':') || before_any_at.contains(':') || url.contains("password=")
}

/// A URL as it may be shown: without what stands before the host, and without parameters.
pub fn shown(url: &DatabaseUrl) -> String {
    let url = url.reveal();
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    let place = place.split(['?', '#']).next().unwrap_or_default();
    match rest.contains('@') {
        true => format!("{scheme}://[redacted]@{place}"),
        false => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_found_wherever_a_url_may_hold_one_and_is_never_shown() {
        for url in [
            "postgres://me:hunter2@db/registry",
            "postgres://me:hun/ter2@db/registry",
            "postgres://db/registry?user=me&password=hunter2",
            "postgres://me:hunter2@db/registry?password=hunter2#hunter2",
        ] {
            assert!(has_password(url), "{url}");
            let shown = shown(&DatabaseUrl::new(url));
            assert!(!shown.contains("hun") && shown.contains("db/registry"), "{shown}");
        }
        for url in ["postgres://me@db:5432/registry", "sqlite:/a/b.db", "postgres://db/registry"] {
            assert!(!has_password(url), "{url}");
        }
        assert_eq!(shown(&DatabaseUrl::new("sqlite:/a/b.db")), "sqlite:/a/b.db");
    }
}
