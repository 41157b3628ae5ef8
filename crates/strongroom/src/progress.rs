//! Progress on standard error, on a terminal only; of uploads also in plain lines.

mod uploads;

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use strongroom_core::bundle::{NoProgress, Progress};

pub use self::uploads::{FileProgress, Uploads};

/// The bar takes what the terminal has left: 8 of 60 columns.
const OF_A_KNOWN_TOTAL: &str = "{prefix} [{wide_bar}] {percent:>3}% of {binary_total_bytes}  \
                                {binary_bytes_per_sec}  {eta}";
const OF_AN_UNKNOWN_TOTAL: &str = "{prefix} {spinner} {binary_bytes:>10}  {binary_bytes_per_sec}";

/// A progress bar that goes away when dropped.
#[derive(Debug)]
pub struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar for work that is told in bytes; nothing where `shown` is false.
    pub fn new(shown: bool, verb: &'static str, total_bytes: Option<u64>) -> Self {
        if !shown {
            return Self(None);
        }
        Self::on(ProgressDrawTarget::stderr_with_hz(10), verb, total_bytes)
    }

    fn on(target: ProgressDrawTarget, verb: &'static str, total_bytes: Option<u64>) -> Self {
        let template = match total_bytes {
            Some(_) => OF_A_KNOWN_TOTAL,
            None => OF_AN_UNKNOWN_TOTAL,
        };
        let bar = ProgressBar::with_draw_target(total_bytes, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        Self(Some(bar))
    }

    /// What the work reports to.
    pub fn progress(&self) -> Arc<dyn Progress> {
        match &self.0 {
            Some(bar) => Arc::new(Reported(bar.clone())),
            None => Arc::new(NoProgress),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

struct Reported(ProgressBar);

impl Progress for Reported {
    fn add_bytes(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

/// A running count that goes away when dropped.
#[derive(Debug)]
pub struct Counter(Option<ProgressBar>);

impl Counter {
    /// A count of things; nothing where `shown` is false.
    pub fn new(shown: bool, verb: &'static str, things: &'static str) -> Self {
        if !shown {
            return Self(None);
        }
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{prefix} {spinner} {pos} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(verb);
        bar.set_message(things);
        Self(Some(bar))
    }

    /// Where it is, of how many, and what is done now.
    pub fn step(&self, number: usize, total: usize, what: &str) {
        if let Some(bar) = &self.0 {
            bar.set_position(number as u64);
            bar.set_message(format!("of {total}  {what}"));
        }
    }

    /// How many there are by now.
    pub fn set(&self, number: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(number);
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// A part of a whole whose size is known only as a fraction, with an estimate of the rest. Goes away
/// when dropped.
#[derive(Debug)]
pub struct Part {
    bar: Option<ProgressBar>,
    total_bytes: Option<u64>,
}

/// Steps of a bar that tells a fraction.
const FRACTION_STEPS: u64 = 10_000;
/// Below this fraction an estimate of the whole says little.
const FRACTION_MIN: f64 = 0.01;
const OF_A_FRACTION: &str = "{prefix} [{wide_bar}] {percent:>3}%  {msg}  {eta}";

impl Part {
    /// A bar for work on bundles; nothing where `shown` is false.
    pub fn new(shown: bool, verb: &'static str, total_bytes: Option<u64>) -> Self {
        if !shown {
            return Self { bar: None, total_bytes };
        }
        Self::on(ProgressDrawTarget::stderr_with_hz(10), verb, total_bytes)
    }

    fn on(target: ProgressDrawTarget, verb: &'static str, total_bytes: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(Some(FRACTION_STEPS), target);
        if let Ok(style) = ProgressStyle::with_template(OF_A_FRACTION) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(verb);
        Self { bar: Some(bar), total_bytes }
    }

    /// How many bundles are done, what part of all ids that is, and how many bytes. Where bytes are
    /// read they are what takes time.
    pub fn set(&self, bundles: u64, of_ids: f64, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        let fraction = match self.total_bytes {
            Some(total) if total > 0 => bytes as f64 / total as f64,
            _ => of_ids,
        };
        bar.set_position((fraction.clamp(0.0, 1.0) * FRACTION_STEPS as f64) as u64);
        bar.set_message(match of_ids {
            of_ids if of_ids >= FRACTION_MIN => {
                format!("{bundles} of about {:.0}", bundles as f64 / of_ids)
            }
            _ => bundles.to_string(),
        });
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use indicatif::TermLike;

    use super::*;

    /// A terminal of 60 columns that keeps what is written on it.
    #[derive(Debug, Clone, Default)]
    struct Narrow(Arc<Mutex<Vec<String>>>);

    impl Narrow {
        fn keep(&self, text: &str) -> io::Result<()> {
            self.0.lock().expect("lines").push(text.to_owned());
            Ok(())
        }
    }

    impl TermLike for Narrow {
        fn width(&self) -> u16 {
            60
        }

        fn move_cursor_up(&self, _lines: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _lines: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _columns: usize) -> io::Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _columns: usize) -> io::Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> io::Result<()> {
            self.keep(text)
        }

        fn write_str(&self, text: &str) -> io::Result<()> {
            self.keep(text)
        }

        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_bar_fits_a_narrow_terminal() {
        let wide_numbers = 1_023 << 20;
        for total in [Some(wide_numbers), None] {
            let terminal = Narrow::default();
            let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
            let bar = Bar::on(target, "verifying", total);
            bar.progress().add_bytes(wide_numbers - 1);
            if let Some(bar) = &bar.0 {
                bar.force_draw();
            }
            let lines = terminal.0.lock().expect("lines").clone();
            let drawn: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
            assert!(drawn.iter().any(|line| line.starts_with("verifying")), "{drawn:?}");
            assert!(drawn.iter().all(|line| line.chars().count() <= 60), "{drawn:?}");
            assert!(total.is_none() || drawn.iter().any(|line| line.contains(" of ")), "{drawn:?}");
        }
    }
}
