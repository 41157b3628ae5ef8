//! `names.…`: names of files that some system, or some person, takes for others.

use unicode_normalization::UnicodeNormalization as _;

use crate::Sha256Digest;
use crate::lint::finding::Findings;
use crate::lint::place::Place;
use crate::lint::rule::Rule;
use crate::lint::severity::Severity;

const DIFFER_IN_CASE: &str = "names.differ-in-case";
const DIFFER_IN_FORM: &str = "names.differ-in-form";
const NOT_PORTABLE: &str = "names.not-portable";
const HIDDEN_CHARACTERS: &str = "names.hidden-characters";
const OF_A_SECRET: &str = "names.of-a-secret";

/// The rules of this family.
pub(in crate::lint) const RULES: &[Rule] = &[
    Rule::new(
        DIFFER_IN_CASE,
        Severity::Error,
        "Two paths differ only in the case of their letters",
        "Unpacked on macOS or Windows one of the two files overwrites the other, and the rest no longer verifies. \
         Rename one of them where it is made, and bundle again.",
    ),
    Rule::new(
        DIFFER_IN_FORM,
        Severity::Error,
        "Two paths differ only in the Unicode form of their characters",
        "They look alike, such as a wide letter and a plain one, and some systems and most people take them for one \
         file. Rename one of them where it is made, and bundle again.",
    ),
    Rule::new(
        NOT_PORTABLE,
        Severity::Warning,
        "A name that some systems cannot hold",
        "Windows has no file named CON or NUL, none with a colon or a question mark in its name and none whose name ends with \
         a dot or a space, so that an auditor there cannot unpack the bundle. Rename it where it is made, and bundle again.",
    ),
    Rule::new(
        HIDDEN_CHARACTERS,
        Severity::Warning,
        "A name holds characters that cannot be seen",
        "Control characters, marks of writing direction and characters without width make a name look like another one, \
         and move the cursor of whoever lists it. Rename it where it is made, and bundle again.",
    ),
    Rule::new(
        OF_A_SECRET,
        Severity::Warning,
        "A file that by its name holds secrets",
        "A file of this name usually holds keys or passwords (.env, id_rsa, .netrc, *.p12, *.kdbx), often in a form that \
         cannot be looked into. Keep it from the bundle; if it was meant to be there, allow its path in the configuration.",
    ),
];

/// Whole names, and ends of names, of files that hold secrets; in lower case.
const SECRET_NAMES: [&str; 18] = [
    ".env",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".npmrc",
    ".pypirc",
    ".git-credentials",
    ".htpasswd",
    ".dockercfg",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "credentials.json",
    "kubeconfig",
    "shadow",
    "wallet.dat",
];
const SECRET_ENDS: [&str; 8] =
    [".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".tfstate", ".agekey"];
/// Names that Windows keeps for devices, with whatever extension.
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8",
    "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// Looks at the paths of one bundle, each by itself and against each other.
pub(in crate::lint) fn check<'a>(paths: impl Iterator<Item = &'a str>, findings: &mut Findings) {
    let paths: Vec<&str> = paths.collect();
    for path in &paths {
        check_one(path, findings);
    }
    let in_case = |path: &str| -> String { path.chars().flat_map(char::to_lowercase).collect() };
    let in_form =
        |path: &str| -> String { path.nfkc().flat_map(char::to_lowercase).nfkc().collect() };
    for (one, other) in alike(&paths, in_case) {
        add_pair(
            DIFFER_IN_CASE,
            "differs only in the case of letters from another path",
            one,
            other,
            findings,
        );
    }
    for (one, other) in alike(&paths, in_form) {
        if in_case(one) != in_case(other) {
            add_pair(
                DIFFER_IN_FORM,
                "differs only in Unicode form from another path",
                one,
                other,
                findings,
            );
        }
    }
}

fn add_pair(id: &str, message: &str, one: &str, other: &str, findings: &mut Findings) {
    let message = format!("{message}: {}", crate::lint::place::shown(one));
    findings.add(id, Place::name(other), Some(other), message);
}

/// Pairs of different paths of one form: each with the first of its form. What is kept meanwhile is a digest of
/// each form, not the forms.
fn alike<'a>(paths: &[&'a str], form: impl Fn(&str) -> String) -> Vec<(&'a str, &'a str)> {
    let digest = |path: &str| {
        let mut start = [0; 16];
        start.copy_from_slice(&Sha256Digest::of(form(path).as_bytes()).as_bytes()[..16]);
        start
    };
    let mut forms: Vec<([u8; 16], usize)> =
        paths.iter().enumerate().map(|(at, path)| (digest(path), at)).collect();
    forms.sort_unstable();
    let mut pairs: Vec<(usize, usize)> = forms
        .chunk_by(|one, other| one.0 == other.0)
        .flat_map(|same| same[1..].iter().map(|(_, at)| (same[0].1, *at)))
        .collect();
    pairs.sort_unstable_by_key(|(_, at)| *at);
    pairs.into_iter().map(|(one, other)| (paths[one], paths[other])).collect()
}

fn check_one(path: &str, findings: &mut Findings) {
    if path.chars().any(is_hidden) {
        let message = "the name holds a character that cannot be seen";
        findings.add(HIDDEN_CHARACTERS, Place::name(path), Some(path), message);
    }
    if path.split('/').any(is_not_portable) {
        let message = "some systems cannot hold a file of this name";
        findings.add(NOT_PORTABLE, Place::name(path), Some(path), message);
    }
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let is_environment =
        name.starts_with(".env.") && !name.ends_with(".example") && !name.ends_with(".sample");
    if is_environment
        || SECRET_NAMES.contains(&name.as_str())
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
    {
        let message = "a file of this name usually holds secrets";
        findings.add(OF_A_SECRET, Place::name(path), Some(path), message);
    }
}

/// Controls, marks of direction, and what has no width.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn is_not_portable(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).trim_end().to_lowercase();
    segment.ends_with(['.', ' '])
        || segment.contains(['<', '>', ':', '"', '\\', '|', '?', '*'])
        || DEVICES.contains(&stem.as_str())
}
