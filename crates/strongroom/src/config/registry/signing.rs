//! The key that signs manifests: where it is, and what goes with it. A secret itself is refused, and never shown.

use std::ffi::OsString;
use std::path::PathBuf;

use strongroom_core::limits::NAME_BYTES_MAX;
use strongroom_storage::service::ServiceSettings;
use strongroom_storage::signer::OpenBaoKey;

use super::Reading;
use super::keys::{self, Key};
use crate::config::{SecretReference, Sourced};
use crate::failure::Failure;

/// The key that is named, and what its signatures say and bear.
#[derive(Debug)]
pub struct SigningChoice {
    /// Who signs, by the signature's own word.
    pub signer: String,
    /// Where the key is.
    pub key: KeyPlace,
    /// The authorities that stamp each signature.
    pub authorities: Vec<ServiceSettings>,
}

impl SigningChoice {
    /// Whether another machine has to be asked before the key can be read.
    pub fn is_encrypted_by_a_remote_secret(&self) -> bool {
        let KeyPlace::Private { passphrase: Some(passphrase), .. } = &self.key else {
            return false;
        };
        passphrase.is_remote()
    }
}

/// Where a key is that signs for a registry.
#[derive(Debug)]
pub enum KeyPlace {
    /// A private key in a file or a variable.
    Private {
        /// Where.
        key: SecretReference,
        /// Where its passphrase is.
        passphrase: Option<SecretReference>,
    },
    /// Behind a program.
    Command {
        /// The program and its arguments.
        argv: Vec<OsString>,
        /// The file with its public key.
        public_key: PathBuf,
    },
    /// In OpenBao.
    OpenBao {
        /// The key.
        key: OpenBaoKey,
        /// Where OpenBao is.
        service: ServiceSettings,
        /// Where the token is.
        token: SecretReference,
        /// The namespace, if any.
        namespace: Option<String>,
    },
}

/// What the first word of `signing.key` says.
enum Kind {
    Private(SecretReference),
    Command(String),
    OpenBao(OpenBaoKey),
}

impl Kind {
    /// What is none of these may be the key itself.
    fn of(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("openbao", _) => text.parse().ok().map(Self::OpenBao),
            ("command", program) => (!program.is_empty()).then(|| Self::Command(program.into())),
            // One that OpenBao has stays there: that is what `openbao:` is for.
            _ => local_reference(text).map(Self::Private),
        }
    }
}

/// A reference to what is on this machine.
fn local_reference(text: &str) -> Option<SecretReference> {
    let reference: SecretReference = text.parse().ok()?;
    (!reference.is_remote()).then_some(reference)
}

fn any_reference(text: &str) -> Option<SecretReference> {
    text.parse().ok()
}

/// The keys of one kind of place each.
const OF_PRIVATE: [&Key; 1] = [&keys::SIGNING_PASSPHRASE_REF];
const OF_COMMAND: [&Key; 2] = [&keys::SIGNING_COMMAND_ARGS, &keys::SIGNING_PUBLIC_KEY];
const OF_OPENBAO: [&Key; 3] = [
    &keys::SIGNING_OPENBAO_URL,
    &keys::SIGNING_OPENBAO_TOKEN_REF,
    &keys::SIGNING_OPENBAO_NAMESPACE,
];
/// Those of every kind that nobody is taken to have named by default.
const OF_ALL: [&Key; 2] = [&keys::SIGNING_TIMESTAMP_URLS, &keys::SIGNING_SERVICE_CA];

/// What refers to a secret.
pub(super) const REFERENCES: &str = "file:PATH, env:NAME or bao:PATH#FIELD";
/// What refers to one on this machine.
const LOCAL_REFERENCES: &str = "file:PATH or env:NAME";

impl Reading<'_> {
    /// The key that is named, if any; what is wrong with it is in `refused`.
    pub(super) fn signing(&mut self) -> Option<SigningChoice> {
        let signer = self.signer();
        let allow_http = self.switch(&keys::SIGNING_SERVICE_ALLOW_HTTP);
        let ca_file = self.said(&keys::SIGNING_SERVICE_CA).map(PathBuf::from);
        let service = |url: String| ServiceSettings { url, allow_http, ca_file: ca_file.clone() };
        let Some(Sourced { value, origin }) = self.config.get(&keys::SIGNING_KEY.setting) else {
            for group in [&OF_PRIVATE[..], &OF_COMMAND, &OF_OPENBAO, &OF_ALL] {
                self.refuse_all("it signs nothing without registry.signing.key", group);
            }
            return None;
        };
        let Some(kind) = Kind::of(&value) else {
            let takes = "file:PATH, env:NAME, openbao:MOUNT/NAME or command:PROGRAM, and never the key itself";
            self.refuse(&keys::SIGNING_KEY, takes, &origin);
            return None;
        };
        if !matches!(kind, Kind::Private(_)) {
            self.refuse_all("it goes with a private key, file:PATH or env:NAME", &OF_PRIVATE);
        }
        if !matches!(kind, Kind::Command(_)) {
            self.refuse_all("it goes with command:PROGRAM", &OF_COMMAND);
        }
        if !matches!(kind, Kind::OpenBao(_)) {
            self.refuse_all("it goes with openbao:MOUNT/NAME", &OF_OPENBAO);
        }
        let key = match kind {
            Kind::Private(key) => {
                let passphrase =
                    self.secret(&keys::SIGNING_PASSPHRASE_REF, REFERENCES, any_reference);
                KeyPlace::Private { key, passphrase }
            }
            Kind::Command(program) => {
                let arguments = self.said(&keys::SIGNING_COMMAND_ARGS).unwrap_or_default();
                let argv = std::iter::once(program.as_str()).chain(arguments.split_whitespace());
                let argv = argv.map(OsString::from).collect();
                let public_key = self.needed(&keys::SIGNING_PUBLIC_KEY)?.into();
                KeyPlace::Command { argv, public_key }
            }
            Kind::OpenBao(key) => {
                let url = self.needed(&keys::SIGNING_OPENBAO_URL);
                let named = self.needed(&keys::SIGNING_OPENBAO_TOKEN_REF).is_some();
                let key_of_token = &keys::SIGNING_OPENBAO_TOKEN_REF;
                let token = self.secret(key_of_token, LOCAL_REFERENCES, local_reference);
                let token = token.filter(|_| named);
                let namespace = self.said(&keys::SIGNING_OPENBAO_NAMESPACE);
                KeyPlace::OpenBao { key, service: service(url?), token: token?, namespace }
            }
        };
        let urls = self.said(&keys::SIGNING_TIMESTAMP_URLS).unwrap_or_default();
        let authorities = urls.split_whitespace().map(|url| service(url.to_owned())).collect();
        Some(SigningChoice { signer: signer?, key, authorities })
    }

    fn signer(&mut self) -> Option<String> {
        let Sourced { value, origin } = self.config.get(&keys::SIGNING_SIGNER.setting)?;
        if value.is_empty() || value.len() > NAME_BYTES_MAX {
            let takes = format!("a name of 1 to {NAME_BYTES_MAX} bytes");
            self.refuse(&keys::SIGNING_SIGNER, &takes, &origin);
            return None;
        }
        Some(value)
    }

    fn said(&self, key: &Key) -> Option<String> {
        self.config.get(&key.setting).map(|said| said.value)
    }

    fn needed(&mut self, key: &Key) -> Option<String> {
        let said = self.said(key);
        if said.is_none() {
            let refused = format!("{} is needed, too, by registry.signing.key", key.setting.key);
            self.refused.push(Failure::usage(refused));
        }
        said
    }

    fn secret(
        &mut self,
        key: &Key,
        takes: &str,
        read: fn(&str) -> Option<SecretReference>,
    ) -> Option<SecretReference> {
        let Sourced { value, origin } = self.config.get(&key.setting)?;
        let reference = read(&value);
        if reference.is_none() {
            self.refuse(key, &format!("{takes}, and never the secret itself"), &origin);
        }
        reference
    }

    fn refuse_all(&mut self, why: &str, keys: &[&Key]) {
        for key in keys {
            if let Some(Sourced { origin, .. }) = self.config.get(&key.setting) {
                let refused = format!("{}: {why} ({origin})", key.setting.key);
                self.refused.push(Failure::usage(refused));
            }
        }
    }
}

/// Keys that refer to secrets.
const OF_SECRETS: [&Key; 3] =
    [&keys::DATABASE_URL_REF, &keys::SIGNING_PASSPHRASE_REF, &keys::SIGNING_OPENBAO_TOKEN_REF];

/// A value as it may be shown: what should be a reference and is none may be a secret.
pub(super) fn shown(key: &Key, value: Option<Sourced<String>>) -> Option<Sourced<String>> {
    let Sourced { value, origin } = value?;
    let is_shown = match key.setting.key {
        name if name == keys::SIGNING_KEY.setting.key => Kind::of(&value).is_some(),
        name if OF_SECRETS.iter().any(|of_secret| of_secret.setting.key == name) => {
            any_reference(&value).is_some()
        }
        _ => true,
    };
    let value = if is_shown { value } else { "[redacted]".to_owned() };
    Some(Sourced { value, origin })
}
