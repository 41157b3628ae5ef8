//! What a file says that it is, by its media type or else by its name.

/// What a file says that it is. Only its bytes tell whether it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// One JSON document.
    Json,
    /// One JSON value a line.
    Ndjson,
    /// Text of another kind.
    Text,
    /// Nothing.
    Nothing,
}

const JSON_ENDINGS: [&str; 5] = ["json", "jsonld", "geojson", "sarif", "ipynb"];
const RECORD_ENDINGS: [&str; 2] = ["ndjson", "jsonl"];
const TEXT_ENDINGS: [&str; 16] = [
    "txt", "log", "md", "csv", "tsv", "xml", "html", "yaml", "yml", "toml", "ini", "cfg", "diff",
    "patch", "tap", "out",
];
const RECORD_TYPES: [&str; 4] =
    ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"];

impl Promise {
    /// What a file of this name and media type says that it is. What was declared goes before the name.
    pub fn of(path: &str, media_type: Option<&str>) -> Self {
        media_type.and_then(Self::of_media_type).unwrap_or_else(|| Self::of_name(path))
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        let kind = media_type.split(';').next().unwrap_or(media_type).trim().to_ascii_lowercase();
        match kind.as_str() {
            kind if RECORD_TYPES.contains(&kind) => Some(Self::Ndjson),
            kind if kind == "application/json" || kind.ends_with("+json") => Some(Self::Json),
            kind if kind.starts_with("text/") => Some(Self::Text),
            _ => None,
        }
    }

    fn of_name(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some(ending) if JSON_ENDINGS.contains(&ending) => Self::Json,
            Some(ending) if RECORD_ENDINGS.contains(&ending) => Self::Ndjson,
            Some(ending) if TEXT_ENDINGS.contains(&ending) => Self::Text,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_declared_goes_before_the_name() {
        let table = [
            ("a.json", None, Promise::Json),
            ("a.JSON", None, Promise::Json),
            ("a.json", Some("text/plain; charset=utf-8"), Promise::Text),
            ("a", Some("application/vnd.in-toto+json"), Promise::Json),
            ("a.json", Some("application/x-ndjson"), Promise::Ndjson),
            ("a.jsonl", Some("application/octet-stream"), Promise::Ndjson),
            ("a.json/b", None, Promise::Nothing),
            (".json", None, Promise::Json),
            ("a.log", None, Promise::Text),
        ];
        for (path, media_type, promise) in table {
            assert_eq!(Promise::of(path, media_type), promise, "{path} {media_type:?}");
        }
    }
}
