//! `strongroom evidence storage-plan`

mod human;
mod markdown;
mod prices;
mod words;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_core::retention::Period;
use strongroom_core::storage_plan::document::LongerDefault;
use strongroom_core::storage_plan::settings::Demands;
use strongroom_core::{Sha256Digest, limits};
use strongroom_storage::evidence::PushRequest;
use strongroom_storage::evidence::storage_plan::{
    PlanRequest, PlanSource, Planned, StorageCheck, check, plan,
};
use strongroom_storage::new_folder::NewFolder;

use super::{Context, named, push};
use crate::bounded_file;
use crate::cli::{StoragePlanArgs, When};
use crate::config::Config;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::count;
use crate::progress::Bar;

/// The plan in its folder.
const PLAN: &str = "storage-plan.json";
const PLAN_PAGE: &str = "storage-plan.md";
/// What came of holding it against a store, beside it.
const CHECK: &str = "storage-check.json";
const CHECK_PAGE: &str = "storage-check.md";

/// Takes the store that the command's own flags name.
pub fn name_the_store(args: &StoragePlanArgs, config: &mut Config) -> Result<(), Failure> {
    if let Some(endpoint) = args.endpoint() {
        config.name_endpoint(endpoint, "--azure-account")?;
    }
    let url = args.url();
    if let (Some(url), Some(checked)) = (&url, &args.check)
        && url != checked.trim_end_matches('/')
    {
        return Err(Failure::usage("--check names another store than the plan is for")
            .with_help("name the store once: --check alone plans for the store that it names"));
    }
    let Some(url) = url.or_else(|| args.check.clone()) else { return Ok(()) };
    let is_named_so = config.store_url()?.is_some_and(|named| named.value == url);
    match is_named_so {
        true => Ok(()),
        false => config.name_store(&url),
    }
}

/// Makes a plan, and holds it against a store where one is named.
pub async fn run(mut args: StoragePlanArgs, context: &Context) -> Result<()> {
    if let Some(output) = &args.output {
        refuse_taken(output)?;
    }
    let (store, settings) = context.store_to_plan(args.check.is_some()).await?;
    let (source, retention_days) = source(&mut args, context).await?;
    let request = request(&args, retention_days, context)?;
    let bar = Bar::new(context.console.shows_progress(), "verifying", None);
    let progress = bar.progress();
    let planned = plan(&*store, &settings, source, &request, &context.clock, progress).await;
    drop(bar);
    let planned = planned.with_context(|| named(&args.source))?;
    let checked = match args.check {
        Some(_) => Some(check(&*store, &planned.plan, &context.clock).await?),
        None => None,
    };
    let bytes = file_of(&planned.plan)?;
    if let Some(output) = &args.output {
        write(output, &planned, &bytes, checked.as_ref())?;
    }
    let Some(checked) = checked else {
        let folder = args.output.as_deref();
        let sha256 = Sha256Digest::of(&bytes);
        let plan = &planned.plan;
        return context.console.result(|console| human::plan(plan, folder, sha256, console), plan);
    };
    let printed = context.console.result(|console| human::check(&checked, console), &checked);
    refuse_unmet(&checked, args.allow_unobserved)?;
    printed
}

/// What is planned, and for how many days a bundle is to be locked: of a directory that is a declaration,
/// as it is of a push.
async fn source(
    args: &mut StoragePlanArgs,
    context: &Context,
) -> Result<(PlanSource, Option<u32>)> {
    if push::is_cavra(&args.source).await? {
        let days = args.declarations.retention_days.take();
        push::refuse_declarations(&args.declarations)?;
        let bundle = push::verified_directory(&args.source, context).await?;
        return Ok((PlanSource::Cavra(Arc::new(bundle)), days));
    }
    if args.source.is_dir() {
        let plan = push::directory(&args.source, &args.declarations, context).await?;
        return Ok((PlanSource::Files(Box::new(plan)), None));
    }
    let days = args.declarations.retention_days.take();
    push::refuse_declarations(&args.declarations)?;
    Ok((PlanSource::Archive(args.source.clone()), days))
}

fn request(
    args: &StoragePlanArgs,
    retention_days: Option<u32>,
    context: &Context,
) -> Result<PlanRequest> {
    let (prices, prices_name) = prices::read(args.prices.as_deref())?;
    let mode = args.mode.unwrap_or(context.config.push()?.lock);
    let (retain_until, days) = match args.retain_until {
        None => (None, retention_days),
        Some(When::After(Period::Days(days))) => (None, Some(days)),
        Some(when) => {
            let until = when.at(context.now_to_the_second());
            let until =
                until.map_err(|error| Failure::usage(format!("--retain-until: {error}")))?;
            (Some(until), None)
        }
    };
    let push = PushRequest {
        run_id: args.run_id.clone(),
        lock_mode: Some(mode),
        retain_until,
        retention_days: days,
        legal_hold: args.legal_hold,
        ..PushRequest::default()
    };
    Ok(PlanRequest {
        push,
        longer_default: match args.accept_longer_default {
            true => LongerDefault::Accept,
            false => LongerDefault::Refuse,
        },
        demands: Demands { default_retention_days: args.default_retention_days },
        signatures: args.signature.iter().map(|path| signature(path)).collect::<Result<_>>()?,
        prices,
        prices_name,
    })
}

/// Digest and length of a signature's file.
fn signature(path: &Path) -> Result<(Sha256Digest, u64)> {
    let bytes_max = limits::ATTESTATION_BYTES_MAX;
    let bytes = bounded_file::read(path, "ATTESTATION_BYTES_MAX", bytes_max)?;
    Ok((Sha256Digest::of(&bytes), bytes.len() as u64))
}

/// A document as a file: for people who look at it, with a line feed at its end.
fn file_of(document: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn write(
    output: &Path,
    planned: &Planned,
    plan: &[u8],
    checked: Option<&StorageCheck>,
) -> Result<()> {
    let write = || -> io::Result<()> {
        let folder = NewFolder::beside(output)?;
        folder.write(PLAN, plan)?;
        folder
            .write(PLAN_PAGE, markdown::plan(&planned.plan, Sha256Digest::of(plan)).as_bytes())?;
        for (path, bytes) in &planned.policies {
            folder.write(path, bytes)?;
        }
        if let Some(checked) = checked {
            folder.write(CHECK, &file_of(checked).map_err(io::Error::other)?)?;
            folder.write(CHECK_PAGE, markdown::check(checked).as_bytes())?;
        }
        folder.place()
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Err(taken(output).into()),
        result => result.with_context(|| format!("{} could not be written", output.display())),
    }
}

/// A folder that is there and holds something is nobody's to replace.
fn refuse_taken(output: &Path) -> Result<(), Failure> {
    let is_free = match fs::read_dir(output) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    match is_free {
        true => Ok(()),
        false => Err(taken(output)),
    }
}

fn taken(output: &Path) -> Failure {
    Failure::new(Exit::Conflict, format!("{} is there, and is no empty folder", output.display()))
        .with_help("name a folder that is not there with --output")
}

/// What is required and not so is a failure, which names it; what was not seen too, unless that was
/// accepted.
fn refuse_unmet(checked: &StorageCheck, allow_unobserved: bool) -> Result<(), Failure> {
    if !checked.missing.is_empty() {
        let number = count(checked.missing.len() as u64, "thing is", "things are");
        let names = checked.missing.join(", ");
        return Err(Failure::new(
            Exit::Policy,
            format!(
                "the store is not what the plan needs: {number} missing or otherwise ({names})"
            ),
        )
        .with_help("the table says what each is, and what it is to be; set it, and check again"));
    }
    if !checked.unobserved.is_empty() && !allow_unobserved {
        let names = checked.unobserved.join(", ");
        return Err(Failure::new(
            Exit::Policy,
            format!("what the plan needs was not seen: {names}"),
        )
        .with_help(
            "ask with the rights of the audit policy, or take it for good enough with \
             --allow-unobserved",
        ));
    }
    Ok(())
}
