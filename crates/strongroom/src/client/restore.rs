//! Bytes that lie in an archive: asked for, and looked for until they are there.

use anyhow::Result;
use reqwest::header::RETRY_AFTER;
use reqwest::{Method, StatusCode};
use strongroom_registry::documents::{PackageDocument, RestoreAsk, RestoreDocument};
use uuid::Uuid;

use super::attempts::Attempts;
use super::{Client, refused};

impl Client {
    /// Asks for a package's archived bytes.
    pub async fn restore(&self, id: Uuid, ask: &RestoreAsk, key: &str) -> Result<RestoreDocument> {
        self.change(&format!("/packages/{id}/restore"), key, Some(ask)).await
    }

    /// Whether all that a pull takes can be read now: the signature, where there is one, and the bundle.
    pub async fn can_be_pulled(&self, package: &PackageDocument) -> Result<bool> {
        let path = format!("/packages/{}", package.package_id);
        if package.signature.is_some()
            && !self.is_at_hand(Method::GET, &format!("{path}/manifest/signature")).await?
        {
            return Ok(false);
        }
        // The head alone: nothing is handed out, and the store is asked as for the whole.
        self.is_at_hand(Method::HEAD, &format!("{path}/bundle")).await
    }

    async fn is_at_hand(&self, method: Method, path: &str) -> Result<bool> {
        let mut attempts = Attempts::default();
        loop {
            let refusal = match self.answer_to(self.request(method.clone(), path)).await {
                Ok(response) if response.status().is_success() => return Ok(true),
                // The one conflict that passes by itself. The answer to a HEAD has no document that says so.
                Ok(response)
                    if response.status() == StatusCode::CONFLICT
                        && response.headers().contains_key(RETRY_AFTER) =>
                {
                    return Ok(false);
                }
                // Nor one that says anything else: whoever asks for all of it is told.
                Ok(_) if method == Method::HEAD => {
                    match self.send(self.request(Method::GET, path)).await {
                        Ok(_) => return Ok(true),
                        Err(refusal) => refusal,
                    }
                }
                Ok(response) => refused(response).await,
                Err(refusal) => refusal,
            };
            attempts.wait_or_give_up(refusal).await?;
        }
    }
}
