//! What of a bundle its maker may want to mend before it is kept: a look at the manifest, at names and at
//! every byte of text, in the one pass that verifies the bundle.
//!
//! | module | what |
//! |---|---|
//! | [`rule`] | what is looked for: [`rule::all`] |
//! | `rules/` | one family of rules a file |
//! | `content` | text in files, and what is passed over |
//! | [`Lint`] | the pass: [`archive`](fn@archive), [`directory`](fn@directory), then [`Lint::finish`] |
//! | [`Report`] | what was found, and what was looked at |
//! | [`Regime`] | periods of retention by the clause that names them |
//!
//! Nothing of a bundle that does not verify is told.

mod content;
mod finding;
mod linter;
mod pattern;
mod place;
mod regime;
mod report;
pub mod rule;
mod rules;
mod settings;
mod severity;

pub use content::LookedAt;
pub use finding::{Finding, Fingerprint, InvalidFingerprint, Suppressed};
pub use linter::{Asked, Lint, archive, directory};
pub use pattern::{InvalidPattern, Pattern};
pub use place::{Place, Spot};
pub use regime::{REGIMES, Regime};
pub use report::Report;
pub use rule::Rule;
pub use settings::{Allowed, Settings};
pub use severity::{Counts, Severity, UnknownSeverity};
