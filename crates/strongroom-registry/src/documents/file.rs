//! Files of packages, and where their bytes are.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strongroom_core::Sha256Digest;
use strongroom_core::observed::Unobserved;
use strongroom_core::package::{FileStatus, LocationStatus, RestoreStatus, RetrievalTier};
use strongroom_core::receipt::{CreateOnly, Integrity};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::words;

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileDocument {
    /// Its id.
    pub file_id: Uuid,
    /// The package that it belongs to.
    pub package_id: Uuid,
    /// Its path in the package: a name, never a place on a disk.
    pub path: String,
    /// The media type that was declared, and so is in the manifest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media_type: Option<String>,
    /// Where it is in its life.
    #[schema(value_type = words::FileStatus)]
    pub status: FileStatus,
    /// Its bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_bytes: Option<u64>,
    /// Their digest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<words::Sha256>)]
    pub sha256: Option<Sha256Digest>,
    /// When its upload began.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its bytes were durable and looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stored_at: Option<Timestamp>,
    /// Where the bytes are. Empty in lists.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub locations: Vec<LocationDocument>,
}

/// Where the bytes of a file are, and what was seen of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LocationDocument {
    /// The storage backend.
    pub backend_id: String,
    /// The whole key of the object.
    pub object_key: String,
    /// The version, where the store has versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// What is known of the object.
    #[schema(value_type = words::LocationStatus)]
    pub status: LocationStatus,
    /// Who vouches for the bytes.
    #[schema(value_type = words::Integrity)]
    pub integrity: Integrity,
    /// Whether the store itself refuses a second object of the key.
    #[schema(value_type = words::CreateOnly)]
    pub create_only: CreateOnly,
    /// The storage class, as the store says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storage_class: Option<String>,
    /// The lock, as it was read back.
    pub lock: LockDocument,
    /// How fast the bytes can be had.
    #[schema(value_type = words::RetrievalTier)]
    pub retrieval_tier: RetrievalTier,
    /// Whether they can be had now.
    #[schema(value_type = words::RestoreStatus)]
    pub restore_status: RestoreStatus,
    /// When every byte was last held against its digest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_verified_at: Option<Timestamp>,
}

/// A lock as it was read back from the store.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LockDocument {
    /// `governance` or `compliance`; absent where there is no dated lock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub retain_until: Option<Timestamp>,
    /// Whether a legal hold is on it; absent where that was not seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub legal_hold: Option<bool>,
    /// When that was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub read_back_at: Option<Timestamp>,
    /// Why nothing is known of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<words::Unobserved>)]
    pub unobserved: Option<Unobserved>,
}

/// Whether an upload stored something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// It did.
    Stored,
    /// The very same bytes were there under this path.
    AlreadyStored,
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadedFile {
    /// Whether it stored something.
    pub upload: UploadStatus,
    /// The file.
    #[serde(flatten)]
    pub file: FileDocument,
}

/// What became of the files of one form, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UploadedFiles {
    /// The files.
    pub files: Vec<UploadedFile>,
}

/// One page of files, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilePage {
    /// The files.
    pub files: Vec<FileDocument>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// Files in a folder of the server's, to be stored in a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LocalFilesAsk {
    /// The folder, by the name that whoever runs the registry gave it.
    #[schema(pattern = "^[a-z0-9_-]{1,64}$", example = "nightly")]
    pub root: String,
    /// A file or a folder in it: a relative path of plain segments. The whole folder, unless it is said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(min_length = 1, max_length = 1024, example = "run-42")]
    pub path: Option<String>,
    /// The folder of the package that they go into; the package itself, unless it is said. A file keeps its name, and
    /// what is in a folder its path in there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(min_length = 1, max_length = 1024)]
    pub prefix: Option<String>,
}

/// Which files of a package.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FileQuery {
    /// Whether to leave out uploads that are under way, and what is being deleted or is deleted.
    #[serde(default)]
    pub stored: bool,
    /// Files of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    pub cursor: Option<Uuid>,
}

/// How the bytes of a file are asked for.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DownloadQuery {
    /// Whether a redirect to the store may be the answer; `false` asks for the bytes themselves. Unless it is said, as
    /// the registry's policy has it, which may be to stream everything.
    #[serde(default)]
    pub redirect: Option<bool>,
}
