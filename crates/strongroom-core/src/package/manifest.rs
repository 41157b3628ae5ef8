//! The manifest of a package: a plain `strongroom.bundle/v1` manifest over its rows, so that the package, the
//! bundle downloaded from it and the bundle that `evidence bundle` makes of the same directory with the
//! same declarations have one id.

use unicode_normalization::UnicodeNormalization;

use crate::bundle::{BundleError, Declarations, Manifest, ManifestFile, check_path};
use crate::{BundleId, Sha256Digest};

/// A manifest with its bytes, of which its id is the SHA-256.
#[derive(Debug, Clone, PartialEq)]
pub struct FrozenManifest {
    /// The manifest.
    pub manifest: Manifest,
    /// The bytes of `manifest.json`.
    pub bytes: Vec<u8>,
    /// The identity of the package from now on.
    pub id: BundleId,
}

impl FrozenManifest {
    /// The manifest of the rows of a package, in whatever order they come. The same rows and declarations give
    /// the same bytes.
    pub fn of(files: Vec<ManifestFile>, declared: Declarations) -> Result<Self, BundleError> {
        let manifest = Manifest::new(files, declared)?;
        let bytes = manifest.to_bytes()?;
        let id = BundleId(Sha256Digest::of(&bytes));
        Ok(Self { manifest, bytes, id })
    }
}

/// A path that a file of a package can have: of plain segments, at most
/// [`PATH_BYTES_MAX`](crate::limits::PATH_BYTES_MAX) bytes. It is a name, never a place in a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagePath {
    path: String,
    nfc: String,
}

impl PackagePath {
    /// Checks a path by itself, by the rules of a bundle.
    pub fn new(path: impl Into<String>) -> Result<Self, BundleError> {
        let path = path.into();
        check_path(&path)?;
        let nfc = path.nfc().collect();
        Ok(Self { path, nfc })
    }

    /// The path as it was given, and as it stands in the manifest.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Its composed form (Unicode Standard Annex 15): no two files of a package may share it.
    pub fn nfc(&self) -> &str {
        &self.nfc
    }

    /// The folders that it lies in, by their composed paths, outermost first: no file of the package may
    /// have one of these paths, nor may this one be the folder of another.
    pub fn folders(&self) -> impl Iterator<Item = &str> {
        self.nfc.match_indices('/').map(|(slash, _)| &self.nfc[..slash])
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::bundle::{
        BundlePlan, CollectOptions, NoProgress, Producer, Refusal, RetentionRequest, collect,
    };

    fn declared() -> Declarations {
        Declarations {
            producer: Some(Producer { name: "scanner".into(), version: Some("1.2".into()) }),
            subject: Some("shop".into()),
            run_id: Some("run-7".into()),
            created_at: Some("2026-11-21T12:00:00Z".parse().unwrap()),
            retention: Some(RetentionRequest {
                class: Some("raw-evidence".into()),
                days: Some(365),
                legal_hold: Some(true),
            }),
            metadata: json!({"environment": "staging", "tool_versions": {"x": 1.5}})
                .as_object()
                .cloned(),
        }
    }

    #[test]
    fn a_package_has_the_id_that_a_bundle_of_the_same_directory_has() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("reports")).unwrap();
        // In an order that is not that of the manifest.
        let contents =
            [("z.log", "last"), ("reports/report.md", "# é"), (".hidden", ""), ("B", "b")];
        for (path, content) in contents {
            fs::write(folder.path().join(path), content).unwrap();
        }
        let files = collect(&[folder.path().to_owned()], &CollectOptions::default()).unwrap();
        let plan = BundlePlan::prepare(files, declared(), &NoProgress).unwrap();

        let rows = contents.map(|(path, content)| ManifestFile {
            path: path.to_owned(),
            size_bytes: content.len() as u64,
            sha256: Sha256Digest::of(content.as_bytes()),
            media_type: None,
        });
        let frozen = FrozenManifest::of(rows.to_vec(), declared()).unwrap();
        assert_eq!(frozen.id, plan.id());
        assert_eq!(frozen.bytes, plan.manifest_bytes());

        let mut typed = rows.to_vec();
        typed[0].media_type = Some("text/plain".into());
        let other = FrozenManifest::of(typed, declared()).unwrap();
        assert_ne!(other.id, plan.id(), "a media type that was declared counts");
    }

    #[test]
    fn a_path_is_a_name_with_one_composed_form_and_its_folders() {
        let path = PackagePath::new("re\u{301}sume\u{301}/a/b.txt").unwrap();
        assert_eq!(path.nfc(), "r\u{e9}sum\u{e9}/a/b.txt");
        assert_eq!(path.as_str(), "re\u{301}sume\u{301}/a/b.txt");
        assert_eq!(path.folders().collect::<Vec<_>>(), ["r\u{e9}sum\u{e9}", "r\u{e9}sum\u{e9}/a"]);
        assert_eq!(PackagePath::new("plain").unwrap().folders().count(), 0);
    }

    #[test]
    fn a_path_that_climbs_is_refused_as_in_a_bundle() {
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\0b"] {
            let refused = PackagePath::new(path).map_err(|error| error.refusal());
            assert_eq!(refused, Err(Refusal::Security), "{path:?}");
        }
        let long = PackagePath::new("x".repeat(1_025)).map_err(|error| error.refusal());
        assert_eq!(long, Err(Refusal::Limit));
    }
}
