//! Where things are kept in a store: every key, in one place. All keys are relative to the store's
//! prefix.

use jiff::civil::Date;
use uuid::Uuid;

use crate::{BundleId, Sha256Digest, limits};

/// Folder of native bundles, and of an Assay store's own.
pub const BUNDLES: &str = "bundles/";
/// Folder of the references by day of storing.
pub const INDEX: &str = "index/";
/// Folder of the references by run.
pub const RUNS: &str = "runs/";
/// Folder of the references by subject.
pub const SUBJECTS: &str = "subjects/";
/// Folder of the records about bundles.
pub const RECORDS: &str = "records/";
/// Folder of detached signatures of bundles.
pub const ATTESTATIONS: &str = "attestations/";
/// Folder of Assay bundles under both of their identities.
pub const ASSAY_BUNDLES: &str = "bundles/assay/";
/// Folder of CAVRA directories.
pub const CAVRA_BUNDLES: &str = "bundles/cavra/";

/// Folder of the packages of a registry.
pub const PACKAGES: &str = "packages/";

/// Folder of the parts of uploads that came in several requests, until each is a file. Beside the packages: nothing in
/// here is evidence, and no lock of a package reaches it.
pub const UPLOADS: &str = "uploads/";

/// Folder of the trust roots that were handed out through the store.
pub const TRUST_ROOTS: &str = "trust-roots/";

/// A file of trust roots, by the digest of its bytes.
pub fn trust_roots(file: Sha256Digest) -> String {
    format!("{TRUST_ROOTS}{}.json", file.to_hex())
}

/// A signature under a file of trust roots, by the digest of its own bytes.
pub fn trust_roots_signature(file: Sha256Digest, signature: Sha256Digest) -> String {
    format!("{TRUST_ROOTS}{}/{}.sigstore.json", file.to_hex(), signature.to_hex())
}

/// The archive of a native bundle.
pub fn bundle(id: BundleId) -> String {
    format!("{BUNDLES}{id}.tar.gz")
}

/// The archive of an Assay bundle, whose id does not cover its bytes.
pub fn assay_bundle(id: BundleId, archive: Sha256Digest) -> String {
    format!("{}{}.tar.gz", assay_bundles_of(id), archive.to_hex())
}

/// The folder of every archive that shares an Assay id.
pub fn assay_bundles_of(id: BundleId) -> String {
    format!("{ASSAY_BUNDLES}{id}/")
}

/// The folder of a CAVRA directory, whose id is the SHA-256 of its manifest.
pub fn cavra_folder(id: BundleId) -> String {
    format!("{CAVRA_BUNDLES}{}/", id.0.to_hex())
}

/// One file of a CAVRA directory, by its path inside.
pub fn cavra_object(id: BundleId, path: &str) -> String {
    format!("{}{path}", cavra_folder(id))
}

/// The CAVRA directory that a key under [`CAVRA_BUNDLES`] belongs to, and the path inside it.
pub fn claimed_cavra(key: &str) -> Option<(BundleId, &str)> {
    let (id, path) = key.strip_prefix(CAVRA_BUNDLES)?.split_once('/')?;
    let id = BundleId(Sha256Digest::from_hex(id).ok()?);
    is_path_inside(path).then_some((id, path))
}

/// Whether a file of a directory can have this path. Anybody who may write can make other keys, and can name
/// in a record what no object is ever called.
fn is_path_inside(path: &str) -> bool {
    path.len() <= limits::CAVRA_PATH_BYTES_MAX
        && path.split('/').all(|segment| !matches!(segment, "" | "." | ".."))
        && !path.chars().any(char::is_control)
}

/// The reference from a run to one of its bundles.
pub fn run_reference(run_id: &str, id: BundleId) -> String {
    format!("{}{id}.ref", run_references_of(run_id))
}

/// The folder of every reference of a run.
pub fn run_references_of(run_id: &str) -> String {
    format!("{RUNS}{}/", encode_segment(run_id))
}

/// The reference from a day of storing to a bundle.
pub fn index_reference(day: Date, id: BundleId) -> String {
    index_reference_pattern(&day.to_string(), id)
}

/// The same where the day is not known yet, and something stands in for it.
pub fn index_reference_pattern(day: &str, id: BundleId) -> String {
    format!("{INDEX}{day}/{id}.ref")
}

/// The folder of every reference of a day of storing.
pub fn index_references_of(day: Date) -> String {
    format!("{INDEX}{day}/")
}

/// The reference from a subject to a bundle about it.
pub fn subject_reference(subject: &str, id: BundleId) -> String {
    format!("{}{id}.ref", subject_references_of(subject))
}

/// The folder of every reference of a subject.
pub fn subject_references_of(subject: &str) -> String {
    format!("{SUBJECTS}{}/", encode_segment(subject))
}

/// One record about a bundle: a receipt, an extension, a hold, a release.
pub fn record(id: BundleId, record: Uuid) -> String {
    record_pattern(id, &record.to_string())
}

/// The same where the record is not made yet, and something stands in for its name.
pub fn record_pattern(id: BundleId, name: &str) -> String {
    format!("{}{name}.json", records_of(id))
}

/// The folder of every record about a bundle.
pub fn records_of(id: BundleId) -> String {
    format!("{RECORDS}{id}/")
}

/// The folder of every signature of a bundle.
pub fn attestations_of(id: BundleId) -> String {
    format!("{ATTESTATIONS}{id}/")
}

/// One detached signature of a bundle, under the digest of its file.
pub fn attestation(id: BundleId, file: Sha256Digest) -> String {
    format!("{}{}.sigstore.json", attestations_of(id), file.to_hex())
}

/// The folder of everything about one package.
pub fn package_folder(package: Uuid) -> String {
    format!("{PACKAGES}{package}/")
}

/// The bytes of one file of a package, under its random id: no path of theirs ever names an object.
pub fn package_file(package: Uuid, file: Uuid) -> String {
    format!("{PACKAGES}{package}/files/{file}")
}

/// What the registry knows of a finalized package; it embeds the manifest.
pub fn package_document(package: Uuid) -> String {
    format!("{PACKAGES}{package}/package.json")
}

/// The manifest of a finalized package.
pub fn package_manifest(package: Uuid) -> String {
    format!("{PACKAGES}{package}/manifest.json")
}

/// The registry's signature of a package's manifest.
pub fn package_signature(package: Uuid) -> String {
    format!("{PACKAGES}{package}/manifest.sigstore.json")
}

/// One record of a package.
pub fn package_record(package: Uuid, record: Uuid) -> String {
    format!("{}{record}.json", package_records_of(package))
}

/// The folder of every record of a package.
pub fn package_records_of(package: Uuid) -> String {
    format!("{PACKAGES}{package}/records/")
}

/// One part of an upload to a package, under its random id.
pub fn upload_part(package: Uuid, upload: Uuid, part: Uuid) -> String {
    format!("{}{upload}/{part}", upload_parts_of(package))
}

/// The folder of the parts of every upload to a package.
pub fn upload_parts_of(package: Uuid) -> String {
    format!("{UPLOADS}{package}/")
}

/// The package, the upload and the part that a key under [`UPLOADS`] names; `None` of what is not ours.
pub fn claimed_part(key: &str) -> Option<(Uuid, Uuid, Uuid)> {
    let (package, rest) = key.strip_prefix(UPLOADS)?.split_once('/')?;
    let (upload, part) = rest.split_once('/')?;
    Some((only_uuid(package)?, only_uuid(upload)?, only_uuid(part)?))
}

/// What a key in the folder of a package is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackageObject {
    /// See [`package_file`].
    File(Uuid),
    /// See [`package_document`].
    Document,
    /// See [`package_manifest`].
    Manifest,
    /// See [`package_signature`].
    Signature,
    /// See [`package_record`].
    Record(Uuid),
}

/// The package that a key under [`PACKAGES`] belongs to, and what it is there; `None` of what is not ours.
pub fn claimed_package(key: &str) -> Option<(Uuid, PackageObject)> {
    let (package, rest) = key.strip_prefix(PACKAGES)?.split_once('/')?;
    let object = match rest {
        "package.json" => PackageObject::Document,
        "manifest.json" => PackageObject::Manifest,
        "manifest.sigstore.json" => PackageObject::Signature,
        _ => match rest.split_once('/')? {
            ("files", file) => PackageObject::File(only_uuid(file)?),
            ("records", name) => PackageObject::Record(only_uuid(name.strip_suffix(".json")?)?),
            _ => return None,
        },
    };
    Some((only_uuid(package)?, object))
}

/// A UUID in the one spelling that keys have: what sorts elsewhere is another key.
fn only_uuid(text: &str) -> Option<Uuid> {
    let id: Uuid = text.parse().ok()?;
    let mut spelled = Uuid::encode_buffer();
    (id.hyphenated().encode_lower(&mut spelled) == text).then_some(id)
}

/// The identity that a key under [`BUNDLES`] claims, and the archive's digest for an Assay key. Every file
/// of a CAVRA directory claims the directory's.
pub fn claimed_bundle(key: &str) -> Option<(BundleId, Option<Sha256Digest>)> {
    if let Some((id, _)) = claimed_cavra(key) {
        return Some((id, None));
    }
    if let Some(rest) = key.strip_prefix(ASSAY_BUNDLES) {
        let (id, archive) = rest.strip_suffix(".tar.gz")?.split_once('/')?;
        return Some((id.parse().ok()?, Some(Sha256Digest::from_hex(archive).ok()?)));
    }
    let id = key.strip_prefix(BUNDLES)?.strip_suffix(".tar.gz")?;
    Some((id.parse().ok()?, None))
}

/// The bundle that a key under [`RECORDS`] is about, if it is a record's.
pub fn recorded_id(key: &str) -> Option<BundleId> {
    let (id, name) = key.strip_prefix(RECORDS)?.split_once('/')?;
    let record: Uuid = name.strip_suffix(".json")?.parse().ok()?;
    // One spelling only: what sorts elsewhere is another key.
    (record.to_string().len() + ".json".len() == name.len()).then_some(())?;
    id.parse().ok()
}

/// The bundle that a key under [`ATTESTATIONS`] is about, if it is a signature's.
pub fn attested_id(key: &str) -> Option<BundleId> {
    attestation_digest(key)?;
    key.strip_prefix(ATTESTATIONS)?.split_once('/')?.0.parse().ok()
}

/// The digest that a signature's key names.
pub fn attestation_digest(key: &str) -> Option<Sha256Digest> {
    let (_, name) = key.strip_prefix(ATTESTATIONS)?.split_once('/')?;
    Sha256Digest::from_hex(name.strip_suffix(".sigstore.json")?).ok()
}

/// The id of a record in its key; `None` of a key that is no record's.
pub fn record_id(key: &str) -> Option<Uuid> {
    recorded_id(key)?;
    key.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

/// The id in the last segment of a reference's key.
pub fn referenced_id(key: &str) -> Option<BundleId> {
    let name = key.rsplit('/').next()?;
    name.strip_suffix(".ref")?.parse().ok()
}

/// Encodes any text as one key segment, injectively: letters, digits, `-`, `_`, `~` and inner `.`
/// stand for themselves, every other byte is `%XX`. Never empty, never `.` or `..`, and of at most
/// three bytes for each byte. (RFC 3986 section 2.3 unreserved characters.)
pub fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (at, byte) in text.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~')
            || (byte == b'.' && at > 0);
        if plain {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    if encoded.is_empty() {
        encoded.push('%');
    }
    encoded
}

/// The text that [`encode_segment`] encoded, or `None` where it could not have.
pub fn decode_segment(segment: &str) -> Option<String> {
    if segment == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let [high, low, tail @ ..] = tail else { return None };
            let digits = [*high, *low];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    let text = String::from_utf8(bytes).ok()?;
    (encode_segment(&text) == segment).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_segment_decodes_to_what_was_encoded(text in ".*") {
            let segment = encode_segment(&text);
            prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
            prop_assert!(!segment.contains('/'));
            prop_assert_eq!(decode_segment(&segment), Some(text));
        }
    }

    #[test]
    fn no_two_spellings_of_a_segment_decode() {
        for segment in ["%2e", "%41", "a%", "%zz", "", "."] {
            assert_eq!(decode_segment(segment), None, "{segment}");
        }
    }

    #[test]
    fn a_key_under_one_of_our_folders_tells_its_bundle_or_is_foreign() {
        let id = BundleId(Sha256Digest::of(b"x"));
        let archive = Sha256Digest::of(b"y");
        assert_eq!(claimed_bundle(&bundle(id)), Some((id, None)));
        assert_eq!(claimed_bundle(&assay_bundle(id, archive)), Some((id, Some(archive))));
        assert_eq!(recorded_id(&record(id, Uuid::nil())), Some(id));
        let attested = format!("{ATTESTATIONS}{id}/{}.sigstore.json", archive.to_hex());
        assert_eq!(attested_id(&attested), Some(id));
        for foreign in [
            "bundles/readme.txt".to_owned(),
            format!("bundles/{id}.tar.gz/more"),
            format!("bundles/assay/{id}.tar.gz"),
            format!("bundles/{}.tar.gz", id.to_string().to_uppercase()),
        ] {
            assert_eq!(claimed_bundle(&foreign), None, "{foreign}");
        }
        assert_eq!(claimed_cavra(&cavra_object(id, "a/b")), Some((id, "a/b")));
        let long = "a".repeat(limits::CAVRA_PATH_BYTES_MAX + 1);
        for path in ["a//b", "a/", "/a", "../x", "a/./b", "a\nb", &long] {
            assert_eq!(claimed_cavra(&cavra_object(id, path)), None, "{path:?}");
        }
        for foreign in ["bundles/cavra/x/manifest.json".to_owned(), cavra_folder(id), bundle(id)] {
            assert_eq!(claimed_cavra(&foreign), None, "{foreign}");
        }
        for foreign in ["planted.json", "00000000000000000000000000000000.json"] {
            assert_eq!(recorded_id(&format!("{}{foreign}", records_of(id))), None, "{foreign}");
        }
        assert_eq!(attested_id(&format!("{ATTESTATIONS}{id}/notes.txt")), None);
    }

    #[test]
    fn a_key_under_packages_tells_its_package_and_what_it_is_or_is_foreign() {
        let (package, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        for (key, object) in [
            (package_file(package, other), PackageObject::File(other)),
            (package_document(package), PackageObject::Document),
            (package_manifest(package), PackageObject::Manifest),
            (package_signature(package), PackageObject::Signature),
            (package_record(package, other), PackageObject::Record(other)),
        ] {
            assert!(key.starts_with(&package_folder(package)), "{key}");
            assert_eq!(claimed_package(&key), Some((package, object)), "{key}");
        }
        for foreign in [
            "packages/readme.txt".to_owned(),
            package_folder(package),
            package_records_of(package),
            format!("packages/{package}/notes.json"),
            format!("packages/{package}/files/readme.txt"),
            format!("packages/{package}/files/{other}/more"),
            format!("packages/{package}/records/{other}"),
            format!("packages/{package}/records/{}.json", other.simple()),
            format!("packages/{}/package.json", package.simple()),
            format!("packages/{}/package.json", "0000000A-0000-0000-0000-000000000000"),
            format!("packages/{{{package}}}/package.json"),
        ] {
            assert_eq!(claimed_package(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_key_under_uploads_tells_its_part_and_is_nothing_of_a_package() {
        let [package, upload, part] = [7, 8, 9].map(Uuid::from_u128);
        let key = upload_part(package, upload, part);
        assert!(key.starts_with(&upload_parts_of(package)), "{key}");
        assert_eq!(claimed_part(&key), Some((package, upload, part)));
        assert_eq!(claimed_package(&key), None);
        for foreign in [
            upload_parts_of(package),
            format!("uploads/{package}/{upload}"),
            format!("uploads/{package}/{upload}/{part}/more"),
            format!("uploads/{package}/{upload}/0"),
            package_file(package, upload),
        ] {
            assert_eq!(claimed_part(&foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_record_has_the_id_in_its_key() {
        let id = BundleId(Sha256Digest::of(b"x"));
        assert_eq!(record_id(&record(id, Uuid::from_u128(7))), Some(Uuid::from_u128(7)));
        assert_eq!(record_id("records/x/readme.txt"), None);
    }

    #[test]
    fn a_reference_names_its_bundle() {
        let id = BundleId(Sha256Digest::of(b"x"));
        assert_eq!(referenced_id(&run_reference("a/b", id)), Some(id));
        assert_eq!(referenced_id("runs/a/readme.txt"), None);
    }
}
