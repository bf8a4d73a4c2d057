//! Draws the state. Pure.

use jiff::tz::TimeZone;
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Clear, Paragraph, Row as Cells, Sparkline, Table, TableState, Wrap},
};

use super::{
    sheet::{Only, Row, columns},
    state::{State, Tab},
    table::{GAP, cell, fit},
};
use crate::{
    cli::{
        observe::{plain_line, port},
        output::escape,
    },
    flows::edges::Edge,
};

const HELP: &str = "\
1-4, Tab     edges, workloads, drops, policies
Up, Down     choose a row (also k, j, PgUp, PgDn, g, G)
Enter        look into it; Esc goes back
< >          sort by another column
Space        pause, and go on
/            filter: the flags of skep observe, such as --to-port 53 --not --pod shop/web
?            this help
q, Ctrl-C    quit";

/// How it looks.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    pub(super) colors: bool,
    pub(super) zone: TimeZone,
}

impl Looks {
    fn bad(&self) -> Style {
        if self.colors { Style::new().fg(Color::Red) } else { Style::new() }
    }

    fn dim(&self) -> Style {
        if self.colors { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, looks: &Looks) {
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(header(state, looks), head);
    draw_tabs(frame, tabs, state, looks);
    match state.detail.clone() {
        Some(edge) => frame.render_widget(detail(state, &edge, looks), body),
        None => draw_rows(frame, body, state, looks),
    }
    frame.render_widget(footer(state, looks), foot);
    if state.has_help {
        frame.render_widget(Clear, body);
        frame.render_widget(Paragraph::new(HELP), body);
    }
}

fn header(state: &State, looks: &Looks) -> Line<'static> {
    let live = if state.is_paused() { "PAUSED" } else { "LIVE" };
    let drops = state.drop_rate.last();
    let plain = |text: String| Span::raw(text);
    let marked =
        |text: String, is_bad| Span::styled(text, if is_bad { looks.bad() } else { Style::new() });
    let edges = match state.shown().left_out() {
        0 => format!("{} edges", state.shown().iter().count()),
        more => format!("{} edges and {more} flows of others", state.shown().iter().count()),
    };
    Line::from(vec![
        Span::styled(format!("skep top  {live}"), Style::new().add_modifier(Modifier::BOLD)),
        plain(format!("  {} flows/s", state.flow_rate.last())),
        marked(format!("  {drops} drops/s"), drops > 0),
        marked(format!("  {} lost", state.lost), state.lost > 0),
        plain(format!("  {} flows  {edges}", state.flows)),
    ])
}

fn draw_tabs(frame: &mut Frame<'_>, area: Rect, state: &State, looks: &Looks) {
    let mut spans = Vec::new();
    for (number, tab) in Tab::ALL.into_iter().enumerate() {
        let style = if tab == state.tab {
            Style::new().add_modifier(Modifier::REVERSED)
        } else {
            looks.dim()
        };
        spans.push(Span::styled(format!(" {} {} ", number + 1, tab.title()), style));
        spans.push(Span::raw(" "));
    }
    if let Some(only) = state.only.as_ref().filter(|_| state.tab == Tab::Edges) {
        let name = match only {
            Only::Party(party) => party.to_string(),
            Only::Policy(policy) => policy.clone(),
        };
        spans.push(Span::raw(format!("of {}", escape(&name))));
    }
    let titles_line = Line::from(spans);
    let width = u16::try_from(titles_line.width()).unwrap_or(u16::MAX);
    let [titles, _, history] =
        Layout::horizontal([Constraint::Length(width), Constraint::Length(1), Constraint::Max(60)])
            .areas(area);
    frame.render_widget(titles_line, titles);
    frame.render_widget(Sparkline::default().data(state.flow_rate.history()), history);
}

fn draw_rows(frame: &mut Frame<'_>, area: Rect, state: &mut State, looks: &Looks) {
    let rows = state.rows();
    if rows.is_empty() {
        let what = if state.tab == Tab::Drops { "Nothing was dropped." } else { "No flows yet." };
        return frame.render_widget(Paragraph::new(what), area);
    }
    let selected = state.follow_selected(&rows);
    let columns = columns(state.tab);
    let fitting = fit(columns, area.width);
    let sort = state.sort[state.tab as usize];
    let title = |at: usize| {
        let mark = if at == sort { "*" } else { "" };
        format!("{}{mark}", columns[at].title)
    };
    let header = Cells::new(fitting.iter().map(|(at, _)| title(*at)))
        .style(Style::new().add_modifier(Modifier::BOLD));
    let body = rows.iter().map(|row| cells(row, &fitting, looks));
    let widths = fitting.iter().map(|(_, width)| Constraint::Length(*width));
    let table = Table::new(body, widths)
        .header(header)
        .column_spacing(GAP)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut TableState::new().with_selected(selected));
}

fn cells<'a>(row: &Row, fitting: &[(usize, u16)], looks: &Looks) -> Cells<'a> {
    let texts = fitting.iter().map(|(at, width)| cell(&row.cells[*at], &looks.zone, *width));
    let style = if row.has_drops { looks.bad() } else { Style::new() };
    Cells::new(texts.collect::<Vec<_>>()).style(style)
}

/// All there is to know of an edge, and its newest flows.
fn detail<'a>(state: &State, edge: &Edge, looks: &Looks) -> Paragraph<'a> {
    let to = port(edge.port, &edge.protocol);
    let mut lines = vec![Line::styled(
        escape(&format!("{} -> {} {to}", edge.source, edge.destination)).into_owned(),
        Style::new().add_modifier(Modifier::BOLD),
    )];
    if let Some((_, counts)) = state.shown().iter().find(|(known, _)| *known == edge) {
        let (flows, forwarded, dropped) = (counts.flows, counts.forwarded(), counts.dropped());
        lines.push(Line::raw(format!("{flows} flows, {forwarded} forwarded, {dropped} dropped")));
        for (cause, drops) in &counts.drops {
            let by = if cause.policy.is_empty() {
                String::new()
            } else {
                format!(" by {}", cause.policy)
            };
            let text = format!("dropped {} times: {}{by}", drops.packets(), cause.reason);
            lines.push(Line::styled(escape(&text).into_owned(), looks.bad()));
        }
        for (policy, count) in &counts.allowed_by {
            lines.push(Line::raw(
                escape(&format!("allowed {count} times by {policy}")).into_owned(),
            ));
        }
    }
    lines.push(Line::raw(""));
    lines.extend(state.newest(edge).map(|flow| Line::raw(plain_line(flow))));
    Paragraph::new(lines).wrap(Wrap { trim: false })
}

fn footer(state: &State, looks: &Looks) -> Line<'static> {
    match (&state.input, &state.said) {
        (Some(typed), _) => Line::raw(format!("filter: {}_", escape(typed))),
        (None, Some(said)) => Line::styled(escape(said).into_owned(), looks.bad()),
        (None, None) => {
            let filter = escape(&state.filter).into_owned();
            let filter = if filter.is_empty() { filter } else { format!("filter: {filter}  ") };
            let keys = "? help  / filter  Space pause  Enter look into  < > sort  q quit";
            Line::styled(format!("{filter}{keys}"), looks.dim())
        }
    }
}
