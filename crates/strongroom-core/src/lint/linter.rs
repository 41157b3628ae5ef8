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
use crate::canonical::{JsonLimits, Parser, Step};
use crate::signing::demand::SignatureReport;

/// What is asked of a linter.
#[derive(Debug, Clone, Default)]
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

    /// Looks at every name and every string of a manifest, those that this version does not know too.
    fn fields(&mut self, manifest: &[u8]) -> Result<(), BundleError> {
        let findings = &mut self.findings;
        let mut parser = Parser::new(manifest, JsonLimits::NATIVE)?;
        parser.texts(&mut Vec::new(), &mut |steps, text| match steps {
            [Step::Name(files), Step::Index(_), Step::Name(field)] if files == "files" => {
                match field.as_str() {
                    "path" => name_of_a_file(text, findings),
                    // Read as a digest: there is no room for anything else in it.
                    "sha256" => {}
                    _ => field_of(steps, text, findings),
                }
            }
            _ => field_of(steps, text, findings),
        })?;
        Ok(())
    }
}

fn field_of(steps: &[Step], text: &str, findings: &mut Findings) {
    let place = || Place::field(steps);
    secrets::check(text, &place, None, findings);
    personal::check(text, &place, None, findings);
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
