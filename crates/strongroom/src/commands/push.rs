//! `strongroom evidence push`

mod cavra;
mod plan;

use std::path::{Path, PathBuf};

use anstyle::Style;
use anyhow::Result;
use jiff::civil::Date;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::bundle::{BundlePlan, CollectOptions};
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{Lock, LockMode};
use strongroom_storage::Storage;
use strongroom_storage::evidence::storage_plan::PlanInForce;
use strongroom_storage::evidence::{
    EvidenceError, EvidenceErrorKind, LockPlan, Push, PushOutcome, PushRequest, PushSource,
};

use super::declarations::{OfTheBundle, declared};
use super::receipt::store_at;
use super::store_status::{default_retention, in_words};
use super::{Context, bundle, lock_acceptance, named, receipt};
use crate::cli::{DeclarationArgs, PushArgs, When};
use crate::config::PushSettings;
use crate::failure::Failure;
use crate::output::{Block, Console, styled, time};
use crate::progress::Bar;

pub use self::cavra::{is_claimed_by as is_cavra, verified as verified_directory};

/// The schema that a dry run is printed under.
const PLAN_SCHEMA: &str = "strongroom.push-plan/v1";

/// What is asked of a push, besides what is pushed.
pub struct Asked {
    request: PushRequest,
    retain_until: Option<When>,
    accepted_until: Option<Date>,
    mode_is_explicit: bool,
}

#[derive(Serialize)]
struct PlanDocument<'a> {
    schema: &'static str,
    bundle_id: BundleId,
    store: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    key: String,
    lock: &'a LockPlan,
}

/// Stores a bundle, or a directory as a bundle.
pub async fn run(args: PushArgs, context: &Context) -> Result<()> {
    let asked = match &args.plan {
        Some(path) => Asked::by_plan(plan::read(path, args.plan_sha256)?, &args, context)?,
        None => Asked::by_flags(&args, &context.config.push()?),
    };
    // The store first: a wrong URL must not wait for a large directory to be hashed.
    let store = context.store().await?;
    if cavra::is_claimed_by(&args.source).await? {
        refuse_declarations(&args.declarations)?;
        return cavra::run(&*store, &args, asked, context).await;
    }
    let source = source(&args, context).await?;
    if args.dry_run {
        return show_plan(&*store, source, asked, context).await;
    }
    let outcome = push(&*store, source, asked, context).await?;
    let shown = &outcome.receipt;
    let printed = context.console.result(|console| receipt::human(shown, console), shown);
    match outcome.shortfall {
        Some(shortfall) => Err(shortfall.into()),
        None => printed,
    }
}

/// Stores an archive that was just made. Warnings are said; the receipt is for the caller to show.
pub async fn push_archive(
    store: &dyn Storage,
    archive: &Path,
    asked: Asked,
    context: &Context,
) -> Result<PushOutcome> {
    push(store, PushSource::Archive(archive.to_owned()), asked, context).await
}

impl Asked {
    /// What the configuration alone asks for, and until when a compliance lock was accepted.
    pub fn by_the_configuration(settings: &PushSettings, accepted_until: Option<Date>) -> Self {
        let request = PushRequest {
            lock_mode: Some(settings.lock),
            allow_unlocked: settings.allow_unlocked,
            verify_on_push: settings.verify_on_push,
            ..PushRequest::default()
        };
        Self { request, retain_until: None, accepted_until, mode_is_explicit: false }
    }

    fn by_flags(args: &PushArgs, settings: &PushSettings) -> Self {
        let mut asked = Self::by_the_configuration(settings, args.yes_lock_until);
        asked.request.run_id = args.run_id.clone();
        asked.request.legal_hold = args.legal_hold;
        asked.request.allow_advisory_lock = args.allow_advisory_lock;
        asked.retain_until = args.retain_until;
        asked.mode_is_explicit = settings.lock_is_explicit;
        asked
    }

    /// What a storage plan asks for, and nothing else.
    fn by_plan(plan: PlanInForce, args: &PushArgs, context: &Context) -> Result<Self> {
        let request = PushRequest {
            allow_advisory_lock: args.allow_advisory_lock,
            verify_on_push: context.config.push()?.verify_on_push,
            ..plan.request()
        };
        let accepted_until = args.yes_lock_until;
        Ok(Self { request, retain_until: None, accepted_until, mode_is_explicit: false })
    }

    /// The request, with a length counted from the store's clock.
    async fn resolve(&self, store: &dyn Storage, context: &Context) -> Result<PushRequest> {
        if self.request.allow_unlocked
            && let Some(origin) = context.config.unlocked_by_a_found_file()
        {
            context.console.note(format!(
                "push.allow_unlocked stands in {origin}: a lock that falls short is no failure"
            ));
        }
        let mut request = self.request.clone();
        request.retain_until = match self.retain_until {
            None => request.retain_until,
            Some(When::At(time)) => Some(time),
            Some(when) => {
                let store_now = store.now().await?;
                Some(
                    when.at(store_now)
                        .map_err(|error| Failure::usage(format!("--retain-until: {error}")))?,
                )
            }
        };
        Ok(request)
    }

    fn refuse_a_mode_without_a_date(&self, lock: &LockPlan) -> Result<(), Failure> {
        if self.mode_is_explicit && lock.asked.retention.is_none() {
            return Err(Failure::usage("--lock says how to lock, and nothing says until when")
                .with_help("add --retain-until, such as --retain-until 7y"));
        }
        Ok(())
    }
}

/// The archive as it is, or a plan of the directory's files.
async fn source(args: &PushArgs, context: &Context) -> Result<PushSource> {
    if !args.source.is_dir() {
        refuse_declarations(&args.declarations)?;
        return Ok(PushSource::Archive(args.source.clone()));
    }
    let plan = directory(&args.source, &args.declarations, context).await?;
    Ok(PushSource::Plan(Box::new(plan)))
}

/// The bundle that a directory would make.
pub async fn directory(
    directory: &Path,
    args: &DeclarationArgs,
    context: &Context,
) -> Result<BundlePlan> {
    let declarations = declared(args, OfTheBundle::default(), context)?;
    let options = CollectOptions { follow_symlinks: args.follow_symlinks };
    let plan = bundle::plan(vec![directory.to_owned()], options, declarations, context).await?;
    if plan.manifest().files.is_empty() {
        context.console.warning(format!("{} holds no file", directory.display()));
    }
    Ok(plan)
}

/// A bundle's manifest is what it is: declaring something of it now would change nothing.
pub fn refuse_declarations(args: &DeclarationArgs) -> Result<(), Failure> {
    let declared = [
        ("--subject", args.subject.is_some()),
        ("--producer", args.producer.is_some()),
        ("--metadata", !args.metadata.is_empty()),
        ("--retention-class", args.retention_class.is_some()),
        ("--retention-days", args.retention_days.is_some()),
        ("--created-at", args.created_at.is_some()),
    ];
    match declared.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::usage(format!(
            "{flag} declares something of a directory; a bundle's manifest cannot be changed"
        ))
        .with_help("lock it with --retain-until; declare when it is made with `evidence bundle`")),
    }
}

async fn prepare<'a>(
    store: &'a dyn Storage,
    source: PushSource,
    asked: Asked,
    context: &'a Context,
) -> Result<Push<'a>> {
    let request = asked.resolve(store, context).await?;
    let archive = archive_of(&source);
    let push = Push::prepare(store, source, request, &context.clock).await;
    let push = push.map_err(|error| naming_the_archive(error, archive.as_deref()))?;
    asked.refuse_a_mode_without_a_date(push.lock())?;
    Ok(push)
}

/// The archive that was named; the files of a plan are named by their own errors.
fn archive_of(source: &PushSource) -> Option<PathBuf> {
    match source {
        PushSource::Archive(path) => Some(path.clone()),
        PushSource::Plan(_) => None,
    }
}

/// The error, with the name of the archive where it is about the archive.
fn naming_the_archive(error: EvidenceError, archive: Option<&Path>) -> anyhow::Error {
    let is_about_it =
        matches!(error.kind(), EvidenceErrorKind::Bundle(_) | EvidenceErrorKind::LocalFile);
    match archive {
        Some(path) if is_about_it => anyhow::Error::new(error).context(named(path)),
        _ => error.into(),
    }
}

async fn push(
    store: &dyn Storage,
    source: PushSource,
    asked: Asked,
    context: &Context,
) -> Result<PushOutcome> {
    let accepted_until = asked.accepted_until;
    let total_bytes = match &source {
        PushSource::Plan(plan) => Some(plan.content_size_bytes()),
        PushSource::Archive(_) => None,
    };
    let archive = archive_of(&source);
    let push = prepare(store, source, asked, context).await?;
    lock_acceptance::ask(push.lock(), accepted_until, &context.console).await?;
    let bar = Bar::new(context.console.shows_progress(), "pushing", total_bytes);
    let outcome = push.execute(bar.progress()).await;
    drop(bar);
    let outcome = outcome.map_err(|error| naming_the_archive(error, archive.as_deref()))?;
    for warning in &outcome.warnings {
        context.console.warning(warning);
    }
    Ok(outcome)
}

async fn show_plan(
    store: &dyn Storage,
    source: PushSource,
    asked: Asked,
    context: &Context,
) -> Result<()> {
    let push = prepare(store, source, asked, context).await?;
    let document = PlanDocument {
        schema: PLAN_SCHEMA,
        bundle_id: push.bundle_id(),
        store: store.url(),
        endpoint: store.endpoint(),
        key: push.whole_key()?,
        lock: push.lock(),
    };
    context.console.result(|console| human_plan(&document, console), &document)
}

fn human_plan(document: &PlanDocument<'_>, console: &Console) -> String {
    let palette = console.palette();
    let verdict = styled(palette.warning, "nothing was written");
    let mut block = Block::new(format!("{verdict} {}", document.bundle_id))
        .row("store", store_at(document.store, document.endpoint))
        .row("key", &document.key);
    let LockPlan { bucket_default, to_send, effective, enforced_by, .. } = document.lock;
    let enforced_by = *enforced_by;
    block = block.row("default lock", in_words(bucket_default, default_retention));
    block = match (to_send.is_none(), effective.value()) {
        (false, _) => block.row("would send", lock_in_words(to_send, enforced_by)),
        (true, Some(lock)) if lock.is_none() => block.row("would send", "no lock"),
        (true, _) => block.row("would send", "no lock: the bucket's default is left to itself"),
    };
    let style = match effective.value() {
        Some(lock) if lock_acceptance::beyond_undoing(lock).is_some() => palette.warning,
        Some(lock) if !lock.is_none() => palette.good,
        Some(_) => Style::new(),
        None => palette.warning,
    };
    block
        .styled_row(
            style,
            "in effect",
            in_words(effective, |lock| lock_in_words(lock, enforced_by)),
        )
        .render(console)
}

fn lock_in_words(lock: &Lock, enforced_by: EnforcedBy) -> String {
    let retention = lock.retention.map(|retention| {
        let irrevocable = match (retention.mode, enforced_by) {
            (_, EnforcedBy::Strongroom) => ", kept by Strongroom only",
            (LockMode::Compliance, _) => ", which nobody can undo",
            (LockMode::Governance, _) => "",
        };
        format!("{} until {}{irrevocable}", retention.mode, time(retention.retain_until))
    });
    match (retention, lock.legal_hold) {
        (Some(retention), false) => retention,
        (Some(retention), true) => format!("{retention}, and a legal hold"),
        (None, true) => "a legal hold".to_owned(),
        (None, false) => "no lock".to_owned(),
    }
}
