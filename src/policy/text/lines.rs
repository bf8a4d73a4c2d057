//! From places to offsets.

use std::cell::Cell;

use super::node::Mark;

/// A text and where its lines begin.
#[derive(Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The place asked for last: lines may be as long as the text, so the next one is found from there.
    last: Cell<(Mark, usize)>,
}

impl<'t> Lines<'t> {
    /// Finds the lines of a text. A mark of byte order at its beginning is no column.
    pub fn new(text: &'t str) -> Self {
        let first = text.len() - text.trim_start_matches('\u{feff}').len();
        let after = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(n, _)| n + 1);
        let starts = std::iter::once(first).chain(after).collect();
        Self { text, starts, last: Cell::default() }
    }

    /// Returns the offset of a place; the length of the text if it is beyond.
    pub fn offset(&self, mark: Mark) -> usize {
        let Some(&start) = self.starts.get((mark.line as usize).saturating_sub(1)) else {
            return self.text.len();
        };
        let (known, offset) = self.last.get();
        let (column, offset) = if known.line == mark.line && known.column <= mark.column {
            (known.column, offset)
        } else {
            (1, start)
        };
        let ahead = mark.column.saturating_sub(column) as usize;
        let rest = self.text[offset..].chars().take(ahead);
        let offset = offset + rest.map(char::len_utf8).sum::<usize>();
        self.last.set((mark, offset));
        offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_characters() {
        let lines = Lines::new("\u{feff}aö\nbü c\n");
        let offset = |line, column| lines.offset(Mark { line, column });
        assert_eq!((offset(1, 1), offset(1, 3), offset(2, 1)), (3, 6, 7));
        assert_eq!((offset(2, 3), offset(2, 4), offset(2, 2)), (10, 11, 8));
        assert_eq!((offset(2, 9), offset(9, 1)), (13, 13));
    }
}
