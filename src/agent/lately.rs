//! What was asked for lately.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

/// How long an answer is good. An address rests for two seconds at least before somebody else gets it, so
/// only what its owner is called may be late.
const FRESH: Duration = Duration::from_millis(200);
/// So many answers are kept.
const ROOM: usize = 16_384;

/// Answers about busy addresses and devices: to put the words of one together takes longer than all else
/// that is done with an event. That there is no answer is not kept, as there may be one at any time.
#[derive(Debug)]
pub(super) struct Lately<K, V: ?Sized>(Mutex<HashMap<K, (Instant, Arc<V>), RandomState>>);

impl<K, V: ?Sized> Default for Lately<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: ?Sized> Lately<K, V> {
    /// Returns an answer, from `find` if none is known or it is old.
    pub(super) fn answer(
        &self,
        key: K,
        now: Instant,
        find: impl FnOnce() -> Option<Arc<V>>,
    ) -> Option<Arc<V>> {
        let known = || self.0.lock().expect("no panic while holding the lock");
        if let Some((since, answer)) = known().get(&key)
            && now.duration_since(*since) < FRESH
        {
            return Some(Arc::clone(answer));
        }
        // Others are not kept waiting meanwhile.
        let answer = find()?;
        let mut known = known();
        if known.len() >= ROOM {
            known.retain(|_, (since, _)| now.duration_since(*since) < FRESH);
        }
        if known.len() < ROOM {
            known.insert(key, (now, Arc::clone(&answer)));
        }
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_for_a_moment_and_no_answer_is_not() {
        let (lately, start) = (Lately::<u8, str>::default(), Instant::now());
        let ask = |now, name: Option<&str>| lately.answer(1, now, || Some(name?.into()));
        assert_eq!(ask(start, None), None);
        assert_eq!(ask(start, Some("a")).as_deref(), Some("a"));
        assert_eq!(ask(start + FRESH / 2, Some("b")).as_deref(), Some("a"));
        assert_eq!(ask(start + FRESH, Some("b")).as_deref(), Some("b"));
        assert_eq!(ask(start + 3 * FRESH, None), None, "nobody has it any more");
    }

    #[test]
    fn old_answers_make_room() {
        let (lately, start) = (Lately::<usize, str>::default(), Instant::now());
        let put = |n, now| drop(lately.answer(n, now, || Some("x".into())));
        (0..ROOM + 10).for_each(|n| put(n, start));
        let kept = || lately.0.lock().expect("nobody panicked").len();
        assert_eq!(kept(), ROOM, "no more");
        put(ROOM + 11, start + FRESH);
        assert_eq!(kept(), 1);
    }
}
