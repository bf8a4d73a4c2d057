//! Asking before something is done that cannot be undone.

use std::io::{self, IsTerminal};

use super::Output;
use crate::cli::error::{Error, Kind};

impl Output {
    /// Asks a question whose answer is yes or no, on stderr; no is what an empty line means. Returns `None`
    /// if there is no terminal to ask at.
    ///
    /// Blocks. Where nobody listens for signals, Ctrl-C ends the process at once and leaves the terminal without a
    /// cursor.
    ///
    /// # Errors
    /// When the terminal is gone, or with Ctrl-C.
    pub(crate) fn confirm(&self, question: &str) -> Result<Option<bool>, Error> {
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Ok(None);
        }
        self.flush()?;
        let asked = dialoguer::Confirm::new().with_prompt(question).default(false).interact();
        asked.map(Some).map_err(|dialoguer::Error::IO(error)| {
            // It was hidden for the question.
            let _ = dialoguer::console::Term::stderr().show_cursor();
            match error.kind() {
                io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, error),
                _ => Error::new(Kind::Environment, error),
            }
        })
    }
}
