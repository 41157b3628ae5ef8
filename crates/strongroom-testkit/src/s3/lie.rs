//! Lies: how a store fails to do what it says, always and of every request. Faults
//! ([`super::fault`]) happen to single requests; a lie is what a store is like.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

macro_rules! lies {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// One way in which a store is not what it says. Everything else stays honest.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Lie { $($(#[doc = $doc])+ $name,)+ }

        impl Lie {
            /// Every lie, in the order of the families: create-only, locks that are lost, locks
            /// that are not kept, versions, integrity, visibility, names, listings, credentials,
            /// posture.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

lies! {
    /// PUT writes whatever `If-None-Match: *` says (Garage).
    IgnoresCreateOnlyOnPut,
    /// CompleteMultipartUpload writes whatever `If-None-Match: *` says.
    IgnoresCreateOnlyOnCompletion,
    /// Both do, in buckets with versions only (Ceph RGW).
    IgnoresCreateOnlyWithVersions,
    /// A create-only PUT looks first and writes a moment later: of racers several create.
    RacesCreateOnlyOnPut,
    /// A create-only completion looks first and writes a moment later.
    RacesCreateOnlyOnCompletion,
    /// A create-only write is refused where nothing but a delete marker is.
    RefusesCreateOverMarker,

    /// The lock headers of a PUT are taken and forgotten.
    DropsLockOnPut,
    /// The legal hold of a PUT is taken and forgotten, its retention is not.
    DropsHoldOnPut,
    /// The lock headers of a multipart upload are taken and forgotten (Ceph RGW, moto).
    DropsLockOnMultipart,
    /// The lock headers of a copy are taken and forgotten.
    DropsLockOnCopy,
    /// PutObjectRetention answers well and sets nothing.
    DropsLaterRetention,
    /// PutObjectLegalHold answers well and places no hold.
    DropsLaterHold,
    /// A PUT without a lock does not get the bucket's default retention.
    IgnoresDefaultOnPut,
    /// A multipart upload without a lock does not get the bucket's default retention.
    IgnoresDefaultOnMultipart,
    /// A copy without a lock does not get the bucket's default retention.
    IgnoresDefaultOnCopy,
    /// A write that brings a legal hold does not get the bucket's default retention.
    LosesDefaultBesideHold,

    /// A version whose retention is told is deleted all the same, by DELETE and in batches.
    DeletesLockedVersions,
    /// DeleteObjects asks neither for retention nor for holds.
    BatchDeletesLockedVersions,
    /// A COMPLIANCE lock can be given an earlier date.
    ShortensCompliance,
    /// A COMPLIANCE lock can be made a GOVERNANCE lock.
    DowngradesCompliance,
    /// The governance bypass header, from those who may, deletes versions under COMPLIANCE.
    BypassesCompliance,
    /// The governance bypass header, from those who may, weakens and removes COMPLIANCE locks.
    BypassWeakensCompliance,
    /// The governance bypass header, from those who may, deletes versions under a legal hold.
    BypassesHolds,
    /// The governance bypass header is honoured without the right to it.
    AnybodyBypassesGovernance,
    /// Versions under GOVERNANCE are deleted without the bypass header.
    DeletesGovernanceWithoutBypass,
    /// A GOVERNANCE lock can be given an earlier date without the bypass header.
    ShortensGovernanceWithoutBypass,
    /// A retention until a date in the past is taken.
    AcceptsPastDates,
    /// A PUT with half a lock, a mode or a date alone, is taken and not locked.
    AcceptsHalfLocks,
    /// PutObjectRetention and PutObjectLegalHold answer well to documents that say nothing, and set
    /// nothing.
    AcceptsMalformedLocks,
    /// PutObjectRetention and PutObjectLegalHold answer well for versions that are not there.
    LocksAbsentVersions,
    /// A version whose legal hold is told is deleted all the same.
    DeletesUnderHold,
    /// PutObjectRetention lifts the legal hold.
    RetentionLiftsHold,
    /// PutObjectLegalHold `OFF` answers well and lifts nothing.
    HoldCannotBeLifted,
    /// A lock whose date has passed still refuses the deletion.
    LocksNeverEnd,

    /// The versioning of a bucket with Object Lock can be suspended.
    SuspendsVersioningOfLocks,
    /// A write replaces the versions below it, locked or not.
    OverwriteReplacesVersions,
    /// Below a delete marker no version can be read by its id.
    MarkerHidesVersions,
    /// DELETE without a version id removes every version, locked or not.
    DeleteRemovesVersions,

    /// PUT takes an `x-amz-checksum-sha256` that is not the body's.
    AcceptsWrongSha256,
    /// PUT takes a `Content-MD5` that is not the body's.
    AcceptsWrongMd5,
    /// `x-amz-content-sha256` is not compared with the body (SeaweedFS, moto).
    AcceptsWrongPayloadHash,
    /// A body that ends before its length is stored as far as it came.
    StoresTruncatedBodies,
    /// UploadPart takes digests that are not the part's.
    AcceptsWrongPartDigests,
    /// A completion may name other ETags and digests than those of its parts.
    AcceptsWrongCompletion,
    /// A completion puts the parts together in the wrong order.
    MixesParts,

    /// The parts of an upload can be read under its key before the completion.
    ShowsPartsEarly,
    /// The body of a PUT can be read under its key, as far as it came, before it is whole.
    ShowsBodyEarly,
    /// While an object is overwritten readers get the start of the new and the end of the old.
    MixesReads,
    /// AbortMultipartUpload makes an object of the parts that came.
    AbortLeavesObject,
    /// A range is given one byte off.
    ShiftsRanges,

    /// `x-amz-meta-…` is taken and forgotten.
    LosesMetadata,
    /// The values of `x-amz-meta-…` come back in lower case.
    LowercasesMetadata,
    /// `//` in keys becomes `/` when they are written.
    NormalisesKeys,

    /// ListObjectsV2 leaves out, once, what was written since the last listing.
    ListingLags,
    /// ListObjectsV2 leaves out the last key.
    ListingMissesKey,
    /// The second page of a listing, of keys or of versions, starts one entry late.
    PagingSkips,
    /// ListObjectVersions leaves out what is not the newest of its key.
    ListsNoOldVersions,

    /// A signature in headers is not compared, if only the access key is known.
    AcceptsWrongSecret,
    /// An access key that nobody has is taken for the owner's.
    AcceptsUnknownKeys,
    /// A signature for another region is taken.
    AcceptsAnyRegion,
    /// A signature of any date is taken.
    AcceptsSkewedClocks,
    /// A presigned URL has no end.
    IgnoresPresignedExpiry,
    /// The signature of a presigned URL is not compared, if only its signed headers are there.
    AcceptsTamperedUrls,
    /// The signed headers of a presigned URL may be left out.
    AllowsDroppedHeaders,
    /// Whoever has an access key may do everything, whatever rights were taken away.
    IgnoresRights,

    /// Buckets say that they have versions, and have none.
    ClaimsVersioning,
    /// Buckets say that they have Object Lock, and take lock headers, and have none.
    ClaimsObjectLock,
    /// Buckets say that they give no default retention, and give it.
    HidesDefaultRetention,
    /// Buckets say that they encrypt, and do not.
    ClaimsEncryption,
    /// Buckets say that they are not public, whatever their policy is.
    ClaimsPrivacy,
    /// Anybody may read objects, whatever the bucket says of public access.
    AllowsAnonymousReads,
}

/// The lies of one server. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Lies(Arc<Mutex<BTreeSet<Lie>>>);

impl Lies {
    /// Begins to lie.
    pub fn begin(&self, lie: Lie) {
        self.told().insert(lie);
    }

    /// Ends a lie.
    pub fn end(&self, lie: Lie) {
        self.told().remove(&lie);
    }

    /// Whether the server lies so.
    pub fn tells(&self, lie: Lie) -> bool {
        self.told().contains(&lie)
    }

    fn told(&self) -> std::sync::MutexGuard<'_, BTreeSet<Lie>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
