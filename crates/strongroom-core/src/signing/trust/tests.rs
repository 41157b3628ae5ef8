use serde_json::Value;

use super::*;
use crate::signing::key::PrivateKey;

fn at(text: &str) -> Timestamp {
    format!("{text}T00:00:00Z").parse().unwrap()
}

fn key() -> PublicKey {
    PrivateKey::generate(Algorithm::Ed25519).unwrap().public_key().clone()
}

fn root() -> TrustRoot {
    let window = Window { from: Some(at("2026-01-01")), until: Some(at("2026-12-31")) };
    TrustRoot::new(key(), "platform-security", window).unwrap()
}

#[test]
fn files_read_what_they_write() {
    let mut roots = TrustRoots::default();
    let (mut retired, mut revoked) = (root(), root());
    retired.retire(at("2026-06-01"), Some("rotated")).unwrap();
    revoked.revoke(Some(at("2026-05-01")), None).unwrap();
    for root in [root(), retired, revoked] {
        let one = TrustRoots::read(&root.to_document().unwrap()).unwrap();
        assert_eq!(one.iter().collect::<Vec<_>>(), [&root]);
        let bytes = root.to_document().unwrap();
        let file = TrustFile::read(&bytes).unwrap();
        assert_eq!((file.is_collection, file.to_bytes(at("2026-11-22"))), (false, Ok(bytes)));
        roots.add(root).unwrap();
    }
    let bytes = roots.to_document(at("2026-11-22")).unwrap();
    assert_eq!(TrustRoots::read(&bytes).unwrap(), roots);
    let file = TrustFile::read(&bytes).unwrap();
    assert_eq!((file.is_collection, file.to_bytes(at("2026-11-22"))), (true, Ok(bytes)));
    let ids: Vec<KeyId> = roots.iter().map(TrustRoot::key_id).collect();
    assert!(ids.is_sorted());
}

#[test]
fn what_was_revoked_or_narrowed_stays_so() {
    let mut root = root();
    root.retire(at("2027-06-01"), None).unwrap();
    assert_eq!(root.window.until, Some(at("2026-12-31")), "it never becomes good for longer");
    assert_eq!(root.retire(at("2025-06-01"), None), Err(TrustError::BeforeItsTime));
    root.revoke(Some(at("2026-05-01")), None).unwrap();
    root.revoke(Some(at("2026-08-01")), None).unwrap();
    assert_eq!(root.revoked_at, Some(at("2026-05-01")), "a later time takes nothing back");
    root.revoke(None, None).unwrap();
    root.revoke(Some(at("2026-08-01")), None).unwrap();
    assert_eq!(root.revoked_at, None, "revoked since ever");
    assert_eq!(root.retire(at("2026-06-01"), None), Err(TrustError::Revoked));
}

#[test]
fn a_reason_stays_with_the_status_that_it_was_given_for() {
    let mut root = root();
    root.retire(at("2026-06-01"), Some("rotated")).unwrap();
    root.retire(at("2026-05-01"), None).unwrap();
    assert_eq!(root.reason.as_deref(), Some("rotated"));
    root.revoke(None, None).unwrap();
    assert_eq!(root.reason, None);
}

#[test]
fn of_a_key_in_two_files_the_narrower_counts() {
    let active = root();
    let mut revoked = active.clone();
    revoked.revoke(Some(at("2026-05-01")), None).unwrap();
    let mut retired = active.clone();
    retired.retire(at("2026-04-01"), None).unwrap();
    let of = |root: &TrustRoot| TrustRoots::read(&root.to_document().unwrap()).unwrap();
    for order in [[&active, &retired, &revoked], [&revoked, &retired, &active]] {
        let mut roots = TrustRoots::default();
        for root in order {
            roots.join(of(root)).unwrap();
        }
        let joined = roots.get(active.key_id()).unwrap();
        assert_eq!((joined.status, joined.revoked_at), (KeyStatus::Revoked, revoked.revoked_at));
        assert_eq!(joined.window.until, Some(at("2026-04-01")));
    }
}

#[test]
fn a_root_that_lies_about_its_key_is_refused() {
    let root = root();
    let whole: Value = serde_json::from_slice(&root.to_document().unwrap()).unwrap();
    let refused = |name: &str, value: Value| {
        let mut document = whole.clone();
        document[name] = value;
        TrustRoots::read(document.to_string().as_bytes()).unwrap_err()
    };
    let other = key().id().to_string();
    assert_eq!(refused("key_id", other.into()), TrustError::NotOfItsKey("key_id"));
    let algorithm = "ECDSA-P256-SHA256".into();
    assert_eq!(refused("algorithm", algorithm), TrustError::NotOfItsKey("algorithm"));
    assert_eq!(refused("public_key", "x".into()), TrustError::Key(KeyError::NotPem("public key")));
    assert_eq!(refused("status", "trusted".into()), TrustError::NotATrustRoot);
    assert_eq!(refused("owner", "".into()), TrustError::Field("owner"));
    assert_eq!(
        refused("valid_until", "2025-01-01T00:00:00Z".into()),
        TrustError::Field("valid_until")
    );
    assert_eq!(
        refused("revoked_at", "2026-02-01T00:00:00Z".into()),
        TrustError::Field("revoked_at")
    );
    assert_eq!(refused("schema", "strongroom.trust-root/v2".into()), TrustError::UnknownVersion);
    assert_eq!(refused("schema", "x".into()), TrustError::NotATrustRoot);
}

#[test]
fn a_key_is_in_a_collection_once() {
    let (root, mut roots) = (root(), TrustRoots::default());
    roots.add(root.clone()).unwrap();
    assert_eq!(roots.add(root), Err(TrustError::Twice));
    assert_eq!(roots.get_mut(key().id()), Err(TrustError::Absent));
}
