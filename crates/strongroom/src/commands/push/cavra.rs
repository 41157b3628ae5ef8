//! A CAVRA directory is pushed as it is: verified, and then object by object.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_core::bundle::cavra::{self, VerifiedCavra};
use strongroom_core::receipt::{LockReceipt, Status};
use strongroom_core::upload::{Upload, UploadStatus, UploadedObject};
use strongroom_storage::Storage;
use strongroom_storage::evidence::CavraPush;

use super::{Asked, PLAN_SCHEMA, PlanDocument, human_plan};
use crate::cli::PushArgs;
use crate::commands::receipt::{self, store_at};
use crate::commands::{Context, lock_acceptance, named};
use crate::output::{Block, Console, count, size_and_bytes, styled};
use crate::progress::Bar;

/// Whether the source is a directory that says of itself that it is a CAVRA bundle. Then it is one or it
/// is refused.
pub async fn is_claimed_by(source: &Path) -> Result<bool> {
    if !source.is_dir() {
        return Ok(false);
    }
    let directory = source.to_owned();
    let looking = tokio::task::spawn_blocking(move || cavra::is_claimed_by(&directory));
    Ok(looking.await.context("the directory was not looked at")??)
}

/// Stores the directory, and prints the record of every object.
pub(super) async fn run(
    store: &dyn Storage,
    args: &PushArgs,
    asked: Asked,
    context: &Context,
) -> Result<()> {
    let bundle = Arc::new(verified(&args.source, context).await?);
    let request = asked.resolve(store, context).await?;
    let push = CavraPush::prepare(store, Arc::clone(&bundle), request, &context.clock).await?;
    asked.refuse_a_mode_without_a_date(push.lock())?;
    if args.dry_run {
        let document = PlanDocument {
            schema: PLAN_SCHEMA,
            bundle_id: push.bundle_id(),
            store: store.url(),
            endpoint: store.endpoint(),
            key: push.whole_key()?,
            lock: push.lock(),
        };
        return context.console.result(|console| human_plan(&document, console), &document);
    }
    lock_acceptance::ask(push.lock(), asked.accepted_until, &context.console).await?;
    let total_bytes = Some(bundle.content_size_bytes());
    let bar = Bar::new(context.console.shows_progress(), "pushing", total_bytes);
    let outcome = push.execute(&*bar.progress()).await;
    drop(bar);
    let outcome = outcome?;
    for warning in &outcome.warnings {
        context.console.warning(warning);
    }
    let shown = &outcome.upload;
    let printed = context.console.result(|console| human(shown, console), shown);
    match outcome.shortfall {
        Some(shortfall) => Err(shortfall.into()),
        None => printed,
    }
}

/// Reads a CAVRA directory and checks every byte of it.
pub async fn verified(path: &Path, context: &Context) -> Result<VerifiedCavra> {
    let bar = Bar::new(context.console.shows_progress(), "verifying", None);
    let (directory, progress) = (path.to_owned(), bar.progress());
    let verifying =
        tokio::task::spawn_blocking(move || VerifiedCavra::verify(&directory, &*progress));
    let verified = verifying.await.context("the verification ended before its work")?;
    verified.with_context(|| named(path))
}

fn human(upload: &Upload, console: &Console) -> String {
    let palette = console.palette();
    let status = match upload.status {
        UploadStatus::Stored => styled(palette.good, "stored"),
        UploadStatus::AlreadyStored => styled(palette.good, "already stored"),
        UploadStatus::PartlyDone => styled(palette.warning, "partly stored"),
    };
    let total = count(upload.objects_total as u64, "object", "objects");
    let there = match upload.objects.len() == upload.objects_total {
        true => total,
        false => format!("{} of {total}", upload.objects.len()),
    };
    let size_bytes = upload.objects.iter().map(|object| object.size_bytes).sum();
    let mut block = Block::new(format!("{status} {}", upload.bundle_id));
    let mut label = "run";
    for run_id in &upload.run_ids {
        block = block.row(label, run_id);
        label = "";
    }
    block = block
        .row_if_any("plan", upload.plan_sha256.map(|plan| plan.to_string()))
        .row("store", store_at(&upload.store, upload.endpoint.as_deref()))
        .row("content", format!("{there}, {}", size_and_bytes(size_bytes)));
    let mut objects = upload.objects.iter();
    let first = objects.next().map(|object| &object.lock);
    let alike = objects.all(|object| first.is_some_and(|lock| is_alike(lock, &object.lock)));
    for object in &upload.objects {
        block = one(block, object);
        if !alike {
            block = receipt::lock(block, &object.lock, console);
        }
    }
    // Locks that are alike are told once, by the one that was open for longest.
    let longest = upload.objects.iter().max_by_key(|object| object.lock.unlocked_ms);
    if let Some(object) = longest.filter(|_| alike) {
        block = receipt::lock(block, &object.lock, console);
    }
    block.render(console)
}

fn one(block: Block, object: &UploadedObject) -> Block {
    let version = object.version_id.as_ref().map(|version| format!("version {version}"));
    let already = (object.status == Status::AlreadyStored).then(|| "was there already".to_owned());
    let facts: Vec<String> = version.into_iter().chain(already).collect();
    let block = block.row("object", &object.key);
    if facts.is_empty() { block } else { block.row("", facts.join(", ")) }
}

/// Whether two locks differ in nothing but the moments.
fn is_alike(one: &LockReceipt, other: &LockReceipt) -> bool {
    let without_moments =
        |lock: &LockReceipt| LockReceipt { unlocked_ms: None, read_back_at: None, ..lock.clone() };
    without_moments(one) == without_moments(other)
}
