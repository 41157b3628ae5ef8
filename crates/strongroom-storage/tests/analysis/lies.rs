//! Each lie is caught by exactly the checks that claim it, and every check is claimed by some lie, or
//! by a setting of the server that it judges.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use strongroom_core::retention::LockMode;
use strongroom_storage::analyze::report::Report;
use strongroom_storage::analyze::verdict::Depth;
use strongroom_testkit::s3::{BucketSettings, Lie};

use strongroom_testkit::s3::server::{ACCESS_KEY, SECRET_KEY};

use super::{BUCKET, analyzed, changed, good_bucket, honest, options, run, settings, words_of};

/// Servers that are analyzed at the same time: much of an analysis is waiting.
const AT_ONCE: usize = 6;

/// The bucket that a lie is told about, and who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Setup {
    /// With Object Lock, without a default retention.
    Locked,
    /// With both.
    Default,
    /// With Object Lock; the owner looks, who may bypass governance.
    Owner,
    /// With versions, and nothing else.
    Bare,
}

impl Setup {
    fn bucket(self) -> BucketSettings {
        match self {
            Self::Locked | Self::Owner => good_bucket(),
            Self::Default => good_bucket().default_retention(LockMode::Governance, 1),
            Self::Bare => BucketSettings::versioned(),
        }
    }
}

/// A lie, where it is told, and every check whose verdict it changes.
type Row = (Lie, Setup, &'static [&'static str]);

/// What needs a version that has a name.
const WITHOUT_VERSIONS: &[&str] = &[
    "compliance.delete_batch",
    "compliance.delete_bypass",
    "compliance.delete_marker",
    "compliance.delete_version",
    "compliance.downgrade",
    "compliance.extend",
    "compliance.overwrite",
    "compliance.remove",
    "compliance.shorten",
    "compliance.shorten_bypass",
    "create_only.after_deletion",
    "create_only.delete_marker",
    "governance.bypass",
    "governance.delete_batch",
    "governance.delete_marker",
    "governance.delete_version",
    "governance.overwrite",
    "governance.shorten",
    "hold.delete_bypass",
    "hold.delete_version",
    "hold.release",
    "hold.survives_retention",
    "listing.versions",
    "lock_rules.absent_version",
    "lock_rules.half_in_put",
    "lock_rules.malformed_date",
    "lock_rules.no_date",
    "lock_rules.past_date",
    "lock_rules.unknown_hold",
    "lock_rules.unknown_mode",
    "rights.delete_version",
];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Lie::IgnoresCreateOnlyOnPut, Setup::Locked, &["create_only.put", "create_only.put_raced", "create_only.repeated"]),
    (Lie::IgnoresCreateOnlyOnCompletion, Setup::Locked, &["create_only.completion", "create_only.completion_raced"]),
    (Lie::IgnoresCreateOnlyWithVersions, Setup::Locked, &["create_only.completion", "create_only.completion_raced", "create_only.put", "create_only.put_raced", "create_only.repeated"]),
    (Lie::RacesCreateOnlyOnPut, Setup::Locked, &["create_only.put_raced"]),
    (Lie::RacesCreateOnlyOnCompletion, Setup::Locked, &["create_only.completion_raced"]),
    (Lie::RefusesCreateOverMarker, Setup::Locked, &["create_only.after_deletion"]),
    (Lie::DropsLockOnPut, Setup::Locked, &["lock.in_put", "lock.with_hold"]),
    (Lie::DropsHoldOnPut, Setup::Locked, &["lock.with_hold"]),
    (Lie::DropsLockOnMultipart, Setup::Locked, &["lock.in_multipart"]),
    (Lie::DropsLockOnCopy, Setup::Locked, &["lock.on_copy"]),
    (Lie::DropsLaterRetention, Setup::Locked, &["compliance.extend", "lock.after_the_fact"]),
    (Lie::DropsLaterHold, Setup::Locked, &["hold.delete_bypass", "hold.delete_version", "hold.release", "hold.survives_retention"]),
    (Lie::IgnoresDefaultOnPut, Setup::Default, &["default.put", "default.with_hold"]),
    (Lie::IgnoresDefaultOnMultipart, Setup::Default, &["default.multipart"]),
    (Lie::IgnoresDefaultOnCopy, Setup::Default, &["default.copy"]),
    (Lie::LosesDefaultBesideHold, Setup::Default, &["default.with_hold"]),
    (Lie::DeletesLockedVersions, Setup::Locked, &["compliance.delete_batch", "compliance.delete_bypass", "compliance.delete_version", "governance.bypass", "governance.delete_batch", "governance.delete_version"]),
    (Lie::BatchDeletesLockedVersions, Setup::Locked, &["compliance.delete_batch", "governance.delete_batch"]),
    (Lie::ShortensCompliance, Setup::Locked, &["compliance.shorten", "compliance.shorten_bypass"]),
    (Lie::DowngradesCompliance, Setup::Locked, &["compliance.downgrade"]),
    (Lie::BypassesCompliance, Setup::Owner, &["compliance.delete_bypass"]),
    (Lie::BypassWeakensCompliance, Setup::Owner, &["compliance.remove", "compliance.shorten_bypass"]),
    (Lie::BypassesHolds, Setup::Owner, &["hold.delete_bypass"]),
    (Lie::AnybodyBypassesGovernance, Setup::Locked, &["governance.bypass"]),
    (Lie::DeletesGovernanceWithoutBypass, Setup::Locked, &["governance.bypass", "governance.delete_batch", "governance.delete_version"]),
    (Lie::ShortensGovernanceWithoutBypass, Setup::Locked, &["governance.shorten"]),
    (Lie::AcceptsPastDates, Setup::Locked, &["lock_rules.past_date"]),
    (Lie::AcceptsHalfLocks, Setup::Locked, &["lock_rules.half_in_put"]),
    (Lie::AcceptsMalformedLocks, Setup::Locked, &["lock_rules.malformed_date", "lock_rules.no_date", "lock_rules.unknown_hold", "lock_rules.unknown_mode"]),
    (Lie::LocksAbsentVersions, Setup::Locked, &["lock_rules.absent_version"]),
    (Lie::DeletesUnderHold, Setup::Locked, &["hold.delete_bypass", "hold.delete_version"]),
    (Lie::RetentionLiftsHold, Setup::Locked, &["hold.survives_retention"]),
    (Lie::HoldCannotBeLifted, Setup::Locked, &["hold.release"]),
    (Lie::LocksNeverEnd, Setup::Locked, &["expiry.governance"]),
    (Lie::SuspendsVersioningOfLocks, Setup::Locked, &["posture.suspend_versioning"]),
    (Lie::OverwriteReplacesVersions, Setup::Locked, &["compliance.overwrite", "create_only.delete_marker", "governance.overwrite", "listing.versions"]),
    (Lie::MarkerHidesVersions, Setup::Locked, &["compliance.delete_marker", "governance.delete_marker"]),
    (Lie::DeleteRemovesVersions, Setup::Locked, &["compliance.delete_marker", "create_only.delete_marker", "governance.delete_marker", "listing.versions"]),
    (Lie::AcceptsWrongSha256, Setup::Locked, &["integrity.sha256"]),
    (Lie::AcceptsWrongMd5, Setup::Locked, &["integrity.md5"]),
    (Lie::AcceptsWrongPayloadHash, Setup::Locked, &["integrity.payload_hash", "parts.payload_hash"]),
    (Lie::StoresTruncatedBodies, Setup::Locked, &["integrity.truncated"]),
    (Lie::AcceptsWrongPartDigests, Setup::Locked, &["parts.wrong_sha256"]),
    (Lie::AcceptsWrongCompletion, Setup::Locked, &["parts.foreign_etag"]),
    (Lie::MixesParts, Setup::Locked, &["parts.whole"]),
    (Lie::ShowsPartsEarly, Setup::Locked, &["parts.foreign_etag", "uploads.early_read"]),
    (Lie::ShowsBodyEarly, Setup::Locked, &["uploads.half_put"]),
    (Lie::MixesReads, Setup::Locked, &["reads.during_overwrite"]),
    (Lie::AbortLeavesObject, Setup::Locked, &["uploads.abort"]),
    (Lie::ShiftsRanges, Setup::Locked, &["reads.ranges"]),
    (Lie::LosesMetadata, Setup::Locked, &["keys.metadata"]),
    (Lie::LowercasesMetadata, Setup::Locked, &["keys.metadata"]),
    (Lie::NormalisesKeys, Setup::Locked, &["keys.empty_segment"]),
    (Lie::ListingLags, Setup::Locked, &["keys.odd", "listing.after_write"]),
    (Lie::ListingMissesKey, Setup::Locked, &["keys.odd", "listing.after_write"]),
    (Lie::PagingSkips, Setup::Locked, &["listing.after_write"]),
    (Lie::ListsNoOldVersions, Setup::Locked, &["listing.versions"]),
    (Lie::AcceptsWrongSecret, Setup::Locked, &["credentials.wrong_secret"]),
    (Lie::AcceptsUnknownKeys, Setup::Locked, &["credentials.unknown_key"]),
    (Lie::AcceptsAnyRegion, Setup::Locked, &["credentials.other_region"]),
    (Lie::AcceptsSkewedClocks, Setup::Locked, &["credentials.old_signature"]),
    (Lie::IgnoresPresignedExpiry, Setup::Locked, &["links.expiry"]),
    (Lie::AcceptsTamperedUrls, Setup::Locked, &["links.tampered"]),
    (Lie::AllowsDroppedHeaders, Setup::Locked, &["links.bind_lock"]),
    (Lie::IgnoresRights, Setup::Locked, &["governance.bypass", "rights.lock_configuration"]),
    (Lie::ClaimsVersioning, Setup::Locked, WITHOUT_VERSIONS),
    (Lie::ClaimsObjectLock, Setup::Bare, &["links.bind_lock", "lock.with_hold", "lock_rules.absent_version", "lock_rules.half_in_put", "lock_rules.malformed_date", "lock_rules.no_date", "lock_rules.past_date", "lock_rules.unknown_hold", "lock_rules.unknown_mode", "posture.object_lock", "rights.lock_configuration"]),
    (Lie::HidesDefaultRetention, Setup::Default, &["default.copy", "default.multipart", "default.put", "default.with_hold", "posture.default_retention", "rights.delete_version"]),
    (Lie::ClaimsEncryption, Setup::Bare, &["posture.encryption", "posture.encryption_applied"]),
    (Lie::ClaimsPrivacy, Setup::Bare, &["posture.public_access"]),
    (Lie::AllowsAnonymousReads, Setup::Locked, &["credentials.unsigned"]),
];

/// Waiting until a lock runs out, and touching the bucket, is only for the lies about them.
fn depth_for(lie: Lie) -> Depth {
    match lie {
        Lie::LocksNeverEnd | Lie::SuspendsVersioningOfLocks => Depth::Full,
        _ => Depth::Standard,
    }
}

async fn report_of(setup: Setup, lie: Option<Lie>, depth: Depth) -> Report {
    let builder = honest().bucket(BUCKET, setup.bucket());
    let server = match lie {
        Some(lie) => builder.lie(lie),
        None => builder,
    };
    let server = server.start().await;
    match setup {
        Setup::Owner => run(&settings(&server, ACCESS_KEY, SECRET_KEY), &options(depth, 1)).await,
        _ => analyzed(&server, depth, 1).await,
    }
}

/// What is wrong with the rows of one setup.
async fn judge(setup: Setup, depth: Depth) -> Vec<String> {
    let truth = report_of(setup, None, depth).await;
    let rows = TABLE.iter().filter(|(lie, of, _)| *of == setup && depth_for(*lie) == depth);
    let found = stream::iter(rows)
        .map(|(lie, setup, claimed)| async move {
            (*lie, *claimed, report_of(*setup, Some(*lie), depth).await)
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let mut wrong = Vec::new();
    for (lie, claimed, report) in &found {
        let seen = changed(&truth, report);
        let claimed: BTreeSet<&str> = claimed.iter().copied().collect();
        if seen != claimed {
            let words: Vec<String> = seen
                .symmetric_difference(&claimed)
                .map(|id| format!("  {}", words_of(report, id)))
                .collect();
            wrong.push(format!("{lie:?}: {seen:?}\n{}", words.join("\n")));
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_changes_exactly_the_checks_that_claim_it() {
    let mut wrong = judge(Setup::Locked, Depth::Full).await;
    for setup in [Setup::Locked, Setup::Default, Setup::Owner, Setup::Bare] {
        wrong.extend(judge(setup, Depth::Standard).await);
    }
    wrong.sort_unstable();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_lie_is_in_the_table() {
    let told: BTreeSet<Lie> = TABLE.iter().map(|(lie, _, _)| *lie).collect();
    let missing: Vec<&Lie> = Lie::ALL.iter().filter(|lie| !told.contains(lie)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Judged by the settings of the server, in `settings.rs` and `honest.rs`: no store lies about them.
const OF_THE_SETTING: [&str; 7] = [
    "posture.object_lock",
    "posture.default_retention",
    "posture.public_access",
    "posture.tls",
    "posture.versioning",
    "rights.delete_version",
    "rights.lock_configuration",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_check_is_claimed() {
    let report = report_of(Setup::Locked, None, Depth::Full).await;
    let claimed: BTreeSet<&str> =
        TABLE.iter().flat_map(|(_, _, checks)| checks.iter().copied()).collect();
    let known: BTreeSet<&str> = report.checks.iter().map(|check| check.id.as_str()).collect();
    let unclaimed: Vec<&&str> =
        known.iter().filter(|id| !claimed.contains(**id) && !OF_THE_SETTING.contains(id)).collect();
    assert!(unclaimed.is_empty(), "{unclaimed:?}");
}
