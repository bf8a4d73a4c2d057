//! One row a flow. Rows go out in batches, whose widths fit; widths only grow.

use super::print::Pace;
use crate::cli::output::{Output, Tone};

/// Columns of a flow.
pub(super) const HEADINGS: [&str; 6] =
    ["TIMESTAMP", "SOURCE", "DESTINATION", "TYPE", "VERDICT", "SUMMARY"];

/// Rows that are laid out together.
const BATCH: usize = 1000;

/// The cells of a row, safe to show; the tone is that of the verdict.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) cells: [String; HEADINGS.len()],
    pub(super) tone: Tone,
}

/// Rows that wait.
#[derive(Debug, Default)]
pub(super) struct Rows {
    waiting: Vec<Row>,
    widths: [usize; HEADINGS.len()],
    has_headings: bool,
}

impl Rows {
    /// Adds a row; returns the lines that go out now.
    pub(super) fn add(&mut self, row: Row, pace: Pace, out: &Output) -> Vec<String> {
        self.waiting.push(row);
        if pace == Pace::Live || self.waiting.len() >= BATCH {
            return self.drain(out);
        }
        Vec::new()
    }

    /// Returns the lines of all rows that wait.
    pub(super) fn drain(&mut self, out: &Output) -> Vec<String> {
        let mut rows = std::mem::take(&mut self.waiting);
        if !rows.is_empty() && !self.has_headings {
            self.has_headings = true;
            let cells = HEADINGS.map(str::to_owned);
            rows.insert(0, Row { cells, tone: Tone::Plain });
        }
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(&row.cells) {
                *width = (*width).max(cell.chars().count());
            }
        }
        rows.iter().map(|row| self.line(row, out)).collect()
    }

    fn line(&self, row: &Row, out: &Output) -> String {
        let mut line = String::new();
        for (column, (cell, width)) in row.cells.iter().zip(self.widths).enumerate() {
            let padding = " ".repeat(width + 2 - cell.chars().count());
            if HEADINGS[column] == "VERDICT" {
                line.push_str(&out.paint(cell, row.tone));
            } else {
                line.push_str(cell);
            }
            line.push_str(&padding);
        }
        line.truncate(line.trim_end().len());
        line
    }
}
