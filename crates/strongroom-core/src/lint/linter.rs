//! The pass over a bundle that verifies it and looks at everything on the way.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;

use super::content::ContentScanner;
use super::finding::{Findings, Fingerprint};
use super::place::{Place, shown};
use super::regime::Regime;
use super::report::Report;
use super::rules::{
    assay, cavra, clock, content, metadata, names, personal, retention, secrets, signature,
};
use super::settings::Settings;
use crate::bundle::cavra::{MANIFEST, UnverifiedCavra, VerifiedCavra};
use crate::bundle::{
    AssayEvent, BundleError, BundleManifest, ContentVisitor, Progress, UnverifiedBundle,
    VerifiedBundle,
};
use crate::canonical::{JsonLimits, Parser, Step, Text};
use crate::secrets::{Names, is_name_of_a_pair, is_value_of_a_pair};
use crate::signing::demand::SignatureReport;

/// What is asked of a linter.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which rules count, and how much.
    pub settings: Settings,
    /// Findings that are known.
    pub baseline: BTreeSet<Fingerprint>,
    /// For how long the bundle must at least be kept.
    pub regime: Option<&'static Regime>,
    /// The present.
    pub now: Timestamp,
}

/// Findings in a bundle that verified, before its signatures were looked at.
#[derive(Debug)]
pub struct Lint {
    findings: Findings,
    looked_at: super::LookedAt,
}

/// Verifies an archive, and looks at everything in it. Memory: that of verifying, one window of text, and the
/// findings.
pub fn archive<R: Read + Send>(
    bundle: UnverifiedBundle<R>,
    asked: Asked,
    progress: &dyn Progress,
) -> Result<(VerifiedBundle, Lint), BundleError> {
    let (regime, now) = (asked.regime, asked.now);
    let mut linter = Linter::new(asked);
    linter.fields(bundle.manifest_bytes())?;
    let verified = bundle.verify_seen_by(progress, &mut linter)?;
    let Linter { mut findings, scanner, events, .. } = linter;
    let looked_at = scanner.looked_at();
    match verified.manifest() {
        BundleManifest::Native(manifest) => {
            metadata::check(manifest, &mut findings);
            names::check(manifest.files.iter().map(|file| file.path.as_str()), &mut findings);
            content::check_media_types(manifest, &mut findings);
            retention::check(manifest.retention.as_ref(), regime, &mut findings);
            clock::check(manifest, now, &mut findings);
        }
        BundleManifest::Assay(manifest) => {
            metadata::check_producer(Some(&manifest.producer), &mut findings);
            metadata::check_placeholder(&manifest.run_id, "/run_id", &mut findings);
            retention::check(None, regime, &mut findings);
            assay::check(&events, &mut findings);
            clock::check_events(&events, now, &mut findings);
        }
    }
    content::check(&looked_at, &mut findings);
    Ok((verified, Lint { findings, looked_at }))
}

/// Verifies a CAVRA directory, and looks at everything in it.
pub fn directory(
    directory: &Path,
    asked: Asked,
    progress: &dyn Progress,
) -> Result<(VerifiedCavra, Lint), BundleError> {
    let (regime, now) = (asked.regime, asked.now);
    let mut linter = Linter::new(asked);
    let bundle = UnverifiedCavra::open(directory)?;
    linter.begin(MANIFEST, bundle.manifest_bytes().len() as u64);
    linter.content(bundle.manifest_bytes());
    linter.end();
    let verified = bundle.verify_seen_by(progress, &mut linter)?;
    let Linter { mut findings, scanner, .. } = linter;
    let looked_at = scanner.looked_at();
    let fields = [
        (Some(verified.session_id()), "session_id"),
        (Some(verified.product()), "product"),
        (verified.claimed_signer(), "signer"),
    ];
    for (text, field) in fields {
        let place = || Place::field(&[Step::Name(field.to_owned())]);
        if let Some(text) = text {
            personal::check(text, &place, None, &mut findings);
        }
    }
    names::check(verified.files().iter().map(|file| file.path.as_str()), &mut findings);
    for file in verified.files() {
        name_of_a_file(&file.path, &mut findings);
    }
    cavra::check(&verified, &mut findings);
    retention::check_policy(verified.retention(), regime, &mut findings);
    clock::check_directory(&verified, now, &mut findings);
    content::check(&looked_at, &mut findings);
    Ok((verified, Lint { findings, looked_at }))
}

impl Asked {
    /// Everything that is a finding by itself, held against this present.
    pub fn at(now: Timestamp) -> Self {
        Self { settings: Settings::default(), baseline: BTreeSet::new(), regime: None, now }
    }
}

impl Lint {
    /// Adds what the signatures that were looked at come to, and gives the report.
    pub fn finish(mut self, signatures: &SignatureReport) -> Report {
        signature::check(signatures, &mut self.findings);
        let Findings { mut list, counts, unlisted, suppressed, .. } = self.findings;
        // The heaviest first, then by rule; of one rule in the order of the bundle.
        list.sort_by(|one, other| {
            other.severity.cmp(&one.severity).then_with(|| one.rule.id.cmp(&other.rule.id))
        });
        Report { findings: list, counts, unlisted, suppressed, looked_at: self.looked_at }
    }
}

/// What stands in the name of a file.
fn name_of_a_file(path: &str, findings: &mut Findings) {
    let place = || Place::name(path);
    secrets::check(path, &place, Some(path), findings);
    personal::check(path, &place, Some(path), findings);
}

/// Looks on while a bundle is verified.
struct Linter {
    findings: Findings,
    scanner: ContentScanner,
    path: String,
    shown_path: String,
    events: assay::Events,
}

impl Linter {
    fn new(asked: Asked) -> Self {
        Self {
            findings: Findings::new(asked.settings, asked.baseline),
            scanner: ContentScanner::default(),
            path: String::new(),
            shown_path: String::new(),
            events: assay::Events::new(),
        }
    }

    /// Looks at every name, string and number of a manifest, those that this version does not know too.
    fn fields(&mut self, manifest: &[u8]) -> Result<(), BundleError> {
        let findings = &mut self.findings;
        let mut pair = Pair::default();
        let mut parser = Parser::new(manifest, JsonLimits::NATIVE)?;
        parser.texts(&mut Vec::new(), &mut |steps, text| match (steps, text) {
            ([Step::Name(files), Step::Index(_), Step::Name(field)], Text::Value(text))
                if files == "files" =>
            {
                match field.as_str() {
                    "path" => name_of_a_file(text, findings),
                    // Read as a digest: there is no room for anything else in it.
                    "sha256" => {}
                    _ => field_of(steps, text, &pair, findings),
                }
            }
            (_, Text::Name(name)) => {
                let place = || Place::field(steps);
                secrets::check(name, &place, None, findings);
                personal::check(name, &place, None, findings);
            }
            (_, Text::Value(text)) => {
                pair.take(steps, text);
                field_of(steps, text, &pair, findings);
            }
            (_, Text::Number(text)) => secrets_of(steps, text, &pair, findings),
        })?;
        Ok(())
    }
}

/// The last name of a pair, `{"name": "DB_PASSWORD", "value": …}`, and the object that it stands in. Canonical
/// JSON has it before the value.
#[derive(Debug, Default)]
struct Pair {
    object: Vec<Step>,
    name: String,
}

impl Pair {
    fn take(&mut self, steps: &[Step], text: &str) {
        if let Some((Step::Name(member), object)) = steps.split_last()
            && is_name_of_a_pair(member)
        {
            object.clone_into(&mut self.object);
            text.clone_into(&mut self.name);
        }
    }

    fn name_of(&self, steps: &[Step]) -> Option<&str> {
        let (Step::Name(member), object) = steps.split_last()? else { return None };
        (is_value_of_a_pair(member) && object == self.object).then_some(self.name.as_str())
    }
}

fn field_of(steps: &[Step], text: &str, pair: &Pair, findings: &mut Findings) {
    secrets_of(steps, text, pair, findings);
    personal::check(text, &|| Place::field(steps), None, findings);
}

/// Looks for secrets in a value, by the names that lead to it too.
fn secrets_of(steps: &[Step], text: &str, pair: &Pair, findings: &mut Findings) {
    let mut names = Names::none();
    for step in steps {
        if let Step::Name(name) = step {
            names.push(name);
        }
    }
    if let Some(name) = pair.name_of(steps) {
        names.push(name);
    }
    secrets::check_value(&names, text, &|| Place::field(steps), findings);
}

impl ContentVisitor for Linter {
    fn begin(&mut self, path: &str, _size_bytes: u64) -> bool {
        path.clone_into(&mut self.path);
        self.shown_path = shown(path);
        self.scanner.begin();
        true
    }

    fn content(&mut self, piece: &[u8]) {
        let Self { findings, scanner, path, shown_path, .. } = self;
        scanner.take(piece, &mut |kind, spot| {
            secrets::in_file(kind, spot, path, shown_path, findings)
        });
    }

    fn end(&mut self) {
        let Self { findings, scanner, path, shown_path, .. } = self;
        scanner.end(&mut |kind, spot| secrets::in_file(kind, spot, path, shown_path, findings));
    }

    fn event(&mut self, event: &AssayEvent<'_>) {
        self.events.take(event);
    }
}
