//! What goes on inside, on standard error, for whoever asks with `--verbose`.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

/// The crates that are heard. Theirs is the only text that was written to be shown: what the HTTP
/// client or the signer says may hold signed headers.
const OURS: &str = "strongroom";

/// Starts to tell, where it was asked for: once, what was refused, repeated or left behind; twice,
/// each request to the store too.
pub fn start(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
    let lines = lines.with_filter(Targets::new().with_target(OURS, level));
    // The only one in this process; were there another, that one would tell.
    let _ = tracing::subscriber::set_global_default(registry().with(lines));
}

/// Starts to tell what a service does: a line of JSON for each request and each job, on standard error. More, where
/// that was asked for.
pub fn start_service() {
    let lines = fmt::layer().json().flatten_event(true).with_writer(io::stderr);
    let lines = lines.with_filter(Targets::new().with_target(OURS, LevelFilter::INFO));
    // With `--verbose` there is one already, which tells more.
    let _ = tracing::subscriber::set_global_default(registry().with(lines));
}
