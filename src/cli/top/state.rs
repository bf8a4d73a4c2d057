//! What is shown, and how keys and flows change it. Pure.

use std::collections::VecDeque;

use super::{
    keys::Key,
    rate::Rate,
    sheet::{Only, Row, Target, columns, rows},
};
use crate::{
    flows::edges::{Edge, Edges},
    hubble::{
        flow::{CiliumEventType, Flow, Verdict},
        observer::GetFlowsResponse,
    },
};

/// Flows that the details of an edge can show.
const REMEMBERED: usize = 500;

/// Edges that are told apart; all of them are sorted for each picture.
const MAX_EDGES: usize = 5000;

/// Rows that a page has.
const PAGE: usize = 10;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tab {
    /// Who speaks with whom
    Edges,
    /// Who speaks
    Workloads,
    /// What is dropped, and why
    Drops,
    /// Which policies decide
    Policies,
}

impl Tab {
    pub(super) const ALL: [Self; 4] = [Self::Edges, Self::Workloads, Self::Drops, Self::Policies];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Edges => "Edges",
            Self::Workloads => "Workloads",
            Self::Drops => "Drops",
            Self::Policies => "Policies",
        }
    }

    /// The column that rows are sorted by at first.
    const fn first_sort(self) -> usize {
        match self {
            Self::Edges => 3,
            Self::Workloads => 2,
            Self::Drops => 4,
            Self::Policies => 1,
        }
    }
}

/// What a key asks of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Quit,
    /// Ask with these filter flags.
    Filter(String),
}

/// All that is shown.
#[derive(Debug)]
pub(super) struct State {
    pub(super) tab: Tab,
    pub(super) only: Option<Only>,
    pub(super) detail: Option<Edge>,
    pub(super) selected: usize,
    pub(super) sort: [usize; Tab::ALL.len()],
    /// The filter flags that flows are asked with.
    pub(super) filter: String,
    /// What is being typed.
    pub(super) input: Option<String>,
    /// What went wrong, or what was missed.
    pub(super) said: Option<String>,
    pub(super) has_help: bool,
    pub(super) flows: u64,
    pub(super) lost: u64,
    pub(super) flow_rate: Rate,
    pub(super) drop_rate: Rate,
    edges: Edges,
    frozen: Option<Edges>,
    tail: VecDeque<(Edge, Flow)>,
    anchor: Option<Row>,
}

impl State {
    pub(super) fn new(tab: Tab, filter: String) -> Self {
        Self {
            tab,
            only: None,
            detail: None,
            selected: 0,
            sort: Tab::ALL.map(Tab::first_sort),
            filter,
            input: None,
            said: None,
            has_help: false,
            flows: 0,
            lost: 0,
            flow_rate: Rate::default(),
            drop_rate: Rate::default(),
            edges: Edges::with_limit(MAX_EDGES),
            frozen: None,
            tail: VecDeque::new(),
            anchor: None,
        }
    }

    /// Takes a message in.
    pub(super) fn take(&mut self, message: &GetFlowsResponse) {
        self.lost += message.lost().map_or(0, |lost| lost.num_events_lost);
        let Some(flow) = message.flow() else { return };
        self.flows += 1;
        self.flow_rate.add(1);
        let is_drop = flow.verdict() == Verdict::Dropped
            && flow.kind().r#type != CiliumEventType::POLICY_VERDICT;
        self.drop_rate.add(u64::from(is_drop));
        self.edges.add(flow);
        if self.tail.len() == REMEMBERED {
            self.tail.pop_front();
        }
        self.tail.push_back((Edge::of(flow), flow.clone()));
    }

    /// A second has passed.
    pub(super) fn tick(&mut self) {
        self.flow_rate.tick();
        self.drop_rate.tick();
    }

    /// Says something at the bottom.
    pub(super) fn say(&mut self, text: &str) {
        self.said = Some(text.to_owned());
    }

    /// Begins anew, for other filters.
    pub(super) fn restart(&mut self, filter: String) {
        let sort = self.sort;
        *self = Self { sort, ..Self::new(self.tab, filter) };
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// Returns what is shown: the edges as they were when it was paused, or as they are.
    pub(super) fn shown(&self) -> &Edges {
        self.frozen.as_ref().unwrap_or(&self.edges)
    }

    /// Returns the rows of the tab.
    pub(super) fn rows(&self) -> Vec<Row> {
        let only = self.only.as_ref().filter(|_| self.tab == Tab::Edges);
        rows(self.tab, self.shown(), only, self.sort[self.tab as usize])
    }

    /// Returns the newest flows of an edge, newest first.
    pub(super) fn newest(&self, edge: &Edge) -> impl Iterator<Item = &Flow> {
        let of_edge = self.tail.iter().rev().filter(move |(known, _)| known == edge);
        of_edge.map(|(_, flow)| flow)
    }

    /// Keeps the row under the cursor under it when others overtake; returns where it is now.
    pub(super) fn follow_selected(&mut self, rows: &[Row]) -> Option<usize> {
        if let Some(anchor) = &self.anchor {
            let is_same = |row: &Row| {
                row.target == anchor.target && row.cells.first() == anchor.cells.first()
            };
            if let Some(at) = rows.iter().position(is_same) {
                self.selected = at;
            }
        }
        self.selected = self.selected.min(rows.len().saturating_sub(1));
        (!rows.is_empty()).then_some(self.selected)
    }

    /// Takes a key in.
    pub(super) fn press(&mut self, key: Key) -> Effect {
        if key == Key::Interrupt {
            return Effect::Quit;
        }
        if let Some(typed) = self.input.take() {
            return self.type_filter(typed, key);
        }
        self.said = None;
        self.has_help = self.has_help && key == Key::Resize;
        match key {
            Key::Char('q') => return Effect::Quit,
            Key::Char('?' | 'h') => self.has_help = true,
            Key::Char(' ') => {
                self.frozen = if self.is_paused() { None } else { Some(self.edges.clone()) };
            }
            Key::Char('/') => self.input = Some(self.filter.clone()),
            Key::Char(digit @ '1'..='4') => self.open(Tab::ALL[digit as usize - '1' as usize]),
            Key::Tab => self.open(Tab::ALL[(self.tab as usize + 1) % Tab::ALL.len()]),
            Key::BackTab => {
                self.open(Tab::ALL[(self.tab as usize + Tab::ALL.len() - 1) % Tab::ALL.len()]);
            }
            Key::Char('<') => self.sort_by(-1),
            Key::Char('>') => self.sort_by(1),
            Key::Up | Key::Char('k') => self.go(self.selected.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.go(self.selected + 1),
            Key::PageUp => self.go(self.selected.saturating_sub(PAGE)),
            Key::PageDown => self.go(self.selected + PAGE),
            Key::Home | Key::Char('g') => self.go(0),
            Key::End | Key::Char('G') => self.go(usize::MAX),
            Key::Enter => self.drill_down(),
            Key::Esc | Key::Backspace => self.go_back(),
            Key::Char(_) | Key::Interrupt | Key::Resize => {}
        }
        Effect::Nothing
    }

    fn type_filter(&mut self, mut typed: String, key: Key) -> Effect {
        match key {
            Key::Enter => return Effect::Filter(typed),
            Key::Esc => return Effect::Nothing,
            Key::Backspace => drop(typed.pop()),
            Key::Char(c) => typed.push(c),
            _ => {}
        }
        self.input = Some(typed);
        Effect::Nothing
    }

    fn open(&mut self, tab: Tab) {
        (self.tab, self.only, self.detail) = (tab, None, None);
        (self.selected, self.anchor) = (0, None);
    }

    fn sort_by(&mut self, step: isize) {
        let count = columns(self.tab).len();
        let sort = &mut self.sort[self.tab as usize];
        *sort = sort.saturating_add_signed(step).min(count - 1);
    }

    fn go(&mut self, to: usize) {
        let rows = self.rows();
        self.selected = to.min(rows.len().saturating_sub(1));
        self.anchor = rows.into_iter().nth(self.selected);
    }

    fn drill_down(&mut self) {
        let mut rows = self.rows();
        let Some(at) = self.follow_selected(&rows) else { return };
        match rows.swap_remove(at).target {
            Target::Edge(edge) => self.detail = Some(edge),
            Target::Party(party) => self.narrow(Only::Party(party)),
            Target::Policy(policy) => self.narrow(Only::Policy(policy)),
        }
    }

    fn narrow(&mut self, only: Only) {
        self.open(Tab::Edges);
        self.only = Some(only);
    }

    fn go_back(&mut self) {
        match (self.detail.take(), self.only.take()) {
            // Only one step at a time.
            (Some(_), only) => self.only = only,
            (None, Some(Only::Party(_))) => self.open(Tab::Workloads),
            (None, Some(Only::Policy(_))) => self.open(Tab::Policies),
            (None, None) => {}
        }
    }
}
