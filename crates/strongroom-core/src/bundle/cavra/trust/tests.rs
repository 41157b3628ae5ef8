use serde_json::{Value, json};

use super::*;
use crate::signing::key::PrivateKey;

fn pem() -> String {
    PrivateKey::generate(Algorithm::Ed25519).unwrap().public_key().to_pem().unwrap()
}

fn root(key_id: &str, pem: &str) -> Value {
    json!({
        "schema_version": ROOT_SCHEMA, "product": "CAVRA", "key_id": key_id, "owner": "security",
        "status": "active", "algorithm": "Ed25519", "public_key_pem": pem,
        "public_key_sha256": Sha256Digest::of(pem.as_bytes()).to_hex(),
        "valid_from": "2026-01-01T00:00:00+00:00", "valid_until": null,
    })
}

fn collection(roots: &[Value]) -> Value {
    json!({"schema_version": COLLECTION_SCHEMA, "created_at": "2026-01-01T00:00:00Z", "trust_roots": roots})
}

fn read(document: &Value) -> Result<CavraTrust, TrustError> {
    CavraTrust::read(document.to_string().as_bytes())
}

fn with(name: &str, value: Value) -> Result<CavraTrust, TrustError> {
    let mut document = root("k", &pem());
    document[name] = value;
    read(&document)
}

#[test]
fn a_root_and_a_collection_are_read() {
    let (one, other) = (pem(), pem());
    let trust = read(&collection(&[root("a", &one), root("b", &other)])).unwrap();
    assert_eq!(trust.roots.len(), 2);
    let key = PublicKey::from_pem(&one).unwrap().id();
    assert_eq!(trust.names.key_named("a"), Some(key));
    let from = trust.roots.get(key).unwrap().window.from;
    assert_eq!(from, Some("2026-01-01T00:00:00Z".parse().unwrap()));
}

#[test]
fn a_root_of_ours_is_read_too() {
    let key = PublicKey::from_pem(&pem()).unwrap();
    let ours = TrustRoot::new(key.clone(), "security", Window::default()).unwrap();
    let trust = CavraTrust::read(&ours.to_document().unwrap()).unwrap();
    assert_eq!(trust.roots.get(key.id()), Some(&ours));
}

#[test]
fn a_root_that_lies_about_its_key_is_refused() {
    let other = Sha256Digest::of(b"other").to_hex();
    assert_eq!(
        with("public_key_sha256", json!(other)),
        Err(TrustError::NotOfItsKey("public_key_sha256"))
    );
    for algorithm in ["HS256", "ed25519", "none"] {
        assert_eq!(with("algorithm", json!(algorithm)), Err(TrustError::NotOfItsKey("algorithm")));
    }
    let p256 = PrivateKey::generate(Algorithm::EcdsaP256).unwrap().public_key().to_pem().unwrap();
    assert_eq!(read(&root("k", &p256)), Err(TrustError::NotOfItsKey("algorithm")));
    assert_eq!(with("key_id", json!("")), Err(TrustError::Field("key_id")));
    assert_eq!(with("status", json!("trusted")), Err(TrustError::NotATrustRoot));
    assert_eq!(with("schema_version", json!("x")), Err(TrustError::NotATrustRoot));
    let next = "cavra.evidence.trust-root.v2";
    assert_eq!(with("schema_version", json!(next)), Err(TrustError::UnknownVersion));
}

#[test]
fn a_status_means_what_it_means_for_our_own_roots() {
    let retired = with("status", json!("retired"));
    assert_eq!(
        retired,
        Err(TrustError::Field("valid_until")),
        "retired, and nobody says since when"
    );
    let mut document = root("k", &pem());
    document["status"] = json!("retired");
    document["valid_until"] = json!("2026-06-01T00:00:00Z");
    let trust = read(&document).unwrap();
    assert!(trust.roots.iter().all(|root| root.status == KeyStatus::Retired));
    let trust = with("status", json!("revoked")).unwrap();
    let root = trust.roots.iter().next().unwrap();
    assert_eq!((root.status, root.revoked_at), (KeyStatus::Revoked, None));
}

#[test]
fn one_name_never_stands_for_two_keys_and_one_key_is_there_once() {
    let (one, other) = (pem(), pem());
    let same_name = collection(&[root("a", &one), root("a", &other)]);
    assert_eq!(read(&same_name), Err(TrustError::SameName));
    let same_key = collection(&[root("a", &one), root("b", &one)]);
    assert_eq!(read(&same_key), Err(TrustError::Twice));
    let mut trust = read(&root("a", &one)).unwrap();
    assert_eq!(trust.join(read(&root("a", &other)).unwrap()), Err(TrustError::SameName));
}

#[test]
fn of_two_files_the_narrower_counts() {
    let one = pem();
    let mut revoked = root("a", &one);
    revoked["status"] = json!("revoked");
    for order in [[&root("a", &one), &revoked], [&revoked, &root("a", &one)]] {
        let mut trust = CavraTrust::default();
        for document in order {
            trust.join(read(document).unwrap()).unwrap();
        }
        assert!(trust.roots.iter().all(|root| root.status == KeyStatus::Revoked));
    }
}

#[test]
fn a_signature_finds_its_key_only_by_both_names() {
    let one = pem();
    let trust = read(&root("release", &one)).unwrap();
    let claim = |key_id: &str, pem: &str| Ed25519Claim {
        key_id: key_id.to_owned(),
        public_key_sha256: Sha256Digest::of(pem.as_bytes()),
        value: [0; 64],
    };
    assert!(trust.names.root_of(&trust.roots, &claim("release", &one)).is_some());
    assert!(
        trust.names.root_of(&trust.roots, &claim("release", &pem())).is_none(),
        "a name that somebody borrowed"
    );
    assert!(trust.names.root_of(&trust.roots, &claim("other", &one)).is_none());
}
