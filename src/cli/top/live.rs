//! Joins flows, keys and the clock.

use std::{cell::RefCell, future, io, time::Duration};

use jiff::tz::TimeZone;
use tokio::{
    sync::mpsc::Receiver,
    time::{MissedTickBehavior, interval},
};

use super::{
    keys::{self, Key},
    screen::{Screen, ScreenError},
    state::{Effect, State, Tab},
    view::Looks,
};
use crate::cli::{error::Error, observe::FlowArgs, output::Output, runtime};

/// How often new flows are drawn.
const FRAME: Duration = Duration::from_millis(250);
/// Frames of a second.
const FRAMES: u32 = 4;

/// Shows flows until the user has seen enough.
///
/// # Errors
/// When the terminal cannot be used, or nobody can be asked at first; later that is shown.
pub(super) fn live(mut args: FlowArgs, tab: Tab, out: &Output) -> Result<(), Error> {
    let state = RefCell::new(State::new(tab, args.filter_words()));
    let looks = Looks { colors: out.has_colors(), zone: TimeZone::system() };
    runtime::query(async {
        // Files are read before the terminal is taken, so that their errors are plain ones.
        let mut is_read = read(&args, &state).await?;
        let mut screen = Screen::open(looks)?;
        let mut keys = keys::listen();
        loop {
            if !is_read {
                read(&args, &state).await?;
            }
            let next = tokio::select! {
                next = watch(&args, &state, &mut screen, &mut keys) => next?,
                error = listen(&args, &state) => return Err(error),
            };
            let Some((filter, next)) = next else { return Ok(()) };
            args = next;
            is_read = false;
            state.borrow_mut().restart(filter);
        }
    })
}

/// Reads saved flows, if they are meant.
async fn read(args: &FlowArgs, state: &RefCell<State>) -> Result<bool, Error> {
    if args.is_saved() {
        take(args, state).await?;
    }
    Ok(true)
}

/// Follows flows; returns only if nobody can be asked at first. Later troubles are shown.
async fn listen(args: &FlowArgs, state: &RefCell<State>) -> Error {
    if !args.is_saved()
        && let Err(error) = take(args, state).await
    {
        if state.borrow().flows == 0 {
            return error;
        }
        state.borrow_mut().say(&error.chain().join(": "));
    }
    future::pending().await
}

async fn take(args: &FlowArgs, state: &RefCell<State>) -> Result<(), Error> {
    let say = |text: &str| state.borrow_mut().say(text);
    args.follow(&say, |message| state.borrow_mut().take(message)).await
}

/// Draws and takes keys until the user ends or asks for other flows.
async fn watch(
    args: &FlowArgs,
    state: &RefCell<State>,
    screen: &mut Screen,
    keys: &mut Receiver<io::Result<Key>>,
) -> Result<Option<(String, FlowArgs)>, Error> {
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut count = 0;
    loop {
        screen.draw(&mut state.borrow_mut())?;
        let key = tokio::select! {
            _ = frames.tick() => {
                count += 1;
                if count % FRAMES == 0 {
                    state.borrow_mut().tick();
                }
                continue;
            }
            key = keys.recv() => key,
        };
        let Some(key) = key else { return Ok(None) };
        let effect = state.borrow_mut().press(key.map_err(ScreenError)?);
        match effect {
            Effect::Nothing => {}
            Effect::Quit => return Ok(None),
            Effect::Filter(words) => match args.with_filter(&words) {
                Ok(next) => return Ok(Some((words, next))),
                Err(problem) => state.borrow_mut().say(&problem),
            },
        }
    }
}
