//! A plan, and a plan held against a store, as pages of Markdown: for a change record, or for a wiki.

use std::fmt::Write as _;

use strongroom_core::Sha256Digest;
use strongroom_core::storage_plan::StoragePlan;
use strongroom_core::storage_plan::clauses::ClauseVerdict;
use strongroom_core::storage_plan::cost::in_decimals;
use strongroom_core::storage_plan::document::WrittenBy;
use strongroom_core::storage_plan::settings::Level;
use strongroom_storage::evidence::storage_plan::StorageCheck;

use super::words;
use crate::output::markdown::code;
use crate::output::{count, safe, size, time};

/// The page of a plan.
pub(super) fn plan(plan: &StoragePlan, sha256: Sha256Digest) -> String {
    let mut page = String::from("# Storage plan\n\n");
    facts(plan, sha256, &mut page);
    objects(plan, &mut page);
    settings(plan, &mut page);
    costs(plan, &mut page);
    policies(plan, &mut page);
    page.push_str("\n## Decided at the push\n\n");
    for open in &plan.decided_at_push {
        let _ = writeln!(page, "- **{}**: {}.", open.what, open.why);
    }
    page
}

fn table(page: &mut String, head: &[&str]) {
    row(page, head.iter().map(|cell| (*cell).to_owned()));
    row(page, head.iter().map(|_| "---".to_owned()));
}

fn row(page: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn facts(plan: &StoragePlan, sha256: Sha256Digest, page: &mut String) {
    let bundle = &plan.bundle;
    table(page, &["fact", "value"]);
    let mut fact = |name: &str, value: String| row(page, [name.to_owned(), value]);
    fact("bundle", code(&bundle.bundle_id.to_string()));
    let files = count(bundle.files, "file", "files");
    fact("content", format!("{}, {files}, {}", bundle.format, size(bundle.content_size_bytes)));
    for run_id in &bundle.run_ids {
        fact("run", code(run_id));
    }
    if let Some(subject) = &bundle.subject {
        fact("subject", code(subject));
    }
    fact("store", code(&plan.target.store));
    if let Some(endpoint) = &plan.target.endpoint {
        fact("endpoint", code(endpoint));
    }
    fact("lock", words::lock(&plan.lock));
    if let Some(until) = plan.lock.if_stored_now {
        fact("locked until, if stored now", time(until));
    }
    fact("and otherwise", words::longer_default(plan.lock.longer_default).to_owned());
    let totals = plan.totals;
    let number = count(totals.objects, "object", "objects");
    fact("objects", format!("{number}, {} of them locked or held", totals.objects_locked));
    fact("bytes, at most", size(totals.size_bytes_max));
    fact("planned at", time(plan.planned_at));
    fact("SHA-256 of `storage-plan.json`", code(&sha256.to_hex()));
}

fn objects(plan: &StoragePlan, page: &mut String) {
    page.push_str("\n## Objects\n\nIn the order in which they are written.\n\n");
    table(page, &["what", "key", "size", "SHA-256", "lock"]);
    for object in &plan.objects {
        let what = match object.written_by {
            WrittenBy::Push => words::kind(object.kind).to_owned(),
            WrittenBy::Sign => format!("{} (by `evidence sign`)", words::kind(object.kind)),
        };
        let sha256 = match object.sha256 {
            Some(sha256) => code(&sha256.to_hex()),
            None => "decided at the push".to_owned(),
        };
        row(
            page,
            [what, code(&object.key), words::bytes(object), sha256, words::object_lock(object)],
        );
    }
}

fn settings(plan: &StoragePlan, page: &mut String) {
    page.push_str("\n## Settings of the bucket\n\n");
    if plan.settings.is_empty() {
        page.push_str("None: a directory has none to check.\n");
        return;
    }
    table(page, &["setting", "", "wanted", "why"]);
    for setting in &plan.settings {
        let level = match setting.level {
            Level::Required => "required",
            Level::Suggested => "suggested",
        };
        let (wanted, why) = (setting.wanted.clone(), setting.why.clone());
        row(page, [setting.id.title().to_owned(), level.to_owned(), wanted, why]);
    }
    page.push_str(
        "\n`strongroom evidence storage-plan BUNDLE --check STORE` asks the store for each.\n",
    );
}

fn costs(plan: &StoragePlan, page: &mut String) {
    page.push_str("\n## Cost\n\n");
    let costs = &plan.costs;
    if costs.rows.is_empty() {
        page.push_str("No row of the table of prices fits this store.\n");
        return;
    }
    let quantities = &costs.quantities;
    let _ = writeln!(
        page,
        "An estimate by list prices ({}): {} of {}, at most {} requests that write and {} that read. No \
         traffic, no taxes, no discounts. Amounts in {}.\n",
        code(&costs.prices),
        count(quantities.objects, "object", "objects"),
        size(quantities.size_bytes),
        quantities.write_requests,
        quantities.read_requests,
        costs.currency,
    );
    table(
        page,
        &["price of", "a month", "the push, once", "to the end of the lock", "source", "as of"],
    );
    for cost in &costs.rows {
        let all = cost.retention_micros.map_or_else(|| "no date".to_owned(), in_decimals);
        row(
            page,
            [
                words::priced(cost),
                in_decimals(cost.monthly_micros),
                in_decimals(cost.push_micros),
                all,
                format!("<{}>", safe(&cost.source)),
                cost.as_of.to_string(),
            ],
        );
    }
}

fn policies(plan: &StoragePlan, page: &mut String) {
    if plan.policies.is_empty() {
        return;
    }
    page.push_str("\n## Rights\n\nThe least that each role needs, as files beside this page.\n\n");
    table(page, &["file", "what it is", "SHA-256"]);
    for policy in &plan.policies {
        let link = format!("[{0}]({0})", policy.path);
        row(page, [link, policy.purpose.clone(), code(&policy.sha256.to_hex())]);
    }
}

/// The page of a plan that was held against a store.
pub(super) fn check(checked: &StorageCheck) -> String {
    let mut page = String::from("# Storage plan, held against the store\n\n");
    table(&mut page, &["fact", "value"]);
    row(&mut page, ["store".to_owned(), code(&checked.store)]);
    if let Some(endpoint) = &checked.endpoint {
        row(&mut page, ["endpoint".to_owned(), code(endpoint)]);
    }
    row(&mut page, ["bundle".to_owned(), code(&checked.bundle_id.to_string())]);
    row(&mut page, ["checked at (the store's clock)".to_owned(), time(checked.checked_at)]);
    let verdict = match (checked.missing.is_empty(), checked.unobserved.is_empty()) {
        (false, _) => format!("**not as planned**: {}", names(&checked.missing)),
        (true, false) => format!("**not all was seen**: {}", names(&checked.unobserved)),
        (true, true) => "as planned".to_owned(),
    };
    row(&mut page, ["verdict".to_owned(), verdict]);
    page.push_str("\n## Settings\n\n");
    table(&mut page, &["setting", "is", "seen"]);
    for setting in &checked.settings {
        let title = setting.id.title().to_owned();
        row(&mut page, [title, words::standing(setting).to_owned(), words::seen(setting)]);
    }
    page.push_str("\n## Keys\n\n");
    table(&mut page, &["what", "key", "is"]);
    for object in &checked.objects {
        let standing = words::object_standing(object.standing).to_owned();
        row(&mut page, [words::kind(object.kind).to_owned(), code(&object.key), standing]);
    }
    page.push_str(
        "\n## Clauses\n\nWhat this configuration meets, fails, or cannot show. Whether a clause applies, \
         and what else it takes, is for whoever it binds to say.\n\n",
    );
    table(&mut page, &["clause", "asks that", "this configuration", "because"]);
    for clause in &checked.clauses {
        let verdict = match clause.verdict {
            ClauseVerdict::Meets => "meets",
            ClauseVerdict::Fails => "**fails**",
            ClauseVerdict::CannotShow => "cannot show",
        };
        let citation = format!("[{}]({})", clause.citation, clause.source);
        row(&mut page, [citation, clause.asks.clone(), verdict.to_owned(), clause.reason.clone()]);
    }
    page
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ")
}
