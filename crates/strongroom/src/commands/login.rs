//! `strongroom login` and `strongroom logout`.

mod kept;
mod prompt;

use anyhow::Result;
use serde::Serialize;
use strongroom_registry::auth::Secret;
use zeroize::Zeroizing;

pub use self::kept::Login;
use super::Context;
use super::secret_input::{Place, SecretLimit};
use crate::cli::LoginArgs;
use crate::client::{Client, address};
use crate::failure::Failure;
use crate::output::Block;

/// The schema that a login is printed under.
const SCHEMA: &str = "strongroom.login/v1";
/// The most that is read of a token.
const TOKEN_LIMIT: SecretLimit = SecretLimit { name: "TOKEN_BYTES_MAX", bytes_max: 4_096 };

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    url: &'a str,
    path: String,
}

/// A question that any token may ask, so that one that is good for nothing is told here.
#[derive(Serialize)]
struct OnePackage {
    limit: u32,
}

/// Takes a token, asks the registry whether it is good, and keeps both.
pub async fn login(args: &LoginArgs, context: &Context) -> Result<()> {
    let url = match &args.url {
        Some(url) => url.clone(),
        None => Login::read(context)?.map(|login| login.url).ok_or_else(|| {
            Failure::usage("no registry is named")
                .with_help("say where it answers: --url https://registry.example.org")
        })?,
    };
    let url = address(&url)?;
    if is_open_on_the_way(&url) {
        context.console.warning(
            "http:// to another machine: everybody on the way can read the token; use https://",
        );
    }
    let token = token(context).await?;
    if Secret::parse(&token).is_none() {
        return Err(Failure::usage("what was given is no token of a registry")
            .with_help("a token begins with srt_ and is given whole; an administrator makes one")
            .into());
    }
    let client = Client::new(url.as_str(), token.to_string())?;
    client.packages(&OnePackage { limit: 1 }).await?;
    let login = Login { url: client.url().to_owned(), token: token.to_string() };
    let path = login.keep(context)?;
    let document = Document { schema: SCHEMA, url: &login.url, path: path.display().to_string() };
    context.console.result(
        |console| {
            Block::new("logged in")
                .row("registry", &login.url)
                .row("kept in", format!("{} (only you can read it)", path.display()))
                .render(console)
        },
        &document,
    )
}

/// Forgets the login.
pub fn logout(context: &Context) -> Result<()> {
    match Login::forget(context)? {
        true => context.console.note(
            "the registry and the token are forgotten; the token is good until it is revoked",
        ),
        false => context.console.note("there was no login"),
    }
    Ok(())
}

/// Asked for where a person is there to ask; otherwise what comes on standard input.
async fn token(context: &Context) -> Result<Zeroizing<String>> {
    if context.console.can_ask() {
        return prompt::without_echo("token:", &context.console).await;
    }
    let secret = Place::StandardInput.read(TOKEN_LIMIT, context).await?;
    let text = std::str::from_utf8(&secret.bytes);
    let text = text.map_err(|_| Failure::usage("what came on standard input is no text"))?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn is_open_on_the_way(url: &reqwest::Url) -> bool {
    let is_here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let address = host.trim_start_matches('[').trim_end_matches(']');
            address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    };
    url.scheme() == "http" && !is_here
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_to_another_machine_is_open_on_the_way() {
        for (url, is_open) in [
            ("http://127.0.0.1:8640", false),
            ("http://[::1]:8640", false),
            ("http://localhost", false),
            ("https://registry.example", false),
            ("http://registry.example", true),
            ("http://10.0.0.7:8640", true),
        ] {
            assert_eq!(is_open_on_the_way(&url.parse().unwrap()), is_open, "{url}");
        }
    }
}
