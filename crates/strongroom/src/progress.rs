//! Progress on standard error, on a terminal only.

use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use strongroom_core::bundle::{NoProgress, Progress};

const OF_A_KNOWN_TOTAL: &str =
    "{prefix} [{bar:24}] {binary_bytes:>10} of {binary_total_bytes}  {binary_bytes_per_sec}  {eta}";
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
        let target = ProgressDrawTarget::stderr_with_hz(10);
        let (bar, template) = match total_bytes {
            Some(total) => (ProgressBar::with_draw_target(Some(total), target), OF_A_KNOWN_TOTAL),
            None => (ProgressBar::with_draw_target(None, target), OF_AN_UNKNOWN_TOTAL),
        };
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
