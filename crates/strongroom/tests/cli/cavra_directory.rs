//! CAVRA directories for tests of the program, signed or not. That Python writes the same is shown by
//! `scripts/check-cavra`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::PrivateKey;

use crate::room::Room;

/// Writes `bundle/`: a session `s-1` that is to be kept and held, signed where a key is given. `pem` is the
/// text of the public key that the signature names.
pub fn write_directory(room: &Room, signed: Option<(&PrivateKey, &str)>) {
    let policy = json!({
        "schema_version": "cavra.evidence.retention.v1", "session_id": "s-1",
        "created_at": "2026-01-01T00:00:00Z", "retention_days": 30,
        "retain_until": "2090-01-01T00:00:00Z", "legal_hold": true,
    });
    let files = [
        ("evidence.json", json!({"session_id": "s-1"}).to_string()),
        ("logs/line\u{2028}end é.txt", "one\ntwo\n".to_owned()),
        ("retention-policy.json", policy.to_string()),
    ];
    let listed = |(path, text): &(&str, String)| {
        let sha256 = Sha256Digest::of(text.as_bytes()).to_hex();
        json!({"path": path, "sha256": sha256, "bytes": text.len()})
    };
    let mut manifest = json!({
        "schema_version": "cavra.evidence.bundle.v1", "product": "CAVRA", "signer": "ci",
        "created_at": "2026-01-01T00:00:00Z", "files": files.each_ref().map(listed),
    });
    if let Some((key, pem)) = signed {
        let signature = key.sign(python_dumps(&manifest).as_bytes());
        let pem_sha256 = Sha256Digest::of(pem.as_bytes()).to_hex();
        manifest["signature"] = json!({
            "algorithm": "Ed25519", "key_id": pem_sha256[..16], "public_key_sha256": pem_sha256,
            "value": STANDARD.encode(signature),
        });
    }
    for (path, text) in &files {
        room.write(&format!("bundle/{path}"), text);
    }
    room.write("bundle/manifest.json", manifest.to_string());
}

/// A trust root as CAVRA writes it, of the key whose public half is this text.
pub fn trust_root(pem: &str) -> String {
    let pem_sha256 = Sha256Digest::of(pem.as_bytes()).to_hex();
    json!({
        "schema_version": "cavra.evidence.trust-root.v1", "product": "CAVRA", "owner": "cavra ci",
        "key_id": pem_sha256[..16], "status": "active", "algorithm": "Ed25519",
        "public_key_sha256": pem_sha256, "public_key_pem": pem,
        "valid_from": "2025-01-01T00:00:00+00:00", "valid_until": null,
    })
    .to_string()
}

/// Python's `json.dumps(sort_keys=True)` of what these manifests hold.
fn python_dumps(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members = object
                .iter()
                .map(|(name, value)| format!("{}: {}", python_text(name), python_dumps(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(python_dumps).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => python_text(text),
        other => other.to_string(),
    }
}

fn python_text(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|one| if one.is_ascii() { one.to_string() } else { format!("\\u{:04x}", one as u32) })
        .collect();
    format!("\"{escaped}\"")
}
