//! Run directories and big files, the same for the same seed.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Writes the output of a test run as a CI job would leave it: a JUnit report, a JSON report, a
/// log, a coverage file, a dot file. The same bytes every time; about 5 KiB.
pub fn write_run_directory(root: &Path) -> io::Result<()> {
    let files: [(&str, String); 5] = [
        ("junit.xml", junit_report()),
        ("reports/summary.json", summary()),
        ("logs/build.log", build_log()),
        ("coverage/lcov.info", coverage()),
        (".tool-versions", "rust 1.95.0\nnode 24.4.1\n".to_owned()),
    ];
    for (path, content) in files {
        let path = root.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}

/// Writes `size_bytes` bytes that do not compress, the same for the same seed.
pub fn write_random_file(path: &Path, size_bytes: u64, seed: u64) -> io::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    let mut random = Random::new(seed);
    let mut left = size_bytes;
    while left > 0 {
        let word = random.next_word().to_le_bytes();
        let count = left.min(word.len() as u64);
        file.write_all(&word[..usize::try_from(count).unwrap_or(word.len())])?;
        left -= count;
    }
    file.into_inner()?.sync_all()
}

/// `size_bytes` bytes that do not compress, the same for the same seed.
pub fn random_bytes(size_bytes: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    while bytes.len() < size_bytes {
        bytes.extend_from_slice(&random.next_word().to_le_bytes());
    }
    bytes.truncate(size_bytes);
    bytes
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): small, quick, and good enough not to compress.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A generator; the same seed gives the same words.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_word() % bound.max(1)
    }
}

fn junit_report() -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites tests=\"24\" failures=\"1\" errors=\"0\" time=\"3.141\">\n  \
         <testsuite name=\"payments\" tests=\"24\" failures=\"1\" time=\"3.141\">\n",
    );
    for number in 1..=24 {
        let name = format!("settles_order_{number:02}");
        xml += &format!(
            "    <testcase classname=\"payments.settlement\" name=\"{name}\" time=\"0.1{number:02}\""
        );
        xml += if number == 17 {
            "><failure message=\"expected 100.00, got 99.99\">settlement.rs:217</failure></testcase>\n"
        } else {
            "/>\n"
        };
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn summary() -> String {
    "{\n  \"suite\": \"payments\",\n  \"passed\": 23,\n  \"failed\": 1,\n  \"skipped\": 0,\n  \
     \"started_at\": \"2026-11-20T08:15:00Z\",\n  \"duration_ms\": 3141,\n  \
     \"commit\": \"9fceb02d0ae598e95dc970b74767f19372d61af8\"\n}\n"
        .to_owned()
}

fn build_log() -> String {
    let step = |number: u32| {
        format!("2026-11-20T08:14:{number:02}Z INFO compiling payments-step-{number:02} ok\n")
    };
    (0..40).map(step).collect()
}

fn coverage() -> String {
    let line = |number: u32| format!("DA:{number},{}\n", number % 5);
    let lines: String = (1..=60).map(line).collect();
    format!("TN:\nSF:src/settlement.rs\n{lines}LF:60\nLH:48\nend_of_record\n")
}
