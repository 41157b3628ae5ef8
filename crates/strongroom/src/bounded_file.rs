//! A file that somebody names, read whole and no further than a limit.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::exit::Exit;
use crate::failure::Failure;

/// The bytes of a file. `name` is the limit's own, in an error.
pub fn read(path: &Path, name: &str, bytes_max: u64) -> Result<Vec<u8>> {
    let bytes = read_up_to(path, bytes_max)
        .with_context(|| format!("{} could not be read", path.display()))?;
    Ok(bytes.ok_or_else(|| over(path, name))?)
}

/// The bytes of a file; nothing where it has more than so many.
pub fn read_up_to(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= bytes_max).then_some(bytes))
}

/// The bytes as a text.
pub fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))
}

/// A file is over the limit of this name.
pub fn over(path: &Path, name: &str) -> Failure {
    Failure::new(Exit::Limit, format!("{} is longer than the limit {name}", path.display()))
}

/// The same of a text. What is over the limit is that, wherever it was cut.
pub fn read_text(path: &Path, name: &str, bytes_max: u64) -> Result<String> {
    Ok(text(path, read(path, name, bytes_max)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::exit_of;

    #[test]
    fn a_file_at_the_limit_is_read_and_one_over_it_is_over_a_limit_wherever_it_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.yaml");
        let exit = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            read_text(&path, "TEXT_BYTES_MAX", 4).map_err(|error| exit_of(&error))
        };
        assert_eq!(exit("a\u{20ac}".as_bytes()).unwrap(), "a\u{20ac}");
        // Cut after the limit and a byte, the last character is half there.
        assert_eq!(exit("abcd\u{20ac}".as_bytes()), Err(Exit::Limit));
        assert_eq!(exit(b"ab\xe2"), Err(Exit::Usage));
        let absent = read(&folder.path().join("absent"), "TEXT_BYTES_MAX", 4);
        assert_eq!(exit_of(&absent.unwrap_err()), Exit::Failed);
    }
}
