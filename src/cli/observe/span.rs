//! Which part of the stored flows is meant.

use jiff::Timestamp;

use super::moment::moment;
use crate::flows::Window;

/// Flags about time.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Which flows")]
pub(crate) struct SpanArgs {
    /// Show flows since a time, or for a time such as 5m
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) since: Option<Timestamp>,
    /// Show flows until a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(super) until: Option<Timestamp>,
}

/// Flags about numbers.
#[derive(Clone, Copy, Debug, clap::Args)]
#[command(next_help_heading = "Which flows")]
pub(crate) struct WindowArgs {
    /// Show the newest stored flows [default: 20]
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["first", "all"])]
    last: Option<usize>,
    /// Show the oldest stored flows
    #[arg(long, value_name = "COUNT", conflicts_with = "all")]
    first: Option<usize>,
    /// Show all stored flows
    #[arg(long)]
    all: bool,
}

/// What no flag about numbers means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Otherwise {
    /// All of them.
    All,
    /// A few, for people.
    Few,
    /// New ones only.
    New,
}

/// Flows that are shown when nothing else is asked for.
const FEW: usize = 20;

impl WindowArgs {
    /// Returns how many flows are meant.
    pub(super) const fn window(&self, otherwise: Otherwise) -> Option<Window> {
        match (self.last, self.first, otherwise) {
            (Some(count), _, _) => Some(Window::Last(count)),
            (None, Some(count), _) => Some(Window::First(count)),
            (None, None, _) if self.all => None,
            (None, None, Otherwise::All) => None,
            (None, None, Otherwise::Few) => Some(Window::Last(FEW)),
            (None, None, Otherwise::New) => Some(Window::Last(0)),
        }
    }
}
