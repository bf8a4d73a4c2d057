//! The terminal, which is given back as it was: at the end, after an error, after a panic.

use ratatui::DefaultTerminal;

use super::{
    state::State,
    view::{Looks, draw},
};
use crate::cli::error::{Error, Kind};

/// The terminal cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw on the terminal")]
pub(super) struct ScreenError(#[source] pub(super) std::io::Error);

impl From<ScreenError> for Error {
    fn from(error: ScreenError) -> Self {
        Self::new(Kind::Environment, error).hint("skep top --once prints a table")
    }
}

/// The terminal in its other state.
pub(super) struct Screen {
    terminal: DefaultTerminal,
    looks: Looks,
}

impl Screen {
    /// Takes the terminal. A panic gives it back, too.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn open(looks: Looks) -> Result<Self, ScreenError> {
        let terminal = ratatui::try_init().map_err(ScreenError)?;
        Ok(Self { terminal, looks })
    }

    /// Draws.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, state: &mut State) -> Result<(), ScreenError> {
        let looks = &self.looks;
        self.terminal.draw(|frame| draw(frame, state, looks)).map_err(ScreenError)?;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
