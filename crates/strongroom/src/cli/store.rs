//! Flags that say where the store is, how to talk to it and how to push to it. Each has the same
//! name in `strongroom.yaml`; the configuration merges them.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::not_empty;

const HEADING: &str = "Store options";

/// Where the store is and how to talk to it. Read by the configuration, by the names of the flags.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The store: `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `file:///DIRECTORY`.
    ///
    /// Without one, an embedded store in your data directory serves; where `CI` is set, one must be
    /// named.
    #[arg(long, global = true, value_name = "URL", env = "STRONGROOM_STORE_URL")]
    #[arg(help_heading = HEADING)]
    pub store: Option<String>,

    /// The endpoint of an S3-compatible or Azure store, with its scheme.
    #[arg(
        long = "store-endpoint",
        global = true,
        value_name = "URL",
        env = "STRONGROOM_STORE_ENDPOINT"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub endpoint: Option<String>,

    /// The S3 bucket, instead of `--store s3://BUCKET`.
    #[arg(
        long = "store-bucket",
        global = true,
        value_name = "NAME",
        env = "STRONGROOM_STORE_BUCKET"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub bucket: Option<String>,

    /// The S3 region.
    #[arg(
        long = "store-region",
        global = true,
        value_name = "NAME",
        env = "STRONGROOM_STORE_REGION"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub region: Option<String>,

    /// What every key in the store starts with.
    #[arg(
        long = "store-prefix",
        global = true,
        value_name = "PREFIX",
        env = "STRONGROOM_STORE_PREFIX"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub prefix: Option<String>,

    /// Address the bucket by path (`endpoint/bucket`) rather than by host name.
    #[arg(
        long = "store-path-style",
        global = true,
        value_name = "BOOL",
        env = "STRONGROOM_STORE_PATH_STYLE"
    )]
    #[arg(value_parser = BoolishValueParser::new())]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub path_style: Option<bool>,

    /// Accept an `http://` endpoint: for development only.
    #[arg(
        long = "store-allow-http",
        global = true,
        value_name = "BOOL",
        env = "STRONGROOM_STORE_ALLOW_HTTP"
    )]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub allow_http: Option<bool>,

    /// A file of PEM certificates to trust besides the system's.
    #[arg(long = "store-ca", global = true, value_name = "FILE", env = "STRONGROOM_STORE_CA")]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    pub ca_file: Option<PathBuf>,

    /// The endpoint where others reach the store, for links that a registry hands out.
    #[arg(
        long = "store-public-endpoint",
        global = true,
        value_name = "URL",
        env = "STRONGROOM_STORE_PUBLIC_ENDPOINT"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub public_endpoint: Option<String>,

    /// Encryption at rest to ask for: `AES256` or `aws:kms`.
    #[arg(
        long = "store-sse",
        global = true,
        value_name = "ALGORITHM",
        env = "STRONGROOM_STORE_SSE"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub sse: Option<String>,

    /// The key for `--store-sse aws:kms`.
    #[arg(
        long = "store-kms-key-id",
        global = true,
        value_name = "ID",
        env = "STRONGROOM_STORE_KMS_KEY_ID"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub kms_key_id: Option<String>,

    /// The storage class to ask for, by the store's own name.
    #[arg(
        long = "store-storage-class",
        global = true,
        value_name = "CLASS",
        env = "STRONGROOM_STORE_STORAGE_CLASS"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub storage_class: Option<String>,

    /// The profile in `~/.aws` to take credentials from.
    #[arg(
        long = "store-profile",
        global = true,
        value_name = "NAME",
        env = "STRONGROOM_STORE_PROFILE"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub profile: Option<String>,

    /// Where the access key is: `env:NAME`, `file:PATH` or `bao:PATH#FIELD`.
    #[arg(
        long = "store-access-key-ref",
        global = true,
        value_name = "REF",
        env = "STRONGROOM_STORE_ACCESS_KEY_REF"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub access_key_ref: Option<String>,

    /// Where the secret key is: `env:NAME`, `file:PATH` or `bao:PATH#FIELD`.
    #[arg(
        long = "store-secret-key-ref",
        global = true,
        value_name = "REF",
        env = "STRONGROOM_STORE_SECRET_KEY_REF"
    )]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    #[arg(value_parser = not_empty)]
    pub secret_key_ref: Option<String>,
}

/// How to push. Read by the configuration, by the names of the flags.
#[derive(Debug, Clone, Args)]
pub struct PushSettingArgs {
    /// The mode of the locks that are asked for: `governance` or `compliance`.
    #[arg(long, value_name = "MODE", env = "STRONGROOM_PUSH_LOCK")]
    #[arg(value_parser = not_empty)]
    pub lock: Option<String>,

    /// Go on where the store cannot lock, and say so in the receipt.
    #[arg(long, value_name = "BOOL", env = "STRONGROOM_PUSH_ALLOW_UNLOCKED")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub allow_unlocked: Option<bool>,

    /// Read the stored bundle back where the store was not seen to check digests (default: true).
    #[arg(long, value_name = "BOOL", env = "STRONGROOM_PUSH_VERIFY_ON_PUSH")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    #[arg(value_parser = BoolishValueParser::new())]
    pub verify_on_push: Option<bool>,
}
