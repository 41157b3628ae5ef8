//! `strongroom evidence diff`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use strongroom_core::BundleId;
use strongroom_core::diff::kind::Kind;

use super::{TrustArgs, not_empty};

/// A bundle, by where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A file, a CAVRA directory, or `-`.
    Path(PathBuf),
    /// In the store, by its id.
    Id(BundleId),
    /// In the store, the one bundle of a run.
    Run(String),
    /// In the store, the last good bundle before the candidate.
    Latest,
}

impl Reference {
    /// Whether it is in a store.
    pub fn is_stored(&self) -> bool {
        !matches!(self, Self::Path(_))
    }

    fn parse(text: OsString) -> Result<Self, &'static str> {
        let Some(named) = text.to_str() else { return Ok(Self::Path(text.into())) };
        if named.starts_with("sha256:") {
            let refused = "a bundle id is sha256: and 64 hexadecimal digits; a file of this name is ./sha256:…";
            return named.parse().map(Self::Id).map_err(|_| refused);
        }
        match named.strip_prefix("run:") {
            Some("latest") => Ok(Self::Latest),
            Some("") => Err("it names no run"),
            Some(run_id) => Ok(Self::Run(run_id.to_owned())),
            None if named.is_empty() => Err("it is empty"),
            None => Ok(Self::Path(text.into())),
        }
    }
}

/// `strongroom evidence diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The two bundles; with --baseline the candidate alone. A file, a CAVRA directory or `-`; or, in the
    /// store, `sha256:…` (a bundle id) or `run:ID` (the bundle of a run).
    #[arg(value_names = ["BASE", "CANDIDATE"], num_args = 1..=2, required = true)]
    #[arg(value_parser = OsStringValueParser::new().try_map(Reference::parse))]
    pub bundles: Vec<Reference>,

    /// The base, by any of these names; or `run:latest`, the last good bundle in the store of the same
    /// subject (else of the same producer).
    #[arg(long, value_name = "BASE", env = "STRONGROOM_DIFF_BASELINE")]
    #[arg(value_parser = OsStringValueParser::new().try_map(Reference::parse))]
    pub baseline: Option<Reference>,

    /// What `result_status` in its metadata makes a bundle a good one for `run:latest`; may be repeated.
    /// Default: passed, pass, success, succeeded, ok; or none declared, which is told.
    #[arg(long, value_name = "STATUS", env = "STRONGROOM_DIFF_GOOD_STATUS", value_delimiter = ',')]
    #[arg(value_parser = not_empty)]
    pub good_status: Vec<String>,

    /// Exit 12 where the candidate differs in this: removed, changed, added, renamed, metadata-changed,
    /// retention-weaker, retention-changed, signer-changed, or any. May be repeated, or separated by commas.
    #[arg(long, value_name = "KIND", env = "STRONGROOM_DIFF_FAIL_ON", value_delimiter = ',')]
    pub fail_on: Vec<Kind>,

    /// Write the report to this file, replacing it, instead of to standard output.
    #[arg(long, short, value_name = "FILE", env = "STRONGROOM_DIFF_OUTPUT")]
    pub output: Option<PathBuf>,

    /// A detached signature of the base; may be repeated. Those in the store are looked at too, where one
    /// is in use.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_DIFF_BASE_SIGNATURE")]
    #[arg(help_heading = "Signatures")]
    pub base_signature: Vec<PathBuf>,

    /// A detached signature of the candidate; may be repeated.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_DIFF_CANDIDATE_SIGNATURE")]
    #[arg(help_heading = "Signatures")]
    pub candidate_signature: Vec<PathBuf>,

    #[command(flatten)]
    pub trust: TrustArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_named_by_its_place() {
        let id = format!("sha256:{}", "0".repeat(64));
        let parse = |text: &str| Reference::parse(text.into());
        assert_eq!(parse(&id), Ok(Reference::Id(id.parse().expect("an id"))));
        assert_eq!(parse("run:42"), Ok(Reference::Run("42".to_owned())));
        assert_eq!(parse("run:latest"), Ok(Reference::Latest));
        assert_eq!(parse("./run:42"), Ok(Reference::Path("./run:42".into())));
        assert_eq!(parse("-"), Ok(Reference::Path("-".into())));
        for refused in ["", "run:", "sha256:", "sha256:12"] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }
}
