//! What was declared, field by field and key by key.

use serde::Serialize;
use serde_json::Value;

use super::described::Described;
use super::inside::json::{self, ValueChange, ValueChanges};
use super::inside::room::Room;
use super::inside::shown::Shown;
use crate::limits::DIFF_VALUES_MAX;

/// What was declared otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Declared {
    /// The manifest's own fields.
    pub fields: Vec<FieldChange>,
    /// The metadata, value by value; pointers are into `metadata`.
    pub metadata: Vec<ValueChange>,
    /// How many more values of the metadata changed.
    pub metadata_unnamed: u64,
}

/// A field of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The format.
    Format,
    /// What the evidence is about.
    Subject,
    /// What made it.
    Producer,
    /// Which version of that.
    ProducerVersion,
    /// The run that made it, or the session.
    RunId,
    /// When it was made.
    CreatedAt,
}

/// A field that was declared otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Which.
    pub field: Field,
    /// What the base says; absent where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Shown>,
    /// What the candidate says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Shown>,
}

impl Field {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Subject => "subject",
            Self::Producer => "producer",
            Self::ProducerVersion => "producer version",
            Self::RunId => "run",
            Self::CreatedAt => "created",
        }
    }

    /// Whether it differs between any two runs, and so says nothing.
    pub fn is_of_the_run(self) -> bool {
        matches!(self, Self::RunId | Self::CreatedAt)
    }

    fn of(self, bundle: &Described) -> Option<String> {
        let producer = bundle.producer.as_ref();
        match self {
            Self::Format => Some(bundle.format.to_owned()),
            Self::Subject => bundle.subject.clone(),
            Self::Producer => producer.map(|producer| producer.name.clone()),
            Self::ProducerVersion => producer.and_then(|producer| producer.version.clone()),
            Self::RunId => bundle.run_id.clone(),
            Self::CreatedAt => bundle.created_at.map(|time| time.to_string()),
        }
    }
}

const FIELDS: [Field; 6] = [
    Field::Format,
    Field::Subject,
    Field::Producer,
    Field::ProducerVersion,
    Field::RunId,
    Field::CreatedAt,
];

impl Declared {
    /// Holds what two bundles declare side by side.
    pub fn between(base: &Described, candidate: &Described) -> Self {
        let fields = FIELDS.into_iter().filter_map(|field| {
            let (left, right) = (field.of(base), field.of(candidate));
            (left != right).then(|| FieldChange {
                field,
                base: left.map(|text| Shown::of_text(&text)),
                candidate: right.map(|text| Shown::of_text(&text)),
            })
        });
        let ValueChanges { changes, changes_unnamed } = json::between(
            &Value::Object(base.metadata.clone()),
            &Value::Object(candidate.metadata.clone()),
            DIFF_VALUES_MAX,
            &mut Room::default(),
        );
        Self { fields: fields.collect(), metadata: changes, metadata_unnamed: changes_unnamed }
    }

    /// Whether something differs besides what differs between any two runs.
    pub fn is_other_evidence(&self) -> bool {
        !self.metadata.is_empty() || self.fields.iter().any(|change| !change.field.is_of_the_run())
    }
}
