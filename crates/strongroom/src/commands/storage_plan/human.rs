//! A plan, and a plan held against a store, for people at a console.

use std::path::Path;

use anstyle::Style;
use strongroom_core::Sha256Digest;
use strongroom_core::storage_plan::StoragePlan;
use strongroom_core::storage_plan::clauses::{ClauseRow, ClauseVerdict};
use strongroom_core::storage_plan::settings::Level;
use strongroom_storage::evidence::storage_plan::{
    ObjectStanding, SettingRow, Standing, StorageCheck,
};

use super::words;
use crate::commands::receipt::store_at;
use crate::output::{Block, Console, count, size, styled, time};

/// The plan as a short block: the rest is in its folder.
pub(super) fn plan(
    plan: &StoragePlan,
    folder: Option<&Path>,
    sha256: Sha256Digest,
    console: &Console,
) -> String {
    let palette = console.palette();
    let bundle = &plan.bundle;
    let content = format!(
        "{}, {}, {}",
        bundle.format,
        count(bundle.files, "file", "files"),
        size(bundle.content_size_bytes)
    );
    let headline = format!("{} {}", styled(palette.good, "planned"), bundle.bundle_id);
    let mut block = Block::new(headline)
        .row("store", store_at(&plan.target.store, plan.target.endpoint.as_deref()))
        .row("bundle", content);
    let mut label = "run";
    for run_id in &bundle.run_ids {
        block = block.row(label, run_id);
        label = "";
    }
    block = block
        .row("lock", words::lock(&plan.lock))
        .row_if_any(
            "",
            plan.lock.if_stored_now.map(|until| format!("until {} if stored now", time(until))),
        )
        .row("objects", objects(plan))
        .row("settings", words::settings(plan));
    let mut label = "cost";
    for row in &plan.costs.rows {
        let cost = words::cost(row, &plan.costs.currency);
        block = block.row(label, format!("{cost}: {}", words::priced(row)));
        label = "";
    }
    let estimate = match plan.costs.rows.is_empty() {
        true => "no row of the table of prices fits this store".to_owned(),
        false => "an estimate: requests of the push and storage, no traffic".to_owned(),
    };
    block = block.styled_row(palette.faint, label, estimate);
    if let Some(folder) = folder {
        block = block
            .row("written to", folder.display().to_string())
            .row("digest", sha256.to_string())
            .row("", "of storage-plan.json: `evidence push --plan FILE --plan-sha256 DIGEST` keeps to it");
    }
    block.render(console)
}

fn objects(plan: &StoragePlan) -> String {
    let totals = plan.totals;
    format!(
        "{}, {} of them locked or held, at most {}",
        count(totals.objects, "object", "objects"),
        totals.objects_locked,
        size(totals.size_bytes_max)
    )
}

/// What came of holding it against a store.
pub(super) fn check(checked: &StorageCheck, console: &Console) -> String {
    let palette = console.palette();
    let verdict = match (checked.missing.is_empty(), checked.unobserved.is_empty()) {
        (false, _) => styled(palette.bad, "not as planned"),
        (true, false) => styled(palette.warning, "not all was seen"),
        (true, true) => styled(palette.good, "as planned"),
    };
    let mut text =
        Block::new(format!("{verdict} {}", store_at(&checked.store, checked.endpoint.as_deref())))
            .row("bundle", checked.bundle_id.to_string())
            .row("checked at", time(checked.checked_at))
            .render(console);
    text.push('\n');
    text.push_str(&settings(&checked.settings, console));
    text.push('\n');
    text.push_str(&keys(checked, console));
    text.push('\n');
    text.push_str(&clauses(&checked.clauses, console));
    text
}

fn settings(rows: &[SettingRow], console: &Console) -> String {
    let palette = console.palette();
    let mut block = Block::new(styled(palette.strong, "settings"));
    for row in rows {
        let style = match (row.standing, row.level) {
            (Standing::Holds, _) => palette.good,
            (Standing::Missing, Level::Required) => palette.bad,
            (Standing::Unobserved, Level::Required) => palette.warning,
            (_, Level::Suggested) => palette.faint,
        };
        let title = row.id.title();
        let text = format!("{}: {}", words::standing(row), words::seen(row));
        block = block.styled_row(style, title, text);
    }
    if rows.is_empty() {
        block = block.row("none", "a directory has none to check");
    }
    block.render(console)
}

fn keys(checked: &StorageCheck, console: &Console) -> String {
    let palette = console.palette();
    let mut block = Block::new(styled(palette.strong, "keys"));
    let table: [(ObjectStanding, Style); 5] = [
        (ObjectStanding::Free, palette.good),
        (ObjectStanding::Verified, palette.good),
        (ObjectStanding::SomethingElse, palette.bad),
        (ObjectStanding::Unobserved, palette.warning),
        (ObjectStanding::DecidedAtPush, palette.faint),
    ];
    for (standing, style) in table {
        let found = checked.objects.iter().filter(|row| row.standing == standing);
        let found: Vec<_> = found.collect();
        if found.is_empty() {
            continue;
        }
        let number = count(found.len() as u64, "key", "keys");
        block = block.styled_row(style, words::object_standing(standing), number);
        // What stands in the way is named; the rest is in the document.
        let named = matches!(standing, ObjectStanding::SomethingElse | ObjectStanding::Unobserved);
        for row in found.into_iter().filter(|_| named) {
            block = block.row("", &row.key);
        }
    }
    block.render(console)
}

fn clauses(rows: &[ClauseRow], console: &Console) -> String {
    let palette = console.palette();
    let mut text = String::new();
    let table = [
        (ClauseVerdict::Meets, "clauses that this configuration meets", palette.good),
        (ClauseVerdict::Fails, "clauses that it fails", palette.bad),
        (ClauseVerdict::CannotShow, "clauses that it cannot show", palette.warning),
    ];
    for (verdict, title, style) in table {
        let found: Vec<_> = rows.iter().filter(|row| row.verdict == verdict).collect();
        if found.is_empty() {
            continue;
        }
        text.push_str(&styled(style, title));
        text.push('\n');
        for row in found {
            text.push_str(
                &Block::new(format!("  {}", row.citation)).row("", &row.reason).render(console),
            );
        }
    }
    text.push_str(&styled(
        palette.faint,
        "Whether a clause applies, and what else it takes, is for whoever it binds to say.\n",
    ));
    text
}
