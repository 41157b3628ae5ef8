//! A program that signs: it reads the message on standard input and writes the signature, and nothing else, to
//! standard output. Whatever can sign can be put behind it, an HSM (PKCS #11) or a cloud's key service.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use async_trait::async_trait;
use strongroom_core::limits::SIGNATURE_BYTES_MAX;
use strongroom_core::signing::key::PublicKey;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::{Signer, SignerError, checked};
use crate::service::printable;

/// How long a program may take, unless told otherwise: somebody may have to touch a device.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that are kept, and told, of the end of what the program writes to standard error.
const LAST_WORDS_BYTES_MAX: usize = 200;
/// Bytes that are read of it at once.
const PIECE_BYTES: usize = 4096;

/// A key behind a program.
pub(super) struct CommandSigner {
    program: OsString,
    arguments: Vec<OsString>,
    public_key: PublicKey,
    timeout: Duration,
}

/// What a program did.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    standard_error: Vec<u8>,
}

impl CommandSigner {
    pub(super) fn new(
        argv: Vec<OsString>,
        public_key: PublicKey,
        timeout: Duration,
    ) -> Result<Self, SignerError> {
        let mut argv = argv.into_iter();
        let program = argv.next().filter(|program| !program.is_empty());
        let program = program.ok_or(SignerError::NoProgram)?;
        Ok(Self { program, arguments: argv.collect(), public_key, timeout })
    }

    async fn run(&self, message: &[u8]) -> Result<Ended, SignerError> {
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whatever ends this early, the program ends with it.
            .kill_on_drop(true)
            .spawn()
            .map_err(SignerError::NotStarted)?;
        tokio::time::timeout(self.timeout, converse(&mut child, message))
            .await
            .unwrap_or(Err(SignerError::TimedOut(self.timeout)))
    }
}

#[async_trait]
impl Signer for CommandSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn place(&self) -> String {
        "an external command".to_owned()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        let ended = self.run(message).await?;
        if !ended.status.success() {
            let words = printable(&String::from_utf8_lossy(&ended.standard_error));
            return Err(SignerError::CommandFailed { status: ended.status.to_string(), words });
        }
        checked(&self.public_key, message, ended.output)
    }
}

/// Feeds the message and hears the program out, all at once: it may write before it has read everything.
async fn converse(child: &mut Child, message: &[u8]) -> Result<Ended, SignerError> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        let Some(mut stdin) = stdin else { return Ok(()) };
        match stdin.write_all(message).await {
            // What it makes of half a message will not verify.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome.map_err(SignerError::BrokeOff),
        }
    };
    let output = async {
        let mut output = Vec::new();
        let Some(stdout) = stdout else { return Ok(output) };
        let bounded = SIGNATURE_BYTES_MAX as u64 + 1;
        stdout.take(bounded).read_to_end(&mut output).await.map_err(SignerError::BrokeOff)?;
        if output.len() > SIGNATURE_BYTES_MAX {
            return Err(SignerError::TooLong(SIGNATURE_BYTES_MAX));
        }
        Ok(output)
    };
    let standard_error = async {
        let Some(stderr) = stderr else { return Ok(Vec::new()) };
        the_end_of(stderr).await.map_err(SignerError::BrokeOff)
    };
    let ((), output, standard_error) = tokio::try_join!(feed, output, standard_error)?;
    let status = child.wait().await.map_err(SignerError::BrokeOff)?;
    Ok(Ended { status, output, standard_error })
}

/// The last bytes of everything that comes.
async fn the_end_of(mut source: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    let mut piece = [0; PIECE_BYTES];
    loop {
        let read = source.read(&mut piece).await?;
        if read == 0 {
            return Ok(kept);
        }
        kept.extend_from_slice(&piece[..read]);
        kept.drain(..kept.len().saturating_sub(LAST_WORDS_BYTES_MAX));
    }
}
