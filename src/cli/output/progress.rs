//! What a command waits for, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;

/// A line on stderr that says what is waited for; it vanishes in the end.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Output {
    /// Starts to say what is waited for; nothing is shown in a pipe or with `--quiet`.
    pub(crate) fn progress(&self) -> Progress {
        let bar = if self.is_chatty() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
        bar.set_style(style.expect("the template is constant"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress { bar }
    }
}

impl Progress {
    /// Says what is waited for now.
    pub(crate) fn say(&self, what: impl AsRef<str>) {
        self.bar.set_message(super::escape(what.as_ref()).into_owned());
    }

    /// Shows how much of it is done.
    pub(crate) fn count(&self, done: usize, all: usize) {
        if self.bar.length() != Some(all as u64) {
            let style =
                ProgressStyle::with_template("{spinner} {bar:24} {pos}/{len} {wide_msg} {elapsed}");
            self.bar.set_style(style.expect("the template is constant"));
            self.bar.set_length(all as u64);
        }
        self.bar.set_position(done as u64);
    }

    /// Says something that stays, above the line.
    pub(crate) fn above(&self, what: &str) {
        self.bar.println(super::escape(what));
    }

    /// Takes the line away while something else writes to the terminal.
    pub(crate) fn pause(&self, meanwhile: impl FnOnce()) {
        self.bar.suspend(meanwhile);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
