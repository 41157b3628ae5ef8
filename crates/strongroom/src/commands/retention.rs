//! `strongroom evidence retention`

use anyhow::Result;
use serde::Serialize;
use strongroom_core::receipt::EnforcedBy;
use strongroom_storage::evidence::retention::{OpenHold, SeenObject};
use strongroom_storage::evidence::{
    Asker, ExtendRequest, Extension, ObjectRole, RetentionReport, Standing, show_retention,
};

use super::lock_change::{self, Asked, Shown, in_words};
use super::receipt::store_at;
use super::{Context, lock_acceptance};
use crate::cli::{ExtendArgs, RetentionArgs, RetentionCommand, RetentionShowArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled, time};

/// The schema that the locks on a bundle are printed under.
const SCHEMA: &str = "strongroom.retention/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    store: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(flatten)]
    report: &'a RetentionReport,
}

/// Shows or extends.
pub async fn run(args: RetentionArgs, context: &Context) -> Result<()> {
    match args.command {
        RetentionCommand::Show(args) => show(args, context).await,
        RetentionCommand::Extend(args) => extend(args, context).await,
    }
}

async fn extend(args: ExtendArgs, context: &Context) -> Result<()> {
    let default_mode = context.config.push()?.lock;
    let store = context.store_to_read().await?;
    let retain_until = args
        .retain_until
        .at(store.now().await?)
        .map_err(|error| Failure::usage(format!("--retain-until: {error}")))?;
    let asker = Asker { by: args.by, reason: args.reason };
    let request = ExtendRequest {
        id: args.bundle_id,
        retain_until,
        mode: args.mode,
        default_mode,
        allow_advisory_lock: args.allow_advisory_lock,
        asker: asker.clone(),
    };
    let extension = Extension::prepare(&*store, request, &context.clock).await?;
    let shown = Shown {
        asked: Asked::Extension,
        retention: Some(extension.asked()),
        asker: &asker,
        is_dry_run: args.dry_run,
    };
    if args.dry_run {
        return lock_change::show(extension.plan(), &shown, &*store, context);
    }
    let (lock, by) = (extension.beyond_undoing(), store.locks_enforced_by());
    let console = &context.console;
    lock_acceptance::ask_for_change(lock, "this bundle", by, args.yes_lock_until, console).await?;
    lock_change::show(extension.execute().await?, &shown, &*store, context)
}

async fn show(args: RetentionShowArgs, context: &Context) -> Result<()> {
    let store = context.store_to_read().await?;
    let report = show_retention(&*store, args.bundle_id).await?;
    let document = Document {
        schema: SCHEMA,
        store: store.url(),
        endpoint: store.endpoint(),
        report: &report,
    };
    let printed = context.console.result(|console| human(&document, console), &document);
    match disagreement(&report) {
        Some(failure) => Err(failure.into()),
        None => printed,
    }
}

/// Where the store and the records disagree, or may.
fn disagreement(report: &RetentionReport) -> Option<Failure> {
    let of = |standing: Standing| {
        report.objects.iter().filter(|object| object.standing == standing).count()
    };
    let mut parts = Vec::new();
    for (standing, words) in [
        (Standing::Missing, "not there"),
        (Standing::Weaker, "locked less than its records promise"),
        (Standing::Unobserved, "promised a lock that could not be read"),
    ] {
        match of(standing) {
            0 => {}
            number => {
                parts.push(format!("{} {words}", count(number as u64, "object is", "objects are")))
            }
        }
    }
    if !parts.is_empty() {
        let failure = Failure::new(Exit::Policy, parts.join("; "));
        return Some(failure.with_help("the output says which"));
    }
    let records = report.records;
    if records.unread == 0 && !records.cut_short {
        return None;
    }
    let unread = "not every record could be read: there may be promises that were not seen";
    Some(Failure::new(Exit::Policy, unread).with_help(
        "read them with credentials that may, and with a version of this program that knows them",
    ))
}

fn human(document: &Document<'_>, console: &Console) -> String {
    let palette = console.palette();
    let report = document.report;
    let disagrees = disagreement(report).is_some();
    let (style, verdict) = match disagrees {
        true => (palette.bad, "not as promised"),
        false => (palette.good, "as promised"),
    };
    let mut block = Block::new(format!("{} {}", styled(style, verdict), report.bundle_id))
        .row("store", store_at(document.store, document.endpoint));
    let (bundles, others): (Vec<_>, Vec<_>) =
        report.objects.iter().partition(|object| object.role == ObjectRole::Bundle);
    for bundle in bundles {
        block = bundle_rows(block, bundle, console);
    }
    for hold in &report.holds {
        block = block.row("open hold", hold_in_words(hold));
    }
    block = block.row("with it", with_it(&others));
    for object in others.iter().filter(|object| object.standing.is_a_disagreement()) {
        let what = format!("{}: {}", object.key, standing(object.standing));
        block = block.styled_row(palette.bad, "", what);
    }
    let records = report.records;
    if records.unread > 0 || records.cut_short {
        let unread = count(records.unread, "record was not read", "records were not read");
        let more = if records.cut_short { ", and there are more than are read" } else { "" };
        block = block.styled_row(palette.bad, "records", format!("{unread}{more}"));
    }
    if report.enforced_by == EnforcedBy::Strongroom {
        let advisory = "Strongroom only: whoever reaches the files can delete them";
        block = block.styled_row(palette.warning, "kept by", advisory);
    }
    block.render(console)
}

fn bundle_rows(block: Block, bundle: &SeenObject, console: &Console) -> Block {
    let palette = console.palette();
    let style = match bundle.standing {
        Standing::Kept => palette.good,
        Standing::NothingPromised | Standing::Ended => palette.warning,
        _ => palette.bad,
    };
    let seen = match (bundle.retention, bundle.unobserved) {
        (Some(retention), _) => in_words(retention),
        (None, Some(reason)) => format!("unobserved: {reason}"),
        (None, None) if bundle.standing == Standing::Missing => "the version is not there".into(),
        (None, None) => "none".into(),
    };
    let promised = match bundle.promised_retention {
        Some(retention) => in_words(retention),
        None => "none".to_owned(),
    };
    let hold = match (bundle.legal_hold, bundle.promised_holds.is_empty()) {
        (Some(true), true) => Some("on; no open hold of ours explains it"),
        (Some(true), false) => Some("on"),
        (Some(false), false) => Some("off, and a hold of ours is open"),
        (None, false) => Some("not read, and a hold of ours is open"),
        (_, true) => None,
    };
    block
        .row("key", &bundle.key)
        .row_if_any("version", bundle.version_id.as_ref())
        .row("lock", seen)
        .row("promised", promised)
        .row_if_any("legal hold", hold)
        .styled_row(style, "", standing(bundle.standing))
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Kept => "at least what its records promise",
        Standing::NothingPromised => "no record promises anything of it",
        Standing::Ended => "what its records promised has ended",
        Standing::Weaker => "less than its records promise",
        Standing::Unobserved => "promised, and not to be read",
        Standing::Missing => "promised, and not there",
    }
}

fn hold_in_words(hold: &OpenHold) -> String {
    let mut words = hold.hold_id.to_string();
    if let Some(at) = hold.placed_at {
        words.push_str(&format!(" since {}", time(at)));
    }
    if let Some(by) = &hold.by {
        words.push_str(&format!(" by {by}"));
    }
    match &hold.reason {
        Some(reason) => words.push_str(&format!(": {reason}")),
        None if hold.by_push => words.push_str(", placed by a push"),
        None => {}
    }
    if !hold.is_placed {
        words.push_str(" (begun, and not finished: place it again by the same words)");
    }
    words
}

/// The signatures and records, counted.
fn with_it(others: &[&SeenObject]) -> String {
    let of = |role: ObjectRole| others.iter().filter(|object| object.role == role).count() as u64;
    format!(
        "{}, {}",
        count(of(ObjectRole::Attestation), "signature", "signatures"),
        count(of(ObjectRole::Record), "record", "records")
    )
}
