//! What was declared, asked and signed, in the words of both people's pages.

use strongroom_core::diff::declared::FieldChange;
use strongroom_core::diff::retention::{Judgement, Part, RetentionChange};
use strongroom_core::diff::signers::{Signer, SignerChange, SignerJudgement, SignersSeen};
use strongroom_core::secrets::redacted;
use strongroom_storage::evidence::Baseline;
use strongroom_storage::evidence::baseline::ChosenBy;

use super::inside::text_of;
use super::side::Origin;
use super::{Document, SideShown};
use crate::output::{count, visible};

/// Files that are named for people; `--format json` names all.
pub const FILES_NAMED_MAX: usize = 200;
/// Absent, in a row that has two values.
const NOTHING: &str = "nothing";

/// In how far they are the same.
pub fn verdict(document: &Document) -> &'static str {
    match (document.is_same, document.failed.is_empty()) {
        (true, _) => "the same evidence",
        (false, true) => "different",
        (false, false) => "different, and not to be",
    }
}

/// What others wrote, the path of a file say, without the secrets in it.
pub fn shown(text: &str) -> String {
    visible(redacted(text).as_deref().unwrap_or(text))
}

/// A baseline as it is printed: what it declares is somebody else's.
pub fn without_secrets(mut baseline: Baseline) -> Baseline {
    let declared = std::iter::once(&mut baseline.of).chain(&mut baseline.result_status);
    for text in declared {
        if let Some(shown) = redacted(text) {
            *text = shown;
        }
    }
    baseline
}

/// Where a bundle came from.
pub fn origin(side: &SideShown) -> String {
    let Origin { path, run_id, store, .. } = &side.origin;
    match (path, run_id, store) {
        (Some(path), ..) if path == "-" => "standard input".to_owned(),
        (Some(path), ..) => path.clone(),
        (None, Some(run_id), Some(store)) => format!("run {run_id} in {store}"),
        (None, _, Some(store)) => store.clone(),
        (None, ..) => String::new(),
    }
}

/// Why this base.
pub fn baseline(baseline: &Baseline) -> String {
    let by = match baseline.chosen_by {
        ChosenBy::Subject => "subject",
        ChosenBy::Producer => "producer (the candidate declares no subject)",
    };
    let status = match &baseline.result_status {
        Some(status) => format!("its result_status is {status}"),
        None => "it declares no result_status, so nothing says how its run ended".to_owned(),
    };
    let newer = match baseline.passed_over.len() {
        0 => String::new(),
        newer => {
            format!("; {} passed over", count(newer as u64, "newer one was", "newer ones were"))
        }
    };
    format!("the newest of {by} {} that verifies; {status}{newer}", baseline.of)
}

/// How many files.
pub fn files(document: &Document) -> String {
    let files = &document.diff.files;
    let parts = [
        (files.removed.len() as u64, "removed"),
        (files.changed.len() as u64, "changed"),
        (files.added.len() as u64, "added"),
        (files.renamed.len() as u64, "renamed"),
        (files.unchanged, "the same"),
    ];
    let told: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number, "", "").trim()))
        .collect();
    if told.is_empty() { "none in either".to_owned() } else { told.join(", ") }
}

/// A field, before and after.
pub fn field(change: &FieldChange) -> (String, String) {
    let text = |side: &Option<_>| side.as_ref().map_or(NOTHING.to_owned(), text_of);
    (text(&change.base), text(&change.candidate))
}

/// How long it is to be kept.
pub fn retention(change: &RetentionChange) -> String {
    let judgement = match change.judgement {
        Judgement::Same => return "the same".to_owned(),
        Judgement::Stronger => "stronger",
        Judgement::Incomparable => "another, perhaps weaker",
        Judgement::Weaker => "WEAKER",
    };
    let days = part(&change.days, |days| count(u64::from(*days), "day", "days"));
    let hold = part(&change.legal_hold, |hold| {
        (if *hold { "a legal hold" } else { "no legal hold" }).to_owned()
    });
    let class = part(&change.class, |class| shown(class));
    let parts: Vec<String> = [days, hold, class].into_iter().flatten().collect();
    format!("{judgement}: {}", parts.join("; "))
}

fn part<T>(part: &Part<T>, words: impl Fn(&T) -> String) -> Option<String> {
    let side = |side: &Option<T>| side.as_ref().map_or(NOTHING.to_owned(), &words);
    let changed = part.judgement != Judgement::Same;
    changed.then(|| format!("{} -> {}", side(&part.base), side(&part.candidate)))
}

/// Who signed.
pub fn signers(change: &SignerChange) -> String {
    match change.judgement {
        SignerJudgement::Same => format!("the same: {}", seen(&change.base)),
        SignerJudgement::Changed => {
            format!("CHANGED: {} -> {}", seen(&change.base), seen(&change.candidate))
        }
        SignerJudgement::Unobserved => {
            let (base, candidate) = (seen(&change.base), seen(&change.candidate));
            match base == candidate {
                true => base,
                false => format!("base: {base}; candidate: {candidate}"),
            }
        }
    }
}

fn seen(side: &SignersSeen) -> String {
    match side {
        SignersSeen::Unobserved(why) => format!("unobserved ({why})"),
        SignersSeen::Observed(signers) => {
            let counting: Vec<String> =
                signers.iter().filter(|signer| signer.counts).map(signer).collect();
            let others = (signers.len() - counting.len()) as u64;
            let who = if counting.is_empty() { "nobody".to_owned() } else { counting.join(", ") };
            match others {
                0 => who,
                others => format!("{who} ({} not counted)", count(others, "other", "others")),
            }
        }
    }
}

fn signer(signer: &Signer) -> String {
    match (&signer.owner, signer.key_id, &signer.claimed_signer) {
        (Some(owner), ..) => shown(owner),
        (None, Some(key_id), Some(claimed)) => {
            format!("{key_id}, which says {} (unchecked)", shown(claimed))
        }
        (None, Some(key_id), None) => format!("{key_id} (unchecked)"),
        (None, None, Some(claimed)) => format!("{} (unchecked)", shown(claimed)),
        (None, None, None) => "somebody (unchecked)".to_owned(),
    }
}
