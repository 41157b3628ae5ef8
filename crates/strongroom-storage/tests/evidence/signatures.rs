//! Files under a bundle's signatures, in such numbers as only somebody who means harm puts there.

use strongroom_core::bundle::cavra::CavraNames;
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::demand::{Demand, SignatureReport};
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_core::signing::policy::{Moment, Policy};
use strongroom_core::signing::statement::{EvidencePredicate, SignedBundle, Statement};
use strongroom_core::signing::trust::{TrustRoot, TrustRoots, Window};
use strongroom_core::{Sha256Digest, layout};
use strongroom_storage::evidence::signature::{StoredSignatures, of_bundle};

use super::*;

/// More than are kept.
const TOO_MANY: usize = 1_100;

fn about() -> SignedBundle {
    SignedBundle { id: BundleId(Sha256Digest::of(b"a")), archive: None, id_covers_bytes: true }
}

/// What `key` says of the bundle, in a file whose name comes late in a listing.
fn signature(key: &PrivateKey) -> Vec<u8> {
    let of_second = |second: i64| {
        let signed_at = Timestamp::from_second(1_790_000_000 + second).unwrap();
        let predicate = EvidencePredicate { signer: "ci".to_owned(), signed_at };
        let statement = Statement::of_evidence(&about(), &predicate).unwrap();
        let signature = key.sign(&SignatureFile::to_sign(&statement).unwrap());
        SignatureFile::new(&statement, key.public_key().id(), signature).unwrap()
    };
    let mut files = (0..).map(|second| of_second(second).to_bytes().unwrap());
    files.find(|file| Sha256Digest::of(file).to_hex().starts_with('f')).unwrap()
}

fn demand(keys: &[&PrivateKey]) -> Demand {
    let mut trust = TrustRoots::default();
    for (at, key) in keys.iter().enumerate() {
        let owner = format!("owner-{at}");
        let root = TrustRoot::new(key.public_key().clone(), &owner, Window::default()).unwrap();
        trust.add(root).unwrap();
    }
    let policy =
        Policy { trust: Some(trust), signatures_min: Some(keys.len()), ..Policy::default() };
    let moment =
        Moment { now: "2030-01-01T00:00:00Z".parse().unwrap(), accept_claimed_time: false };
    Demand { policy, moment, authorities: None, cavra_names: CavraNames::default() }
}

async fn put(desk: &Desk, bytes: Vec<u8>) {
    desk.put(&layout::attestation(about().id, Sha256Digest::of(&bytes)), &bytes).await;
}

async fn found(desk: &Desk, demand: &Demand) -> (StoredSignatures, SignatureReport) {
    let bundle = about();
    let found =
        of_bundle(&desk.store, bundle.id, demand, std::slice::from_ref(&bundle)).await.unwrap();
    let checked = found.signatures.iter().filter_map(|one| one.sourced(0)).collect();
    let report = demand.conclude(checked);
    (found, report)
}

#[tokio::test]
async fn a_thousand_planted_files_do_not_hide_a_signature() {
    let desk = Desk::new();
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    put(&desk, signature(&key)).await;
    for at in 0..TOO_MANY {
        put(&desk, format!("{{\"planted\":{at}}}").into_bytes()).await;
    }
    let (found, report) = found(&desk, &demand(&[&key])).await;
    assert_eq!(report.signatures_unmet, []);
    assert_eq!((found.passed_over, found.cut_short), (100, None));
}

/// Anybody who may read a signature can write it down once more, with other white space.
#[tokio::test]
async fn one_signature_a_thousand_times_does_not_hide_another() {
    let desk = Desk::new();
    let (first, second) = (
        PrivateKey::generate(Algorithm::Ed25519).unwrap(),
        PrivateKey::generate(Algorithm::EcdsaP256).unwrap(),
    );
    put(&desk, signature(&second)).await;
    let copied = signature(&first);
    for at in 0..TOO_MANY {
        put(&desk, [copied.clone(), vec![b' '; at]].concat()).await;
    }
    let (found, report) = found(&desk, &demand(&[&first, &second])).await;
    assert_eq!(report.signatures_unmet, []);
    assert_eq!(found.cut_short, None);
    assert_eq!(found.signatures.len() as u64 + found.passed_over, TOO_MANY as u64 + 1);
}

/// Whom an auditor will believe, nobody here may know.
#[tokio::test]
async fn planted_files_hide_no_signature_from_whoever_has_no_trust_root_either() {
    let desk = Desk::new();
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let genuine = signature(&key);
    put(&desk, genuine.clone()).await;
    for at in 0..TOO_MANY {
        put(&desk, format!("{{\"planted\":{at}}}").into_bytes()).await;
    }
    let (found, _) = found(&desk, &Demand { policy: Policy::default(), ..demand(&[]) }).await;
    let kept = found.signatures.iter().filter_map(|one| one.stored.bytes.as_ref().ok());
    assert!(kept.into_iter().any(|bytes| bytes[..] == genuine[..]));
    assert_eq!((found.passed_over, found.cut_short), (100, None));
}
