//! The manifest over a package's rows, and where each of its files is, in the manifest's order.

use std::collections::HashMap;

use strongroom_core::bundle::{Declarations, ManifestFile, Producer, RetentionRequest};
use strongroom_core::package::manifest::FrozenManifest;
use uuid::Uuid;

use crate::db::{FileRow, LocationRow, PackageRow, TenantRead};
use crate::error::{ErrorKind, ServiceError};

/// Rows that are read at once.
const ROWS_AT_ONCE: u32 = 1_000;

/// A file, and where its bytes are.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    pub(crate) file: FileRow,
    pub(crate) location: LocationRow,
}

/// The stored files of a package whose rows do not change any more, in the order of its manifest.
pub(crate) async fn placed_files(
    rows: &mut TenantRead<'_>,
    package: Uuid,
) -> Result<Vec<Placed>, ServiceError> {
    let mut locations = locations_of(rows, package).await?;
    let mut placed: Vec<Placed> = Vec::new();
    loop {
        let after = placed.last().map(|last| (last.file.relative_path.as_str(), last.file.id));
        let page = rows.live_files_of_package(package, after, ROWS_AT_ONCE).await?;
        let is_last = page.len() < ROWS_AT_ONCE as usize;
        for file in page {
            let location = locations.remove(&file.id).ok_or_else(|| {
                ServiceError::internal(std::io::Error::other("a stored file has no location"))
            })?;
            placed.push(Placed { file, location });
        }
        if is_last {
            break;
        }
    }
    Ok(placed)
}

async fn locations_of(
    rows: &mut TenantRead<'_>,
    package: Uuid,
) -> Result<HashMap<Uuid, LocationRow>, ServiceError> {
    let (mut locations, mut after) = (HashMap::new(), Uuid::nil());
    loop {
        let page = rows.locations_of_package(package, after, ROWS_AT_ONCE).await?;
        let is_last = page.len() < ROWS_AT_ONCE as usize;
        after = page.last().map_or(after, |last| last.id);
        locations.extend(page.into_iter().map(|location| (location.artifact_file_id, location)));
        if is_last {
            return Ok(locations);
        }
    }
}

/// The manifest of these files: the one that `evidence bundle` makes of the same files and declarations.
pub(crate) fn manifest_of(
    package: &PackageRow,
    placed: &[Placed],
) -> Result<FrozenManifest, ServiceError> {
    let files =
        placed.iter().map(|placed| manifest_file(&placed.file)).collect::<Result<_, _>>()?;
    FrozenManifest::of(files, declared(package)?).map_err(|error| {
        let refused = ServiceError::new(ErrorKind::Unprocessable, error.to_string());
        match error.guidance() {
            Some(guidance) => refused.with_guidance(guidance.to_owned()),
            None => refused,
        }
    })
}

fn manifest_file(file: &FileRow) -> Result<ManifestFile, ServiceError> {
    let (Some(size_bytes), Some(sha256)) = (file.size_bytes, file.sha256) else {
        return Err(ServiceError::internal(std::io::Error::other("a stored file has no digest")));
    };
    let (path, media_type) = (file.relative_path.clone(), file.media_type.clone());
    Ok(ManifestFile { path, size_bytes, sha256, media_type })
}

/// What was declared of a package, as its row has it.
fn declared(package: &PackageRow) -> Result<Declarations, ServiceError> {
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
