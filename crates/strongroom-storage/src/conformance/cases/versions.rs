//! Versions, where the store has them.

use bytes::Bytes;
use strongroom_core::observed::{Observed, Unobserved};

use crate::conformance::run::{Departure, OrFinding as _, Run, Verdict, check, found};
use crate::{ObjectKey, ObjectVersion, VersionId};

/// Two versions of one key, made through this contract: create, delete marker, create.
async fn two_versions(run: &Run<'_>, name: &str) -> Result<(ObjectKey, [VersionId; 2]), Departure> {
    let key = run.key(name)?;
    let first = run.create(&key, Bytes::from_static(b"first")).await?;
    let Some(first) = first.version else {
        return Err(Departure::Skipped("the store has no versions"));
    };
    run.store.delete(&key, None).await.or_finding("delete_failed")?;
    let second = run.create(&key, Bytes::from_static(b"second")).await?;
    match second.version {
        Some(second) => Ok((key, [first, second])),
        None => found("version_not_told", "the second create named no version"),
    }
}

async fn listed(run: &Run<'_>, key: &ObjectKey) -> Result<Vec<ObjectVersion>, Departure> {
    match run.store.versions(key).await.or_finding("versions_failed")? {
        Observed::Observed(versions) => Ok(versions),
        Observed::Unobserved(Unobserved::UnsupportedBackend) => {
            Err(Departure::Skipped("the store does not list versions"))
        }
        Observed::Unobserved(reason) => found("versions_unobserved", reason),
    }
}

pub(super) async fn listed_newest_first(run: &Run<'_>) -> Verdict {
    let (key, [first, second]) = two_versions(run, "versions/listed").await?;
    let versions = listed(run, &key).await?;
    let seen: Vec<_> = versions.iter().map(|listed| listed.is_delete_marker).collect();
    check(seen == [false, true, false], "other_versions", format_args!("{seen:?}"))?;
    let newest_first = versions[0].version == second && versions[2].version == first;
    check(newest_first, "not_newest_first", "the order is another")?;
    let latest: Vec<_> = versions.iter().map(|listed| listed.is_latest).collect();
    check(latest == [true, false, false], "wrong_latest", format_args!("{latest:?}"))
}

pub(super) async fn earlier_one_is_read(run: &Run<'_>) -> Verdict {
    let (key, [first, second]) = two_versions(run, "versions/earlier").await?;
    for (version, expected) in [(&first, "first"), (&second, "second")] {
        let read = run.read(&key, Some(version), 10).await.or_finding("version_not_read")?;
        check(read == expected, "other_version_read", read.len())?;
        let info = run.store.head(&key, Some(version)).await.or_finding("version_not_read")?;
        check(info.version.as_ref() == Some(version), "other_version_told", "")?;
    }
    Ok(())
}

/// A delete marker hides an object and loses nothing.
pub(super) async fn below_a_delete_marker(run: &Run<'_>) -> Verdict {
    let (key, [_, second]) = two_versions(run, "versions/marker").await?;
    run.store.delete(&key, None).await.or_finding("delete_failed")?;
    check(run.is_absent(&key).await?, "delete_marker_hides_nothing", "it is still there")?;
    let read = run.read(&key, Some(&second), 10).await.or_finding("version_not_read")?;
    check(read == "second", "other_version_read", read.len())
}
