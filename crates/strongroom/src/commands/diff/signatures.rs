//! The signatures of the two, wherever they are.

use std::path::PathBuf;

use anyhow::Result;
use strongroom_core::bundle::cavra;
use strongroom_core::diff::read::Verified;
use strongroom_core::diff::signers::SignersSeen;
use strongroom_core::signing::demand::SignatureReport;
use strongroom_storage::Storage;
use strongroom_storage::evidence::signature;

use crate::commands::Context;
use crate::commands::signing::Trusting;

/// What is known of the signatures of one bundle.
pub struct Signatures {
    /// What they are worth.
    pub report: SignatureReport,
    /// Whether anybody looked for them.
    was_looked: bool,
}

impl Signatures {
    /// Looks for those of one bundle: in it, in files, and in the store where one is in use.
    pub async fn of(
        bundle: &Verified,
        files: &[PathBuf],
        trusting: &Trusting,
        store: Option<&dyn Storage>,
        context: &Context,
    ) -> Result<Self> {
        let (demand, signed) = (trusting.demand(), bundle.signed());
        let (mut found, mut passed_over) = (Vec::new(), 0);
        if let Verified::Directory(directory) = bundle {
            let source = cavra::MANIFEST.to_owned();
            found.extend(cavra::judge(directory.manifest(), demand, source));
        }
        for path in files {
            found.push(trusting.check_file(path, &signed)?);
        }
        if let Some(store) = store {
            let bundles = std::slice::from_ref(&signed);
            let stored = signature::of_bundle(store, signed.id, demand, bundles).await?;
            passed_over = stored.passed_over;
            found.extend(stored.signatures.iter().filter_map(|one| one.sourced(0)));
            if let Some(limit) = stored.cut_short {
                context.console.warning(format!(
                    "the store has more signatures of a bundle than the limit {limit}: the rest was not \
                     looked at",
                ));
            }
        }
        let was_looked =
            matches!(bundle, Verified::Directory(_)) || !files.is_empty() || store.is_some();
        let report =
            SignatureReport { signatures_passed_over: passed_over, ..demand.conclude(found) };
        Ok(Self { report, was_looked })
    }

    /// Who signed.
    pub fn seen(&self, trusting: &Trusting) -> SignersSeen {
        match self.was_looked {
            true => SignersSeen::of(&self.report.signatures, &trusting.demand().policy),
            false => SignersSeen::Unobserved("no signature was named, and no store was asked"),
        }
    }
}
