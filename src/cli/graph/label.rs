//! Where labels have room. Pure.

use super::layout::{Area, LINE};

/// Width of a character of a label.
const CHAR: usize = 7;

/// Steps that a label is moved at most; then it stays where it is.
const STEPS: usize = 60;

/// What is taken: boxes, and the labels before.
pub(super) struct Labels {
    taken: Vec<Area>,
}

impl Labels {
    /// Starts with the boxes.
    pub(super) fn new(boxes: &[Area]) -> Self {
        Self { taken: boxes.to_vec() }
    }

    /// Returns the place of a label that should be centred at a point: there, or the nearest below where
    /// nothing else is.
    pub(super) fn place(&mut self, lines: &[String], (x, y): (usize, usize)) -> Area {
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
        let (width, height) = (longest * CHAR, lines.len() * LINE);
        let first =
            Area { x: x.saturating_sub(width / 2), y: y.saturating_sub(LINE), width, height };
        let mut areas = (0..STEPS).map(|step| Area { y: first.y + step * LINE / 2, ..first });
        let free = areas.find(|area| !self.taken.iter().any(|taken| taken.overlaps(area)));
        let area = free.unwrap_or(first);
        self.taken.push(area);
        area
    }
}
