//! The flags of `strongroom login` and `strongroom logout`.

use clap::Args;

use super::not_empty;

/// `strongroom login`.
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Where the registry answers: `https://HOST` or `http://HOST:PORT`. Default: where the login before went.
    #[arg(long, value_name = "URL", env = "STRONGROOM_URL", value_parser = not_empty)]
    pub url: Option<String>,
}

/// `strongroom logout`.
#[derive(Debug, Args)]
pub struct LogoutArgs {}
