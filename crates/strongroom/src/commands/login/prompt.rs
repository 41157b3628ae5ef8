//! A question whose answer is not shown while it is typed.

use std::io::stdin;

use anyhow::{Context as _, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::output::Console;

/// Asks at the terminal. The terminal shows again what is typed when this ends, however it ends.
pub async fn without_echo(question: &str, console: &Console) -> Result<Zeroizing<String>> {
    let silence = Silence::begin().context("the terminal cannot be kept from showing the token")?;
    let answer = console.ask(question.to_owned()).await;
    drop(silence);
    // The end of the line was not shown either.
    eprintln!();
    Ok(Zeroizing::new(answer?))
}

/// The terminal shows nothing of what is typed, until this is dropped.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> rustix::io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        // What was typed ahead was shown, and is no answer.
        tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // There is nobody to tell, and nothing else to try.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}
