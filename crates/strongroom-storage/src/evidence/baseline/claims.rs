//! What a bundle declares, before and after it is fetched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use strongroom_core::bundle::cavra::{MANIFEST, VerifiedCavra};
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::diff::described::Described;
use strongroom_core::{BundleId, layout};

use crate::blocking::stream_reader;
use crate::evidence::EvidenceError;
use crate::evidence::pull::{archives_of, failed};
use crate::evidence::stored::panicked;
use crate::{ObjectKey, Storage, StorageErrorKind};

/// What the archive of an id declares, of which no more is read than its manifest. Nothing is verified.
/// `None` where only fetching it tells: a CAVRA directory, several archives of one Assay id, or something
/// else on top.
pub(super) async fn claims_of(
    store: &dyn Storage,
    id: BundleId,
) -> Result<Option<Described>, EvidenceError> {
    let native = ObjectKey::new(layout::bundle(id))?;
    if let Some(claimed) = claims_under(store, &native).await? {
        return Ok(claimed);
    }
    match archives_of(store, id).await?.as_slice() {
        [archive] => {
            let key = ObjectKey::new(layout::assay_bundle(id, *archive))?;
            Ok(claims_under(store, &key).await?.flatten())
        }
        _ => Ok(None),
    }
}

/// Nothing at all where nothing is under the key.
async fn claims_under(
    store: &dyn Storage,
    key: &ObjectKey,
) -> Result<Option<Option<Described>>, EvidenceError> {
    let object = match store.read(key, None, None).await {
        Ok(object) => object,
        Err(error) if error.kind() == StorageErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (mut reader, feed) = stream_reader(object.stream);
    let reading = tokio::task::spawn_blocking(move || {
        let opened = UnverifiedBundle::open(&mut reader, &ReadLimits::default());
        let claimed = opened.map(|bundle| Described::of_archive(bundle.manifest()));
        // The store's own failure says more than what it made of the archive.
        reader.take_failure().map_or(Ok(claimed), Err)
    });
    let (claimed, ()) = tokio::join!(reading, feed);
    Ok(Some(claimed.map_err(panicked)??.ok()))
}

/// What a bundle declares that was pulled to this place, and verified.
pub(super) async fn of_file(place: &Path) -> Result<Described, EvidenceError> {
    let place = place.to_owned();
    tokio::task::spawn_blocking(move || described(&place)).await.map_err(panicked)?
}

fn described(place: &Path) -> Result<Described, EvidenceError> {
    if place.join(MANIFEST).is_file() {
        return Ok(Described::of_cavra(&VerifiedCavra::verify(place, &NoProgress)?));
    }
    let archive = File::open(place).map_err(|error| failed(place, "cannot be read", error))?;
    let bundle = UnverifiedBundle::open(archive, &ReadLimits::default())?;
    Ok(Described::of_archive(bundle.manifest()))
}

/// Takes away what was pulled and is not wanted.
pub(super) async fn remove(place: &Path) -> Result<(), EvidenceError> {
    let place: PathBuf = place.to_owned();
    let removing = tokio::task::spawn_blocking(move || {
        let removed = match place.is_dir() {
            true => fs::remove_dir_all(&place),
            false => fs::remove_file(&place),
        };
        removed.map_err(|error| failed(&place, "could not be removed", error))
    });
    removing.await.map_err(panicked)?
}
