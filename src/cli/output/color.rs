//! When to use colours, and which.

use std::{env, io::IsTerminal};

use owo_colors::{AnsiColors, OwoColorize};

/// What `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

impl ColorChoice {
    /// Decides for one stream: the flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether it
    /// is a terminal that can.
    pub(super) fn decide(self, stream: &impl IsTerminal) -> bool {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto if env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Self::Auto => {
                stream.is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }
}

/// Paints text when colours are on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn red(self, text: &str) -> String {
        self.apply(text, AnsiColors::Red)
    }

    pub(super) fn yellow(self, text: &str) -> String {
        self.apply(text, AnsiColors::Yellow)
    }

    pub(super) fn cyan(self, text: &str) -> String {
        self.apply(text, AnsiColors::Cyan)
    }

    pub(super) fn green(self, text: &str) -> String {
        self.apply(text, AnsiColors::Green)
    }

    fn apply(self, text: &str, color: AnsiColors) -> String {
        if self.0 { text.color(color).to_string() } else { text.to_owned() }
    }
}
