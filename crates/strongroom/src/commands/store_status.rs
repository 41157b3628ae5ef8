//! `strongroom evidence store-status`

mod warnings;

use anyhow::Result;
use serde::Serialize;
use strongroom_core::observed::Observed;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::retention::{DefaultRetention, Period};
use strongroom_storage::status::{PublicAccess, StoreStatus, Versioning};
use strongroom_storage::{ObjectKey, Storage, StorageErrorKind};

use self::warnings::Warning;
pub(super) use self::warnings::warnings;
use super::Context;
use super::receipt::store_at;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Block, Console, count, styled};

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    status: StoreStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    warnings: Vec<Warning>,
}

/// Asks the store what it is.
pub async fn run(context: &Context) -> Result<()> {
    let store = context.store().await?;
    let status = store.status().await;
    let endpoint = store.endpoint().map(str::to_owned);
    let document = Document { warnings: warnings(&status), status, endpoint };
    let printed = context.console.result(|console| human(&document, console), &document);
    refuse_unusable(&*store, &document.status).await?;
    printed
}

/// A store that cannot be used at all is a failure; whatever else there is to say is a warning.
pub(super) async fn refuse_unusable(store: &dyn Storage, status: &StoreStatus) -> Result<()> {
    if status.reachable.value() != Some(&true) {
        let problem = status.problems.first();
        let message = problem.map_or("the store was not reached", String::as_str);
        return Err(Failure::new(Exit::Unreachable, message.to_owned()).into());
    }
    if status.readable.value().is_some() {
        return Ok(());
    }
    // The status says in words why nothing could be seen; a read says it by its kind. That nothing
    // has this name is the good answer.
    let probe = ObjectKey::new("bundles/status")?;
    match store.read(&probe, None, None).await {
        Err(error) if error.kind() != StorageErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn human(document: &Document, console: &Console) -> String {
    let Document { status, warnings, endpoint } = document;
    let palette = console.palette();
    let reachable = status.reachable.value() == Some(&true);
    let verdict = if reachable {
        styled(palette.good, "reachable")
    } else {
        styled(palette.bad, "not reached")
    };
    let mut block =
        Block::new(format!("{verdict} {}", store_at(&status.store, endpoint.as_deref())))
            .row("backend", status.backend);
    let answers = [
        ("readable", in_words(&status.readable, |yes| yes_or_no(*yes))),
        ("writable", in_words(&status.writable, |yes| yes_or_no(*yes))),
        ("versioning", in_words(&status.versioning, versioning)),
        ("object lock", in_words(&status.object_lock, |on| on_or_off(*on))),
        ("default lock", in_words(&status.default_retention, default_retention)),
        ("enforced by", enforced_by(status)),
        (
            "encryption",
            in_words(&status.encryption, |encryption| match encryption {
                Some(encryption) => encryption.algorithm.clone(),
                None => "none by default".to_owned(),
            }),
        ),
        ("public", in_words(&status.public_access, public_access)),
        ("clock", in_words(&status.clock_skew_seconds, |skew| clock(*skew))),
    ];
    for (label, answer) in answers {
        let style =
            if answer.starts_with("unobserved") { palette.faint } else { anstyle::Style::new() };
        block = block.styled_row(style, label, answer);
    }
    let mut label = "problems";
    for problem in &status.problems {
        block = block.styled_row(palette.bad, label, problem);
        label = "";
    }
    for warning in warnings {
        block = block.styled_row(palette.warning, "warning", &warning.message);
    }
    block.render(console)
}

/// What was observed in words, or that it was not, and why.
pub fn in_words<T>(observed: &Observed<T>, words: impl FnOnce(&T) -> String) -> String {
    match observed {
        Observed::Observed(value) => words(value),
        Observed::Unobserved(reason) => format!("unobserved: {reason}"),
    }
}

fn yes_or_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

fn on_or_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

fn versioning(versioning: &Versioning) -> String {
    match versioning {
        Versioning::Enabled => "on",
        Versioning::Suspended => "suspended",
        Versioning::Disabled => "off",
    }
    .to_owned()
}

/// A bucket's default retention in words.
pub fn default_retention(default: &Option<DefaultRetention>) -> String {
    let Some(default) = default else { return "none".to_owned() };
    let length = match default.period {
        Period::Days(days) => count(u64::from(days), "day", "days"),
        Period::Years(years) => count(u64::from(years), "year", "years"),
    };
    format!("{} for {length}", default.mode)
}

fn public_access(access: &PublicAccess) -> String {
    match access {
        PublicAccess::Blocked => "no, and blocked",
        PublicAccess::NotPublic => "no, and nothing blocks it",
        PublicAccess::Public => "yes",
    }
    .to_owned()
}

/// That it is the store's business to enforce locks says nothing of a bucket without Object Lock, and
/// does not say that it does: some accept locks and enforce none.
fn enforced_by(status: &StoreStatus) -> String {
    match status.locks_enforced_by {
        EnforcedBy::Store => {
            let words = |on: &bool| match on {
                true => "the store by its word: nothing was deleted to see it",
                false => "nobody",
            };
            in_words(&status.object_lock, |on| words(on).to_owned())
        }
        EnforcedBy::Strongroom => "Strongroom only (advisory)".to_owned(),
        EnforcedBy::None => "nobody: this store has no locks".to_owned(),
    }
}

fn clock(skew_seconds: i64) -> String {
    match skew_seconds {
        0 => "agrees with the store's".to_owned(),
        ahead @ 1.. => format!("{} ahead of the store's", seconds(ahead)),
        behind => format!("{} behind the store's", seconds(behind)),
    }
}

fn seconds(seconds: i64) -> String {
    count(seconds.unsigned_abs(), "second", "seconds")
}
