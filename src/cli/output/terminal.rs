//! The two streams, and what goes to which.

use std::{
    io::{self, BufWriter, IsTerminal, Stdout, Write},
    sync::{Mutex, MutexGuard},
};

use super::{
    Detail, EncodeError, Format, Render,
    color::{ColorChoice, Paint},
};
use crate::cli::error::Error;

/// What the global flags say about output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// `--color`.
    pub(crate) color: ColorChoice,
    /// `--quiet`.
    pub(crate) quiet: bool,
}

/// The terminal, or the pipe, of a command.
#[derive(Debug)]
pub(crate) struct Output {
    quiet: bool,
    out: Paint,
    err: Paint,
    stdout: Mutex<BufWriter<Stdout>>,
}

impl Output {
    /// Decides about colours once.
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            quiet: settings.quiet,
            out: Paint(settings.color.decide(&io::stdout())),
            err: Paint(settings.color.decide(&io::stderr())),
            stdout: Mutex::new(BufWriter::new(io::stdout())),
        }
    }

    /// Prints an answer in the format that was asked for.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn show<R: Render>(&self, answer: &R, format: Format) -> Result<(), Error> {
        let text = match format {
            Format::Json => {
                serde_json::to_string_pretty(&answer.document()).map_err(EncodeError::Json)? + "\n"
            }
            Format::Yaml => serde_yaml::to_string(&answer.document()).map_err(EncodeError::Yaml)?,
            Format::Name => answer.names().iter().map(|name| format!("{name}\n")).collect(),
            Format::Table => self.tables(answer, Detail::Normal),
            Format::Wide => self.tables(answer, Detail::Wide),
        };
        self.text(&text)
    }

    fn tables<R: Render>(&self, answer: &R, detail: Detail) -> String {
        let table = answer.table(detail);
        if table.is_empty() {
            self.note(&answer.empty());
        }
        let tables = std::iter::once(table).chain(answer.more(detail));
        let texts = tables.filter(|table| !table.is_empty()).map(|t| t.layout(self.out.0));
        texts.collect::<Vec<_>>().join("\n")
    }

    /// Prints one line of a stream and flushes it, so that a reader sees it at once.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn line(&self, line: &str) -> Result<(), Error> {
        let mut stdout = self.stdout();
        writeln!(stdout, "{line}")?;
        Ok(stdout.flush()?)
    }

    /// Prints text as it is.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn text(&self, text: &str) -> Result<(), Error> {
        Ok(self.stdout().write_all(text.as_bytes())?)
    }

    /// Sends what is buffered.
    ///
    /// # Errors
    /// When stdout is closed or full.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        Ok(self.stdout().flush()?)
    }

    /// Says something that is not the answer, on stderr; `--quiet` hides it.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.say(text);
        }
    }

    /// Warns on stderr.
    pub(crate) fn warn(&self, text: &str) {
        self.say(&format!("{} {text}", self.err.yellow("warning:")));
    }

    /// Tells whether answers have colours.
    pub(crate) const fn has_colors(&self) -> bool {
        self.out.0
    }

    /// Tells whether someone watches stderr.
    pub(crate) fn is_chatty(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Explains a failure on stderr: what, why, and what to type next.
    pub(crate) fn error(&self, error: &Error) {
        if error.kind().is_silent() {
            return;
        }
        let mut lines = Vec::new();
        for (position, text) in error.chain().iter().enumerate() {
            let heading = if position == 0 { self.err.red("error:") } else { "caused by:".into() };
            lines.push(format!("{heading} {}", super::escape(text)));
        }
        if !error.hints().is_empty() {
            lines.push(String::new());
        }
        for hint in error.hints() {
            lines.push(format!("{} {hint}", self.err.cyan("hint:")));
        }
        self.say(&lines.join("\n"));
    }

    /// Paints part of a line of the answer.
    pub(crate) fn paint(&self, text: &str, tone: super::Tone) -> String {
        match tone {
            super::Tone::Plain => text.to_owned(),
            super::Tone::Good => self.out.green(text),
            super::Tone::Warn => self.out.yellow(text),
            super::Tone::Bad => self.out.red(text),
        }
    }

    /// stderr may be closed too; there is nobody left to tell.
    fn say(&self, text: &str) {
        let _ = self.flush();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    fn stdout(&self) -> MutexGuard<'_, BufWriter<Stdout>> {
        self.stdout.lock().expect("no panic while holding the lock")
    }
}
