//! Everything that can be asked of the registry, and in which states of a package it makes sense.

use strongroom_core::package::PackageStatus;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Make a package.
    CreatePackage,
    /// Give it a file.
    UploadFile,
    /// Give it files of a folder of the server's.
    IngestLocalFiles,
    /// Say that it is complete.
    Finalize,
    /// Give it up before it is complete.
    Abandon,
    /// See its fields, its files' fields and its history.
    ReadPackage,
    /// Read its manifest.
    ReadManifest,
    /// Read its bytes: one file, or all of it as a bundle.
    Download,
    /// Have archived bytes brought back.
    Restore,
    /// Keep it longer.
    ExtendRetention,
    /// Put it under a legal hold.
    PlaceHold,
    /// Lift a legal hold.
    ReleaseHold,
    /// Ask for its deletion.
    RequestDeletion,
    /// Take that back.
    CancelDeletion,
    /// See and search packages.
    ListPackages,
    /// Read the audit log.
    ReadAudit,
    /// See the storage backends and how they fare.
    ReadBackends,
    /// See jobs.
    ReadJobs,
    /// Have a job that gave up tried again.
    RetryJob,
    /// Confirm that the clock is right after it jumped.
    ConfirmClock,
    /// See the schemas that metadata is held against.
    ReadSchemas,
    /// Change them.
    WriteSchemas,
    /// See who has tokens.
    ReadTokens,
    /// Make and revoke tokens.
    WriteTokens,
}

impl Action {
    /// Every action, in the order of the documentation.
    pub const ALL: [Self; 24] = [
        Self::CreatePackage,
        Self::UploadFile,
        Self::IngestLocalFiles,
        Self::Finalize,
        Self::Abandon,
        Self::ReadPackage,
        Self::ReadManifest,
        Self::Download,
        Self::Restore,
        Self::ExtendRetention,
        Self::PlaceHold,
        Self::ReleaseHold,
        Self::RequestDeletion,
        Self::CancelDeletion,
        Self::ListPackages,
        Self::ReadAudit,
        Self::ReadBackends,
        Self::ReadJobs,
        Self::RetryJob,
        Self::ConfirmClock,
        Self::ReadSchemas,
        Self::WriteSchemas,
        Self::ReadTokens,
        Self::WriteTokens,
    ];

    /// The name in the documentation and the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreatePackage => "create a package",
            Self::UploadFile => "upload a file",
            Self::IngestLocalFiles => "ingest local files",
            Self::Finalize => "finalize",
            Self::Abandon => "abandon",
            Self::ReadPackage => "read a package",
            Self::ReadManifest => "read a manifest",
            Self::Download => "download",
            Self::Restore => "restore",
            Self::ExtendRetention => "extend retention",
            Self::PlaceHold => "place a hold",
            Self::ReleaseHold => "release a hold",
            Self::RequestDeletion => "request deletion",
            Self::CancelDeletion => "cancel deletion",
            Self::ListPackages => "list packages",
            Self::ReadAudit => "read the audit log",
            Self::ReadBackends => "read backends",
            Self::ReadJobs => "read jobs",
            Self::RetryJob => "retry a job",
            Self::ConfirmClock => "confirm the clock",
            Self::ReadSchemas => "read metadata schemas",
            Self::WriteSchemas => "write metadata schemas",
            Self::ReadTokens => "read tokens",
            Self::WriteTokens => "write tokens",
        }
    }

    /// The states of a package in which it makes sense; `None` where it is about no one package.
    pub fn states(self) -> Option<&'static [PackageStatus]> {
        use PackageStatus::{
            Abandoned, Deleted, Deleting, DeletionBlocked, DeletionRequested, Finalized,
            Finalizing, Open,
        };
        match self {
            Self::UploadFile | Self::IngestLocalFiles | Self::Abandon => Some(&[Open]),
            // Asked again, it is answered again: what was lost may have been the first answer.
            Self::Finalize => Some(&[Open, Finalizing, Finalized]),
            Self::ReadPackage => Some(&[
                Open,
                Finalizing,
                Finalized,
                DeletionRequested,
                Deleting,
                DeletionBlocked,
                Deleted,
                Abandoned,
            ]),
            // A manifest outlives the bytes.
            Self::ReadManifest => {
                Some(&[Finalized, DeletionRequested, Deleting, DeletionBlocked, Deleted])
            }
            // Of a package that is not yet whole single files may be read; whether a whole bundle can be is
            // for the download to find out.
            Self::Download => {
                Some(&[Open, Finalizing, Finalized, DeletionRequested, DeletionBlocked])
            }
            Self::Restore => Some(&[Finalized, DeletionRequested, DeletionBlocked]),
            // A hold always wins, and so does a later date: they also stop what is being deleted.
            Self::ExtendRetention | Self::PlaceHold | Self::ReleaseHold => {
                Some(&[Open, Finalizing, Finalized, DeletionRequested, Deleting, DeletionBlocked])
            }
            Self::RequestDeletion => Some(&[Finalized, DeletionRequested, DeletionBlocked]),
            Self::CancelDeletion => Some(&[DeletionRequested, DeletionBlocked]),
            Self::CreatePackage
            | Self::ListPackages
            | Self::ReadAudit
            | Self::ReadBackends
            | Self::ReadJobs
            | Self::RetryJob
            | Self::ConfirmClock
            | Self::ReadSchemas
            | Self::WriteSchemas
            | Self::ReadTokens
            | Self::WriteTokens => None,
        }
    }

    /// Whether a token that is narrowed to one producer is good for it. What is about one package is for others to
    /// decide, by the package's producer, and so is a job; what is about the registry would tell of other producers,
    /// or reach them: folders of the server are of no one producer.
    pub fn is_open_to_narrowed(self) -> bool {
        match self {
            Self::IngestLocalFiles => false,
            Self::CreatePackage | Self::ListPackages | Self::RetryJob | Self::ReadSchemas => true,
            _ => self.states().is_some(),
        }
    }

    /// Whether nothing changes by it.
    pub fn is_reading(self) -> bool {
        matches!(
            self,
            Self::ReadPackage
                | Self::ReadManifest
                | Self::Download
                | Self::ListPackages
                | Self::ReadAudit
                | Self::ReadBackends
                | Self::ReadJobs
                | Self::ReadSchemas
                | Self::ReadTokens
        )
    }
}
