//! Who asks: credentials given outright, or the usual chain of AWS (environment, profiles, SSO, web
//! identity, process, container, instance role).

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use reqsign_aws_v4::{
    Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, Signer,
};

use crate::open::StoreSettings;
use crate::{StorageError, StorageErrorKind};

/// How long one question to a metadata or token service may take. Off a cloud machine nobody
/// answers on the metadata address, and that must not hold up the error message.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the whole chain may take.
pub(super) const CHAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of a file of credentials or a token.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The surroundings that the chain looks at. This is the one place of the crate where the process's
/// environment is read: the AWS names are a contract with other tools.
pub(super) fn context() -> Result<Context, StorageError> {
    let http = || {
        reqwest::Client::builder()
            .connect_timeout(SERVICE_TIMEOUT)
            .timeout(SERVICE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
    };
    let no_client = |error| {
        StorageError::new(StorageErrorKind::Configuration, "no https client can be made")
            .with_source(error)
    };
    let services = Services {
        near: http().no_proxy().build().map_err(no_client)?,
        far: http().build().map_err(no_client)?,
    };
    Ok(Context::new()
        .with_env(OsEnv)
        .with_file_read(Files)
        .with_http_send(services)
        .with_command_execute(Processes))
}

/// The signer of every request.
pub(super) fn signer(
    settings: &StoreSettings,
    region: &str,
    context: Context,
) -> Signer<Credential> {
    let signer = RequestSigner::new("s3", region).with_standard_session_token();
    if let Some(given) = &settings.credentials {
        let mut provider = StaticCredentialProvider::new(&given.access_key, &given.secret_key.0);
        if let Some(token) = &given.session_token {
            provider = provider.with_session_token(&token.0);
        }
        return Signer::new(context, provider, signer);
    }
    let chain = DefaultCredentialProvider::builder();
    let chain = match &settings.profile {
        // Who asks for a profile by name is not somebody else when it gives nothing: neither who the
        // environment names, nor the role of the machine.
        Some(profile) => chain.no_env().no_web_identity().no_ecs().no_imds().with_profile(profile),
        None => chain,
    };
    Signer::new(context, chain.build(), signer)
}

/// What it means that no request can be signed, with a profile that was asked for by name or without.
pub(super) fn no_credentials(of_a_profile: bool, error: Option<Error>) -> StorageError {
    let (message, guidance) = if of_a_profile {
        (
            "the profile that is asked for gives no credentials",
            "`~/.aws/credentials` or `~/.aws/config` needs keys, single sign-on or credential_process \
             under that name (role_arn is not followed); or log in again",
        )
    } else {
        (
            "no usable credentials for the store were found",
            "set STRONGROOM_STORE_ACCESS_KEY and STRONGROOM_STORE_SECRET_KEY, or AWS_PROFILE, or log \
             in again",
        )
    };
    let answer =
        StorageError::new(StorageErrorKind::Unauthenticated, message).with_guidance(guidance);
    match error {
        Some(error) => answer.with_source(error),
        None => answer,
    }
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> Result<Vec<u8>, Error> {
        let failed =
            |error| Error::config_invalid("a file of credentials is unreadable").with_source(error);
        let size_bytes = tokio::fs::metadata(path).await.map_err(failed)?.len();
        if size_bytes > FILE_BYTES_MAX {
            return Err(Error::config_invalid("a file of credentials is too long"));
        }
        tokio::fs::read(path).await.map_err(failed)
    }
}

/// The services that hand out credentials.
#[derive(Debug)]
struct Services {
    /// Without a proxy, whatever the environment says of proxies: metadata services answer on
    /// link-local addresses, where a proxy would answer for another machine or not at all, and would
    /// see the credentials. They are what is asked over plain http.
    near: reqwest::Client,
    /// By the proxy of the environment: token services and single sign-on.
    far: reqwest::Client,
}

impl HttpSend for Services {
    async fn http_send(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Error> {
        let failed = |error: reqwest::Error| {
            Error::unexpected("a credential service did not answer")
                .with_source(error.without_url())
        };
        let request = reqwest::Request::try_from(request).map_err(failed)?;
        let client = if request.url().scheme() == "http" { &self.near } else { &self.far };
        let response = client.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = response.bytes().await.map_err(failed)?;
        answer.body(body).map_err(|error| {
            Error::unexpected("a credential service's answer is malformed").with_source(error)
        })
    }
}

#[derive(Debug)]
struct Processes;

impl CommandExecute for Processes {
    async fn command_execute<'a>(
        &'a self,
        program: &'a str,
        args: &'a [&'a str],
    ) -> Result<CommandOutput, Error> {
        let mut command = Command::new(program);
        command.args(args);
        let output = tokio::task::spawn_blocking(move || command.output())
            .await
            .map_err(|error| Error::unexpected("a credential process ended").with_source(error))?
            .map_err(|error| {
                Error::config_invalid("a credential process does not run").with_source(error)
            })?;
        Ok(CommandOutput {
            status: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}
