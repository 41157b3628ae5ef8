//! The flags of the registry's service.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::not_empty;
use super::store::StoreArgs;

const HEADING: &str = "Registry options";

/// Where a registry keeps what it knows.
#[derive(Debug, Clone, Args)]
pub struct RegistryArgs {
    /// The folder of the embedded database, the embedded store and the first administrator's token.
    ///
    /// `registry` in your data directory, unless it is named.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_DATA_DIR", help_heading = HEADING)]
    pub data_dir: Option<PathBuf>,

    /// The database: `sqlite:PATH` or `postgres://USER@HOST/NAME`.
    ///
    /// An embedded one in the data directory, unless it is named. A URL with a password comes from the
    /// environment: what stands in arguments can be read by everybody on this machine.
    #[arg(long, value_name = "URL", env = "STRONGROOM_DATABASE_URL", help_heading = HEADING)]
    #[arg(value_parser = not_empty)]
    pub database_url: Option<String>,

    /// A file that holds the database's URL and nothing else, such as a mounted secret.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_DATABASE_URL_FILE", help_heading = HEADING)]
    pub database_url_file: Option<PathBuf>,

    /// Where the database's URL is: `env:NAME`, `file:PATH`, or `bao:PATH#FIELD` in OpenBao.
    #[arg(long, value_name = "REFERENCE", env = "STRONGROOM_DATABASE_URL_REF")]
    #[arg(value_parser = not_empty, help_heading = HEADING)]
    pub database_url_ref: Option<String>,
}

/// `strongroom serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,

    #[command(flatten)]
    pub service: ServiceArgs,
}

/// How requests are answered.
#[derive(Debug, Clone, Args)]
pub struct ServiceArgs {
    /// Where the service answers: an address and a port. Default: 127.0.0.1:8640.
    #[arg(long, value_name = "ADDRESS", env = "STRONGROOM_LISTEN", help_heading = HEADING)]
    pub listen: Option<SocketAddr>,

    /// Answer requests only, and leave jobs to workers (`strongroom worker`).
    #[arg(long, env = "STRONGROOM_API_ONLY", help_heading = HEADING)]
    #[arg(value_parser = BoolishValueParser::new())]
    pub api_only: bool,
}

/// `strongroom check-config`.
#[derive(Debug, Args)]
pub struct CheckConfigArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
    #[command(flatten)]
    pub service: ServiceArgs,

    /// Also reach the database and the store, and look whether they are set up for what is configured. Writes nothing.
    #[arg(long, env = "STRONGROOM_CHECK_CONFIG_CONNECT", value_parser = BoolishValueParser::new())]
    pub connect: bool,
}

/// `strongroom worker`.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Where the worker tells how it fares: `/livez`, `/readyz`, `/health` and `/metrics`. Nowhere, unless it is said.
    #[arg(long = "listen", value_name = "ADDRESS", env = "STRONGROOM_WORKER_LISTEN")]
    #[arg(help_heading = HEADING)]
    pub worker_listen: Option<SocketAddr>,
}

/// `strongroom migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// `strongroom admin`.
#[derive(Debug, Args)]
pub struct AdminArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(subcommand)]
    pub command: AdminCommand,
}

/// What to administer from the registry's own machine.
#[derive(Debug, clap::Subcommand)]
pub enum AdminCommand {
    /// Make, list and revoke tokens without having one.
    Token(TokenArgs),
}

/// `strongroom admin token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What to do with tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token. It is shown this once.
    #[command(after_help = "\
Examples:
  strongroom admin token create --name ci --role producer
  strongroom admin token create --name audit-2026 --role auditor --days 30")]
    Create(TokenCreateArgs),
    /// List all tokens, without their secrets.
    #[command(after_help = "\
Examples:
  strongroom admin token list
  strongroom admin token list --format json")]
    List(TokenListArgs),
    /// Revoke a token, at once.
    #[command(after_help = "\
Example:
  strongroom admin token revoke 0199a1b2-0000-7000-8000-000000000000")]
    Revoke(TokenRevokeArgs),
}

/// `strongroom admin token create`.
#[derive(Debug, Args)]
pub struct TokenCreateArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// Who or what has it, for people.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_TOKEN_NAME", value_parser = not_empty)]
    pub name: String,

    /// What it may do: producer, operator, records-manager, auditor, admin.
    #[arg(long, value_name = "ROLE", env = "STRONGROOM_TOKEN_ROLE")]
    pub role: strongroom_registry::auth::Role,

    /// The one producer whose packages it is good for.
    #[arg(long, value_name = "NAME", env = "STRONGROOM_TOKEN_PRODUCER", value_parser = not_empty)]
    pub producer: Option<String>,

    /// Days until it is good for nothing; without end, unless it is said.
    #[arg(long, value_name = "DAYS", env = "STRONGROOM_TOKEN_DAYS")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: Option<u32>,
}

/// `strongroom admin token list`.
#[derive(Debug, Args)]
pub struct TokenListArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,
}

/// `strongroom admin token revoke`.
#[derive(Debug, Args)]
pub struct TokenRevokeArgs {
    #[command(flatten)]
    pub registry: RegistryArgs,

    /// The token's id, as `list` shows it.
    #[arg(value_name = "TOKEN_ID")]
    pub token_id: uuid::Uuid,
}
