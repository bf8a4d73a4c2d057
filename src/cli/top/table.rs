//! Which columns fit, and what cells look like.

use jiff::tz::TimeZone;

use super::sheet::{Cell, Column};
use crate::cli::output::escape;

/// Between columns.
pub(super) const GAP: u16 = 2;

/// Returns the columns that fit, and how wide each is: texts share what is left.
pub(super) fn fit(columns: &[Column], room: u16) -> Vec<(usize, u16)> {
    let mut kept: Vec<usize> = (0..columns.len()).collect();
    let needs = |kept: &[usize]| kept.iter().map(|at| columns[*at].width + GAP).sum::<u16>();
    while needs(&kept) > room + GAP && kept.len() > 1 {
        let worst = kept.iter().copied().max_by_key(|at| (columns[*at].rank, *at));
        kept.retain(|at| Some(*at) != worst);
    }
    let left = (room + GAP).saturating_sub(needs(&kept));
    let texts = kept.iter().filter(|at| columns[**at].is_text).count();
    let share = left.checked_div(u16::try_from(texts).unwrap_or(1)).unwrap_or(0);
    let width = |at: usize| {
        let Column { width, is_text, .. } = columns[at];
        if is_text { width + share } else { width }
    };
    kept.into_iter().map(|at| (at, width(at))).collect()
}

/// Writes a cell, safe and no longer than it may be.
pub(super) fn cell(cell: &Cell, zone: &TimeZone, width: u16) -> String {
    match cell {
        Cell::Text(text) => shortened(&escape(text), usize::from(width)),
        Cell::Count(0) => "-".to_owned(),
        Cell::Count(count) => count.to_string(),
        Cell::Time(time) => time.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string(),
    }
}

/// Names tell more at their ends than in their middle.
fn shortened(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width || width < 4 {
        return text.to_owned();
    }
    let (head, tail) = (width / 2, width - width / 2 - 1);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}~{tail}")
}

#[cfg(test)]
mod tests {
    use super::{fit, shortened};
    use crate::cli::top::{sheet::columns, state::Tab};

    #[test]
    fn columns_fit_into_80_characters() {
        for tab in Tab::ALL {
            for room in [40, 80, 120, 200] {
                let fitting = fit(columns(tab), room);
                let width: u16 = fitting.iter().map(|(_, width)| width + 2).sum();
                assert!(width <= room + 2, "{tab:?} {room}: {fitting:?}");
                assert!(fitting.iter().any(|(at, _)| *at == 0), "{tab:?} {room}");
            }
        }
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("shop/frontend-6d8f", 10), "shop/~6d8f");
        assert_eq!(shortened("short", 10), "short");
    }
}
