//! Progress of several uploads at once: a bar for the whole and one for each file in flight on a terminal; a plain
//! line now and then where nobody looks at one.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::{Console, count, safe, size};

const OF_THE_WHOLE: &str = "{prefix} [{wide_bar}] {percent:>3}% of {binary_total_bytes}  \
                            {binary_bytes_per_sec}  {eta}  {msg}";
const OF_A_FILE: &str = "  {percent:>3}% of {binary_total_bytes:>10}  {wide_msg}";
/// A file with fewer bytes has no bar of its own: it is gone before anybody read its name.
const FILE_BAR_BYTES_MIN: u64 = 256 << 10;
/// Lines that are told of the whole, at most.
const LINES_MAX: u64 = 10;
/// What a file weighs besides its bytes: a request takes its time, however little it carries.
const FILE_WEIGHT_BYTES: u64 = 64 << 10;
/// Below this weight no line is told: the end comes before it would be read.
const LINES_WEIGHT_MIN: u64 = 64 << 20;

/// The progress of a push. Its bars go away when it is dropped.
#[derive(Debug)]
pub struct Uploads(Arc<Whole>);

#[derive(Debug)]
struct Whole {
    shown: Shown,
    files: u64,
    bytes: u64,
    done: Mutex<Done>,
}

#[derive(Debug, Default)]
struct Done {
    files: u64,
    bytes: u64,
    lines: u64,
}

#[derive(Debug)]
enum Shown {
    Nothing,
    Bars { all: MultiProgress, whole: ProgressBar },
    Lines(Console),
}

impl Uploads {
    /// Of so many files with so many bytes.
    pub fn new(console: &Console, files: u64, bytes: u64) -> Self {
        let shown = if console.shows_progress() {
            bars(ProgressDrawTarget::stderr_with_hz(10), bytes)
        } else if weight(files, bytes) >= LINES_WEIGHT_MIN {
            Shown::Lines(console.clone())
        } else {
            Shown::Nothing
        };
        Self::shown(shown, files, bytes)
    }

    fn shown(shown: Shown, files: u64, bytes: u64) -> Self {
        Self(Arc::new(Whole { shown, files, bytes, done: Mutex::default() }))
    }

    /// One of them begins.
    pub fn file(&self, path: &str, size_bytes: u64) -> FileProgress {
        let bar = match &self.0.shown {
            Shown::Bars { all, .. } if size_bytes >= FILE_BAR_BYTES_MIN => {
                let bar = all.add(ProgressBar::new(size_bytes));
                if let Ok(style) = ProgressStyle::with_template(OF_A_FILE) {
                    bar.set_style(style);
                }
                bar.set_message(safe(path));
                Some(bar)
            }
            _ => None,
        };
        FileProgress(Arc::new(OfFile {
            whole: Some(Arc::clone(&self.0)),
            path: safe(path),
            bar,
            sent: AtomicU64::new(0),
            is_being_stored: AtomicBool::new(false),
        }))
    }

    /// One of them is stored: `sent` tells what went over the wire, which is nothing where it was there before.
    pub fn finished(&self, size_bytes: u64, progress: &FileProgress) {
        let sent = progress.0.sent.load(Ordering::Relaxed);
        let Ok(mut done) = self.0.done.lock() else { return };
        done.files += 1;
        done.bytes += size_bytes;
        match &self.0.shown {
            Shown::Nothing => {}
            Shown::Bars { whole, .. } => {
                whole.inc(size_bytes.saturating_sub(sent));
                whole.set_message(format!("{} of {} files", done.files, self.0.files));
            }
            Shown::Lines(console) => {
                if let Some(line) = self.0.line(&mut done) {
                    console.note(line);
                }
            }
        }
    }
}

impl Whole {
    /// The line that is due, if one is: one for each tenth, and none for the whole, which the result tells.
    fn line(&self, done: &mut Done) -> Option<String> {
        let all = weight(self.files, self.bytes).max(1);
        let tenths = u128::from(weight(done.files, done.bytes)) * u128::from(LINES_MAX);
        let tenths = u64::try_from(tenths / u128::from(all)).unwrap_or(LINES_MAX);
        if tenths <= done.lines || tenths >= LINES_MAX {
            return None;
        }
        done.lines = tenths;
        Some(format!(
            "uploaded {} of {}, {} of {}",
            done.files,
            count(self.files, "file", "files"),
            size(done.bytes),
            size(self.bytes)
        ))
    }
}

fn weight(files: u64, bytes: u64) -> u64 {
    bytes.saturating_add(files.saturating_mul(FILE_WEIGHT_BYTES))
}

fn bars(target: ProgressDrawTarget, bytes: u64) -> Shown {
    let all = MultiProgress::with_draw_target(target);
    let whole = all.add(ProgressBar::new(bytes));
    if let Ok(style) = ProgressStyle::with_template(OF_THE_WHOLE) {
        whole.set_style(style.progress_chars("=> "));
    }
    whole.set_prefix("uploading");
    Shown::Bars { all, whole }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        if let Shown::Bars { whole, .. } = &self.0.shown {
            whole.finish_and_clear();
        }
    }
}

/// The progress of one file. Clones tell of the same; its bar goes away with the last.
#[derive(Debug, Clone)]
pub struct FileProgress(Arc<OfFile>);

#[derive(Debug)]
struct OfFile {
    whole: Option<Arc<Whole>>,
    /// As it may be shown.
    path: String,
    bar: Option<ProgressBar>,
    sent: AtomicU64,
    /// Whether it was told that the registry puts the file together.
    is_being_stored: AtomicBool,
}

impl FileProgress {
    /// Shown nowhere.
    #[cfg(test)]
    pub fn none() -> Self {
        Self(Arc::new(OfFile {
            whole: None,
            path: String::new(),
            bar: None,
            sent: AtomicU64::new(0),
            is_being_stored: AtomicBool::new(false),
        }))
    }

    /// So many more bytes are on their way.
    pub fn add_bytes(&self, bytes: u64) {
        self.0.sent.fetch_add(bytes, Ordering::Relaxed);
        if let Some(whole) = self.0.whole_bar() {
            whole.inc(bytes);
        }
        if let Some(bar) = &self.0.bar {
            bar.inc(bytes);
        }
    }

    /// All of it was sent, and the registry puts the file together, which may take a while. Told once.
    pub fn being_stored(&self) {
        if self.0.is_being_stored.swap(true, Ordering::Relaxed) {
            return;
        }
        let told = format!("{}: sent; the registry puts the file together", self.0.path);
        match self.0.whole.as_ref().map(|whole| &whole.shown) {
            Some(Shown::Lines(console)) => console.note(told),
            _ => {
                if let Some(bar) = &self.0.bar {
                    bar.set_message(told);
                }
            }
        }
    }

    /// What was sent counts up to here, and the rest is sent again.
    pub fn go_on_from(&self, bytes: u64) {
        self.begin_again();
        self.add_bytes(bytes);
    }

    /// What was sent is sent again.
    pub fn begin_again(&self) {
        let sent = self.0.sent.swap(0, Ordering::Relaxed);
        if let Some(whole) = self.0.whole_bar() {
            whole.dec(sent);
        }
        if let Some(bar) = &self.0.bar {
            bar.set_position(0);
        }
    }
}

impl OfFile {
    fn whole_bar(&self) -> Option<&ProgressBar> {
        match &self.whole.as_ref()?.shown {
            Shown::Bars { whole, .. } => Some(whole),
            _ => None,
        }
    }
}

impl Drop for OfFile {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_counts_what_is_stored_and_takes_back_what_is_sent_again() {
        let (files, bytes) = (3, 3 << 20);
        let uploads = Uploads::shown(bars(ProgressDrawTarget::hidden(), bytes), files, bytes);
        let Shown::Bars { whole, .. } = &uploads.0.shown else { panic!("bars") };
        let broken = uploads.file("a", 1 << 20);
        broken.add_bytes(700_000);
        assert_eq!(whole.position(), 700_000);
        broken.begin_again();
        assert_eq!((whole.position(), broken.0.bar.as_ref().unwrap().position()), (0, 0));
        broken.add_bytes(900_000);
        broken.go_on_from(600_000);
        let both = (whole.position(), broken.0.bar.as_ref().unwrap().position());
        assert_eq!(both, (600_000, 600_000));
        broken.begin_again();
        broken.add_bytes(1 << 20);
        uploads.finished(1 << 20, &broken);
        let stored_before = uploads.file("b", 1 << 20);
        uploads.finished(1 << 20, &stored_before);
        assert_eq!((whole.position(), whole.message()), (2 << 20, "2 of 3 files".to_owned()));
        assert!(uploads.file("c", FILE_BAR_BYTES_MIN - 1).0.bar.is_none());
    }

    #[test]
    fn where_nobody_looks_at_a_terminal_a_line_is_told_for_each_tenth_and_none_for_the_end() {
        let whole =
            Whole { shown: Shown::Nothing, files: 5_000, bytes: 5_000, done: Mutex::default() };
        let mut done = Done::default();
        let mut lines = Vec::new();
        for _ in 0..5_000 {
            done.files += 1;
            done.bytes += 1;
            lines.extend(whole.line(&mut done));
        }
        assert_eq!(lines.len(), 9, "{lines:?}");
        assert_eq!(lines[0], "uploaded 500 of 5,000 files, 500 B of 4.9 KiB");
    }
}
