//! How a bucket is set up, as far as it tells. Only questions are asked: nothing is written, not even in
//! vain.

use http::Method;
use serde_json::Value;
use strongroom_core::canonical::{self, JsonLimits};
use strongroom_core::observed::{Observed, Unobserved};

use super::S3Storage;
use super::lock::{bucket_lock, observe, observe_answer};
use super::request::Request;
use super::status::{encryption, public_access, versioning};
use crate::StorageError;
use crate::exchange::xml::Element;
use crate::status::BucketSettings;

/// See [`crate::Storage::bucket_settings`].
pub(super) async fn settings(store: &S3Storage) -> BucketSettings {
    let (versioning, lock, encryption, public_access, tls_only, unfinished) = futures::join!(
        versioning(store),
        bucket_lock(store),
        encryption(store),
        public_access(store),
        tls_only(store),
        unfinished(store),
    );
    let lock = settle(lock);
    BucketSettings {
        versioning: settle(versioning),
        object_lock: lock.clone().map(|lock| lock.is_enabled),
        default_retention: lock.map(|lock| lock.default),
        encryption: settle(encryption),
        public_access: settle(public_access),
        tls_only: settle(tls_only),
        unfinished_uploads_days: settle(unfinished),
    }
}

fn settle<T>(seen: Result<Observed<T>, StorageError>) -> Observed<T> {
    seen.unwrap_or_else(|error| {
        tracing::debug!(kind = ?error.kind(), "a setting of the bucket was not told");
        Observed::Unobserved(Unobserved::Error)
    })
}

/// Whether the bucket's policy denies everything that comes without TLS, to everybody.
async fn tls_only(store: &S3Storage) -> Result<Observed<bool>, StorageError> {
    let answer = store.client.send(&Request::bucket(Method::GET).query("policy", "")).await;
    let bucket = store.client.address.bucket();
    let read = |body: &[u8]| {
        let policy = canonical::parse(body, JsonLimits::NATIVE).ok()?;
        Some(policy.get("Statement")?.as_array()?.iter().any(|one| denies_plain(one, bucket)))
    };
    observe_answer(answer, |answer| read(&answer.body), || false)
}

/// A statement that is understood wholly, or does not count.
fn denies_plain(statement: &Value, bucket: &str) -> bool {
    let Some(statement) = statement.as_object() else { return false };
    let field = |name: &str| statement.get(name).unwrap_or(&Value::Null);
    let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    let everybody = match field("Principal") {
        Value::Object(who) => {
            who.len() == 1 && who.get("AWS").is_some_and(|who| holds(who, |one| one == "*"))
        }
        who => holds(who, |one| one == "*"),
    };
    let everything = holds(field("Action"), |action| matches!(action, "*" | "s3:*"));
    let resource = |wanted: &str| {
        holds(field("Resource"), |one| {
            one == "*"
                || one.split_once(":::").is_some_and(|(_, name)| {
                    name == wanted || name == "*" || name == format!("{bucket}*")
                })
        })
    };
    statement.keys().all(|name| known.contains(&name.as_str()))
        && field("Effect") == "Deny"
        && everybody
        && everything
        && resource(bucket)
        && resource(&format!("{bucket}/*"))
        && is_about_plain_requests(field("Condition"))
}

/// One text, or a list of which one will do.
fn holds(value: &Value, good: impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => good(text),
        Value::Array(texts) => texts.iter().any(|one| one.as_str().is_some_and(&good)),
        _ => false,
    }
}

/// `{"Bool": {"aws:SecureTransport": "false"}}`, and no further condition.
fn is_about_plain_requests(condition: &Value) -> bool {
    let only = |value: &Value, name: &str| {
        let object = value.as_object().filter(|object| object.len() == 1)?;
        let (key, value) = object.iter().next()?;
        key.eq_ignore_ascii_case(name).then(|| value.clone())
    };
    let secure = only(condition, "Bool").and_then(|keys| only(&keys, "aws:SecureTransport"));
    match secure {
        Some(Value::Bool(secure)) => !secure,
        Some(Value::Array(all)) => all.len() == 1 && holds(&all[0], |one| one == "false"),
        Some(secure) => holds(&secure, |one| one == "false"),
        None => false,
    }
}

/// After how many days parts of unfinished uploads are removed; `None` where no rule does that.
async fn unfinished(store: &S3Storage) -> Result<Observed<Option<u32>>, StorageError> {
    let answer = store.client.send(&Request::bucket(Method::GET).query("lifecycle", "")).await;
    let prefix = store.client.address.prefix();
    observe(answer, "LifecycleConfiguration", |root| read_lifecycle(root, prefix), || None)
}

fn read_lifecycle(root: &Element, prefix: &str) -> Option<Option<u32>> {
    let rules = root.children.iter().filter(|child| child.name == "Rule");
    Some(rules.filter_map(|rule| days_of(rule, prefix)).min())
}

/// The days of a rule that is on, and that covers everything under `prefix`.
fn days_of(rule: &Element, prefix: &str) -> Option<u32> {
    if rule.text_of("Status") != Some("Enabled") {
        return None;
    }
    let filter = rule.child("Filter");
    let narrower =
        filter.is_some_and(|filter| filter.children.iter().any(|child| child.name != "Prefix"));
    let of_filter = filter.and_then(|filter| filter.text_of("Prefix"));
    let of_rule = of_filter.or_else(|| rule.text_of("Prefix")).unwrap_or_default();
    if narrower || !prefix.starts_with(of_rule) {
        return None;
    }
    rule.child("AbortIncompleteMultipartUpload")?.text_of("DaysAfterInitiation")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
            "Resource": ["arn:aws:s3:::evidence", "arn:aws:s3:::evidence/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        })
    }

    #[test]
    fn a_policy_that_denies_plain_requests_to_everybody_is_understood() {
        assert!(denies_plain(&good(), "evidence"));
        let spelled = |change: fn(&mut Value)| {
            let mut statement = good();
            change(&mut statement);
            denies_plain(&statement, "evidence")
        };
        assert!(spelled(|one| one["Principal"] = json!({"AWS": ["*"]})));
        assert!(spelled(|one| one["Action"] = json!(["s3:*"])));
        assert!(spelled(|one| one["Resource"] = json!("*")));
        assert!(
            spelled(|one| one["Condition"] = json!({"Bool": {"aws:securetransport": [false]}}))
                || spelled(|one| one["Condition"] = json!({"Bool": {"aws:securetransport": false}}))
        );
    }

    #[test]
    fn a_policy_that_leaves_a_way_open_does_not_count() {
        let table: [fn(&mut Value); 9] = [
            |one| one["Effect"] = json!("Allow"),
            |one| one["Principal"] = json!({"AWS": "arn:aws:iam::1:user/a"}),
            |one| one["Action"] = json!("s3:GetObject"),
            |one| one["Resource"] = json!("arn:aws:s3:::evidence/*"),
            |one| one["Resource"] = json!(["arn:aws:s3:::other", "arn:aws:s3:::other/*"]),
            |one| one["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}}),
            |one| {
                one["Condition"] = json!({
                    "Bool": {"aws:SecureTransport": "false"},
                    "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
                });
            },
            |one| one["Condition"] = Value::Null,
            |one| one["NotResource"] = json!("arn:aws:s3:::evidence/plain/*"),
        ];
        for change in table {
            let mut statement = good();
            change(&mut statement);
            assert!(!denies_plain(&statement, "evidence"), "{statement}");
        }
    }

    fn lifecycle(rule: &str) -> Option<u32> {
        let text = format!("<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>");
        read_lifecycle(&Element::parse(text.as_bytes()).unwrap(), "team/").flatten()
    }

    #[test]
    fn a_rule_counts_only_where_it_is_on_and_covers_the_prefix() {
        let abort = "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation>\
                     </AbortIncompleteMultipartUpload>";
        let on = "<Status>Enabled</Status>";
        let rule = |rest: &str| lifecycle(&format!("{rest}{abort}"));
        assert_eq!(rule(&format!("{on}<Filter><Prefix></Prefix></Filter>")), Some(2));
        assert_eq!(rule(&format!("{on}<Filter><Prefix>team/</Prefix></Filter>")), Some(2));
        assert_eq!(rule(&format!("{on}<Prefix></Prefix>")), Some(2));
        assert_eq!(rule(&format!("{on}<Filter><Prefix>other/</Prefix></Filter>")), None);
        assert_eq!(rule(&format!("{on}<Filter><Tag><Key>a</Key></Tag></Filter>")), None);
        assert_eq!(rule("<Status>Disabled</Status><Filter><Prefix></Prefix></Filter>"), None);
        assert_eq!(lifecycle(&format!("{on}<Expiration><Days>1</Days></Expiration>")), None);
    }
}
