//! What changed between two reports: a provider's upgrade, another configuration, other rights.

use serde::Serialize;
use strongroom_core::observed::Observed;

use super::report::Report;
use super::requirement::weaker;

/// The schema that a [`Drift`] is printed under.
pub const DRIFT_SCHEMA: &str = "strongroom.store-drift/v1";

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// Always [`DRIFT_SCHEMA`].
    pub schema: &'static str,
    /// The run before.
    pub before: String,
    /// The run after.
    pub after: String,
    /// What changed, in the order of the checks.
    pub changes: Vec<Change>,
}

/// One thing that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// A check's id, or `bucket.…` for what the bucket says of itself.
    pub what: String,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
    /// Which way it went.
    pub direction: Direction,
}

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Evidence is less safe, or less is known.
    Worse,
    /// Evidence is safer, or more is known.
    Better,
    /// Which of the two is for a person to say: a configuration.
    Changed,
}

/// Compares two reports of one store. A check that one of them did not run changed nothing; a check
/// that was observed and is not any more did.
pub fn drift(before: &Report, after: &Report) -> Drift {
    let (was, is) = (&before.bucket, &after.bucket);
    let mut changes: Vec<Change> = [
        configured("bucket.versioning", &was.versioning, &is.versioning),
        configured("bucket.object_lock", &was.object_lock, &is.object_lock),
        configured("bucket.default_retention", &was.default_retention, &is.default_retention),
    ]
    .into_iter()
    .flatten()
    .collect();
    for check in &after.checks {
        let earlier = before.checks.iter().find(|earlier| earlier.id == check.id);
        let Some(earlier) = earlier.filter(|earlier| earlier.verdict != check.verdict) else {
            continue;
        };
        changes.push(Change {
            what: check.id.clone(),
            before: earlier.verdict.to_string(),
            after: check.verdict.to_string(),
            direction: match weaker(earlier.verdict, check.verdict) == check.verdict {
                true => Direction::Worse,
                false => Direction::Better,
            },
        });
    }
    Drift { schema: DRIFT_SCHEMA, before: before.run.clone(), after: after.run.clone(), changes }
}

fn configured<T: Serialize + PartialEq>(
    what: &str,
    before: &Observed<T>,
    after: &Observed<T>,
) -> Option<Change> {
    (before != after).then(|| Change {
        what: what.to_owned(),
        before: in_words(before),
        after: in_words(after),
        direction: Direction::Changed,
    })
}

fn in_words<T: Serialize>(seen: &Observed<T>) -> String {
    match seen {
        Observed::Observed(value) => serde_json::to_string(value).unwrap_or_default(),
        Observed::Unobserved(reason) => format!("unobserved: {reason}"),
    }
}
