//! What people and programs see: results on standard output, everything else on standard error.

mod block;
pub mod markdown;
mod words;

use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use serde::Serialize;

pub use self::block::{Block, fold};
pub use self::words::{count, duration_ms, safe, size, size_and_bytes, time, visible};
use crate::cli::{ConsoleArgs, Format};
use crate::environment::Environment;
use crate::failure::{ErrorDocument, output_failed};

/// The width that text is laid out for where nobody says another.
const DEFAULT_COLUMNS: usize = 80;
/// Nothing is laid out narrower than this.
const COLUMNS_MIN: usize = 40;

/// Something good, something to mind, something wrong, something of less weight.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    pub good: Style,
    pub warning: Style,
    pub bad: Style,
    pub strong: Style,
    pub faint: Style,
}

impl Palette {
    const PLAIN: Self = Self {
        good: Style::new(),
        warning: Style::new(),
        bad: Style::new(),
        strong: Style::new(),
        faint: Style::new(),
    };

    fn new(coloured: bool) -> Self {
        if !coloured {
            return Self::PLAIN;
        }
        Self {
            good: AnsiColor::Green.on_default().bold(),
            warning: AnsiColor::Yellow.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
            strong: Style::new().bold(),
            faint: Style::new().dimmed(),
        }
    }
}

/// `text` in a style.
pub fn styled(style: Style, text: impl Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where output goes, and in which form.
#[derive(Debug, Clone)]
pub struct Console {
    format: Format,
    quiet: bool,
    verbose: bool,
    columns: usize,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    palette: Palette,
    stderr_palette: Palette,
}

impl Console {
    /// The console of this process.
    pub fn new(args: &ConsoleArgs, environment: &Environment) -> Self {
        let colourless = environment.is_set("NO_COLOR") || environment.text("TERM") == Some("dumb");
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        let columns = environment
            .text("COLUMNS")
            .and_then(|columns| columns.parse().ok())
            .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
        Self {
            format: args.format,
            quiet: args.quiet,
            verbose: args.verbose > 0,
            columns: columns.unwrap_or(DEFAULT_COLUMNS).max(COLUMNS_MIN),
            stdout_is_terminal,
            stderr_is_terminal,
            palette: Palette::new(stdout_is_terminal && !colourless),
            stderr_palette: Palette::new(stderr_is_terminal && !colourless),
        }
    }

    /// How results are printed.
    pub fn format(&self) -> Format {
        self.format
    }

    /// This console without colours, as a file is written.
    pub fn plain(&self) -> Self {
        Self { palette: Palette::PLAIN, ..self.clone() }
    }

    /// The width to lay text out for.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Whether a person looks at standard output.
    pub fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// The styles for standard output.
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// Whether progress is shown: not between the lines of `--verbose`.
    pub fn shows_progress(&self) -> bool {
        self.stderr_is_terminal && !self.quiet && !self.verbose
    }

    /// Whether a person can be asked something.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && self.stderr_is_terminal
    }

    /// Prints one result: for people as `human` says it, for programs as the document. That nobody
    /// reads it is no failure, so a command that fell short returns that before what this returns.
    pub fn result(
        &self,
        human: impl FnOnce(&Self) -> String,
        document: &impl Serialize,
    ) -> Result<()> {
        match self.format {
            Format::Human | Format::Markdown => self.print(&human(self)),
            Format::Json | Format::Sarif => {
                self.print(&format!("{}\n", serde_json::to_string_pretty(document)?))
            }
            Format::Ndjson => self.print_line_of(document),
        }
    }

    /// Prints one document on one line.
    pub fn print_line_of(&self, document: &impl Serialize) -> Result<()> {
        self.print(&format!("{}\n", serde_json::to_string(document)?))
    }

    /// Prints text as it is to standard output.
    pub fn print(&self, text: &str) -> Result<()> {
        self.print_bytes(text.as_bytes())
    }

    /// Prints bytes as they are to standard output.
    pub fn print_bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(output_failed)
    }

    /// Says something that is good to know, on standard error.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.say(&styled(self.stderr_palette.faint, "note:"), &text.to_string());
        }
    }

    /// Says something that a person must know, on standard error. Quiet or not.
    pub fn warning(&self, text: impl Display) {
        self.say(&styled(self.stderr_palette.warning, "warning:"), &text.to_string());
    }

    /// Says what went wrong, and what to do, on standard error.
    pub fn error(&self, error: &ErrorDocument) {
        if matches!(self.format, Format::Human | Format::Markdown) {
            self.say(&styled(self.stderr_palette.bad, "error:"), &error.message);
            if let Some(help) = &error.help {
                self.say(&styled(self.stderr_palette.good, "help:"), help);
            }
            return;
        }
        if let Ok(document) = serde_json::to_string(error) {
            self.complain(&document);
        }
    }

    fn say(&self, label: &str, text: &str) {
        self.complain(&format!("{label} {}", safe(text)));
    }

    /// There is nowhere left to tell of a standard error that fails.
    fn complain(&self, line: &str) {
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// Asks a question on standard error, and reads a line, on a thread of its own: while it waits,
    /// an interruption is noticed, and standard error is free to say so.
    pub async fn ask(&self, question: String) -> Result<String> {
        let asking = tokio::task::spawn_blocking(move || {
            let mut stderr = io::stderr();
            write!(stderr, "{question} ")?;
            stderr.flush()?;
            let mut answer = String::new();
            io::stdin().read_line(&mut answer)?;
            Ok::<_, io::Error>(answer.trim().to_owned())
        });
        Ok(asking.await.context("the question ended before its answer")??)
    }
}
