use jiff::tz::TimeZone;
use ratatui::{Terminal, backend::TestBackend};

use super::{
    keys::Key,
    state::{Effect, State, Tab},
    view::{Looks, draw},
};
use crate::hubble::{
    flow::{
        CiliumEventType, DropReason, Endpoint, Flow, Layer4, LostEvent, Policy, Tcp, Verdict,
        Workload, layer4::Protocol,
    },
    observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
};

fn pod(name: &str) -> Option<Endpoint> {
    let workloads = vec![Workload { name: name.into(), kind: "Deployment".into() }];
    Some(Endpoint { namespace: "shop".into(), workloads, identity: 1001, ..Endpoint::default() })
}

fn flow(from: &str, to: &str, port: u32) -> Flow {
    let tcp = Tcp { source_port: 40_000, destination_port: port, ..Tcp::default() };
    let time: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    Flow {
        time: Some(time.into()),
        source: pod(from),
        destination: pod(to),
        l4: Some(Layer4 { protocol: Some(Protocol::Tcp(tcp)) }),
        is_reply: Some(false),
        verdict: Verdict::Forwarded.into(),
        event_type: Some(CiliumEventType { r#type: CiliumEventType::TRACE, sub_type: 0 }),
        ..Flow::default()
    }
}

fn dropped(from: &str, to: &str, port: u32) -> Flow {
    Flow {
        verdict: Verdict::Dropped.into(),
        drop_reason_desc: DropReason::PolicyDenied.into(),
        event_type: Some(CiliumEventType { r#type: CiliumEventType::DROP, sub_type: 133 }),
        ingress_denied_by: vec![Policy {
            kind: "NetworkPolicy".into(),
            namespace: "shop".into(),
            name: "deny".into(),
            ..Policy::default()
        }],
        ..flow(from, to, port)
    }
}

fn message(flow: Flow) -> GetFlowsResponse {
    let response_types = Some(ResponseTypes::Flow(flow));
    GetFlowsResponse { response_types, ..GetFlowsResponse::default() }
}

fn state() -> State {
    let mut state = State::new(Tab::Edges, String::new());
    for flow in [
        flow("web", "api", 8080),
        flow("web", "api", 8080),
        flow("api", "db", 5432),
        dropped("evil\u{1b}[31m", "db", 5432),
    ] {
        state.take(&message(flow));
    }
    let lost = LostEvent { num_events_lost: 3, ..LostEvent::default() };
    let response_types = Some(ResponseTypes::LostEvents(lost));
    state.take(&GetFlowsResponse { response_types, ..GetFlowsResponse::default() });
    state.tick();
    state
}

/// Draws, and returns the lines without their ends.
fn screen(state: &mut State, (width, height): (u16, u16)) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let looks = Looks { colors: false, zone: TimeZone::UTC };
    terminal.draw(|frame| draw(frame, state, &looks)).unwrap();
    let buffer = terminal.backend().buffer();
    let cells: Vec<&str> = buffer.content.iter().map(ratatui::buffer::Cell::symbol).collect();
    let lines = cells.chunks(usize::from(width)).map(|line| line.concat().trim_end().to_owned());
    lines.collect()
}

const SMALL: (u16, u16) = (80, 24);

#[test]
fn edges_fit_on_a_small_terminal() {
    let lines = screen(&mut state(), SMALL);
    assert_eq!(lines[0], "skep top  LIVE  4 flows/s  1 drops/s  3 lost  4 flows  3 edges");
    assert!(lines[1].starts_with(" 1 Edges   2 Workloads   3 Drops   4 Policies"), "{lines:#?}");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&lines[2])[..5], ["SOURCE", "DESTINATION", "PORT", "FLOWS*", "DROPPED"]);
    assert_eq!(words(&lines[3])[..5], ["shop/web", "shop/api", "8080/TCP", "2", "-"]);
    assert!(lines.iter().all(|line| !line.contains('\u{1b}')));
    assert!(lines.iter().any(|line| line.contains("evil~{1b}[31m")), "{lines:#?}");
    assert!(lines[23].contains("? help"), "{lines:#?}");
}

#[test]
fn wide_terminals_show_policies() {
    let lines = screen(&mut state(), (140, 24));
    assert!(lines[2].contains("POLICY"), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("NetworkPolicy shop/deny")), "{lines:#?}");
}

#[test]
fn tabs_are_a_key_away() {
    let mut state = state();
    for (key, word) in [('2', "WORKLOAD"), ('3', "POLICY_DENIED"), ('4', "ALLOWED"), ('1', "PORT")]
    {
        assert_eq!(state.press(Key::Char(key)), Effect::Nothing);
        let lines = screen(&mut state, (120, 24)).join("\n");
        assert!(lines.contains(word), "{key}: {lines}");
    }
    let mut empty = State::new(Tab::Drops, String::new());
    assert!(screen(&mut empty, SMALL).join("\n").contains("Nothing was dropped."));
}

#[test]
fn enter_looks_into_a_row_and_escape_goes_back() {
    let mut state = state();
    state.press(Key::Char('2'));
    state.press(Key::Enter);
    let lines = screen(&mut state, SMALL).join("\n");
    assert!(lines.contains("of shop/"), "{lines}");
    state.press(Key::Esc);
    assert_eq!((state.tab, state.only.is_none()), (Tab::Workloads, true));
    state.press(Key::Char('3'));
    state.press(Key::Enter);
    let lines = screen(&mut state, (120, 24)).join("\n");
    assert!(lines.contains("dropped 1 times: POLICY_DENIED by NetworkPolicy shop/deny"), "{lines}");
    assert!(lines.contains("DROPPED"), "its flows are shown: {lines}");
    state.press(Key::Esc);
    assert!(state.detail.is_none());
}

#[test]
fn the_chosen_row_stays_under_the_cursor() {
    let mut state = state();
    state.press(Key::Down);
    let rows = state.rows();
    let chosen = rows[state.selected].target.clone();
    for _ in 0..5 {
        state.take(&message(flow("api", "db", 5432)));
        state.take(&message(flow("new", "db", 5432)));
    }
    let rows = state.rows();
    let at = state.follow_selected(&rows).unwrap();
    assert_eq!(rows[at].target, chosen);
    state.press(Key::End);
    state.press(Key::Down);
    assert_eq!(state.selected, rows.len() - 1);
}

#[test]
fn a_pause_holds_what_is_shown_and_counts_on() {
    let mut state = state();
    state.press(Key::Char(' '));
    state.take(&message(flow("late", "api", 8080)));
    assert!(screen(&mut state, SMALL)[0].contains("PAUSED"));
    assert_eq!(state.rows().len(), 3);
    state.press(Key::Char(' '));
    assert_eq!(state.rows().len(), 4);
}

#[test]
fn filters_are_typed_and_sorting_is_chosen() {
    let mut state = state();
    state.press(Key::Char('/'));
    for c in "--to-port 53x".chars() {
        assert_eq!(state.press(Key::Char(c)), Effect::Nothing);
    }
    state.press(Key::Backspace);
    assert!(screen(&mut state, SMALL)[23].starts_with("filter: --to-port 53_"));
    let effect = state.press(Key::Enter);
    assert_eq!(effect, Effect::Filter("--to-port 53".to_owned()));
    state.restart("--to-port 53".to_owned());
    assert_eq!((state.flows, state.filter.as_str()), (0, "--to-port 53"));
    state.press(Key::Char('/'));
    state.press(Key::Esc);
    assert!(state.input.is_none());
    for _ in 0..9 {
        state.press(Key::Char('<'));
    }
    assert_eq!(state.sort[0], 0);
    assert_eq!(state.press(Key::Interrupt), Effect::Quit);
    assert_eq!(state.press(Key::Char('q')), Effect::Quit);
}
