//! What is read of a registry: manifests, bundles, files, searches.

use jiff::Timestamp;
use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::package::document::PackageDocument;

use super::reference::Package;
use super::step::{Search, What, has_word, subject, tool, word};
use super::world::{World, agree};

impl World {
    pub(super) async fn read(&mut self, package: usize, what: What) {
        let id = self.model.packages[package].bundle_id;
        match what {
            What::Manifest => {
                let answer = self.auditor.get(&self.path(package, "manifest")).await;
                agree(&answer, self.model.read_manifest(package));
                if answer.status.is_success() {
                    let document = PackageDocument::from_bytes(&answer.body).unwrap();
                    assert_eq!(Some(document.bundle_id), id);
                }
            }
            What::Bundle => {
                let answer = self.auditor.get(&self.path(package, "bundle")).await;
                agree(&answer, self.model.read_bundle(package));
                if answer.status.is_success() {
                    let limits = ReadLimits::default();
                    let bundle = UnverifiedBundle::open(&answer.body[..], &limits).unwrap();
                    assert_eq!(Some(bundle.verify(&NoProgress).unwrap().id()), id);
                }
            }
            What::File(file) => {
                let there: Vec<usize> = (0..self.files[package].len())
                    .filter(|number| self.files[package][*number].is_some())
                    .collect();
                if there.is_empty() {
                    return;
                }
                let file = there[file % there.len()];
                let path = format!("/files/{}/download", self.files[package][file].unwrap());
                let answer = self.auditor.get(&path).await;
                agree(&answer, self.model.read_file(package, file));
                if answer.status.is_success() {
                    assert_eq!(answer.body, self.model.packages[package].files[file].bytes);
                }
            }
        }
    }

    /// Whether a package is what is searched for.
    fn is_found(&self, package: &Package, search: &Search) -> bool {
        let is = |asked: Option<u8>, there: u8| asked.is_none_or(|asked| asked == there);
        search.status.is_none_or(|status| package.status == status)
            && search.class.is_none_or(|class| package.class == class)
            && is(search.subject, package.subject)
            && is(search.tool, package.kind)
            && is(search.branch, package.kind)
            && search.word.is_none_or(|word| has_word(package.kind, word))
            && self.made_with(search.from).is_none_or(|from| package.created_at >= from)
            && self.made_with(search.before).is_none_or(|before| package.created_at < before)
    }

    /// When the n-th package was made, round and round.
    fn made_with(&self, nth: Option<usize>) -> Option<Timestamp> {
        let packages = &self.model.packages;
        nth.filter(|_| !packages.is_empty()).map(|nth| packages[nth % packages.len()].created_at)
    }

    fn query(&self, search: &Search) -> String {
        let pairs = [
            ("status", search.status.map(|status| status.to_string())),
            ("class", search.class.map(|class| class.to_string())),
            ("subject", search.subject.map(subject)),
            ("producer", search.tool.map(tool)),
            ("metadata", search.branch.map(|kind| format!("branch%3Dbranch%2F{kind}"))),
            ("text", search.word.map(|kind| word(kind).to_lowercase())),
            ("created_from", self.made_with(search.from).map(|at| at.to_string())),
            ("created_before", self.made_with(search.before).map(|at| at.to_string())),
        ];
        let said = pairs.into_iter().filter_map(|(name, value)| Some((name, value?)));
        said.map(|(name, value)| format!("&{name}={value}")).collect()
    }

    pub(super) async fn list(&self, owner: Option<usize>, search: &Search, limit: usize) {
        let who = owner.map_or(&self.auditor, |owner| &self.producers[owner]);
        let query = self.query(search);
        let expected = self.model.packages.iter().zip(&self.ids).rev().filter(|(package, _)| {
            owner.is_none_or(|owner| package.owner == owner) && self.is_found(package, search)
        });
        let expected: Vec<String> = expected.map(|(_, id)| id.to_string()).collect();
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = who.get(&format!("/packages?limit={limit}{query}{cursor}")).await.json();
            let packages = page["packages"].as_array().unwrap_or_else(|| panic!("{query}: {page}"));
            assert!(packages.len() <= limit, "{packages:?}");
            for package in packages {
                listed.push(package["package_id"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed, expected, "the newest first, by {query}");
    }
}
