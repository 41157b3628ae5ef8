//! Places of this machine that no folder for ingestion may hold or lie in: the registry's own data, and every file that
//! a key names. Most of them hold a secret, and none is anybody's to write who may only leave files to be ingested.

use std::path::Path;

use strongroom_registry::config::{DatabaseUrl, Settings};
use strongroom_registry::local_files::KeptApart;
use strongroom_storage::open::Location;

use super::{database, keys};
use crate::config::settings::{self, FileKind, Setting};
use crate::config::{Config, SecretReference, openbao};

/// Keys that name files.
const FILES: [&Setting; 4] = [
    &settings::CA_FILE,
    &keys::DATABASE_URL_FILE.setting,
    &keys::SIGNING_PUBLIC_KEY.setting,
    &keys::SIGNING_SERVICE_CA.setting,
];

/// Keys that refer to secrets, which may be in files.
const REFERENCES: [&Setting; 6] = [
    &keys::DATABASE_URL_REF.setting,
    &settings::ACCESS_KEY_REF,
    &settings::SECRET_KEY_REF,
    &keys::SIGNING_KEY.setting,
    &keys::SIGNING_PASSPHRASE_REF.setting,
    &keys::SIGNING_OPENBAO_TOKEN_REF.setting,
];

/// Variables by which those that a registry asks are told where credentials are.
const VARIABLES: [&str; 12] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AZURE_FEDERATED_TOKEN_FILE",
    "PGPASSFILE",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLROOTCERT",
    openbao::TOKEN_FILE[0],
    openbao::TOKEN_FILE[1],
    openbao::CA_FILE[0],
    openbao::CA_FILE[1],
];

/// Places in the user's folder where credentials are looked for unless a variable names another, and that variable.
const DEFAULTS: [(&str, &str); 2] =
    [("AWS_SHARED_CREDENTIALS_FILE", ".aws"), ("PGPASSFILE", ".pgpass")];

/// What names a file in the URL of a PostgreSQL database.
const OF_POSTGRES: [&str; 3] = ["sslcert", "sslkey", "sslrootcert"];

impl Config {
    /// The places, of a registry with these settings.
    pub fn kept_apart(&self, settings: &Settings) -> Vec<KeptApart> {
        let mut apart = vec![KeptApart::new(keys::DATA_DIR.setting.key, &settings.data_dir)];
        apart.extend(settings.database_url.as_ref().map(of_the_database).unwrap_or_default());
        apart.extend(self.local_store());
        apart.extend(FILES.iter().filter_map(|setting| {
            let file = self.get(setting)?.value;
            Some(KeptApart::new(setting.key, file))
        }));
        apart.extend(REFERENCES.iter().filter_map(|setting| {
            match self.get(setting)?.value.parse().ok()? {
                SecretReference::File(path) => Some(KeptApart::new(setting.key, path)),
                SecretReference::Environment(_) | SecretReference::OpenBao { .. } => None,
            }
        }));
        apart.extend(self.signing_program());
        let own = self.files.iter().filter(|file| file.kind == FileKind::Own);
        apart.extend(own.map(|file| KeptApart::new("the configuration", &file.path)));
        apart.extend(VARIABLES.iter().filter_map(|name| {
            let file = self.environment.text(name)?;
            Some(KeptApart::new(format!("environment {name}"), file))
        }));
        apart.extend(self.environment.home().iter().flat_map(|home| of_the_user(home)));
        apart
    }

    /// The store that is named, where it is a folder. The embedded one is in the data directory.
    fn local_store(&self) -> Option<KeptApart> {
        let url = self.store_url().ok()??;
        match Location::parse(&url.value).ok()? {
            Location::File(folder) => Some(KeptApart::new(settings::URL.key, folder)),
            _ => None,
        }
    }

    /// The program that signs, where it is named by its place and not looked for.
    fn signing_program(&self) -> Option<KeptApart> {
        let key = self.get(&keys::SIGNING_KEY.setting)?.value;
        let program = key.strip_prefix("command:").filter(|program| program.contains('/'))?;
        Some(KeptApart::new(keys::SIGNING_KEY.setting.key, program))
    }
}

/// Where credentials are looked for without being named. Where none are yet, whoever may leave files to be ingested could
/// put some there.
fn of_the_user(home: &Path) -> [KeptApart; 2] {
    DEFAULTS.map(|(variable, place)| {
        KeptApart::new(format!("the default of {variable}"), home.join(place))
    })
}

/// Of SQLite the file and its folder, where the file's log is too; of PostgreSQL the files of its TLS.
fn of_the_database(url: &DatabaseUrl) -> Vec<KeptApart> {
    let name = keys::DATABASE_URL.setting.key;
    if let Some(file) = database::sqlite_file(url) {
        let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        let folder = whole.parent().unwrap_or(Path::new("/"));
        return vec![KeptApart::new(name, folder), KeptApart::new(name, file)];
    }
    let Ok(url) = reqwest::Url::parse(url.reveal()) else { return Vec::new() };
    let pairs = url.query_pairs();
    let files = pairs.filter(|(key, _)| OF_POSTGRES.contains(&key.replace('-', "").as_str()));
    files.map(|(_, file)| KeptApart::new(name, &*file)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn of_url(url: &str) -> Vec<KeptApart> {
        of_the_database(&DatabaseUrl::new(url))
    }

    fn named(paths: &[&str]) -> Vec<KeptApart> {
        let named = |path: &&str| KeptApart::new("registry.database_url", *path);
        paths.iter().map(named).collect()
    }

    #[test]
    fn what_a_user_has_without_naming_it_is_kept_apart() {
        let named = [
            KeptApart::new("the default of AWS_SHARED_CREDENTIALS_FILE", "/home/me/.aws"),
            KeptApart::new("the default of PGPASSFILE", "/home/me/.pgpass"),
        ];
        assert_eq!(of_the_user(Path::new("/home/me")), named);
    }

    #[test]
    fn a_database_names_its_files() {
        assert_eq!(of_url("sqlite:/srv/db/r.db"), named(&["/srv/db", "/srv/db/r.db"]));
        assert_eq!(of_url("sqlite:///srv/db/r.db"), named(&["/srv/db", "/srv/db/r.db"]));
        let here = of_url("sqlite:r.db");
        let folder: PathBuf = std::path::absolute("r.db").unwrap().parent().unwrap().into();
        assert_eq!(here[0], KeptApart::new("registry.database_url", folder));
        assert_eq!(
            of_url("postgres://me@db/r?sslmode=verify-full&sslkey=/srv/my%20key.pem&ssl-cert=/c"),
            named(&["/srv/my key.pem", "/c"])
        );
        assert_eq!(of_url("postgres://me@db/r"), []);
    }
}
