//! A finalized package as one bundle.

use std::iter;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use strongroom_core::BundleId;
use strongroom_core::layout::{self, PackageObject};
use strongroom_core::package::{FileStatus, LocationStatus, RestoreStatus};
use strongroom_storage::keep::{self, KeepError, ObjectOfBundle, ObjectRefused};
use strongroom_storage::{ObjectKey, StorageErrorKind, VersionId};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;
use uuid::Uuid;

use super::Registry;
use super::download_file::Retrieved;
use super::foremost::Foremost;
use super::frozen::{each_placed_file, manifest_file, manifest_of};
use super::look_again::LOOK_WAIT_MAX;
use super::records::object_key;
use crate::auth::{Action, Principal};
use crate::db::{LocationRow, PackageRow, PlacedFile, TenantId};
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

/// A bundle that may be asked for, and one of the places for those that are made at the same time.
struct Asked {
    package: PackageRow,
    id: BundleId,
    slot: OwnedSemaphorePermit,
}

impl Registry {
    /// A whole package as the archive of a bundle: the one that `evidence bundle` makes of the same files. What is
    /// known to be archived is refused here, and the store is asked about some objects; about the others when the
    /// archive is read. As many as there may be at once are, until the archive is read to its end or dropped.
    ///
    /// Of each file it holds what the manifest says, and the id and version of its object; of the rows a page.
    pub async fn bundle(
        self: &Arc<Self>,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<BundleOfPackage, ServiceError> {
        let Asked { package, id, slot } = self.ask_for_bundle(who, package_id).await?;
        let count = usize::try_from(package.files_count).map_err(ServiceError::internal)?;
        let (mut listed, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let take = |placed: PlacedFile| {
            places.push(Place::of(&package, &placed)?);
            listed.push(manifest_file(placed.file)?);
            Ok(())
        };
        self.look_at_files(who, &package, take).await?;
        let manifest = manifest_of(&package, listed).await?;
        if manifest.id != id {
            return Err(ServiceError::internal(std::io::Error::other(
                "the rows of a finalized package are not those of its manifest",
            )));
        }
        let store = Arc::clone(&self.backends().get(&package.backend_id)?.store);
        let (tell, found) = mpsc::channel(FOUND_MAX);
        let prefix = package.storage_prefix.clone();
        let refused = move |object: &ObjectOfBundle, why: ObjectRefused<'_>| {
            if let Some((file, met)) = file_of(&prefix, object).zip(Met::of(&why)) {
                // One that finds no place here is found by whoever asks next.
                let _ = tell.try_send((file, met));
            }
        };
        // Each is a key: it was compared with that of the row. An archive of fewer objects than are listed ends with an
        // error.
        let objects = places.into_iter().map_while(move |place| place.object(&package).ok());
        let archive = keep::bundle_stream(store, manifest.bytes.into(), objects, slot, refused);
        let noting = Noting { registry: Arc::clone(self), who: who.clone(), archive, found };
        Ok(BundleOfPackage { id, archive: noting.archive() })
    }

    /// The id of the bundle that [`bundle`](Self::bundle) would make, or why it would make none. Makes nothing of it.
    pub async fn bundle_head(
        self: &Arc<Self>,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<BundleId, ServiceError> {
        let asked = self.ask_for_bundle(who, package_id).await?;
        self.look_at_files(who, &asked.package, |_| Ok(())).await?;
        Ok(asked.id)
    }

    async fn ask_for_bundle(
        &self,
        who: &Principal,
        package_id: Uuid,
    ) -> Result<Asked, ServiceError> {
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
        Ok(Asked { package, id, slot })
    }

    /// Hands on each file of a package, in the order of its manifest. Then refuses what is not whole or known to be
    /// archived, and asks the store about the objects that are likeliest to be archived.
    async fn look_at_files(
        self: &Arc<Self>,
        who: &Principal,
        package: &PackageRow,
        mut take: impl FnMut(PlacedFile) -> Result<(), ServiceError> + Send,
    ) -> Result<(), ServiceError> {
        let now = self.clock().now();
        let (mut count, mut checked) = (0, Ok(()));
        let mut likeliest = Foremost::new(LOOKS_MAX);
        let look = |placed: PlacedFile| {
            count += 1;
            if checked.is_ok() {
                checked = check(&placed);
            }
            likeliest.pass(nearness_to_an_archive(&placed, now), || placed.location.clone());
            take(placed)
        };
        {
            let mut session = self.db().read().await?;
            each_placed_file(&mut session.of(&who.tenant), package.id, look).await?;
        }
        if count < package.files_count {
            return Err(ServiceError::new(
                ErrorKind::WrongState,
                "a deletion that was stopped took some of the files: the rest is no bundle",
            )
            .with_guidance("download the files that are left one by one"));
        }
        checked?;
        let likeliest: Vec<LocationRow> = likeliest.into_kept().collect();
        self.look_before_a_bundle(who, &likeliest).await
    }

    async fn look_before_a_bundle(
        self: &Arc<Self>,
        who: &Principal,
        locations: &[LocationRow],
    ) -> Result<(), ServiceError> {
        // Boxed one by one: a future over a closure cannot be seen to be `Send` by who spawns it.
        let looks: Vec<BoxFuture<'_, _>> =
            locations.iter().map(|one| self.look_at_one(&who.tenant, one).boxed()).collect();
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(LOOKS_MAX).collect().await;
        for location in looked {
            if !location?.restore_status.is_readable() {
                return Err(ServiceError::archived());
            }
        }
        Ok(())
    }

    async fn look_at_one(
        self: &Arc<Self>,
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
    async fn note_met(
        self: &Arc<Self>,
        who: &Principal,
        file: Uuid,
        met: Met,
    ) -> Result<(), ServiceError> {
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
    /// The same archive; they are noted before it breaks off, unless that takes too long.
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

    /// To the end also where nobody waits for the archive any more.
    async fn note(&mut self) {
        let found: Vec<_> = iter::from_fn(|| self.found.try_recv().ok()).collect();
        let (registry, who) = (Arc::clone(&self.registry), self.who.clone());
        let noting = tokio::spawn(async move {
            for (file, met) in found {
                tracing::info!(file_id = %file, ?met, "a bundle breaks off at a file");
                if let Err(error) = registry.note_met(&who, file, met).await {
                    tracing::warn!(%error, "what a bundle met is not noted");
                }
            }
        });
        if timeout(LOOK_WAIT_MAX, noting).await.is_err() {
            tracing::info!("a bundle breaks off before all that it met is noted");
        }
    }
}

/// Where a file of a bundle is, in as little as tells it: a package may have 100,000.
struct Place {
    file: Uuid,
    version: Option<VersionId>,
}

impl Place {
    fn of(package: &PackageRow, placed: &PlacedFile) -> Result<Self, ServiceError> {
        let version = placed.location.version_id.clone().map(VersionId);
        let place = Self { file: placed.file.id, version };
        match place.key(package)?.as_str() == placed.location.object_key {
            true => Ok(place),
            false => Err(ServiceError::internal(std::io::Error::other(
                "a file is not where its package keeps its files",
            ))),
        }
    }

    fn key(&self, package: &PackageRow) -> Result<ObjectKey, ServiceError> {
        object_key(&package.storage_prefix, &layout::package_file(package.id, self.file))
    }

    fn object(self, package: &PackageRow) -> Result<ObjectOfBundle, ServiceError> {
        Ok(ObjectOfBundle { key: self.key(package)?, version: self.version })
    }
}

/// The file whose bytes are under the key of an object.
fn file_of(storage_prefix: &str, object: &ObjectOfBundle) -> Option<Uuid> {
    match layout::claimed_package(object.key.as_str().strip_prefix(storage_prefix)?)? {
        (_, PackageObject::File(file)) => Some(file),
        _ => None,
    }
}

/// What is likelier to be archived is greater: copies whose time is over, and what is large. Rules that archive take
/// large objects first, and S3's no small ones unless they are told to.
fn nearness_to_an_archive(placed: &PlacedFile, now: Timestamp) -> (bool, Option<u64>) {
    let location = &placed.location;
    let is_over = location.restore_status == RestoreStatus::Restored
        && location.restore_expires_at.is_some_and(|until| until <= now);
    (is_over, placed.file.size_bytes)
}

fn check(placed: &PlacedFile) -> Result<(), ServiceError> {
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
