//! Whether the evidence is to be kept for less. What a bundle asks for, not what a store holds.

use serde::Serialize;

use crate::bundle::RetentionRequest;
use crate::secrets::redacted;

/// How what the candidate asks for stands to what the base asks for. The order is of how much it matters:
/// a whole is judged by its worst part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The same.
    Same,
    /// For longer, or more firmly.
    Stronger,
    /// Something else, of which nobody can tell whether it is less.
    Incomparable,
    /// For less.
    Weaker,
}

/// One part of what is asked, on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part<T> {
    /// How they stand to each other.
    pub judgement: Judgement,
    /// What the base asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<T>,
    /// What the candidate asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub candidate: Option<T>,
}

/// How the retention that is asked for changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RetentionChange {
    /// The worst of its parts.
    pub judgement: Judgement,
    /// The days from storing. None ask for no lock.
    pub days: Part<u32>,
    /// The hold.
    pub legal_hold: Part<bool>,
    /// The class.
    pub class: Part<String>,
}

/// The classes that have an order, the weakest first.
const CLASSES: [&str; 5] =
    ["transient", "raw-evidence", "summary-evidence", "release-evidence", "permanent-record"];

impl RetentionChange {
    /// Holds two requests side by side.
    pub fn between(base: &RetentionRequest, candidate: &RetentionRequest) -> Self {
        let days = Part::of(base.days, candidate.days, |days| Some(days.copied().unwrap_or(0)));
        let legal_hold = Part::of(base.legal_hold, candidate.legal_hold, |hold| {
            Some(u32::from(hold.copied().unwrap_or(false)))
        });
        let class = Part::of(base.class.clone(), candidate.class.clone(), |class| match class {
            None => Some(0),
            Some(class) => {
                let rank = CLASSES.iter().position(|known| known == class)?;
                u32::try_from(rank + 1).ok()
            }
        });
        let judgement = days.judgement.max(legal_hold.judgement).max(class.judgement);
        Self { judgement, days, legal_hold, class: class.shown() }
    }

    /// Whether both ask the same.
    pub fn is_same(&self) -> bool {
        self.judgement == Judgement::Same
    }

    /// Whether the candidate asks for less, or for what nobody can tell from less.
    pub fn may_be_weaker(&self) -> bool {
        self.judgement >= Judgement::Incomparable
    }
}

impl Part<String> {
    /// Without the secrets in it: a class is a word of somebody's own.
    fn shown(self) -> Self {
        let shown = |class: Option<String>| class.map(|class| redacted(&class).unwrap_or(class));
        Self { base: shown(self.base), candidate: shown(self.candidate), ..self }
    }
}

impl<T: PartialEq> Part<T> {
    /// `rank` orders what is asked by strength; `None` has no place in that order.
    fn of(base: Option<T>, candidate: Option<T>, rank: impl Fn(Option<&T>) -> Option<u32>) -> Self {
        let judgement = match (rank(base.as_ref()), rank(candidate.as_ref())) {
            (Some(left), Some(right)) if left == right => Judgement::Same,
            (Some(left), Some(right)) if left < right => Judgement::Stronger,
            (Some(_), Some(_)) => Judgement::Weaker,
            _ if base == candidate => Judgement::Same,
            // Whatever a class of another's means, to ask for it is more than to ask for none.
            _ if base.is_none() => Judgement::Stronger,
            _ if candidate.is_none() => Judgement::Weaker,
            _ => Judgement::Incomparable,
        };
        Self { judgement, base, candidate }
    }
}
