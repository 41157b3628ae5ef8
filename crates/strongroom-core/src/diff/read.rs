//! Both bundles verified side by side, each read once.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use super::described::{Described, ListedFile, files_of_archive, files_of_cavra};
use super::files::FileChanges;
use super::keep::{self, Keeper, Wanted};
use crate::BundleId;
use crate::bundle::cavra::{UnverifiedCavra, VerifiedCavra};
use crate::bundle::{BundleError, Progress, Refusal, UnverifiedBundle, VerifiedBundle};
use crate::signing::statement::SignedBundle;

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the other one is held against.
    Base,
    /// The other one.
    Candidate,
}

/// A bundle of which the manifest was read, and nothing else.
pub enum Opened<R> {
    /// An archive.
    Archive(Box<UnverifiedBundle<R>>),
    /// A CAVRA directory.
    Directory(Box<UnverifiedCavra>),
}

/// A bundle of which every byte was checked.
#[derive(Debug)]
pub enum Verified {
    /// An archive.
    Archive(VerifiedBundle),
    /// A CAVRA directory.
    Directory(VerifiedCavra),
}

/// Two bundles of which every byte was checked, and how their files differ.
#[derive(Debug)]
pub struct BothVerified {
    /// What the other one is held against.
    pub base: Verified,
    /// The other one.
    pub candidate: Verified,
    /// Their files, changed ones looked into.
    pub files: FileChanges,
}

impl<R: Read + Send> Opened<R> {
    fn files(&self) -> Vec<ListedFile<'_>> {
        match self {
            Self::Archive(archive) => files_of_archive(archive.manifest()),
            Self::Directory(directory) => files_of_cavra(directory),
        }
    }

    /// The id that it has if it verifies.
    pub fn claimed_id(&self) -> BundleId {
        match self {
            Self::Archive(archive) => archive.claimed_id(),
            Self::Directory(directory) => directory.claimed_id(),
        }
    }

    /// What it declares; of a directory only what its manifest has. Nothing of it is verified.
    pub fn claimed(&self) -> Described {
        match self {
            Self::Archive(archive) => Described::of_archive(archive.manifest()),
            Self::Directory(directory) => Described::of_claims(directory),
        }
    }

    /// The sum of the lengths of its files, as its manifest has them.
    pub fn claimed_bytes(&self) -> u64 {
        // No overflow: 100,000 files of 5 TiB are less than 2^59 bytes.
        self.files().iter().map(|file| file.size_bytes).sum()
    }

    fn verify(self, wanted: &Wanted, progress: &dyn Progress) -> Result<SeenBundle, BundleError> {
        let mut keeper = Keeper::new(wanted);
        let verified = match self {
            Self::Archive(archive) => {
                Verified::Archive(archive.verify_seen_by(progress, &mut keeper)?)
            }
            Self::Directory(directory) => {
                Verified::Directory(directory.verify_seen_by(progress, &mut keeper)?)
            }
        };
        Ok((verified, keeper.into_kept()))
    }
}

type SeenBundle = (Verified, BTreeMap<usize, Vec<u8>>);

impl Verified {
    /// The identity.
    pub fn id(&self) -> BundleId {
        match self {
            Self::Archive(archive) => archive.id(),
            Self::Directory(directory) => directory.id(),
        }
    }

    /// What it declares.
    pub fn described(&self) -> Described {
        match self {
            Self::Archive(archive) => Described::of_archive(archive.manifest()),
            Self::Directory(directory) => Described::of_cavra(directory),
        }
    }

    /// The bytes that a statement has to be about, to be about this bundle.
    pub fn signed(&self) -> SignedBundle {
        match self {
            Self::Archive(archive) => archive.signed(),
            Self::Directory(directory) => directory.manifest().signed(),
        }
    }
}

/// Verifies both, side by side, and looks into the files that changed. An error says which of them was
/// refused; `stop` is called then, so that nobody waits for the other one. Blocks; memory: what verifying
/// both takes, and what `keep` keeps.
pub fn verify_both<R: Read + Send>(
    base: Opened<R>,
    candidate: Opened<R>,
    progress: &dyn Progress,
    stop: &(dyn Fn() + Sync),
) -> Result<BothVerified, (Side, BundleError)> {
    let mut files = FileChanges::between(&base.files(), &candidate.files());
    let wanted = Wanted::choose(&mut files);
    let first_refused = OnceLock::new();
    let verify = |side, bundle: Opened<R>| {
        bundle.verify(&wanted, progress).inspect_err(|_| {
            first_refused.get_or_init(|| side);
            stop();
        })
    };
    let (was, is) = std::thread::scope(|scope| {
        let base = std::thread::Builder::new()
            .name("verify-base".to_owned())
            .spawn_scoped(scope, || verify(Side::Base, base))
            .map_err(|error| thread_lost().with_source(error));
        let is = verify(Side::Candidate, candidate);
        let was = base.and_then(|base| base.join().unwrap_or_else(|_| Err(thread_lost())));
        (was, is)
    });
    match (was, is) {
        (Ok((base, was)), Ok((candidate, is))) => {
            keep::look_inside(&mut files, was, is);
            Ok(BothVerified { base, candidate, files })
        }
        (Err(error), Err(_)) if first_refused.get() != Some(&Side::Candidate) => {
            Err((Side::Base, error))
        }
        (_, Err(error)) => Err((Side::Candidate, error)),
        (Err(error), _) => Err((Side::Base, error)),
    }
}

fn thread_lost() -> BundleError {
    BundleError::new(Refusal::Unreadable, "a verifying thread ended before its work was done")
}
