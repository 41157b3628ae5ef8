//! What changed inside a file: JSON by value, records by record, text by line.

pub mod json;
mod lines;
mod promise;
pub mod records;
pub(super) mod room;
pub mod shown;
pub mod text;

use serde::Serialize;

use self::json::ValueChanges;
pub use self::promise::Promise;
use self::records::RecordDiff;
use self::room::Room;
use self::text::TextDiff;
use super::files::ChangedFile;
use crate::canonical::{self, JsonLimits};
use crate::limits::{
    DIFF_CONTENT_BYTES_MAX, DIFF_FILE_BYTES_MAX, DIFF_FILES_MAX, DIFF_PAIRS_MAX, DIFF_SHOWN_MAX,
    DIFF_VALUES_MAX,
};

/// What changed inside a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Inside {
    /// A JSON document, by value. Without any change only its spelling is another.
    Json(ValueChanges),
    /// One JSON value a line.
    Ndjson(RecordDiff),
    /// Text, by line.
    Text {
        /// Its lines.
        #[serde(flatten)]
        lines: TextDiff,
        /// Why it was not compared as the JSON that its name promises, in our words.
        #[serde(skip_serializing_if = "Option::is_none")]
        not_json: Option<String>,
    },
    /// Nobody looked.
    NotLookedAt {
        /// Why.
        reason: NotLookedAt,
    },
}

/// Why nobody looked inside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotLookedAt {
    /// One side is no UTF-8 text.
    Binary,
    /// One side is over [`DIFF_FILE_BYTES_MAX`].
    FileLimit,
    /// The files before it take all of [`DIFF_CONTENT_BYTES_MAX`].
    ContentLimit,
    /// There are [`DIFF_FILES_MAX`] files before it.
    FilesLimit,
    /// More pairs of lines than [`DIFF_PAIRS_MAX`], or than is left of those for all files.
    PairsLimit,
    /// What is shown of the files before it takes all of [`DIFF_SHOWN_MAX`].
    ShownLimit,
}

impl NotLookedAt {
    /// For people.
    pub fn words(self) -> String {
        let over = |name: &str, max: u64| format!("over the limit {name}: {max}");
        match self {
            Self::Binary => "no UTF-8 text".to_owned(),
            Self::FileLimit => over("DIFF_FILE_BYTES_MAX", DIFF_FILE_BYTES_MAX),
            Self::ContentLimit => over("DIFF_CONTENT_BYTES_MAX", DIFF_CONTENT_BYTES_MAX),
            Self::FilesLimit => over("DIFF_FILES_MAX", DIFF_FILES_MAX as u64),
            Self::PairsLimit => over("DIFF_PAIRS_MAX", DIFF_PAIRS_MAX),
            Self::ShownLimit => over("DIFF_SHOWN_MAX", DIFF_SHOWN_MAX as u64),
        }
    }
}

/// Looks inside a file, whose bytes were verified on both sides.
pub(super) fn look(file: &ChangedFile, base: &[u8], candidate: &[u8], room: &mut Room) -> Inside {
    let not_looked_at = |reason| Inside::NotLookedAt { reason };
    let (Some(base), Some(candidate)) = (as_text(base), as_text(candidate)) else {
        return not_looked_at(NotLookedAt::Binary);
    };
    if room.is_used_up() {
        return not_looked_at(NotLookedAt::ShownLimit);
    }
    let mut not_json = None;
    match Promise::of(&file.path, file.candidate.media_type.as_deref()) {
        Promise::Json => match as_json(base, candidate, room) {
            Ok(changes) => return Inside::Json(changes),
            Err(why) => not_json = Some(why),
        },
        Promise::Ndjson => {
            return records::between(base, candidate, room)
                .map_or(not_looked_at(NotLookedAt::PairsLimit), Inside::Ndjson);
        }
        Promise::Text | Promise::Nothing => {}
    }
    match text::between(base, candidate, room) {
        Some(lines) => Inside::Text { lines, not_json },
        None => not_looked_at(NotLookedAt::PairsLimit),
    }
}

/// A byte of zero is in no text that a person reads.
fn as_text(bytes: &[u8]) -> Option<&str> {
    if bytes.contains(&0) { None } else { std::str::from_utf8(bytes).ok() }
}

fn as_json(base: &str, candidate: &str, room: &mut Room) -> Result<ValueChanges, String> {
    let parse = |side: &str, text: &str| {
        canonical::parse(text.as_bytes(), JsonLimits::NATIVE)
            .map_err(|error| format!("the {side}: {error}"))
    };
    let (base, candidate) = (parse("base", base)?, parse("candidate", candidate)?);
    let changes = json::between(&base, &candidate, room.at_most(DIFF_VALUES_MAX), room);
    room.take_shown(changes.changes.len());
    Ok(changes)
}
