//! The key that signs manifests, wherever it is.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use strongroom_core::BundleId;
use strongroom_core::Sha256Digest;
use strongroom_core::package::{ManifestSignature, signature};
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::statement::EvidencePredicate;
use strongroom_core::signing::timestamp::system_nonce;
use strongroom_storage::open::Secret;
use strongroom_storage::service::{ServiceErrorKind, ServiceSettings};
use strongroom_storage::signer::{
    OpenBaoSettings, Signer, SignerError, SignerErrorKind, SignerSettings, SigningError, open,
    sign_statement, stamp,
};
use strongroom_storage::tsa::TsaError;

use crate::error::{ErrorKind, ServiceError};

/// Fetches the token for OpenBao from where it is kept. May block.
pub type TokenSource = Arc<dyn Fn() -> std::io::Result<Secret> + Send + Sync>;

/// Where the key is.
pub enum SigningKey {
    /// In this process, or behind a program: ready since the registry started.
    Ready(Box<dyn Signer>),
    /// In OpenBao, which is asked anew for each signature. So a token that was renewed and a key that was rotated are
    /// taken up, and a registry starts also while OpenBao does not answer.
    OpenBao {
        /// Which key in which OpenBao. Its token is not used.
        settings: Box<OpenBaoSettings>,
        /// Where the token is.
        token: TokenSource,
    },
}

/// Signs the manifests of packages that are finalized.
pub struct ManifestSigner {
    /// Who signs, as the statement says; whose the key is, a trust root says.
    signer: String,
    key: SigningKey,
    /// Those that each signature is stamped by (RFC 3161).
    authorities: Vec<ServiceSettings>,
}

/// A signature of a manifest, not stored yet.
pub(crate) struct SignedManifest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) signature: ManifestSignature,
}

/// A key that can sign now.
pub(crate) enum ReadyKey<'k> {
    Kept(&'k dyn Signer),
    Opened(Box<dyn Signer>),
}

impl ReadyKey<'_> {
    pub(crate) fn signer(&self) -> &dyn Signer {
        match self {
            Self::Kept(key) => *key,
            Self::Opened(key) => &**key,
        }
    }
}

impl fmt::Debug for ManifestSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManifestSigner({})", self.place())
    }
}

impl ManifestSigner {
    /// A signer by this name, with this key, whose signatures these authorities stamp.
    pub fn new(
        signer: impl Into<String>,
        key: SigningKey,
        authorities: Vec<ServiceSettings>,
    ) -> Self {
        Self { signer: signer.into(), key, authorities }
    }

    /// Where the key is, for people. Holds no secret.
    pub fn place(&self) -> String {
        match &self.key {
            SigningKey::Ready(key) => format!("{} in {}", key.public_key().id(), key.place()),
            SigningKey::OpenBao { settings, .. } => settings.key.to_string(),
        }
    }

    /// Asks whoever has the key for its public key, and each time-stamp authority for a token that nobody keeps.
    /// Answers the key's id. A program is not run.
    pub async fn check(&self) -> Result<KeyId, SigningError> {
        let key_id = self.ready().await?.signer().public_key().id();
        for authority in &self.authorities {
            stamp(authority, b"check-config", system_nonce).await?;
        }
        Ok(key_id)
    }

    /// The key, ready to sign.
    pub(crate) async fn ready(&self) -> Result<ReadyKey<'_>, SignerError> {
        let (settings, token) = match &self.key {
            SigningKey::Ready(key) => return Ok(ReadyKey::Kept(&**key)),
            SigningKey::OpenBao { settings, token } => (settings, Arc::clone(token)),
        };
        let fetched = tokio::task::spawn_blocking(move || token()).await;
        let token = fetched.map_err(std::io::Error::other).and_then(|fetched| fetched);
        let token = token.map_err(SignerError::TokenUnread)?;
        let settings = OpenBaoSettings { token, ..(**settings).clone() };
        Ok(ReadyKey::Opened(open(SignerSettings::OpenBao(settings)).await?))
    }

    /// Signs a manifest: the statement of `evidence sign`, about the manifest alone.
    pub(crate) async fn sign(
        &self,
        key: &ReadyKey<'_>,
        manifest: BundleId,
        now: Timestamp,
    ) -> Result<SignedManifest, SigningError> {
        // To the second, as people say it.
        let signed_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let predicate = EvidencePredicate { signer: self.signer.clone(), signed_at };
        let statement = signature::statement(manifest, &predicate)?;
        let signed =
            sign_statement(key.signer(), &statement, &self.authorities, system_nonce).await;
        let (bytes, key_id) = signed?;
        let sha256 = Sha256Digest::of(&bytes);
        Ok(SignedManifest { bytes, signature: ManifestSignature { sha256, key_id } })
    }
}

/// A signer's failure as it looks from outside: of the reason only the meaning is told, the log has the rest. What
/// may be over soon (nobody answers, a program fails, a token is renewed late) is tried again, like a store that
/// does not answer.
impl From<SigningError> for ServiceError {
    fn from(error: SigningError) -> Self {
        let (kind, message) = match &error {
            SigningError::Signer(signer) => of_signer(signer.kind()),
            SigningError::Timestamp(authority) => of_authority(authority),
            SigningError::Statement(_) | SigningError::NoRandomness => {
                return Self::internal(error);
            }
            SigningError::NotVerified => of_signer(SignerErrorKind::BadSignature),
        };
        Self::new(kind, message).with_source(error)
    }
}

impl From<SignerError> for ServiceError {
    fn from(error: SignerError) -> Self {
        SigningError::from(error).into()
    }
}

fn of_signer(kind: SignerErrorKind) -> (ErrorKind, &'static str) {
    use ErrorKind::{StoreRefused, StoreUnavailable};
    match kind {
        SignerErrorKind::Unreachable => {
            (StoreUnavailable, "the key that signs manifests cannot be reached: try again")
        }
        SignerErrorKind::Failed => (StoreUnavailable, "the signer of manifests failed: try again"),
        SignerErrorKind::Denied => {
            (StoreUnavailable, "the registry may not use the key that signs manifests")
        }
        SignerErrorKind::NotFound => (StoreRefused, "the key that signs manifests is not there"),
        SignerErrorKind::Configuration => {
            (StoreRefused, "the key that signs manifests cannot be used as it is configured")
        }
        SignerErrorKind::BadSignature => {
            (StoreRefused, "what signs manifests gave no signature of its key")
        }
        SignerErrorKind::Limit => (StoreRefused, "what signs manifests gave more than a signature"),
    }
}

fn of_authority(error: &TsaError) -> (ErrorKind, &'static str) {
    let is_passing = match error {
        TsaError::Service(error) => matches!(
            error.kind(),
            ServiceErrorKind::Unreachable | ServiceErrorKind::Failed | ServiceErrorKind::Denied
        ),
        TsaError::Answer(_) => false,
    };
    match is_passing {
        true => (
            ErrorKind::StoreUnavailable,
            "the time-stamp authority gave no time stamp of the signature: try again",
        ),
        false => (
            ErrorKind::StoreRefused,
            "the time-stamp authority gives no time stamp of the signature",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_over_soon_is_tried_again_and_nothing_else_is() {
        let tried_again = |kind| of_signer(kind).0.is_transient();
        for kind in [SignerErrorKind::Unreachable, SignerErrorKind::Failed, SignerErrorKind::Denied]
        {
            assert!(tried_again(kind), "{kind:?}");
        }
        for kind in [
            SignerErrorKind::NotFound,
            SignerErrorKind::Configuration,
            SignerErrorKind::BadSignature,
            SignerErrorKind::Limit,
        ] {
            assert!(!tried_again(kind), "{kind:?}");
        }
    }

    #[test]
    fn a_token_is_in_no_debug_form() {
        let settings = OpenBaoSettings {
            service: ServiceSettings::default(),
            token: Secret("s.hunter2".to_owned()),
            namespace: None,
            key: "openbao:transit/evidence".parse().unwrap(),
        };
        let token: TokenSource = Arc::new(|| Ok(Secret("s.hunter2".to_owned())));
        let key = SigningKey::OpenBao { settings: Box::new(settings), token };
        let signer = ManifestSigner::new("registry", key, Vec::new());
        assert_eq!(format!("{signer:?}"), "ManifestSigner(openbao:transit/evidence)");
    }
}
