//! What a producer may declare of a package. What is declared is kept for years, copied, searched and handed
//! out, and cannot be taken back once it is locked: so it is bounded, readable, and holds no secret.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::bundle::{BundleError, Declarations, Manifest, Refusal, check_name};
use crate::canonical::{self, JsonLimits, Step};
use crate::limits::{
    DECLARED_SECRETS_MAX, PACKAGE_METADATA_BYTES_MAX, PACKAGE_METADATA_DEPTH_MAX,
    PACKAGE_METADATA_VALUES_MAX,
};
use crate::lint::Place;
use crate::secrets::{Names, SecretKind, find_in, find_in_value, name_of_pair};

/// What is declared was refused. Holds nothing of the values.
#[derive(Debug, thiserror::Error)]
pub enum DeclarationRefused {
    /// Against the rules of a manifest, or over a limit.
    #[error(transparent)]
    Rule(#[from] BundleError),
    /// There are secrets in it.
    #[error("what is declared holds what looks like a secret: {}", told(.0))]
    Secrets(Vec<DeclaredSecret>),
}

/// What looks like a secret in what is declared.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeclaredSecret {
    /// The field: a JSON pointer (RFC 6901), with every secret in it struck out.
    pub field: String,
    /// The kind's stable name.
    pub kind: &'static str,
    /// What people call the kind.
    pub kind_name: &'static str,
}

impl DeclarationRefused {
    /// What a person can do, if anything.
    pub fn guidance(&self) -> Option<&str> {
        match self {
            Self::Rule(error) => error.guidance(),
            Self::Secrets(_) => {
                Some("revoke it where it was issued, and declare the package again without it")
            }
        }
    }
}

/// Fields and kinds, by name.
fn told(secrets: &[DeclaredSecret]) -> String {
    let told: Vec<String> =
        secrets.iter().map(|one| format!("{} ({})", one.field, one.kind_name)).collect();
    told.join(", ")
}

/// Checks the name of a package and what its producer declares.
pub fn check(name: &str, declared: &Declarations) -> Result<(), DeclarationRefused> {
    check_name("name", name)?;
    check_created_at(declared.created_at)?;
    // By the rules of a manifest, so that finalizing meets nothing that was let in here.
    Manifest::new(Vec::new(), declared.clone())?;
    if let Some(metadata) = &declared.metadata {
        check_metadata(metadata)?;
    }
    let mut found = Found::default();
    let producer = declared.producer.as_ref();
    let class = declared.retention.as_ref().and_then(|retention| retention.class.as_deref());
    for (field, text) in [
        (&["name"][..], Some(name)),
        (&["producer", "name"], producer.map(|producer| producer.name.as_str())),
        (&["producer", "version"], producer.and_then(|producer| producer.version.as_deref())),
        (&["subject"], declared.subject.as_deref()),
        (&["run_id"], declared.run_id.as_deref()),
        (&["retention", "class"], class),
    ] {
        if let Some(text) = text {
            let steps: Vec<Step> = field.iter().map(|step| Step::Name((*step).into())).collect();
            found.look_at(text, &steps);
        }
    }
    if let Some(metadata) = &declared.metadata {
        found.walk_object(metadata, &mut Names::none(), &mut vec![Step::Name("metadata".into())]);
    }
    found.finish()
}

/// Checks the time that is declared of the content. It is part of the identity, and a registry's rows keep whole
/// microseconds: a finer one would come back as another time, and the package as another one.
pub fn check_created_at(created_at: Option<Timestamp>) -> Result<(), DeclarationRefused> {
    match created_at {
        Some(created_at) if created_at.subsec_nanosecond() % 1_000 != 0 => {
            let message =
                "created_at is finer than a microsecond, which is the finest that is kept";
            let error = BundleError::new(Refusal::Format, message);
            Err(error.with_guidance("declare it with six digits after the second, or fewer").into())
        }
        _ => Ok(()),
    }
}

/// Checks one text that is declared later, such as the path of a file or its media type, for secrets only.
pub fn check_text(field: &'static str, text: &str) -> Result<(), DeclarationRefused> {
    let mut found = Found::default();
    found.look_at(text, &[Step::Name(field.into())]);
    found.finish()
}

/// Bounds the metadata: its bytes, its depth, and characters that some database or terminal chokes on.
fn check_metadata(metadata: &Map<String, Value>) -> Result<(), BundleError> {
    let bytes = canonical::to_vec(metadata)?;
    if bytes.len() > PACKAGE_METADATA_BYTES_MAX {
        let message = format!(
            "metadata is over the limit PACKAGE_METADATA_BYTES_MAX: {PACKAGE_METADATA_BYTES_MAX}"
        );
        return Err(BundleError::new(Refusal::Limit, message));
    }
    let limits = JsonLimits {
        depth_max: PACKAGE_METADATA_DEPTH_MAX,
        values_max: PACKAGE_METADATA_VALUES_MAX,
        ..JsonLimits::NATIVE
    };
    canonical::parse_canonical(&bytes, limits)?;
    metadata.iter().try_for_each(|(name, value)| {
        check_characters_of_name(name)?;
        check_characters(value)
    })
}

fn check_characters(value: &Value) -> Result<(), BundleError> {
    match value {
        Value::String(text) => {
            let is_bad = |character: char| {
                character.is_control() && !matches!(character, '\t' | '\n' | '\r')
            };
            refuse_if(text.chars().any(is_bad), "a value of the metadata holds a control character")
        }
        Value::Array(items) => items.iter().try_for_each(check_characters),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_characters_of_name(name)?;
            check_characters(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn check_characters_of_name(name: &str) -> Result<(), BundleError> {
    let is_bad = name.chars().any(char::is_control);
    refuse_if(is_bad, "the name of a field of the metadata holds a control character")
}

fn refuse_if(is_refused: bool, message: &'static str) -> Result<(), BundleError> {
    if is_refused { Err(BundleError::new(Refusal::Format, message)) } else { Ok(()) }
}

/// Secrets that were found, each kind once a field, up to [`DECLARED_SECRETS_MAX`].
#[derive(Default)]
struct Found(Vec<DeclaredSecret>);

impl Found {
    /// What makes a value a secret may be a name that leads to it.
    fn walk_object<'a>(
        &mut self,
        members: &'a Map<String, Value>,
        names: &mut Names<'a>,
        steps: &mut Vec<Step>,
    ) {
        for (name, value) in members {
            steps.push(Step::Name(name.clone()));
            self.look_at(name, steps);
            let paired = name_of_pair(members, name);
            names.push(paired.unwrap_or(name));
            self.walk(names, value, steps);
            names.pop();
            steps.pop();
        }
    }

    fn walk<'a>(&mut self, names: &mut Names<'a>, value: &'a Value, steps: &mut Vec<Step>) {
        match value {
            Value::Object(members) => self.walk_object(members, names, steps),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    steps.push(Step::Index(index));
                    self.walk(names, item, steps);
                    steps.pop();
                }
            }
            Value::String(text) => self.look_at_named(names, text, steps),
            Value::Number(number) => self.look_at_named(names, &number.to_string(), steps),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn look_at(&mut self, text: &str, steps: &[Step]) {
        for one in find_in(text) {
            self.add(one.kind, steps);
        }
    }

    fn look_at_named(&mut self, names: &Names<'_>, text: &str, steps: &[Step]) {
        for one in find_in_value(names, text) {
            self.add(one.kind, steps);
        }
    }

    fn add(&mut self, kind: &'static SecretKind, steps: &[Step]) {
        if self.0.len() == DECLARED_SECRETS_MAX {
            return;
        }
        let Place::Field { field } = Place::field(steps) else { return };
        let one = DeclaredSecret { field, kind: kind.id, kind_name: kind.name };
        if !self.0.contains(&one) {
            self.0.push(one);
        }
    }

    fn finish(self) -> Result<(), DeclarationRefused> {
        if self.0.is_empty() { Ok(()) } else { Err(DeclarationRefused::Secrets(self.0)) }
    }
}

#[cfg(test)]
mod tests;
