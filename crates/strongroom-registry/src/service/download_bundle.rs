//! A finalized package as one bundle.

use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use strongroom_core::BundleId;
use strongroom_core::layout::{self, PackageObject};
use strongroom_core::package::{FileStatus, LocationStatus, RestoreStatus};
use strongroom_storage::keep::{self, KeepError, ObjectOfBundle, ObjectRefused};
use strongroom_storage::{StorageErrorKind, VersionId};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Registry;
use super::download_file::Retrieved;
use super::frozen::{Placed, manifest_of, placed_files};
use super::records::object_key;
use crate::auth::{Action, Principal};
use crate::db::{LocationRow, PackageRow, TenantId};
use crate::error::{ErrorKind, ServiceError};

/// Objects that the store is asked about before a bundle begins: of a large package, no request asks about all.
const LOOKS_MAX: usize = 8;
/// Objects found to be out of reach on the way that wait to be noted: about as many as are opened ahead.
const FOUND_MAX: usize = 16;

/// A whole package as the archive of a bundle.
pub struct BundleOfPackage {
    /// The bundle's id.
    pub id: BundleId,
    /// The archive, which ends well only when all of it is right.
    pub archive: BoxStream<'static, Result<Bytes, KeepError>>,
}

impl Registry {
    /// A whole package as the archive of a bundle: the one that `evidence bundle` makes of the same files. What is
    /// known to be archived is refused here, and the store is asked about some objects; about the others when the
    /// archive is read. As many as there may be at once are, until the archive is read to its end or dropped.
    pub async fn bundle(
        self: &Arc<Self>,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<BundleOfPackage, ServiceError> {
        let package = self.package_for(who, Action::Download, package_id).await?;
        let id = package.bundle_id.filter(|_| package.status.is_complete()).ok_or_else(|| {
            ServiceError::new(
                ErrorKind::WrongState,
                format!("the package is {}: it cannot be had as a bundle", package.status),
            )
        })?;
        let slot = Arc::clone(self.bundles()).try_acquire_owned().map_err(|_| {
            ServiceError::new(ErrorKind::Busy, "as many bundles as there may be are being sent")
        })?;
        let placed = {
            let mut session = self.db().read().await?;
            placed_files(&mut session.of(&who.tenant), package_id).await?
        };
        if (placed.len() as u64) < package.files_count {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                "a deletion that was stopped took some of the files: the rest is no bundle",
            )
            .with_guidance("download the files that are left one by one"));
        }
        placed.iter().try_for_each(check)?;
        let manifest = manifest_of(&package, &placed)?;
        if manifest.id != id {
            return Err(ServiceError::internal(std::io::Error::other(
                "the rows of a finalized package are not those of its manifest",
            )));
        }
        self.look_at_some(who, &placed).await?;
        let objects = placed.into_iter().map(object).collect::<Result<_, _>>()?;
        let store = Arc::clone(&self.backends().get(&package.backend_id)?.store);
        let (tell, found) = mpsc::channel(FOUND_MAX);
        let refused = move |object: &ObjectOfBundle, why: ObjectRefused<'_>| {
            if let Some((file, met)) = file_of(&package, object).zip(Met::of(&why)) {
                // One that finds no place here is found by whoever asks next.
                let _ = tell.try_send((file, met));
            }
        };
        let archive = keep::bundle_stream(store, manifest.bytes.into(), objects, slot, refused);
        let noting = Noting { registry: Arc::clone(self), who: who.clone(), archive, found };
        Ok(BundleOfPackage { id, archive: noting.archive() })
    }

    /// Asks the store about the objects that are likeliest to be archived: copies whose time is over, and the largest.
    /// Rules that archive take large objects first, and S3's no small ones unless they are told to.
    async fn look_at_some(&self, who: &Principal, placed: &[Placed]) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let is_over = |location: &LocationRow| {
            location.restore_status == RestoreStatus::Restored
                && location.restore_expires_at.is_some_and(|until| until <= now)
        };
        let mut likeliest: Vec<&Placed> = placed.iter().collect();
        likeliest.sort_by_key(|one| Reverse((is_over(&one.location), one.file.size_bytes)));
        // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
        let looks: Vec<BoxFuture<'_, _>> = likeliest
            .into_iter()
            .take(LOOKS_MAX)
            .map(|one| self.look_before_a_bundle(&who.tenant, &one.location).boxed())
            .collect();
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(LOOKS_MAX).collect().await;
        for location in looked {
            if !location?.restore_status.is_readable() {
                return Err(ServiceError::archived());
            }
        }
        Ok(())
    }

    async fn look_before_a_bundle(
        &self,
        tenant: &TenantId,
        location: &LocationRow,
    ) -> Result<LocationRow, ServiceError> {
        let looked = self.look_how_near(tenant, location.clone()).await;
        if let Err(error) = &looked
            && error.kind() == ErrorKind::Corrupt
        {
            self.note_damage(tenant, location).await;
        }
        looked
    }

    /// Writes down that a bundle was asked for and is about to be handed out.
    pub async fn note_bundle(&self, who: &Principal, package: Uuid) -> Result<(), ServiceError> {
        Ok(self.note_retrieval(who, package, Retrieved::Bundle).await?)
    }

    /// A bundle broke off at this file: whoever asks next is told why before it begins.
    async fn note_met(&self, who: &Principal, file: Uuid, met: Met) -> Result<(), ServiceError> {
        let locations = self.db().read().await?.of(&who.tenant).locations_of_file(file).await?;
        for location in locations.iter().filter(|one| one.status == LocationStatus::Active) {
            match met {
                Met::Archived => self.note_archived(who, location).await,
                Met::Damaged => self.note_damage(&who.tenant, location).await,
            }
        }
        Ok(())
    }
}

/// What a bundle met on its way that whoever asks next is to know.
#[derive(Debug, Clone, Copy)]
enum Met {
    /// An object that lies in an archive.
    Archived,
    /// One that is gone, or of other bytes than were stored.
    Damaged,
}

impl Met {
    /// Nothing, of a store that only fails.
    fn of(why: &ObjectRefused<'_>) -> Option<Self> {
        match why {
            ObjectRefused::OtherBytes => Some(Self::Damaged),
            ObjectRefused::NotOpened(error) => match error.kind() {
                StorageErrorKind::Archived => Some(Self::Archived),
                StorageErrorKind::NotFound => Some(Self::Damaged),
                _ => None,
            },
        }
    }
}

/// An archive on its way, and the files that were found to be out of reach.
struct Noting {
    registry: Arc<Registry>,
    who: Principal,
    archive: BoxStream<'static, Result<Bytes, KeepError>>,
    found: mpsc::Receiver<(Uuid, Met)>,
}

impl Noting {
    /// The same archive; they are noted before it breaks off.
    fn archive(self) -> BoxStream<'static, Result<Bytes, KeepError>> {
        stream::unfold(self, |mut noting| async move {
            let piece = noting.archive.next().await?;
            if piece.is_err() {
                noting.note().await;
            }
            Some((piece, noting))
        })
        .boxed()
    }

    async fn note(&mut self) {
        while let Ok((file, met)) = self.found.try_recv() {
            tracing::info!(file_id = %file, ?met, "a bundle breaks off at a file");
            if let Err(error) = self.registry.note_met(&self.who, file, met).await {
                tracing::warn!(%error, "what a bundle met is not noted");
            }
        }
    }
}

/// The file whose bytes are under the key of an object.
fn file_of(package: &PackageRow, object: &ObjectOfBundle) -> Option<Uuid> {
    let key = object.key.as_str().strip_prefix(package.storage_prefix.as_str())?;
    match layout::claimed_package(key)? {
        (_, PackageObject::File(file)) => Some(file),
        _ => None,
    }
}

fn check(placed: &Placed) -> Result<(), ServiceError> {
    let is_whole = placed.file.status == FileStatus::Stored
        && placed.location.status == LocationStatus::Active;
    if !is_whole {
        return Err(ServiceError::new(
            ErrorKind::Corrupt,
            "a file of the package was found missing or corrupt when it was last verified",
        )
        .with_guidance("its files tell which; where the bytes were brought back, a download of that file sees it"));
    }
    if !placed.location.restore_status.is_readable() {
        return Err(ServiceError::archived());
    }
    Ok(())
}

fn object(placed: Placed) -> Result<ObjectOfBundle, ServiceError> {
    Ok(ObjectOfBundle {
        key: object_key("", &placed.location.object_key)?,
        version: placed.location.version_id.map(VersionId),
    })
}
