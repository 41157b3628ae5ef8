//! A statement becomes a signature file.

use anyhow::Result;
use strongroom_core::signing::SignatureError;
use strongroom_core::signing::key::KeyId;
use strongroom_core::signing::statement::{EvidencePredicate, SignedBundle, Statement};
use strongroom_core::signing::timestamp::system_nonce;
use strongroom_storage::signer::{self, Signer, SigningError};

use super::key_source;
use crate::cli::{SignerArgs, SigningKeyArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Who signs evidence, and with which key.
pub struct MadeBy {
    signer: String,
    key: Box<dyn Signer>,
    args: SigningKeyArgs,
}

impl MadeBy {
    /// The signer and the key that the flags name; `None` where they name neither. One without the other
    /// is a mistake.
    pub async fn read(args: &SignerArgs, context: &Context) -> Result<Option<Self>> {
        match (&args.signer, key_source::open(&args.key, context).await?) {
            (None, None) => Ok(None),
            (Some(signer), Some(key)) => {
                Ok(Some(Self { signer: signer.clone(), key, args: args.key.clone() }))
            }
            // The same words as where a key is needed.
            (Some(_), None) => key_source::required(&args.key, context).await.map(|_| None),
            (None, Some(_)) => Err(Failure::usage("who signs is not said")
                .with_help("name them with --signer; whose the key is, a trust root says")
                .into()),
        }
    }

    /// Who signs, by their own word.
    pub fn signer(&self) -> &str {
        &self.signer
    }

    /// Signs a statement. Answers the signature file's bytes.
    pub async fn sign(&self, statement: &Statement) -> Result<(Vec<u8>, KeyId)> {
        sign_statement(&*self.key, statement, &self.args).await
    }

    /// Signs a bundle. Answers the signature file's bytes.
    pub async fn sign_evidence(
        &self,
        bundle: &SignedBundle,
        context: &Context,
    ) -> Result<(Vec<u8>, KeyId)> {
        let signed_at = context.now_to_the_second();
        let predicate = EvidencePredicate { signer: self.signer.clone(), signed_at };
        let statement = Statement::of_evidence(bundle, &predicate).map_err(refused)?;
        self.sign(&statement).await
    }
}

/// A signature file over `statement`, stamped where that is asked, and checked before it is given away.
pub async fn sign_statement(
    key: &dyn Signer,
    statement: &Statement,
    args: &SigningKeyArgs,
) -> Result<(Vec<u8>, KeyId)> {
    let authorities = key_source::authorities(args);
    let signed = signer::sign_statement(key, statement, &authorities, system_nonce).await;
    signed.map_err(not_signed)
}

/// Why there is no signature: in the words, and with the meaning, of whoever failed.
pub fn not_signed(error: SigningError) -> anyhow::Error {
    match error {
        SigningError::Signer(error) => error.into(),
        SigningError::Timestamp(error) => error.into(),
        SigningError::Statement(error) => refused(error),
        error @ (SigningError::NoRandomness | SigningError::NotVerified) => {
            Failure::new(Exit::Failed, error.to_string()).into()
        }
    }
}

/// What could not be said in a statement.
fn refused(error: SignatureError) -> anyhow::Error {
    let exit = match error {
        SignatureError::Limit(_) => Exit::Limit,
        _ => Exit::Usage,
    };
    Failure::new(exit, error.to_string()).into()
}
