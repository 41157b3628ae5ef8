//! A registry of several processes: three that answer requests and two that work on jobs, behind a round-robin, on one
//! PostgreSQL and one bucket of Ceph with locks. Any of them dies at any moment, by SIGKILL, and is started again:
//! nothing that was acknowledged is lost, and nothing is stranded.
//!
//! `STRONGROOM_TEST_UPLOADS` is how many files are uploaded (1,000, of every second package), `STRONGROOM_TEST_SEED`
//! chooses who dies: another one each time, and told where it fails.

mod in_parts;
mod load;
mod processes;
mod round_robin;
mod verdict;

use std::process::Output;

use serde_json::Value;
use strongroom_core::bundle::{Declarations, ManifestFile};
use strongroom_core::package::manifest::FrozenManifest;
use strongroom_testkit::fixtures::write_run_directory;
use tokio::sync::watch;

use self::load::{FILES_OF_PACKAGE, Loaded, OTHERS_OF_PACKAGE, load};
use self::processes::Cluster;

/// How many uploads there are, unless more are asked for.
const UPLOADS: usize = 1_000;
/// Processes that die while they go on.
const DEATHS: usize = 40;

/// A number from the environment.
#[allow(clippy::disallowed_methods)] // where the environment comes in
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_process_is_killed_nothing_acknowledged_is_lost_and_nothing_is_stranded() {
    let Some(cluster) = Cluster::start().await else { return };
    let uploads = number("STRONGROOM_TEST_UPLOADS", UPLOADS);
    let seed = number("STRONGROOM_TEST_SEED", std::process::id() as usize);
    eprintln!("STRONGROOM_TEST_SEED={seed}");
    let packages = uploads.div_ceil(FILES_OF_PACKAGE);
    let (acknowledged, seen) = watch::channel(0);
    let every = (packages * (FILES_OF_PACKAGE + OTHERS_OF_PACKAGE)).div_ceil(DEATHS);
    let (loaded, deaths) = tokio::join!(
        load(&cluster, packages, acknowledged),
        cluster.kill_every(every, seed as u64, seen)
    );
    assert!(deaths >= DEATHS - 1, "only {deaths} processes died");
    cluster.settle(packages).await;
    for package in &loaded {
        is_finalized_as(&cluster, package).await;
    }
    verdict::look_at_everything(&cluster, &loaded).await;
    cluster.end().await;
}

/// The package is evidence under the id that its content has, and its bundle verifies.
async fn is_finalized_as(cluster: &Cluster, loaded: &Loaded) {
    let package = cluster.get(&format!("/packages/{}", loaded.package)).await;
    assert_eq!(package["status"], "finalized", "{package}");
    assert_eq!(package["lock_state"], "held", "{package}");
    assert_eq!(package["active_holds"], u64::from(loaded.is_held), "{package}");
    let files = loaded.files.iter().map(|file| ManifestFile {
        path: file.path.clone(),
        size_bytes: file.size_bytes,
        sha256: file.sha256,
        media_type: None,
    });
    let declared =
        Declarations { subject: Some(loaded.subject.clone()), ..Declarations::default() };
    let manifest = FrozenManifest::of(files.collect(), declared).unwrap();
    assert_eq!(package["bundle_id"], manifest.id.to_string(), "{package}");
    let bundle = cluster.download(&format!("/packages/{}/bundle", loaded.package)).await;
    assert_eq!(verdict::verified(&bundle), manifest.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_pushed_through_the_round_robin_comes_back_under_the_id_that_it_would_have() {
    let Some(cluster) = Cluster::start().await else { return };
    let run = cluster.folder().join("run");
    write_run_directory(&run).unwrap();
    let (run, archive) = (run.to_str().unwrap(), cluster.folder().join("pulled.tar.gz"));
    let archive = archive.to_str().unwrap();
    let declared = ["--subject", "shop/cart", "--retention-class", "release-evidence"];
    let push = [&["package", "push", run, "--finalize"], &declared[..]].concat();
    let pushed = json(cluster.strongroom(&push).await);
    assert_eq!(pushed["status"], "finalized");
    let direct = cluster.folder().join("direct.tar.gz");
    let bundle = ["evidence", "bundle", run, "--output", direct.to_str().unwrap()];
    let bundled = json(cluster.strongroom(&[&bundle[..], &declared[..]].concat()).await);
    assert_eq!(pushed["bundle_id"], bundled["bundle_id"]);
    let id = pushed["package_id"].as_str().unwrap();
    json(cluster.strongroom(&["package", "pull", id, "--out", archive]).await);
    let verified = json(cluster.strongroom(&["evidence", "verify", archive]).await);
    assert_eq!(verified["bundle_id"], bundled["bundle_id"]);
    cluster.end().await;
}

fn json(output: Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}
