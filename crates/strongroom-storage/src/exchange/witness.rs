//! What was sent and what was answered, one line for each exchange: for a report that others can
//! check. Holds no secret, no signature and nothing that changes from run to run.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, Method};

/// Headers whose value is part of the story; of the others only the name is.
const TOLD_VALUES: [&str; 7] = [
    "if-none-match",
    "range",
    "x-amz-bypass-governance-retention",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-legal-hold",
    "x-amz-copy-source-range",
    "x-ms-immutability-policy-mode",
];
/// Headers that every request has, or that say who asks.
const UNTOLD: [&str; 6] = [
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-checksum-mode",
    "x-ms-date",
    "x-ms-version",
];

/// Lines that are kept between two looks, at most.
const LINES_MAX: usize = 64;

/// Sees every exchange.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    requests: AtomicU64,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: Vec<(String, u64)>,
    left_out: u64,
}

impl Witness {
    /// Counts an exchange and keeps its line. `answer` is a status with a code, or that there was
    /// none.
    pub(crate) fn saw(
        &self,
        method: &Method,
        key: Option<&str>,
        query: &[(&'static str, String)],
        headers: &HeaderMap,
        answer: &str,
    ) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let line = line(method, key, query, headers, answer);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = lines.kept.iter_mut().find(|(kept, _)| *kept == line) {
            *count += 1;
        } else if lines.kept.len() < LINES_MAX {
            lines.kept.push((line, 1));
        } else {
            lines.left_out += 1;
        }
    }

    /// How many exchanges there were so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// The lines since the last look, equal ones together.
    pub(crate) fn take(&self) -> Vec<String> {
        let Lines { kept, left_out } =
            std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines: Vec<String> = kept
            .into_iter()
            .map(|(line, count)| if count == 1 { line } else { format!("{line} (x{count})") })
            .collect();
        if left_out > 0 {
            lines.push(format!("and {left_out} more"));
        }
        lines
    }
}

fn line(
    method: &Method,
    key: Option<&str>,
    query: &[(&'static str, String)],
    headers: &HeaderMap,
    answer: &str,
) -> String {
    let mut line = format!("{method} {}", key.unwrap_or("(bucket)"));
    for (at, (name, value)) in query.iter().enumerate() {
        line.push(if at == 0 { '?' } else { '&' });
        line.push_str(name);
        if !value.is_empty() {
            line.push_str("=…");
        }
    }
    for (name, value) in headers {
        let name = name.as_str();
        let is_of_note = name.starts_with("x-amz-")
            || name.starts_with("x-ms-")
            || matches!(name, "if-none-match" | "content-md5" | "range");
        if !is_of_note || UNTOLD.contains(&name) {
            continue;
        }
        let value = value.to_str().ok().filter(|_| TOLD_VALUES.contains(&name));
        // Writing to a String does not fail.
        let _ = write!(line, " {name}: {}", value.unwrap_or("…"));
    }
    let _ = write!(line, " -> {answer}");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_request_and_no_secret() {
        let witness = Witness::default();
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("if-none-match", "*"),
            ("authorization", "secretive"),
            ("x-amz-security-token", "secretive"),
            ("x-amz-checksum-sha256", "varies"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        let query = [("versionId", "varies".to_owned()), ("retention", String::new())];
        for _ in 0..2 {
            witness.saw(&Method::PUT, Some("p/k"), &query, &headers, "412 PreconditionFailed");
        }
        witness.saw(&Method::GET, None, &[], &HeaderMap::new(), "200");
        assert_eq!(witness.requests(), 3);
        assert_eq!(
            witness.take(),
            [
                "PUT p/k?versionId=…&retention if-none-match: * x-amz-checksum-sha256: … -> \
                 412 PreconditionFailed (x2)",
                "GET (bucket) -> 200",
            ]
        );
        assert!(witness.take().is_empty());
    }

    #[test]
    fn a_long_story_is_cut_and_says_so() {
        let witness = Witness::default();
        for number in 0..LINES_MAX + 3 {
            witness.saw(&Method::GET, Some(&number.to_string()), &[], &HeaderMap::new(), "200");
        }
        assert_eq!(witness.take().last().unwrap(), "and 3 more");
    }
}
