//! The manifest over a package's rows, and the rows in the manifest's order.

use strongroom_core::bundle::{Declarations, ManifestFile, Producer, RetentionRequest};
use strongroom_core::package::manifest::FrozenManifest;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::db::{FileRow, PackageRow, PlacedFile, TenantRead};
use crate::error::{ErrorKind, ServiceError};

/// Rows that are held at once.
const ROWS_AT_ONCE: u32 = 1_000;

/// Hands on the stored files of a package whose rows do not change any more, in the order of its manifest. A page of
/// rows is held at a time: a package may have 100,000.
pub(crate) async fn each_placed_file(
    rows: &mut TenantRead<'_>,
    package: Uuid,
    mut take: impl FnMut(PlacedFile) -> Result<(), ServiceError> + Send,
) -> Result<(), ServiceError> {
    let mut last: Option<(String, Uuid)> = None;
    loop {
        let after = last.as_ref().map(|(path, id)| (path.as_str(), *id));
        let page = rows.placed_files(package, after, ROWS_AT_ONCE).await?;
        let is_last = page.len() < ROWS_AT_ONCE as usize;
        last = page.last().map(|placed| (placed.file.relative_path.clone(), placed.file.id));
        page.into_iter().try_for_each(&mut take)?;
        if is_last {
            return Ok(());
        }
    }
}

/// The manifest of these files: the one that `evidence bundle` makes of the same files and declarations. Made where it
/// keeps no request waiting: of many files it takes a while.
pub(crate) async fn manifest_of(
    package: &PackageRow,
    files: Vec<ManifestFile>,
) -> Result<FrozenManifest, ServiceError> {
    let declared = declared(package)?;
    let made = spawn_blocking(move || FrozenManifest::of(files, declared)).await;
    made.map_err(ServiceError::internal)?.map_err(|error| {
        let refused = ServiceError::new(ErrorKind::Unprocessable, error.to_string());
        match error.guidance() {
            Some(guidance) => refused.with_guidance(guidance.to_owned()),
            None => refused,
        }
    })
}

/// What a manifest says of a file.
pub(crate) fn manifest_file(file: FileRow) -> Result<ManifestFile, ServiceError> {
    let (Some(size_bytes), Some(sha256)) = (file.size_bytes, file.sha256) else {
        return Err(ServiceError::internal("a stored file has no digest"));
    };
    Ok(ManifestFile { path: file.relative_path, size_bytes, sha256, media_type: file.media_type })
}

/// What was declared of a package, as its row has it: what its record and its manifest say.
pub(crate) fn declared(package: &PackageRow) -> Result<Declarations, ServiceError> {
    let days = package.retention_days.map(u32::try_from).transpose();
    let days = days.map_err(ServiceError::internal)?;
    Ok(Declarations {
        producer: (!package.producer.is_empty()).then(|| Producer {
            name: package.producer.clone(),
            version: package.producer_version.clone(),
        }),
        subject: package.subject.clone(),
        run_id: package.run_id.clone(),
        created_at: package.declared_created_at,
        retention: package.retention_declared.then(|| RetentionRequest {
            class: Some(package.retention_class.to_string()),
            days,
            legal_hold: package.legal_hold_asked.then_some(true),
        }),
        metadata: package.metadata.as_object().filter(|metadata| !metadata.is_empty()).cloned(),
    })
}
