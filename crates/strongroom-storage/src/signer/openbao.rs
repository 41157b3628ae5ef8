//! A key in OpenBao's transit engine (`/v1/transit/sign/NAME`), which never leaves it. HashiCorp Vault speaks
//! the same.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use strongroom_core::signing::key::{Algorithm, PublicKey};

use super::{Signer, SignerError, checked};
use crate::open::Secret;
use crate::openbao::{Advice, Api, Envelope, OpenBaoAccess};
use crate::service::ServiceSettings;

/// What a person can do about a key that is not had.
const ADVICE: Advice = Advice {
    denied: "check the token, its policy for the key, and the namespace",
    not_found: "check the mount, the key's name and the namespace",
    malformed: "check that its URL is OpenBao's, and the mount a transit engine's",
};

/// The SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) but for its 32 bytes.
const ED25519_SPKI: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ED25519_KEY_BYTES: usize = 32;

/// A key's name: `openbao:MOUNT/NAME`, or `openbao:MOUNT/NAME@VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBaoKey {
    /// Where the transit engine is mounted, usually `transit`.
    pub mount: String,
    /// The key.
    pub name: String,
    /// The version that signs; without one, the newest as of opening.
    pub version: Option<u32>,
}

impl FromStr for OpenBaoKey {
    type Err = ();

    /// Names have only what a path takes as it is: letters, digits, `-`, `_` and `.`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let place = text.strip_prefix("openbao:").ok_or(())?;
        let (path, version) = match place.split_once('@') {
            None => (place, None),
            Some((path, version)) => {
                let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
                let number: u32 = version.parse().map_err(|_| ())?;
                if !is_number || number == 0 {
                    return Err(());
                }
                (path, Some(number))
            }
        };
        let (mount, name) = path.rsplit_once('/').ok_or(())?;
        if !mount.split('/').all(is_segment) || !is_segment(name) {
            return Err(());
        }
        Ok(Self { mount: mount.to_owned(), name: name.to_owned(), version })
    }
}

impl fmt::Display for OpenBaoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "openbao:{}/{}", self.mount, self.name)?;
        self.version.map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

fn is_segment(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !text.is_empty() && !text.bytes().all(|byte| byte == b'.') && text.bytes().all(is_plain)
}

/// Which key in which OpenBao, and who asks.
#[derive(Debug, Clone)]
pub struct OpenBaoSettings {
    /// Where OpenBao is: `https://bao.example:8200`.
    pub service: ServiceSettings,
    /// The token of whoever asks.
    pub token: Secret,
    /// The namespace, if any.
    pub namespace: Option<String>,
    /// The key.
    pub key: OpenBaoKey,
}

/// A key in OpenBao.
pub(super) struct OpenBao {
    api: Api,
    key: OpenBaoKey,
    version: u32,
    public_key: PublicKey,
}

/// `GET /v1/transit/keys/NAME`.
#[derive(Deserialize)]
struct KeyData {
    #[serde(rename = "type")]
    kind: String,
    latest_version: u32,
    #[serde(default)]
    derived: bool,
    keys: BTreeMap<String, KeyVersion>,
}

#[derive(Deserialize)]
struct KeyVersion {
    #[serde(default)]
    public_key: String,
}

/// `POST /v1/transit/sign/NAME`.
#[derive(Deserialize)]
struct SignData {
    signature: String,
}

impl OpenBao {
    /// Asks for the public key, and pins its version: a rotation in between signs with no other key.
    pub(super) async fn open(settings: OpenBaoSettings) -> Result<Self, SignerError> {
        let OpenBaoSettings { service, token, namespace, mut key } = settings;
        let access = OpenBaoAccess { service, token, namespace };
        let api = Api::connect(access, &ADVICE).await?;
        let path = format!("v1/{}/keys/{}", key.mount, key.name);
        let Envelope { data }: Envelope<KeyData> = api.ask(Method::GET, &path, None).await?;
        if data.derived {
            return Err(SignerError::UnusableKey("the key in OpenBao is a derived one"));
        }
        let version = key.version.unwrap_or(data.latest_version);
        let stored = data
            .keys
            .get(&version.to_string())
            .ok_or(SignerError::UnusableKey("OpenBao has not this version of the key"))?;
        let public_key = read_public_key(&data.kind, &stored.public_key)?;
        key.version = Some(version);
        Ok(Self { api, key, version, public_key })
    }
}

/// The PEM of a P-256 key, or the base64 of the 32 bytes of an Ed25519 key.
fn read_public_key(kind: &str, text: &str) -> Result<PublicKey, SignerError> {
    let wanted = match kind {
        "ed25519" => Algorithm::Ed25519,
        "ecdsa-p256" => Algorithm::EcdsaP256,
        _ => {
            return Err(SignerError::UnusableKey(
                "the key in OpenBao is neither of type ed25519 nor ecdsa-p256",
            ));
        }
    };
    let unreadable = SignerError::UnusableKey("the public key in OpenBao cannot be read");
    let key = match BASE64.decode(text) {
        Ok(bytes) if bytes.len() == ED25519_KEY_BYTES => {
            PublicKey::from_spki_der(&[&ED25519_SPKI[..], &bytes].concat())
        }
        _ => PublicKey::from_pem(text),
    };
    key.ok().filter(|key| key.algorithm() == wanted).ok_or(unreadable)
}

#[async_trait]
impl Signer for OpenBao {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn place(&self) -> String {
        self.key.to_string()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let path = format!("v1/{}/sign/{}", self.key.mount, self.key.name);
        let request = json!({
            "input": BASE64.encode(message),
            "key_version": self.version,
            "hash_algorithm": "sha2-256",
            "marshaling_algorithm": "asn1",
        });
        let Envelope { data }: Envelope<SignData> =
            self.api.ask(Method::POST, &path, Some(request)).await?;
        // `vault:v1:BASE64`.
        let prefix = format!("vault:v{}:", self.version);
        let signature = data
            .signature
            .strip_prefix(&prefix)
            .and_then(|signature| BASE64.decode(signature).ok())
            .ok_or_else(|| self.api.malformed())?;
        checked(&self.public_key, message, signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_mount_name_and_version() {
        for (text, mount, name, version) in [
            ("openbao:transit/evidence", "transit", "evidence", None),
            ("openbao:team/transit/my.key_1@7", "team/transit", "my.key_1", Some(7)),
        ] {
            let key: OpenBaoKey = text.parse().expect(text);
            let (mount, name) = (mount.to_owned(), name.to_owned());
            assert_eq!(key, OpenBaoKey { mount, name, version });
            assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        for text in [
            "",
            "transit/key",
            "openbao:",
            "openbao:key",
            "openbao:/key",
            "openbao:transit/",
            "openbao:transit//key",
            "openbao:transit/../sys/key",
            "openbao:transit/key?x=1",
            "openbao:transit/key#x",
            "openbao:transit/k%2f",
            "openbao:transit/key@",
            "openbao:transit/key@0",
            "openbao:transit/key@+1",
            "openbao:transit/key@1@2",
        ] {
            assert!(text.parse::<OpenBaoKey>().is_err(), "{text}");
        }
    }
}
