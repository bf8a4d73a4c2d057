//! The values of a counter's labels, as one text: to count again takes no memory.

use std::fmt::Write as _;

/// Ends a value. No name of Kubernetes and no address has it, and what comes from elsewhere loses it.
const END: char = '\u{1f}';

/// Values of labels, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    /// Starts anew.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a value that skep knows, and that has no end in it.
    pub(super) fn push_known(&mut self, value: &'static str) {
        self.0.push_str(value);
        self.0.push(END);
    }

    /// Adds a value.
    pub(super) fn push(&mut self, value: &str) {
        if value.contains(END) {
            self.0.extend(value.chars().filter(|c| *c != END));
        } else {
            self.0.push_str(value);
        }
        self.0.push(END);
    }

    /// Adds a number.
    pub(super) fn push_number(&mut self, value: u64) {
        let _ = write!(self.0, "{value}{END}");
    }

    /// Returns the text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Yields the values in the text of a key.
pub(super) fn values(text: &str) -> impl Iterator<Item = &str> {
    text.split_terminator(END)
}
