//! The `registry` section as it stands in a file.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::keys::{self, CLASSES, ClassKeys};
use crate::config::settings::Setting;

/// A value as it stands, and its line.
pub type Found = (&'static Setting, String, u64);

/// A group of keys, each of which may be there.
macro_rules! group {
    ($name:ident { $($field:ident : $type:ty = $key:expr;)* }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct $name {
            $($field: Option<Spanned<$type>>,)*
        }

        impl $name {
            fn into_found(self) -> Vec<Found> {
                let mut found = Vec::new();
                $(
                    if let Some(value) = self.$field {
                        found.push((&$key.setting, value.value.to_string(), value.referenced.line()));
                    }
                )*
                found
            }
        }
    };
}

group!(Deletion {
    sweep_every_s: u64 = keys::SWEEP_EVERY_S;
    grace_ticks: u64 = keys::GRACE_TICKS;
    delete_expired: bool = keys::DELETE_EXPIRED;
    clock_jump_max_s: u64 = keys::CLOCK_JUMP_MAX_S;
});

group!(DualControl {
    hold_release: bool = keys::HOLD_RELEASE;
    early_deletion: bool = keys::EARLY_DELETION;
});

group!(Jobs {
    workers: u64 = keys::WORKERS;
    lease_s: u64 = keys::LEASE_S;
    poll_every_ms: u64 = keys::POLL_EVERY_MS;
    back_off_ms: u64 = keys::BACK_OFF_MS;
    attempts_max: u64 = keys::ATTEMPTS_MAX;
    objects_at_once: u64 = keys::OBJECTS_AT_ONCE;
});

group!(Signing {
    key: String = keys::SIGNING_KEY;
    signer: String = keys::SIGNING_SIGNER;
    passphrase_ref: String = keys::SIGNING_PASSPHRASE_REF;
    command_args: String = keys::SIGNING_COMMAND_ARGS;
    public_key: String = keys::SIGNING_PUBLIC_KEY;
    openbao_url: String = keys::SIGNING_OPENBAO_URL;
    openbao_token_ref: String = keys::SIGNING_OPENBAO_TOKEN_REF;
    openbao_namespace: String = keys::SIGNING_OPENBAO_NAMESPACE;
    timestamp_urls: String = keys::SIGNING_TIMESTAMP_URLS;
    service_ca: String = keys::SIGNING_SERVICE_CA;
    service_allow_http: bool = keys::SIGNING_SERVICE_ALLOW_HTTP;
});

group!(Connections {
    at_once: u64 = keys::CONNECTIONS_AT_ONCE;
    per_peer: u64 = keys::CONNECTIONS_PER_PEER;
    head_s: u64 = keys::CONNECTIONS_HEAD_S;
    idle_s: u64 = keys::CONNECTIONS_IDLE_S;
});

group!(Downloads {
    redirect: String = keys::DOWNLOADS_REDIRECT;
    link_s: u64 = keys::DOWNLOADS_LINK_S;
    redirect_from_bytes: u64 = keys::DOWNLOADS_REDIRECT_FROM_BYTES;
});

group!(Limits {
    json_bytes_max: u64 = keys::JSON_BYTES_MAX;
    file_bytes_max: u64 = keys::FILE_BYTES_MAX_KEY;
    idle_body_s: u64 = keys::IDLE_BODY_S;
    idle_reader_s: u64 = keys::IDLE_READER_S;
    request_s: u64 = keys::REQUEST_S;
    requests_at_once: u64 = keys::REQUESTS_AT_ONCE;
    uploads_at_once: u64 = keys::UPLOADS_AT_ONCE;
    upload_lifetime_s: u64 = keys::UPLOAD_LIFETIME_S;
    bundles_at_once: u64 = keys::BUNDLES_AT_ONCE;
    page_entries_max: u64 = keys::PAGE_ENTRIES_MAX;
    drain_s: u64 = keys::DRAIN_S;
});

/// Files that are already on the server.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LocalIngestion {
    roots: Option<Spanned<BTreeMap<String, String>>>,
}

impl LocalIngestion {
    /// As the environment has it: a value is one text.
    fn into_found(self) -> Option<Found> {
        let roots = self.roots?;
        let line = roots.referenced.line();
        let named: Vec<String> =
            roots.value.iter().map(|(name, folder)| format!("{name}={folder}")).collect();
        (!named.is_empty()).then(|| (&keys::LOCAL_ROOTS.setting, named.join(","), line))
    }
}

/// A retention class.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Class {
    days: Option<Spanned<u64>>,
    mode: Option<Spanned<String>>,
    lock: Option<Spanned<String>>,
    lock_required: Option<Spanned<bool>>,
}

/// The class without a date.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ClassWithoutDate {
    mode: Option<Spanned<String>>,
    lock: Option<Spanned<String>>,
    lock_required: Option<Spanned<bool>>,
}

impl From<ClassWithoutDate> for Class {
    fn from(class: ClassWithoutDate) -> Self {
        let ClassWithoutDate { mode, lock, lock_required } = class;
        Self { days: None, mode, lock, lock_required }
    }
}

impl Class {
    fn into_found(self, keys: &'static ClassKeys) -> Vec<Found> {
        let days = self.days.zip(keys.days.as_ref());
        let days =
            days.map(|(days, key)| (&key.setting, days.value.to_string(), days.referenced.line()));
        let texts = [(&keys.mode, self.mode), (&keys.lock, self.lock)];
        let texts = texts.into_iter().filter_map(|(key, text)| {
            let text = text?;
            Some((&key.setting, text.value, text.referenced.line()))
        });
        let required = self.lock_required.map(|switch| {
            (&keys.lock_required.setting, switch.value.to_string(), switch.referenced.line())
        });
        days.into_iter().chain(texts).chain(required).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Classes {
    #[serde(rename = "allow_advisory_lock")]
    allow_advisory_lock: Option<Spanned<bool>>,
    transient: Option<Class>,
    raw_evidence: Option<Class>,
    summary_evidence: Option<Class>,
    release_evidence: Option<Class>,
    permanent_record: Option<ClassWithoutDate>,
}

/// The whole section.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Section {
    listen: Option<Spanned<String>>,
    data_dir: Option<Spanned<String>>,
    database_url: Option<Spanned<String>>,
    database_url_file: Option<Spanned<String>>,
    database_url_ref: Option<Spanned<String>>,
    worker_listen: Option<Spanned<String>>,
    api_only: Option<Spanned<bool>>,
    deletion: Option<Deletion>,
    dual_control: Option<DualControl>,
    local_ingestion: Option<LocalIngestion>,
    jobs: Option<Jobs>,
    signing: Option<Signing>,
    connections: Option<Connections>,
    downloads: Option<Downloads>,
    limits: Option<Limits>,
    retention: Option<Classes>,
}

impl Section {
    /// Every value that stands in it.
    pub fn into_found(self) -> Vec<Found> {
        let texts = [
            (&keys::LISTEN, self.listen),
            (&keys::DATA_DIR, self.data_dir),
            (&keys::DATABASE_URL, self.database_url),
            (&keys::DATABASE_URL_FILE, self.database_url_file),
            (&keys::DATABASE_URL_REF, self.database_url_ref),
            (&keys::WORKER_LISTEN, self.worker_listen),
        ];
        let mut found: Vec<Found> = texts
            .into_iter()
            .filter_map(|(key, text)| {
                let text = text?;
                Some((&key.setting, text.value, text.referenced.line()))
            })
            .collect();
        if let Some(switch) = self.api_only {
            let line = switch.referenced.line();
            found.push((&keys::API_ONLY.setting, switch.value.to_string(), line));
        }
        found.extend(self.deletion.unwrap_or_default().into_found());
        found.extend(self.dual_control.unwrap_or_default().into_found());
        found.extend(self.local_ingestion.unwrap_or_default().into_found());
        found.extend(self.jobs.unwrap_or_default().into_found());
        found.extend(self.signing.unwrap_or_default().into_found());
        found.extend(self.connections.unwrap_or_default().into_found());
        found.extend(self.downloads.unwrap_or_default().into_found());
        found.extend(self.limits.unwrap_or_default().into_found());
        let said = self.retention.unwrap_or_default();
        if let Some(switch) = said.allow_advisory_lock {
            let line = switch.referenced.line();
            found.push((&keys::ALLOW_ADVISORY_LOCK.setting, switch.value.to_string(), line));
        }
        let classes = [
            said.transient,
            said.raw_evidence,
            said.summary_evidence,
            said.release_evidence,
            said.permanent_record.map(Class::from),
        ];
        for (class, keys) in classes.into_iter().zip(CLASSES) {
            found.extend(class.unwrap_or_default().into_found(keys));
        }
        found
    }
}
