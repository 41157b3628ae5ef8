//! Random sequences of whatever can be asked of a registry, beside a model of it ([`reference`]): what each call is
//! answered with, what is there after it, and what is in the bucket, on both engines.
//!
//! | module | what |
//! |---|---|
//! | [`step`] | what can be done, and how sequences of it are made |
//! | [`reference`] | the model |
//! | [`world`] [`asking`] [`reading`] [`working`] | do a step to a registry and to the model |
//! | [`look`] | holds what is seen of a registry against the model |
//! | [`story`] | what the records in the bucket say by themselves |
//!
//! Each run makes other sequences. One that fails is shortened as far as it fails still, and shown; its seed is added
//! to `tests/api/model/failures.txt`, which is kept in the repository: what is in it is tried first, by every run.
//! `STRONGROOM_MODEL_SEQUENCES` says how many sequences each of the tests tries: by default 2,000 in all.

mod asking;
mod look;
mod reading;
mod reference;
mod step;
mod story;
mod working;
mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::test_runner::{Config, FileFailurePersistence, TestRunner};
use strongroom_core::bundle::{Declarations, ManifestFile, Producer, RetentionRequest};
use strongroom_core::package::PackageStatus;
use strongroom_core::package::manifest::FrozenManifest;
use strongroom_core::{BundleId, Sha256Digest};

use self::reference::Package;
use self::step::Step;
use self::world::{Mould, World};
use crate::engines::Engine;

/// Seeds of sequences that failed once.
const FAILURES: &str = "tests/api/model/failures.txt";
/// Sequences of one test on SQLite.
const ON_SQLITE: u32 = 750;
/// And on PostgreSQL.
const ON_POSTGRES: u32 = 250;
/// So many sequences bring packages into every state.
const ENOUGH: u32 = 100;
/// Runs that make a failing sequence shorter.
const SHRINKS_MAX: u32 = 400;

type Statuses = BTreeSet<PackageStatus>;

/// What `strongroom evidence bundle` of the files of a package gives.
fn identity(package: &Package) -> BundleId {
    let files = package.stored().map(|file| ManifestFile {
        path: file.path.to_owned(),
        size_bytes: file.bytes.len() as u64,
        sha256: Sha256Digest::of(file.bytes),
        media_type: None,
    });
    let retention = RetentionRequest {
        class: Some(package.class.to_string()),
        days: None,
        legal_hold: package.hold_declared.then_some(true),
    };
    let declared = Declarations {
        producer: Some(Producer { name: step::tool(package.kind), version: None }),
        subject: Some(step::subject(package.subject)),
        metadata: step::metadata(package.kind).as_object().cloned(),
        retention: Some(retention),
        ..Declarations::default()
    };
    FrozenManifest::of(files.collect(), declared).unwrap().id
}

#[allow(clippy::disallowed_methods)] // where the environment comes in
fn sequences(by_default: u32) -> u32 {
    let said = std::env::var("STRONGROOM_MODEL_SEQUENCES").ok();
    said.map_or(by_default, |said| said.parse().expect("a number of sequences"))
}

fn agrees(engine: &Engine, takes_two: bool, by_default: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mould = runtime.block_on(Mould::new(engine));
    let config = Config {
        cases: sequences(by_default),
        max_shrink_iters: SHRINKS_MAX,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(FAILURES))),
        ..Config::default()
    };
    let reached = RefCell::default();
    let tried = TestRunner::new(config).run(&step::sequence(), |steps| {
        runtime.block_on(run(&mould, takes_two, &steps, &reached));
        Ok(())
    });
    runtime.block_on(engine.end());
    if let Err(error) = tried {
        panic!("{error}");
    }
    let reached = reached.take();
    let missed: Vec<_> = PackageStatus::ALL.iter().filter(|one| !reached.contains(one)).collect();
    assert!(missed.is_empty() || sequences(by_default) < ENOUGH, "never reached: {missed:?}");
}

async fn run(mould: &Mould, takes_two: bool, steps: &[Step], reached: &RefCell<Statuses>) {
    let mut world = World::new(mould, takes_two).await;
    for step in steps {
        world.take(step).await;
        reached.borrow_mut().extend(world.model.packages.iter().map(|package| package.status));
    }
    world.end().await;
}

#[test]
fn on_sqlite_the_registry_does_what_the_model_does() {
    agrees(&Engine::Sqlite, false, ON_SQLITE);
}

#[test]
fn on_sqlite_with_two_people_the_registry_does_what_the_model_does() {
    agrees(&Engine::Sqlite, true, ON_SQLITE);
}

#[test]
fn on_postgres_the_registry_does_what_the_model_does() {
    if let Some(engine) = Engine::postgres() {
        agrees(&engine, false, ON_POSTGRES);
    }
}

#[test]
fn on_postgres_with_two_people_the_registry_does_what_the_model_does() {
    if let Some(engine) = Engine::postgres() {
        agrees(&engine, true, ON_POSTGRES);
    }
}
