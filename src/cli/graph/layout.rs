//! Where everything is drawn. Pure: the same map gives the same picture.
//!
//! Each island has columns: a party is to the right of those that ask it, as far as that is possible.
//! Islands are put side by side until a row is full.

use std::collections::BTreeMap;

use super::map::{Island, Map};

/// Width of a character of the font.
pub(super) const CHAR: usize = 8;
/// Height of a box.
pub(super) const BOX_HEIGHT: usize = 32;
/// Height of a line of a label.
pub(super) const LINE: usize = 14;
/// Around everything.
pub(super) const MARGIN: usize = 24;
/// Height of an island's name.
const TITLE: usize = 28;
/// Room for labels between columns.
pub(super) const COLUMN_GAP: usize = 210;
/// Between boxes of a column.
const ROW_GAP: usize = 36;
/// Between islands; links between them pass here.
const ISLAND_GAP: usize = 190;
/// A row of islands that is as wide as this is full.
const FULL: usize = 1500;

/// A rectangle, from its upper left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Area {
    /// Tells whether two rectangles have a point in common.
    pub(super) const fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }
}

/// A picture's measures.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// By index of the island.
    pub(super) islands: Vec<Area>,
    /// By index of the party.
    pub(super) boxes: Vec<Area>,
}

/// Places everything.
pub(super) fn layout(map: &Map<'_>, names: &[String]) -> Layout {
    let mut layout = Layout { boxes: vec![Area::default(); names.len()], ..Layout::default() };
    let (mut x, mut y, mut row_height) = (MARGIN, MARGIN, 0);
    for island in &map.islands {
        let columns = columns(map, island);
        if x > FULL {
            (x, y, row_height) = (MARGIN, y + row_height + ISLAND_GAP / 2, 0);
        }
        let area = place(&columns, island, names, (x, y), &mut layout.boxes);
        x += area.width + ISLAND_GAP;
        row_height = row_height.max(area.height);
        layout.width = layout.width.max(area.x + area.width + MARGIN);
        layout.height = layout.height.max(area.y + area.height + MARGIN);
        layout.islands.push(area);
    }
    layout
}

/// Places the boxes of one island; returns its area.
fn place(
    columns: &[Vec<usize>],
    island: &Island,
    names: &[String],
    (left, top): (usize, usize),
    boxes: &mut [Area],
) -> Area {
    let mut x = left + MARGIN;
    let mut bottom = top;
    for column in columns {
        let longest = column.iter().map(|party| names[*party].chars().count()).max();
        let width = longest.unwrap_or_default() * CHAR + 2 * CHAR;
        for (row, party) in column.iter().enumerate() {
            let y = top + TITLE + MARGIN / 2 + row * (BOX_HEIGHT + ROW_GAP);
            boxes[*party] = Area { x, y, width, height: BOX_HEIGHT };
            bottom = bottom.max(y + BOX_HEIGHT);
        }
        x += width + COLUMN_GAP;
    }
    let content = x - COLUMN_GAP + MARGIN - left;
    let title = island.name.chars().count() * CHAR + 2 * MARGIN;
    Area { x: left, y: top, width: content.max(title), height: bottom + MARGIN - top }
}

/// Returns the parties of an island by column: who asks is left of who answers.
fn columns(map: &Map<'_>, island: &Island) -> Vec<Vec<usize>> {
    let next = forward(map, island);
    let mut column: BTreeMap<usize, usize> = island.parties.iter().map(|p| (*p, 0)).collect();
    // Without circles the longest way has fewer steps than there are parties.
    for _ in 0..island.parties.len() {
        let mut moved = false;
        for (from, to) in &next {
            let at_least = column[from] + 1;
            if column[to] < at_least {
                column.insert(*to, at_least);
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let count = column.values().max().map_or(0, |last| last + 1);
    let mut columns = vec![Vec::new(); count];
    for (party, at) in column {
        columns[at].push(party);
    }
    columns
}

/// Returns the links inside of an island without those that close a circle.
fn forward(map: &Map<'_>, island: &Island) -> Vec<(usize, usize)> {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let inside = |party: &usize| island.parties.contains(party);
    for link in map.links.iter().filter(|link| inside(&link.from) && inside(&link.to)) {
        next.entry(link.from).or_default().push(link.to);
    }
    let mut walk = Walk { next, state: BTreeMap::new(), kept: Vec::new() };
    // Who is asked by nobody comes first, so that circles are cut at their far end.
    let asked: Vec<usize> = walk.next.values().flatten().copied().collect();
    let (first, rest): (Vec<usize>, Vec<usize>) =
        island.parties.iter().partition(|party| !asked.contains(party));
    first.into_iter().chain(rest).for_each(|party| walk.visit(party));
    walk.kept
}

/// A walk along links, depth first.
struct Walk {
    next: BTreeMap<usize, Vec<usize>>,
    /// False while the walk is below, true when it is done.
    state: BTreeMap<usize, bool>,
    kept: Vec<(usize, usize)>,
}

impl Walk {
    fn visit(&mut self, start: usize) {
        if self.state.contains_key(&start) {
            return;
        }
        self.state.insert(start, false);
        let mut way = vec![(start, 0)];
        while let Some((at, taken)) = way.last_mut() {
            let at = *at;
            let Some(to) = self.next.get(&at).and_then(|next| next.get(*taken)).copied() else {
                self.state.insert(at, true);
                way.pop();
                continue;
            };
            *taken += 1;
            match self.state.get(&to) {
                Some(false) => continue,
                Some(true) => {}
                None => {
                    self.state.insert(to, false);
                    way.push((to, 0));
                }
            }
            self.kept.push((at, to));
        }
    }
}
