//! `strongroom check-config`: every value of the registry's in effect, and what is wrong with them.

use anyhow::Result;
use serde::Serialize;
use strongroom_core::package::RuleLock;
use strongroom_registry::config::Settings;
use strongroom_registry::db::{Db, DbErrorKind};
use strongroom_registry::local_files::roots::open_root;
use strongroom_storage::keep::clock_check;
use strongroom_storage::status::StoreStatus;

use super::{advisory, open_to_others, signing, unusable_root};
use crate::cli::CheckConfigArgs;
use crate::commands::Context;
use crate::commands::settings_table::{self, Row, row};
use crate::commands::signing::not_signed;
use crate::commands::store_status::{refuse_unusable, warnings};
use crate::config::registry::keys::Takes;
use crate::config::registry::{RegistryChoice, sqlite_file};
use crate::config::{self, SecretReference, Sourced, credentials_in_words};
use crate::exit::{Exit, exit_of};
use crate::failure::{ErrorDocument, Failure};
use crate::output::{Console, count, safe, styled};

/// The schema that a check is printed under.
const SCHEMA: &str = "strongroom.config-check/v1";

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    settings: Vec<Row>,
    /// Whether the database, the store and what signs were asked.
    connected: bool,
    findings: Vec<Finding>,
}

/// Something that keeps the registry from working, or that a person should know.
#[derive(Serialize)]
struct Finding {
    severity: Severity,
    about: About,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip)]
    exit: Exit,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    Error,
    Warning,
    Note,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum About {
    Configuration,
    Database,
    Store,
    Signing,
}

impl Finding {
    fn error(about: About, error: &anyhow::Error) -> Self {
        let ErrorDocument { message, help, .. } = ErrorDocument::of(error);
        Self { severity: Severity::Error, about, message, help, exit: exit_of(error) }
    }

    fn warning(about: About, message: impl Into<String>) -> Self {
        let severity = Severity::Warning;
        Self { severity, about, message: message.into(), help: None, exit: Exit::Done }
    }

    fn note(about: About, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::warning(about, message) }
    }
}

/// Prints what is configured and what is wrong with it. Starts and makes nothing.
pub async fn run(args: &CheckConfigArgs, context: &Context) -> Result<()> {
    let mut findings = Vec::new();
    let config = &context.config;
    let notes = config.left_out().into_iter().chain(config.left_out_of_the_registry());
    findings.extend(notes.map(|note| Finding::warning(About::Configuration, note)));
    let mut choice = match config.registry() {
        Ok(choice) => Some(choice),
        Err(refused) => {
            let refused = refused.into_iter().map(anyhow::Error::from);
            findings.extend(refused.map(|error| Finding::error(About::Configuration, &error)));
            None
        }
    };
    let store = match config.check_store().and_then(|()| config.store_url()) {
        Ok(store) => Ok(store.map(|store| store.value)),
        Err(refused) => {
            findings.push(Finding::error(About::Configuration, &refused.into()));
            Err(())
        }
    };
    if let Some(choice) = &mut choice {
        findings.extend(about_the_choice(choice));
        findings.extend(about_the_database_url(choice, args.connect, context).await);
        findings.extend(about_the_roots(choice, context));
        if let Ok(store) = &store {
            let refused = advisory::refusals(&choice.settings, store.as_deref());
            let refused = refused.into_iter().map(anyhow::Error::from);
            findings.extend(refused.map(|error| Finding::error(About::Configuration, &error)));
        }
        findings.extend(about_signing(choice, args.connect, context).await);
        if args.connect {
            findings.extend(about_the_database(choice).await);
            if store.is_ok() {
                let is_named = store.as_ref().is_ok_and(Option::is_some);
                findings.extend(about_the_store(&choice.settings, is_named, context).await);
            }
        }
    }
    let embedded = || {
        let data_dir = &choice.as_ref()?.settings.data_dir;
        config::file_url(&std::path::absolute(data_dir).ok()?.join("store")).ok()
    };
    let document = Document {
        schema: SCHEMA,
        files: config.files().map(|path| path.display().to_string()).collect(),
        store: store.ok().and_then(|named| named.or_else(embedded)),
        settings: rows(context),
        connected: args.connect && choice.is_some(),
        findings,
    };
    let printed = context.console.result(|console| human(&document, console), &document);
    refuse(&document.findings)?;
    printed
}

/// The first error says how it ends.
fn refuse(findings: &[Finding]) -> Result<(), Failure> {
    let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
    let Some(first) = errors.next() else { return Ok(()) };
    let all = count(1 + errors.count() as u64, "error", "errors");
    Err(Failure::new(first.exit, format!("the registry cannot work so: {all}, told above")))
}

fn rows(context: &Context) -> Vec<Row> {
    let config = &context.config;
    let of_stores = config::ALL.iter().filter(|setting| !setting.key.starts_with("push."));
    let mut rows: Vec<Row> =
        of_stores.map(|setting| row(setting.key, config.get(setting), true)).collect();
    let Sourced { value, origin } = credentials_in_words(config);
    rows.push(row("store.credentials", Some(Sourced { value: value.to_owned(), origin }), true));
    rows.extend(config.registry_values().into_iter().map(|shown| {
        let unit = match shown.key.takes {
            Takes::Whole(unit, ..) => Some(unit),
            _ => None,
        };
        let what = Some(shown.key.what);
        Row { unit, what, ..row(shown.key.setting.key, shown.value, true) }
    }));
    rows
}

/// Whether the database's URL can be had, where it is in a secret. OpenBao is asked only where everything is.
async fn about_the_database_url(
    choice: &mut RegistryChoice,
    connect: bool,
    context: &Context,
) -> Option<Finding> {
    if choice.database_secret().is_some_and(SecretReference::is_remote) && !connect {
        return None;
    }
    let fetched = choice.fetch_database_url(&context.config).await;
    fetched.err().map(|refused| Finding::error(About::Database, &refused.into()))
}

/// What a person should know though nothing is wrong.
fn about_the_choice(choice: &RegistryChoice) -> Vec<Finding> {
    let RegistryChoice { settings, is_api_only, database, .. } = choice;
    let mut findings = Vec::new();
    if !settings.listen.ip().is_loopback() {
        findings.push(Finding::warning(
            About::Configuration,
            "registry.listen is not of this machine alone, and the service speaks HTTP: put a proxy with TLS in \
             front of it, or tokens can be read on the way",
        ));
    }
    if *is_api_only && database.is_none() {
        findings.push(Finding::warning(
            About::Configuration,
            "registry.api_only leaves jobs to `strongroom worker`, and the embedded database is of this machine \
             alone: a worker has to run here, with the same data directory",
        ));
    }
    if let Some(database) = database.as_ref().filter(|database| database.is_open_to_others) {
        findings.push(Finding::warning(About::Configuration, open_to_others(&database.origin)));
    }
    findings
}

/// Whether the folders that operators may ingest from can be read.
fn about_the_roots(choice: &RegistryChoice, context: &Context) -> Vec<Finding> {
    let settings = &choice.settings;
    let apart = context.config.kept_apart(settings);
    let about = About::Configuration;
    let looked_at = settings.local_roots.iter().map(|(name, path)| {
        if choice.is_api_only {
            let why = "is opened by `strongroom worker`, and not where requests are answered";
            return Finding::note(about, format!("the folder of `{name}` {why}"));
        }
        match open_root(name, path, &apart) {
            Ok(_) => Finding::note(
                about,
                format!("the folder of `{name}` can be read: operators may ingest what is in it"),
            ),
            Err(refused) => Finding::error(about, &unusable_root(&refused).into()),
        }
    });
    looked_at.collect()
}

/// Whether the key that signs can be had; where it is asked for, also whether it answers, and the time-stamp
/// authorities.
async fn about_signing(
    choice: &mut RegistryChoice,
    connect: bool,
    context: &Context,
) -> Option<Finding> {
    let signing = choice.signing.take()?;
    if choice.is_api_only {
        let told =
            "registry.signing.key is not used here: jobs sign, and those are left to workers";
        return Some(Finding::note(About::Signing, told));
    }
    if signing.is_encrypted_by_a_remote_secret() && !connect {
        let told = "the passphrase of registry.signing.key is in OpenBao: --connect asks for it";
        return Some(Finding::note(About::Signing, told));
    }
    let signer = match signing::ready(signing, context).await {
        Ok(signer) => signer,
        Err(error) => return Some(Finding::error(About::Signing, &error)),
    };
    if !connect {
        return None;
    }
    match signer.check().await {
        Ok(key_id) => {
            let told = format!("manifests are signed with the key {key_id}");
            Some(Finding::note(About::Signing, told))
        }
        Err(error) => Some(Finding::error(About::Signing, &not_signed(error))),
    }
}

/// Whether the database answers, and has the schema of this version.
async fn about_the_database(choice: &RegistryChoice) -> Vec<Finding> {
    // Where there is none it was told why.
    let Some(url) = &choice.settings.database_url else { return Vec::new() };
    let is_embedded = choice.database.is_none();
    // To open a file of SQLite's makes it.
    if sqlite_file(url).is_some_and(|file| !file.exists()) {
        return vec![match is_embedded {
            true => Finding::note(About::Database, "the first start makes the embedded database"),
            false => Finding::error(
                About::Database,
                &Failure::new(Exit::NotFound, "the database's file is not there")
                    .with_help("correct registry.database_url, or run `strongroom migrate`")
                    .into(),
            ),
        }];
    }
    let db = match Db::open(url.reveal()).await {
        Ok(db) => db,
        Err(error) => return vec![Finding::error(About::Database, &error.into())],
    };
    let current = db.expect_current_schema().await;
    db.close().await;
    match current {
        Ok(()) => Vec::new(),
        Err(error) if is_embedded && error.kind() == DbErrorKind::NotMigrated => {
            vec![Finding::note(
                About::Database,
                "the next start brings the embedded database up to date",
            )]
        }
        Err(error) => vec![Finding::error(About::Database, &error.into())],
    }
}

/// Whether the store answers, by whose clock, and whether it can hold the locks that are configured.
async fn about_the_store(settings: &Settings, is_named: bool, context: &Context) -> Vec<Finding> {
    if !is_named && !settings.data_dir.join("store").exists() {
        return vec![Finding::note(About::Store, "the first package makes the embedded store")];
    }
    match ask_the_store(settings, context).await {
        Ok(findings) => findings,
        Err(error) => {
            vec![Finding::error(About::Store, &context.naming_the_store(error))]
        }
    }
}

async fn ask_the_store(settings: &Settings, context: &Context) -> Result<Vec<Finding>> {
    let store = context.store_beside(&settings.data_dir).await?;
    let status = store.status().await;
    refuse_unusable(&*store, &status).await?;
    clock_check(&*store, context.clock.now()).await?;
    let mut findings: Vec<Finding> = warnings(&status)
        .into_iter()
        .map(|warning| Finding::warning(About::Store, warning.message))
        .collect();
    findings.extend(unlockable(settings, &status));
    Ok(findings)
}

/// Classes whose locks are required, in a bucket that takes none.
fn unlockable(settings: &Settings, status: &StoreStatus) -> Option<Finding> {
    if status.object_lock.value() != Some(&false) {
        return None;
    }
    let required = settings.rules.iter().filter(|rule| rule.lock_required);
    let required = required.filter(|rule| rule.lock != RuleLock::None);
    let classes: Vec<&str> = required.map(|rule| rule.class.as_str()).collect();
    if classes.is_empty() {
        return None;
    }
    let message = format!(
        "the bucket has no Object Lock, and locks are required for {}: no package of these is ever finalized",
        classes.join(", ")
    );
    let failure = Failure::new(Exit::UnsafeStore, message)
        .with_help("use a bucket that was made with Object Lock, or set lock_required: false");
    Some(Finding::error(About::Store, &failure.into()))
}

fn human(document: &Document, console: &Console) -> String {
    let palette = console.palette();
    let mut text = settings_table::human(&document.settings, console);
    text.push('\n');
    for file in &document.files {
        text.push_str(&format!("file: {}\n", safe(file)));
    }
    if let Some(store) = &document.store {
        text.push_str(&format!("store: {}\n", safe(store)));
    }
    for finding in &document.findings {
        let label = match finding.severity {
            Severity::Error => styled(palette.bad, "error:"),
            Severity::Warning => styled(palette.warning, "warning:"),
            Severity::Note => styled(palette.faint, "note:"),
        };
        text.push_str(&format!("{label} {}\n", safe(&finding.message)));
        if let Some(help) = &finding.help {
            text.push_str(&format!("  {}\n", safe(help)));
        }
    }
    let is_sound = document.findings.iter().all(|finding| finding.severity != Severity::Error);
    if is_sound {
        let asked = match document.connected {
            true => "the configuration is sound, and the database and the store answer as it needs",
            false => "the configuration is sound; --connect also asks the database and the store",
        };
        text.push_str(&format!("{}\n", styled(palette.good, asked)));
    }
    text
}
