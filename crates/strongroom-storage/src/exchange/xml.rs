//! The little XML that stores speak: answers as a tree, requests as text.

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::{StorageError, StorageErrorKind};

/// How deep an answer may nest. The deepest one of S3 has 5 levels.
const DEPTH_MAX: usize = 16;

/// An element of an answer: its name without namespace, its text, its children in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// The root of a document. A document type is refused, so no entity can be defined.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, StorageError> {
        let document = std::str::from_utf8(document).map_err(|_| malformed())?;
        let mut reader = Reader::from_str(document);
        // The bottom of the stack holds the root as its only child.
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().map_err(|error| malformed().with_source(error))? {
                Event::Start(start) => {
                    if open.len() > DEPTH_MAX {
                        return Err(malformed());
                    }
                    open.push(Self::start(&start));
                }
                Event::Empty(start) => {
                    let parent = open.last_mut().ok_or_else(malformed)?;
                    parent.children.push(Self::start(&start));
                }
                Event::End(_) => {
                    let done = open.pop().ok_or_else(malformed)?;
                    open.last_mut().ok_or_else(malformed)?.children.push(done);
                }
                Event::Text(text) => {
                    open.last_mut().ok_or_else(malformed)?.text.push_str(&text);
                }
                Event::CData(text) => {
                    open.last_mut().ok_or_else(malformed)?.text.push_str(&text);
                }
                Event::GeneralRef(reference) => {
                    let character = reference
                        .resolve_char_ref()
                        .map_err(|error| malformed().with_source(error))?
                        .or_else(|| predefined(&reference))
                        .ok_or_else(malformed)?;
                    open.last_mut().ok_or_else(malformed)?.text.push(character);
                }
                Event::DocType(_) => return Err(malformed()),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        let (Some(document), true) = (open.pop(), open.is_empty()) else {
            return Err(malformed());
        };
        document.children.into_iter().next().ok_or_else(malformed)
    }

    /// The first child of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of this name, unless it is empty.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    /// The text of a child that holds a key: white space is part of it.
    pub(crate) fn key_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// The value of an attribute, as it is written.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let named = self.attributes.iter().find(|(attribute, _)| attribute == name);
        named.map(|(_, value)| value.as_str())
    }

    fn start(start: &BytesStart<'_>) -> Self {
        let attributes = start.attributes().flatten();
        Self {
            name: start.local_name().as_ref().to_owned(),
            attributes: attributes
                .map(|attribute| (attribute.key.as_ref().to_owned(), attribute.value.into_owned()))
                .collect(),
            ..Self::default()
        }
    }
}

/// A text as the content of an element.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn malformed() -> StorageError {
    StorageError::new(StorageErrorKind::Malformed, "the answer is not the XML of an S3 store")
        .with_guidance("check that the endpoint is an S3 API, not a web console or a proxy's page")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_tree_without_namespaces() {
        let root = Element::parse(
            br#"<?xml version="1.0"?><a:List xmlns:a="u"><Key>a&amp;b&#x20;</Key><V n="1"/></a:List>"#,
        )
        .unwrap();
        assert_eq!(root.name, "List");
        assert_eq!(root.key_of("Key"), Some("a&b "));
        assert_eq!(root.text_of("Key"), Some("a&b"));
        assert_eq!(root.text_of("V"), None);
        assert_eq!(root.child("V").and_then(|v| v.attribute("n")), Some("1"));
        assert_eq!(root.children.len(), 2);
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        for document in [
            "",
            "no xml",
            "<a>",
            "<a></b>",
            "<!DOCTYPE a [<!ENTITY e \"boom\">]><a>&e;</a>",
            "<a>&e;</a>",
            &deep,
        ] {
            let error = Element::parse(document.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), StorageErrorKind::Malformed, "{document}");
        }
    }
}
