//! Who is behind an address: asked again and again, each time by a new socket, as whoever
//! distributes connections chooses anew for each.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::outcome::Outcome;

/// How often is asked at most, for each server that is looked for. Where each of n servers is
/// chosen by chance, one is missed with a probability of n / e^24 at most.
const TRIES: u32 = 24;

/// Asks until so many servers have answered, which is told; every question must be answered.
pub(super) fn take(wanted: u16, deadline: Instant, ask: impl Fn(Duration) -> Outcome) -> Outcome {
    let mut found = BTreeSet::new();
    let mut all_lost = 0;
    let mut last = None;
    for _ in 0..TRIES * u32::from(wanted) {
        let left = deadline.saturating_duration_since(Instant::now());
        if last.is_some() && left.is_zero() {
            break;
        }
        let outcome = ask(left.max(Duration::from_millis(1)));
        let Outcome::Answered { lost, ref servers, .. } = outcome else { return outcome };
        found.extend(servers.iter().cloned());
        all_lost += lost;
        last = Some(outcome);
        if found.len() >= usize::from(wanted) {
            break;
        }
    }
    let mut outcome = last.unwrap_or(Outcome::TimedOut { millis: 0 });
    if let Outcome::Answered { lost, servers, .. } = &mut outcome {
        (*lost, *servers) = (all_lost, found.into_iter().collect());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn answer(server: &str) -> Outcome {
        let servers = vec![server.to_owned()];
        Outcome::Answered { micros: 1, lost: 1, seen_as: None, mtu: None, servers }
    }

    /// Asks servers that take turns; returns how often, and how it ended.
    fn turns(wanted: u16, servers: &[&str]) -> (usize, Outcome) {
        let asked = Cell::new(0);
        let outcome = take(wanted, Instant::now() + Duration::from_secs(60), |_| {
            asked.set(asked.get() + 1);
            let server = servers[(asked.get() - 1) % servers.len()];
            if server.is_empty() { Outcome::Refused { by: None } } else { answer(server) }
        });
        (asked.get(), outcome)
    }

    #[test]
    fn all_that_answered_are_told_in_order() {
        let (asked, outcome) = turns(2, &["b", "b", "a"]);
        assert_eq!(asked, 3, "enough were found");
        let Outcome::Answered { lost, servers, .. } = outcome else { panic!("{outcome:?}") };
        assert_eq!((lost, servers), (3, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn whoever_is_not_found_is_not_looked_for_for_ever() {
        let (asked, outcome) = turns(2, &["a"]);
        assert_eq!(asked, 48);
        assert!(matches!(outcome, Outcome::Answered { servers, .. } if servers == ["a"]));
        let past = take(9, Instant::now(), |_| answer("a"));
        assert!(past.is_answer(), "asked once, even when late");
    }

    #[test]
    fn one_question_without_an_answer_is_the_outcome() {
        assert_eq!(turns(2, &["a", ""]), (2, Outcome::Refused { by: None }));
    }
}
