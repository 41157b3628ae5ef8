//! Who asks: credentials given outright, or the usual chain of AWS (environment, profiles, SSO, web
//! identity, process, container, instance role).

use std::process::Stdio;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqsign_aws_v4::{
    Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{
    CommandExecute, CommandOutput, Context, Error, FileRead, HttpSend, OsEnv, Signer,
};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::open::StoreSettings;
use crate::{StorageError, StorageErrorKind};

/// How long one question to a metadata or token service may take. Off a cloud machine nobody
/// answers on the metadata address, and that must not hold up the error message.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the whole chain may take.
pub(super) const CHAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of a file of credentials or a token.
const CREDENTIALS_FILE_BYTES_MAX: u64 = 1 << 20;
/// Bytes that a service or a process may answer with.
const CREDENTIALS_ANSWER_BYTES_MAX: u64 = 1 << 20;

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
        // What is measured is what is read: a pipe, or a file of `/proc`, has no size.
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        let bytes = read_bounded(file, CREDENTIALS_FILE_BYTES_MAX).await.map_err(failed)?;
        bytes.ok_or_else(|| Error::config_invalid("a file of credentials is too long"))
    }
}

/// Reads to the end; `None` where that is further than `bytes_max`.
async fn read_bounded(
    from: impl AsyncRead + Unpin,
    bytes_max: u64,
) -> Result<Option<Vec<u8>>, std::io::Error> {
    let mut bytes = Vec::new();
    from.take(bytes_max + 1).read_to_end(&mut bytes).await?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
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
        let mut response = client.execute(request).await.map_err(failed)?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&piece);
            if body.len() as u64 > CREDENTIALS_ANSWER_BYTES_MAX {
                return Err(Error::unexpected("a credential service's answer is too long"));
            }
        }
        answer.body(body.freeze()).map_err(|error| {
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
        let fails =
            |error| Error::config_invalid("a credential process does not run").with_source(error);
        let mut child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whoever waits gives up after a while; the process does not outlive that.
            .kill_on_drop(true)
            .spawn()
            .map_err(fails)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr, status) = tokio::try_join!(output(stdout), output(stderr), async {
            child.wait().await.map_err(fails)
        })?;
        Ok(CommandOutput { status: status.code().unwrap_or(-1), stdout, stderr })
    }
}

/// All that a process writes to one of its pipes.
async fn output(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Error> {
    let Some(pipe) = pipe else { return Ok(Vec::new()) };
    let bytes = read_bounded(pipe, CREDENTIALS_ANSWER_BYTES_MAX).await.map_err(|error| {
        Error::unexpected("a credential process is unreadable").with_source(error)
    })?;
    bytes.ok_or_else(|| Error::unexpected("a credential process writes too much"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;

    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn a_file_that_never_ends_is_not_read_to_its_end() {
        let refused = Files.file_read("/dev/zero").await.expect_err("too long");
        assert!(refused.to_string().contains("too long"), "{refused}");
    }

    #[tokio::test]
    async fn a_process_that_never_stops_writing_is_stopped() {
        for redirected in ["yes", "yes >&2"] {
            let run = Processes.command_execute("sh", &["-c", redirected]).await;
            let refused = run.expect_err("too much");
            assert!(refused.to_string().contains("writes too much"), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_a_process_writes_and_how_it_ends_are_told() {
        let script = ["-c", "echo out; echo err >&2; exit 3"];
        let told = Processes.command_execute("sh", &script).await.expect("an end");
        assert_eq!((told.status, told.stdout.as_slice()), (3, b"out\n".as_slice()));
        assert_eq!(told.stderr, b"err\n");
    }

    #[tokio::test]
    async fn a_process_that_nobody_waits_for_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        let script = format!("exec 9> '{}'; exec sleep 1000", pipe.display());
        let args = ["-c", script.as_str()];
        // A pipe opens once the process opened it too, and ends when the process ends.
        let opening = tokio::task::spawn_blocking(move || std::fs::File::open(pipe));
        let mut pipe = tokio::select! {
            _ = Processes.command_execute("sh", &args) => unreachable!("it sleeps"),
            opened = opening => opened.expect("no panic").expect("a pipe"),
        };
        let end = tokio::task::spawn_blocking(move || pipe.read(&mut [0]));
        assert_eq!(end.await.expect("no panic").expect("an end"), 0);
    }

    #[tokio::test]
    async fn a_service_that_never_stops_answering_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            // An answer before the question is none.
            assert!(connection.read(&mut [0; 4096]).await.expect("a request") > 0);
            let mut sent = connection.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while sent.is_ok() {
                sent = connection.write_all(&[b' '; 1 << 16]).await;
            }
        });
        let services = Services { near: reqwest::Client::new(), far: reqwest::Client::new() };
        let request = http::Request::get(url).body(Bytes::new()).expect("a request");
        let refused = services.http_send(request).await.expect_err("too long");
        assert!(refused.to_string().contains("too long"), "{refused}");
    }
}
