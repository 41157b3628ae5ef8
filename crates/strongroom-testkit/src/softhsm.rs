//! A token of SoftHSM for one test alone. Each login writes the token's file anew, a wrong PIN's too, and whoever loads
//! the module meanwhile finds no token there: so nobody logs in to the one that `scripts/servers/softhsm` made, and
//! every test has a copy of it.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::client::endpoint_of;

/// The label of the token.
pub const LABEL: &str = "evidence";
/// Its PIN.
pub const PIN: &str = "1234";

/// A token with a P-256 key (id `01`) and an Ed25519 key (id `02`); it goes with the test.
#[derive(Debug)]
pub struct SoftHsm {
    /// The PKCS #11 module.
    pub module: String,
    made: PathBuf,
    own: TempDir,
}

impl SoftHsm {
    /// A copy of the token that the test scripts made, where they did.
    pub fn copied() -> Option<Self> {
        let made = PathBuf::from(endpoint_of("STRONGROOM_TEST_SOFTHSM")?);
        let module = endpoint_of("STRONGROOM_TEST_SOFTHSM_MODULE")?;
        let own = tempfile::tempdir().expect("a folder");
        let tokens = own.path().join("tokens");
        copy(&made.join("tokens"), &tokens);
        let conf = fs::read_to_string(made.join("softhsm2.conf")).expect("the configuration");
        let (theirs, ours) = (made.join("tokens"), tokens.display().to_string());
        let conf = conf.replace(&theirs.display().to_string(), &ours);
        assert!(conf.contains(&ours), "it names its tokens: {conf}");
        fs::write(own.path().join("softhsm2.conf"), conf).expect("written");
        Some(Self { module, made, own })
    }

    /// What `SOFTHSM2_CONF` is to be.
    pub fn configuration(&self) -> PathBuf {
        self.own.path().join("softhsm2.conf")
    }

    /// The public key of this name, `p256` or `ed25519`, in PEM.
    pub fn public_key(&self, name: &str) -> PathBuf {
        self.made.join(format!("{name}.pem"))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder of the token") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("copied");
        }
    }
}
