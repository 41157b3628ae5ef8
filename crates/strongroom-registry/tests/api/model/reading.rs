//! What is read of a registry: manifests, bundles, files, lists.

use strongroom_core::bundle::{NoProgress, ReadLimits, UnverifiedBundle};
use strongroom_core::package::document::PackageDocument;

use super::step::{What, Which, subject};
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

    pub(super) async fn list(&self, owner: Option<usize>, which: Which, limit: usize) {
        let who = owner.map_or(&self.auditor, |owner| &self.producers[owner]);
        let filter = match which {
            Which::All => String::new(),
            Which::In(status) => format!("&status={status}"),
            Which::Of(class) => format!("&class={class}"),
            Which::About(number) => format!("&subject={}", subject(number)),
        };
        let expected = self.model.packages.iter().zip(&self.ids).rev().filter(|(package, _)| {
            owner.is_none_or(|owner| package.owner == owner)
                && match which {
                    Which::All => true,
                    Which::In(status) => package.status == status,
                    Which::Of(class) => package.class == class,
                    Which::About(number) => package.subject == number,
                }
        });
        let expected: Vec<String> = expected.map(|(_, id)| id.to_string()).collect();
        let (mut listed, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = who.get(&format!("/packages?limit={limit}{filter}{cursor}")).await.json();
            for package in page["packages"].as_array().unwrap() {
                listed.push(package["package_id"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(listed, expected, "the newest first");
    }
}
