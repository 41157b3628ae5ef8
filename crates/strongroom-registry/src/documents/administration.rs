//! Tokens, backends, metadata schemas, the sweeper.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::{Role, Secret};

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "name": "nightly build", "role": "producer", "producer": "ci", "days": 30 })))]
pub struct NewToken {
    /// For people: who or what has it.
    #[schema(min_length = 1, max_length = 256)]
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The one producer whose packages it is good for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(min_length = 1, max_length = 256)]
    pub producer: Option<String>,
    /// Days until it is good for nothing; 90 where none are given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenDocument {
    /// Its id.
    pub token_id: Uuid,
    /// For people.
    pub name: String,
    /// The part of it that may be shown.
    pub prefix: String,
    /// What it may do.
    pub role: Role,
    /// The one producer whose packages it is good for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub producer: Option<String>,
    /// The random id that stands for its holder in records.
    pub principal_id: Uuid,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the hour or so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
}

/// A token that was made: the only answer that ever holds its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenCreated {
    /// The token itself. It is shown this once.
    #[schema(value_type = String)]
    pub secret: Secret,
    /// Everything else about it.
    #[serde(flatten)]
    pub token: TokenDocument,
}

/// A page of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenPage {
    /// The tokens, the newest first.
    pub tokens: Vec<TokenDocument>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// A storage backend, as it is just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendDocument {
    /// The name that rows and records know it by.
    pub backend_id: String,
    /// Where it is, without credentials.
    pub url: String,
    /// Where it answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub endpoint: Option<String>,
    /// Whether new packages go there.
    pub takes_new_packages: bool,
    /// What it says of itself; each value observed, or the reason why not.
    #[schema(value_type = Object)]
    pub status: Value,
}

/// Every storage backend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackendPage {
    /// The backends, by name.
    pub backends: Vec<BackendDocument>,
}

/// The JSON Schema that the metadata of a producer's packages is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaDocument {
    /// The producer.
    pub producer: String,
    /// The schema (JSON Schema 2020-12).
    #[schema(value_type = Object)]
    pub schema: Value,
    /// Since when it holds.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A page of schemas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SchemaPage {
    /// The schemas that hold now, by producer.
    pub schemas: Vec<SchemaDocument>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next: Option<String>,
}

/// How deletion fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweeperDocument {
    /// Looks so far.
    pub ticks: u64,
    /// When the last one was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_tick_at: Option<Timestamp>,
    /// Whether nothing is deleted until an operator confirms the clock.
    pub paused: bool,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pause_reason: Option<String>,
}

/// Confirms that the clock is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({ "now": "2026-03-01T09:30:00Z" })))]
pub struct ClockConfirmation {
    /// The present, as the operator knows it: within five minutes of the registry's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_made_is_in_its_json_and_not_in_its_debug_form() {
        let secret = Secret::generate().unwrap();
        let token = serde_json::json!({
            "secret": secret.reveal(), "token_id": Uuid::nil(), "name": "ci", "prefix": "srt_",
            "role": "producer", "principal_id": Uuid::nil(), "created_at": "2026-01-01T00:00:00Z",
        });
        let made: TokenCreated = serde_json::from_value(token.clone()).unwrap();
        assert_eq!(serde_json::to_value(&made).unwrap(), token);
        assert!(!format!("{made:?}").contains(secret.id()), "{made:?}");
    }
}

/// Which tokens.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TokenQuery {
    /// Tokens of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^[0-9a-fA-F]{48}$")]
    pub cursor: Option<String>,
}

/// Which schemas.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SchemaQuery {
    /// Schemas of the page.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next` of the page before.
    #[serde(default)]
    #[param(pattern = "^([0-9a-fA-F]{2})+$")]
    pub cursor: Option<String>,
}
