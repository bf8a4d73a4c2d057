//! Keys, as far as they mean something.

use std::{io, thread, time::Duration};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc::{Receiver, channel};

/// How often the thread looks whether anybody still listens.
const CHECK: Duration = Duration::from_millis(100);

/// Keys that wait; nobody types faster.
const WAITING: usize = 64;

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Enter,
    Esc,
    Backspace,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Tab,
    BackTab,
    /// Ctrl-C: the terminal sends no signal while it is raw.
    Interrupt,
    /// The terminal has another size now.
    Resize,
}

/// Reads keys on a thread of its own, until nobody listens any more.
pub(super) fn listen() -> Receiver<io::Result<Key>> {
    let (sender, receiver) = channel(WAITING);
    thread::spawn(move || {
        while !sender.is_closed() {
            let key = match event::poll(CHECK) {
                Ok(false) => continue,
                Ok(true) => event::read().map(meaning),
                Err(error) => Err(error),
            };
            let is_end = key.is_err();
            let Some(key) = key.transpose() else { continue };
            if sender.blocking_send(key).is_err() || is_end {
                return;
            }
        }
    });
    receiver
}

fn meaning(event: Event) -> Option<Key> {
    let KeyEvent { code, modifiers, kind, .. } = match event {
        Event::Key(key) => key,
        Event::Resize(..) => return Some(Key::Resize),
        _ => return None,
    };
    if kind == KeyEventKind::Release {
        return None;
    }
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    Some(match code {
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        _ => return None,
    })
}
