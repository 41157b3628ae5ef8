//! Where OpenBao is that keeps secrets which are referred to: by the variables that its own programs read.

use std::path::PathBuf;

use strongroom_storage::open::Secret;
use strongroom_storage::openbao::OpenBaoAccess;
use strongroom_storage::service::ServiceSettings;

use super::registry::keys;
use super::{Config, SecretReference};
use crate::failure::Failure;

/// OpenBao's name of a variable, which wins, and HashiCorp Vault's.
type Names = [&'static str; 2];

const ADDRESS: Names = ["BAO_ADDR", "VAULT_ADDR"];
const TOKEN: Names = ["BAO_TOKEN", "VAULT_TOKEN"];
/// Names a file that holds the token, such as an agent's sink.
pub const TOKEN_FILE: Names = ["BAO_TOKEN_PATH", "VAULT_TOKEN_PATH"];
const NAMESPACE: Names = ["BAO_NAMESPACE", "VAULT_NAMESPACE"];
/// Names a file of certificates to trust besides the system's.
pub const CA_FILE: Names = ["BAO_CACERT", "VAULT_CACERT"];

impl Config {
    /// How to ask OpenBao.
    pub fn openbao(&self) -> Result<OpenBaoAccess, Failure> {
        let url = self.variable(ADDRESS).ok_or_else(|| {
            Failure::usage("nothing says where OpenBao is")
                .with_help("BAO_ADDR (or VAULT_ADDR) says it: https://HOST:8200")
        })?;
        let ca_file = self.variable(CA_FILE).map(PathBuf::from);
        let allow_http = self.switch(&keys::SIGNING_SERVICE_ALLOW_HTTP.setting)?.unwrap_or(false);
        Ok(OpenBaoAccess {
            service: ServiceSettings { url: url.to_owned(), allow_http, ca_file },
            token: self.openbao_token()?,
            namespace: self.variable(NAMESPACE).map(ToOwned::to_owned),
        })
    }

    fn openbao_token(&self) -> Result<Secret, Failure> {
        if let Some(token) = self.variable(TOKEN) {
            return Ok(Secret(token.to_owned()));
        }
        let file = self.variable(TOKEN_FILE).ok_or_else(|| {
            Failure::usage("there is no token for OpenBao").with_help(
                "BAO_TOKEN (or VAULT_TOKEN) holds it; or BAO_TOKEN_PATH names a file that does, such as an agent's",
            )
        })?;
        SecretReference::File(file.into()).resolve(&self.environment)
    }

    fn variable(&self, names: Names) -> Option<&str> {
        names.into_iter().find_map(|name| self.environment.text(name))
    }
}
