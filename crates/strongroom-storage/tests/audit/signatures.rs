//! Signatures that do not verify any more, or soon will not, and bundles that lack them.

use strongroom_core::bundle::cavra::CavraNames;
use strongroom_core::signing::SignatureFile;
use strongroom_core::signing::demand::Demand;
use strongroom_core::signing::key::{Algorithm, PrivateKey};
use strongroom_core::signing::policy::{Moment, Policy};
use strongroom_core::signing::statement::{EvidencePredicate, SignedBundle, Statement};
use strongroom_core::signing::trust::{TrustRoot, TrustRoots, Window};
use strongroom_storage::evidence::audit::{Class, Problem};
use strongroom_storage::evidence::signature::Attachment;

use super::*;

async fn sign(vault: &Vault, receipt: &Receipt, key: &PrivateKey) {
    let bundle = SignedBundle { id: receipt.bundle_id, archive: None, id_covers_bytes: true };
    let signed_at = Clock::system().now();
    let predicate = EvidencePredicate { signer: "ci".to_owned(), signed_at };
    let statement = Statement::of_evidence(&bundle, &predicate).unwrap();
    let signature = key.sign(&SignatureFile::to_sign(&statement).unwrap());
    let file = SignatureFile::new(&statement, key.public_key().id(), signature).unwrap();
    let store = vault.store().await;
    let bytes = file.to_bytes().unwrap();
    Attachment::prepare(&*store, receipt.bundle_id, bytes).await.unwrap().execute().await.unwrap();
}

fn trusting(keys: &[(&PrivateKey, Window)], change: impl Fn(&mut TrustRoot)) -> AuditRequest {
    let mut trust = TrustRoots::default();
    for (key, window) in keys {
        let mut root = TrustRoot::new(key.public_key().clone(), "security", *window).unwrap();
        change(&mut root);
        trust.add(root).unwrap();
    }
    // A signature says when it was made to the second at best.
    let now = Clock::system().now().checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
    let demand = Demand {
        policy: Policy { trust: Some(trust), ..Policy::default() },
        moment: Moment { now, accept_claimed_time: false },
        authorities: None,
        cavra_names: CavraNames::default(),
    };
    AuditRequest { demand: Some(demand), ..everything() }
}

#[tokio::test]
async fn a_bundle_without_a_valid_signature_is_found() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let (key, stranger) = (
        PrivateKey::generate(Algorithm::Ed25519).unwrap(),
        PrivateKey::generate(Algorithm::EcdsaP256).unwrap(),
    );
    let (signed, unsigned) = (vault.push("a", Some(1)).await, vault.push("b", None).await);
    sign(&vault, &signed, &key).await;
    let report = vault.audit(&trusting(&[(&key, Window::default())], |_| ())).await;
    assert_eq!(found(&report), [of("signatures_not_enough", &unsigned)].into());
    assert_eq!((report.worst(), report.looked_at.signatures), (Some(Class::Signature), 1));

    // One that counts for nothing beside it takes nothing away.
    sign(&vault, &signed, &stranger).await;
    sign(&vault, &unsigned, &stranger).await;
    let report = vault.audit(&trusting(&[(&key, Window::default())], |_| ())).await;
    let kinds: Vec<_> = report.findings.iter().map(|finding| finding.problem.kind()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "signature_not_valid").count(), 2);
    assert_eq!(kinds.iter().filter(|kind| **kind == "signatures_not_enough").count(), 1);
    // Without trust roots nobody looks.
    assert_eq!(found(&vault.audit(&everything()).await), BTreeSet::new());
}

#[tokio::test]
async fn what_would_no_longer_verify_is_told_before_and_after() {
    let vault = Vault::new(BucketSettings::locked()).await;
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let receipt = vault.push("a", Some(1)).await;
    sign(&vault, &receipt, &key).await;
    let now = Clock::system().now();
    let days =
        |days: i64| Some(now.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap());
    let window = Window { from: None, until: days(10) };
    let within = |days| AuditRequest {
        expiring_within: Some(strongroom_core::retention::Period::Days(days)),
        ..trusting(&[(&key, window)], |_| ())
    };
    assert!(
        !found(&vault.audit(&within(5)).await)
            .iter()
            .any(|(kind, _)| *kind == "signature_expiring")
    );
    let report = vault.audit(&within(20)).await;
    let expiring = report.findings.iter().find(|one| one.problem.kind() == "signature_expiring");
    let valid_until = window.until.unwrap();
    assert_eq!(expiring.unwrap().problem, Problem::SignatureExpiring { valid_until });

    for (change, state) in [
        (
            (|root: &mut TrustRoot| root.revoke(None, None).unwrap()) as fn(&mut TrustRoot),
            "revoked",
        ),
        (|root| root.window.from = Some("2100-01-01T00:00:00Z".parse().unwrap()), "out_of_window"),
    ] {
        let report = vault.audit(&trusting(&[(&key, Window::default())], change)).await;
        let problems: Vec<_> = report.findings.iter().map(|one| one.problem.clone()).collect();
        assert!(problems.contains(&Problem::SignatureNotValid { state }), "{problems:?}");
        assert_eq!(report.worst(), Some(Class::Signature));
    }
}
