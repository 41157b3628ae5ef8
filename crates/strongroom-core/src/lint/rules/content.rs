//! `content.…`: what the files are, as far as that can be told.

use crate::bundle::Manifest;
use crate::lint::content::LookedAt;
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const UNDECLARED_MEDIA_TYPE: &str = "content.undeclared-media-type";
const NOT_LOOKED_INTO: &str = "content.not-looked-into";
const EMPTY: &str = "content.empty";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        UNDECLARED_MEDIA_TYPE,
        Severity::Note,
        "Files whose media type is not declared",
        "Years later the name of a file may not say any more how to read it. A manifest can declare a media type for each file; registries \
         and browsers go by it. One finding tells of all such files of a bundle.",
    ),
    Rule::new(
        NOT_LOOKED_INTO,
        Severity::Note,
        "Archives or compressed files that were not looked into",
        "Secrets in them are not found here: only the bytes as they stand in the bundle are looked at. Put the files into the bundle \
         themselves (it is compressed as a whole), or look into the archives before.",
    ),
    Rule::new(
        EMPTY,
        Severity::Warning,
        "A bundle without content",
        "There is no file in it, or not one byte in any of them: most likely the run wrote its results elsewhere, or failed before it wrote \
         any. Look at what was bundled, and bundle again.",
    ),
];

/// Looks at what a native manifest declares of its files.
pub(in crate::lint) fn check_media_types(manifest: &Manifest, findings: &mut Findings) {
    let files = manifest.files.len();
    let undeclared = manifest.files.iter().filter(|file| file.media_type.is_none()).count();
    if undeclared > 0 {
        let message = format!("{undeclared} of {files} files have no declared media type");
        findings.add(UNDECLARED_MEDIA_TYPE, Place::pointer("/files"), None, message);
    }
}

/// Looks at what the content turned out to be.
pub(in crate::lint) fn check(looked_at: &LookedAt, findings: &mut Findings) {
    if looked_at.archives > 0 {
        let message = format!(
            "{} files are archives or compressed, and what is inside was not looked at",
            looked_at.archives
        );
        findings.add(NOT_LOOKED_INTO, Place::Bundle, None, message);
    }
    if looked_at.text_bytes + looked_at.other_bytes == 0 {
        findings.add(EMPTY, Place::Bundle, None, "there is not one byte of content");
    }
}
