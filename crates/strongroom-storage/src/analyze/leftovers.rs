//! What the analysis leaves behind, of this run and of runs that were killed: removed where nothing
//! holds it, and listed with the time when it may go where something does. Nothing is bypassed, and
//! nothing outside the analysis's own folder is touched.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::lab::{ANALYSIS, hold_document};
use super::report::Leftover;
use super::target::Target;
use crate::s3::S3Storage;
use crate::s3::request::Request;
use crate::s3::sweep::{Found, Remnant};
use crate::{ListRequest, ObjectKey, Storage, StorageError, StorageErrorKind};

/// No run takes longer. What is older has no living writer.
pub(super) const RUN_TIME_MAX: Duration = Duration::from_secs(30 * 60);
/// Pages of a store without versions that are read, at most.
const PAGES_MAX: usize = 20;

/// How the reason of what is under a legal hold begins.
const HELD: &str = "under a legal hold";

/// Which runs to clean up behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// One.
    One(Uuid),
    /// Every one that has no living writer at this moment.
    Dead(Timestamp),
    /// Every one. Whoever asks for it knows that none is going on.
    All,
}

impl Runs {
    /// Whether what this run left may be removed. What names no run is nobody's to remove.
    fn holds(self, run: Uuid) -> bool {
        match self {
            Self::One(one) => run == one,
            Self::All => true,
            Self::Dead(now) => began_at(run).is_some_and(|began| {
                now.duration_since(began).unsigned_abs() > RUN_TIME_MAX && began < now
            }),
        }
    }
}

/// When a run began, by its name.
fn began_at(run: Uuid) -> Option<Timestamp> {
    let (seconds, nanoseconds) = run.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()
}

/// Cleans up behind `runs`, and lists what stays, of every run.
pub(super) async fn clean_up(target: &Target, runs: Runs) -> Result<Vec<Leftover>, StorageError> {
    let store = target.store();
    let mut left = Vec::new();
    let found = remnants(target).await?;
    for remnant in found.all {
        let Some(run) = run_of(&remnant.key) else { continue };
        let stays = match runs.holds(run) {
            true => remove(target, &remnant).await,
            false => Some("its run may still be going on".to_owned()),
        };
        if let Some(reason) = stays {
            left.push(leftover(&*store, run, remnant, reason).await);
        }
    }
    let mut is_cut_short = found.is_cut_short;
    if let Target::S3(store) = target {
        is_cut_short |= abort_uploads(store, runs).await?;
    }
    match is_cut_short {
        false => Ok(left),
        true => Err(StorageError::new(
            StorageErrorKind::Limit,
            "there is more under the analysis's folder than is cleaned up at once (PAGES_MAX): what \
             may go is gone; `store analyze --cleanup all` goes on",
        )),
    }
}

/// The run that a key belongs to.
fn run_of(key: &str) -> Option<Uuid> {
    key.strip_prefix(ANALYSIS)?.split('/').next()?.parse().ok()
}

async fn remnants(target: &Target) -> Result<Found<Remnant>, StorageError> {
    if let Target::S3(store) = target {
        match store.remnants(ANALYSIS).await {
            Err(error)
                if matches!(
                    error.kind(),
                    StorageErrorKind::Unsupported | StorageErrorKind::InvalidRequest
                ) => {}
            listed => return listed,
        }
    }
    let store = target.store();
    let mut remnants = Vec::new();
    let mut page = None;
    for _ in 0..PAGES_MAX {
        let request = ListRequest { prefix: ANALYSIS.to_owned(), page, ..ListRequest::default() };
        let answer = store.list(&request).await?;
        let keys = answer.objects.into_iter().map(|object| object.key);
        remnants.extend(keys.map(|key| Remnant { key, version: None }));
        page = answer.next;
        if page.is_none() {
            return Ok(Found { all: remnants, is_cut_short: false });
        }
    }
    Ok(Found { all: remnants, is_cut_short: true })
}

/// Removes a version, lifting our own hold where one is on. Answers why it stays, if it does.
async fn remove(target: &Target, remnant: &Remnant) -> Option<String> {
    let store = target.store();
    let key = match (ObjectKey::new(remnant.key.clone()), target) {
        (Ok(key), _) => key,
        // The analysis writes keys that nothing else of ours does.
        (Err(_), Target::S3(store)) => {
            return store.remove_remnant(remnant).await.err().map(|refused| refused.to_string());
        }
        (Err(refused), Target::Other(_)) => return Some(refused.to_string()),
    };
    let version = remnant.version.as_ref();
    let first = store.delete(&key, version).await.err()?;
    let is_held =
        store.lock(&key, version).await.is_ok_and(|seen| seen.legal_hold.value() == Some(&true));
    if !is_held {
        return Some(first.to_string());
    }
    if let Err(refused) = lift_hold(target, &key, remnant).await {
        return Some(format!("{HELD}: it could not be lifted: {refused}"));
    }
    store.delete(&key, version).await.err().map(|refused| refused.to_string())
}

async fn lift_hold(
    target: &Target,
    key: &ObjectKey,
    remnant: &Remnant,
) -> Result<(), StorageError> {
    let Target::S3(store) = target else {
        return target.store().set_legal_hold(key, remnant.version.as_ref(), false).await;
    };
    let raw = store.raw();
    let request: Request = raw
        .object(http::Method::PUT, key)
        .query("legal-hold", "")
        .query_if("versionId", remnant.version.as_ref())
        .xml(hold_document(false))?;
    let reply = raw.send(&request).await?;
    match reply.is_success() {
        true => Ok(()),
        false => Err(StorageError::new(
            StorageErrorKind::PermissionDenied,
            format!("the store answered {}", reply.words()),
        )),
    }
}

async fn leftover(store: &dyn Storage, run: Uuid, remnant: Remnant, reason: String) -> Leftover {
    let key = ObjectKey::new(remnant.key.clone());
    let locked_until = match &key {
        Ok(key) => match store.lock(key, remnant.version.as_ref()).await {
            Ok(seen) => seen.certain().retention.map(|retention| retention.retain_until),
            Err(_) => None,
        },
        Err(_) => None,
    };
    Leftover {
        run: run.to_string(),
        key: key.map_or(remnant.key, |key| store.whole_key(&key)),
        version_id: remnant.version.map(|version| version.0),
        locked_until,
        reason: match locked_until {
            Some(_) if !reason.starts_with(HELD) => "locked".to_owned(),
            _ => reason,
        },
    }
}

/// Whether there are more than were looked at.
async fn abort_uploads(store: &S3Storage, runs: Runs) -> Result<bool, StorageError> {
    let uploads = match store.open_uploads(ANALYSIS).await {
        Ok(uploads) => uploads,
        // Without the right to list them, a lifecycle rule must.
        Err(error) => {
            tracing::debug!(kind = ?error.kind(), "open uploads were not listed");
            return Ok(false);
        }
    };
    for upload in uploads.all {
        if run_of(upload.key()).is_some_and(|run| runs.holds(run))
            && let Err(error) = store.abort_upload(&upload).await
        {
            tracing::warn!(kind = ?error.kind(), "an open upload of the analysis was not aborted");
        }
    }
    Ok(uploads.is_cut_short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;

    fn run(began: &str) -> Uuid {
        let began: Timestamp = began.parse().unwrap();
        Clock::new(move || began).new_id()
    }

    #[test]
    fn only_what_has_no_living_writer_is_dead() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let dead = Runs::Dead(now);
        assert!(dead.holds(run("2026-11-22T11:00:00Z")));
        assert!(!dead.holds(run("2026-11-22T11:50:00Z")));
        assert!(!dead.holds(run("2026-11-22T13:00:00Z")), "begun by a clock that is ahead");
        assert!(!dead.holds(Uuid::from_u128(1)), "a name without a time");
    }

    #[test]
    fn a_key_names_its_run_or_is_nobodys() {
        let one = run("2026-11-22T11:00:00Z");
        assert_eq!(run_of(&format!("{ANALYSIS}{one}/a/b")), Some(one));
        assert_eq!(run_of(&format!("{ANALYSIS}notes.txt")), None);
        assert_eq!(run_of(&format!("bundles/{one}/a")), None);
    }
}
