//! Trust roots as they are shown: what each key is good for now, in a word and in a sentence.

use jiff::Timestamp;
use serde::Serialize;
use strongroom_core::Sha256Digest;
use strongroom_core::signing::key::{Algorithm, KeyId};
use strongroom_core::signing::trust::{KeyStatus, TrustRoot};

use super::file::ReadFile;
use crate::commands::Context;
use crate::output::{Block, Console, Palette, safe, styled, time};

/// The schema that a file of trust roots is printed under.
const SCHEMA: &str = "strongroom.trust-root-list/v1";
/// From this width on, a key takes one line.
const ONE_LINE_COLUMNS: usize = 160;

/// A file of trust roots as it is now.
#[derive(Debug, Serialize)]
pub struct FileDocument {
    schema: &'static str,
    path: String,
    sha256: Sha256Digest,
    form: &'static str,
    /// The keys that this command added or changed.
    changed: Vec<KeyId>,
    trust_roots: Vec<Listed>,
}

/// One key.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub key_id: KeyId,
    algorithm: Algorithm,
    pub owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    status: KeyStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    standing: Standing,
    means: String,
}

/// What a key is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    NotYetValid,
    Expired,
    Retired,
    Revoked,
}

impl Standing {
    fn of(root: &TrustRoot, now: Timestamp) -> Self {
        match root.status {
            KeyStatus::Revoked => Self::Revoked,
            _ if root.window.is_after(now) => Self::NotYetValid,
            KeyStatus::Retired => Self::Retired,
            KeyStatus::Active if root.window.is_before(now) => Self::Expired,
            KeyStatus::Active => Self::Active,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::NotYetValid => "not yet valid",
            Self::Expired => "expired",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    fn style(self, palette: &Palette) -> anstyle::Style {
        match self {
            Self::Active => palette.good,
            Self::NotYetValid | Self::Expired | Self::Retired => palette.warning,
            Self::Revoked => palette.bad,
        }
    }
}

/// What that means for its signatures.
fn means(root: &TrustRoot, standing: Standing) -> String {
    let revoked_at = root.revoked_at.map(time);
    match (standing, revoked_at) {
        (Standing::Active, _) => "its signatures verify".to_owned(),
        (Standing::NotYetValid, _) => {
            "its signatures do not verify before its time has come".to_owned()
        }
        (Standing::Expired | Standing::Retired, _) => {
            "its signatures verify where a trusted time (a time-stamp, a COMPLIANCE lock) puts them \
             into its time, or with --accept-claimed-time"
                .to_owned()
        }
        (Standing::Revoked, Some(at)) => format!(
            "its signatures verify only where a trusted time (a time-stamp, a COMPLIANCE lock) puts \
             them before {at} and into its time; their own word counts for nothing"
        ),
        (Standing::Revoked, None) => {
            "none of its signatures verifies, whatever time it shows".to_owned()
        }
    }
}

impl Listed {
    fn of(root: &TrustRoot, now: Timestamp) -> Self {
        let standing = Standing::of(root, now);
        Self {
            key_id: root.key_id(),
            algorithm: root.public_key.algorithm(),
            owner: root.owner.clone(),
            purpose: root.purpose.clone(),
            status: root.status,
            valid_from: root.window.from,
            valid_until: root.window.until,
            revoked_at: root.revoked_at,
            reason: root.reason.clone(),
            standing,
            means: means(root, standing),
        }
    }

    /// Every root of a file.
    pub fn all(read: &ReadFile, now: Timestamp) -> Vec<Self> {
        read.file.roots.iter().map(|root| Self::of(root, now)).collect()
    }

    fn window(&self) -> String {
        match (self.valid_from, self.valid_until) {
            (None, None) => "always".to_owned(),
            (Some(from), None) => format!("from {}", time(from)),
            (None, Some(until)) => format!("until {}", time(until)),
            (Some(from), Some(until)) => format!("{} to {}", time(from), time(until)),
        }
    }

    fn standing_since(&self) -> String {
        match (self.standing, self.revoked_at) {
            (Standing::Revoked, Some(at)) => format!("revoked as of {}", time(at)),
            (Standing::Revoked, None) => "revoked since ever".to_owned(),
            (standing, _) => standing.in_words().to_owned(),
        }
    }

    /// The key and everything about it.
    fn block(&self, console: &Console) -> String {
        let palette = console.palette();
        Block::new(styled(palette.strong, self.key_id))
            .row("owner", &self.owner)
            .row_if_any("purpose", self.purpose.as_deref())
            .row("algorithm", self.algorithm.name())
            .row("valid", self.window())
            .styled_row(self.standing.style(palette), "status", self.standing_since())
            .row_if_any("reason", self.reason.as_deref())
            .row("means", format!("{}.", self.means))
            .render(console)
    }
}

/// The name of a file's form.
pub fn form(read: &ReadFile) -> &'static str {
    match read.file.is_collection {
        true => "collection",
        false => "root",
    }
}

impl FileDocument {
    /// A file as it is now, in which `changed` was added or changed.
    pub fn of(read: &ReadFile, changed: Vec<KeyId>, now: Timestamp) -> Self {
        Self {
            schema: SCHEMA,
            path: read.path.display().to_string(),
            sha256: read.sha256(),
            form: form(read),
            changed,
            trust_roots: Listed::all(read, now),
        }
    }

    /// Shows what became of the keys that were changed.
    pub fn show_change(&self, verb: &str, context: &Context) -> Result<(), anyhow::Error> {
        let human = |console: &Console| {
            let verb = styled(console.palette().good, verb);
            let mut text = format!("{verb} in {}\n", safe(&self.path));
            let changed =
                self.trust_roots.iter().filter(|listed| self.changed.contains(&listed.key_id));
            for listed in changed {
                text.push_str(&format!("\n{}", listed.block(console)));
            }
            text
        };
        context.console.result(human, self)
    }

    /// Shows every key.
    pub fn show(&self, context: &Context) -> Result<(), anyhow::Error> {
        context.console.result(|console| table(&self.trust_roots, console), self)
    }
}

/// A line for each key; on a narrow terminal, two.
pub fn table(listed: &[Listed], console: &Console) -> String {
    let palette = console.palette();
    let one_line = !console.stdout_is_terminal() || console.columns() >= ONE_LINE_COLUMNS;
    let widest = |text: &dyn Fn(&Listed) -> String| {
        listed.iter().map(|listed| text(listed).chars().count()).max().unwrap_or(0)
    };
    let owner = |listed: &Listed| safe(&listed.owner);
    let (standings, windows, owners) =
        (widest(&Listed::standing_since), widest(&Listed::window), widest(&owner));
    let mut text = String::new();
    for root in listed {
        let standing = format!("{:standings$}", root.standing_since());
        let standing = styled(root.standing.style(palette), standing);
        let facts = format!("{standing}  {:windows$}  {:owners$}", root.window(), owner(root));
        match one_line {
            true => text.push_str(&format!("{facts}  {}\n", root.key_id)),
            false => {
                let id = styled(palette.strong, root.key_id);
                text.push_str(&format!("{id}\n  {}\n", facts.trim_end()));
            }
        }
    }
    text
}
