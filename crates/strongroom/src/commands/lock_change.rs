//! What a change of locks came to: one document for extensions, holds and releases.

use anyhow::Result;
use serde::Serialize;
use strongroom_core::BundleId;
use strongroom_core::receipt::EnforcedBy;
use strongroom_core::record::LeftOn;
use strongroom_core::retention::Retention;
use strongroom_storage::Storage;
use strongroom_storage::evidence::{Asker, LockChange, ObjectOutcome, ObjectRole, ObjectState};
use uuid::Uuid;

use super::Context;
use super::receipt::store_at;
use crate::output::{Block, Console, count, styled, time};

/// The schema that a change of locks is printed under.
const SCHEMA: &str = "strongroom.lock-change/v1";
/// Objects that the text for people names; the document names all.
const NAMED_MAX: usize = 10;

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    Extension,
    Hold,
    Release,
}

/// How far it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// A dry run: nothing was written.
    Planned,
    /// Something was done, and is on record.
    Changed,
    /// An earlier run had done it all.
    Unchanged,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    change: Asked,
    status: Status,
    bundle_id: BundleId,
    store: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    enforced_by: EnforcedBy,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<Retention>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    records: &'a [String],
    objects: &'a [ObjectOutcome],
}

/// What to show besides the change itself.
pub struct Shown<'a> {
    pub asked: Asked,
    pub retention: Option<Retention>,
    pub asker: &'a Asker,
    pub is_dry_run: bool,
}

/// Prints a change; what falls short of what was asked is the error.
pub fn show(
    change: LockChange,
    shown: &Shown<'_>,
    store: &dyn Storage,
    context: &Context,
) -> Result<()> {
    for warning in &change.warnings {
        context.console.warning(warning);
    }
    let status = match (shown.is_dry_run, change.is_new) {
        (true, _) => Status::Planned,
        (false, true) => Status::Changed,
        (false, false) => Status::Unchanged,
    };
    let document = Document {
        schema: SCHEMA,
        change: shown.asked,
        status,
        bundle_id: change.bundle_id,
        store: store.url(),
        endpoint: store.endpoint(),
        enforced_by: store.locks_enforced_by(),
        asked: shown.retention,
        hold_id: change.hold_id,
        reason: shown.asker.reason.as_deref(),
        by: shown.asker.by.as_deref(),
        records: &change.records,
        objects: &change.objects,
    };
    let printed = context.console.result(|console| human(&document, console), &document);
    match change.shortfall {
        Some(shortfall) => Err(shortfall.into()),
        None => printed,
    }
}

fn human(document: &Document<'_>, console: &Console) -> String {
    let palette = console.palette();
    let (style, verdict) = match (document.status, document.change) {
        (Status::Planned, _) => (palette.warning, "nothing was changed"),
        (Status::Changed, Asked::Extension) => (palette.good, "extended"),
        (Status::Changed, Asked::Hold) => (palette.good, "held"),
        (Status::Changed, Asked::Release) => (palette.good, "released"),
        (Status::Unchanged, Asked::Extension) => (palette.good, "extended already"),
        (Status::Unchanged, Asked::Hold) => (palette.good, "held already"),
        (Status::Unchanged, Asked::Release) => (palette.good, "released already"),
    };
    let mut block = Block::new(format!("{} {}", styled(style, verdict), document.bundle_id))
        .row("store", store_at(document.store, document.endpoint))
        .row_if_any("hold", document.hold_id.map(|hold_id| hold_id.to_string()))
        .row_if_any("lock", document.asked.map(in_words))
        .row_if_any("reason", document.reason)
        .row_if_any("by", document.by);
    let mut label = "objects";
    for (state, words) in IN_WORDS {
        let of_state = document.objects.iter().filter(|object| object.state == state);
        let summed = summed(of_state);
        if let Some(summed) = summed {
            let style = style_of(state, console);
            block = block.styled_row(style, label, format!("{summed} {words}"));
            label = "";
        }
    }
    let told: Vec<_> = document.objects.iter().filter_map(story).collect();
    for story in told.iter().take(NAMED_MAX) {
        block = block.styled_row(palette.warning, "", story);
    }
    if told.len() > NAMED_MAX {
        let more = count((told.len() - NAMED_MAX) as u64, "more", "more");
        block = block.row("", format!("{more}: --format json names them"));
    }
    let mut label = "record";
    for key in document.records {
        block = block.row(label, key);
        label = "";
    }
    if document.enforced_by == EnforcedBy::Strongroom {
        let advisory = "Strongroom only: whoever reaches the files can delete them";
        block = block.styled_row(palette.warning, "kept by", advisory);
    }
    block.render(console)
}

const IN_WORDS: [(ObjectState, &str); 7] = [
    (ObjectState::WouldChange, "would be changed"),
    (ObjectState::Changed, "changed, as read back"),
    (ObjectState::Unchanged, "as asked already"),
    (ObjectState::LeftOn, "left under a hold"),
    (ObjectState::NotMet, "not as asked"),
    (ObjectState::Unobserved, "not observed"),
    (ObjectState::Failed, "failed"),
];

fn style_of(state: ObjectState, console: &Console) -> anstyle::Style {
    let palette = console.palette();
    match state {
        ObjectState::Changed | ObjectState::Unchanged => palette.good,
        ObjectState::WouldChange | ObjectState::LeftOn | ObjectState::Unobserved => palette.warning,
        ObjectState::NotMet | ObjectState::Failed => palette.bad,
    }
}

/// `the bundle, 2 signatures, 3 records`; `None` of no objects.
fn summed<'a>(objects: impl Iterator<Item = &'a ObjectOutcome>) -> Option<String> {
    let (mut bundles, mut signatures, mut records) = (0, 0, 0);
    for object in objects {
        match object.role {
            ObjectRole::Bundle => bundles += 1,
            ObjectRole::Attestation => signatures += 1,
            ObjectRole::Record => records += 1,
        }
    }
    let bundles = match bundles {
        0 => None,
        1 => Some("the bundle".to_owned()),
        more => Some(count(more, "version of the bundle", "versions of the bundle")),
    };
    let some = |number, one, many| (number > 0).then(|| count(number, one, many));
    let parts =
        [bundles, some(signatures, "signature", "signatures"), some(records, "record", "records")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What a person should know of one object by its name.
fn story(outcome: &ObjectOutcome) -> Option<String> {
    let key = &outcome.object.key;
    let why = match (outcome.object.left_on, outcome.object.unobserved, &outcome.problem) {
        (_, _, Some(problem)) => problem.clone(),
        (Some(left), _, _) => why_left(left).to_owned(),
        (None, Some(reason), _) => format!("unobserved: {reason}"),
        (None, None, None) if outcome.state == ObjectState::NotMet => {
            "what was read back is not what was asked".to_owned()
        }
        (None, None, None) => return None,
    };
    Some(format!("{key}: {why}"))
}

fn why_left(left: LeftOn) -> &'static str {
    match left {
        LeftOn::HeldByUs => "another hold of ours remains",
        LeftOn::HeldByOthers => "the hold was on before us: it is somebody else's",
        LeftOn::NotOnRecord => "no record says that we set the hold",
        LeftOn::RecordsUnread => "not every record could be read: one of them may be a hold",
        LeftOn::Refused => "the store did not clear the hold",
    }
}

/// A dated lock in words.
pub fn in_words(retention: Retention) -> String {
    format!("{} until {}", retention.mode, time(retention.retain_until))
}
