//! A reader sees what was pushed, each flow once and in order, wherever it is by then.

use std::{path::Path, sync::Arc};

use futures::FutureExt as _;
use proptest::prelude::*;

use super::{Fate, Portion, event, number, observer, read, runtime, write};
use crate::{
    flows::{Observed, Observer, Request, Window},
    hubble::flow::{Flow, FlowFilter, Verdict},
};

const BUDGET: u64 = 256 << 20;
/// Seconds from packet to packet.
const STEP: u64 = 64;

/// Something that happens to an agent.
#[derive(Clone, Debug)]
enum Step {
    Push(usize, Fate),
    Write,
    WriteBlocks,
    /// It is killed and started again.
    Restart,
    /// The clock goes so many packets back.
    Back(u64),
}

/// A packet as it should be told.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Told {
    seconds: u64,
    number: u32,
    fate: Fate,
    is_written: bool,
    /// Of which agent.
    run: usize,
}

/// An agent, and a naive list of what it should tell.
struct Model<'a> {
    dir: &'a Path,
    observer: Arc<Observer>,
    told: Vec<Told>,
    seconds: u64,
    next: u32,
    run: usize,
}

impl<'a> Model<'a> {
    fn new(dir: &'a Path) -> Self {
        let observer = observer(dir, BUDGET);
        Self { dir, observer, told: Vec::new(), seconds: 1_000_000, next: 0, run: 0 }
    }

    fn act(&mut self, step: &Step) {
        match *step {
            Step::Push(count, fate) => {
                let events: Vec<_> = (0..count).map(|_| self.event(fate)).collect();
                self.observer.push(events);
            }
            Step::Write => {
                write(&self.observer, Portion::All);
                self.told.iter_mut().for_each(|told| told.is_written = true);
            }
            // Which of them are whole blocks is not the reader's business: those that are not wait.
            Step::WriteBlocks => {
                write(&self.observer, Portion::Blocks);
                for is_drop in [false, true] {
                    let of_lane =
                        |t: &&mut Told| !t.is_written && (t.fate != Fate::Forwarded) == is_drop;
                    let waiting = self.told.iter_mut().filter(of_lane);
                    let mut waiting: Vec<_> = waiting.collect();
                    let whole = waiting.len() / 512 * 512;
                    waiting[..whole].iter_mut().for_each(|told| told.is_written = true);
                }
            }
            Step::Restart => {
                self.told.retain(|told| told.is_written);
                self.observer = observer(self.dir, BUDGET);
                self.run += 1;
                write(&self.observer, Portion::Blocks);
            }
            // No two packets have the same time.
            Step::Back(packets) => self.seconds -= packets * STEP + 1,
        }
    }

    fn event(&mut self, fate: Fate) -> crate::events::Event {
        self.seconds += STEP;
        self.next += 1;
        let (seconds, number, run) = (self.seconds, self.next, self.run);
        self.told.push(Told { seconds, number, fate, is_written: false, run });
        event(number, seconds, fate)
    }

    /// Numbers of packets in the order of time, once for each flow.
    fn expected(&self, is_wanted: impl Fn(&Told) -> bool) -> Vec<u32> {
        let mut told: Vec<_> = self.told.iter().filter(|told| is_wanted(told)).collect();
        told.sort_by_key(|told| (told.seconds, told.number));
        told.iter().flat_map(|told| vec![told.number; told.fate.flows()]).collect()
    }

    async fn ask(&self, request: Request) -> Vec<u32> {
        let (flows, lost) = read(&self.observer, &request).await.expect("a good question");
        assert_eq!(lost, 0);
        flows.iter().map(number).collect()
    }

    /// Asks in all ways, and compares.
    async fn check(&self, count: usize, at: usize, jumps: bool) -> Result<(), TestCaseError> {
        let all = self.expected(|_| true);
        let flows = read(&self.observer, &Request::default()).await.expect("a good question").0;
        let numbers: Vec<_> = flows.iter().map(number).collect();
        prop_assert_eq!(&numbers, &all, "all");
        let window = |window| Request { window: Some(window), ..Request::default() };
        let first = self.ask(window(Window::First(count))).await;
        prop_assert_eq!(&first, &all[..count.min(all.len())], "first {}", count);
        let last = self.ask(window(Window::Last(count))).await;
        prop_assert_eq!(last.len(), count.min(all.len()), "last {}", count);
        // What is in memory came last, whatever the clock says.
        if !jumps {
            prop_assert_eq!(&last, &all[all.len() - last.len()..], "last {}", count);
        }
        let drops = FlowFilter { verdict: vec![Verdict::Dropped.into()], ..FlowFilter::default() };
        let dropped = self.ask(Request { allow: vec![drops], ..Request::default() }).await;
        prop_assert_eq!(dropped, self.expected(|told| told.fate != Fate::Forwarded), "drops");
        let Some(pivot) = self.told.get(at % self.told.len().max(1)) else { return Ok(()) };
        self.check_spans(&flows, pivot).await
    }

    async fn check_spans(&self, flows: &[Flow], pivot: &Told) -> Result<(), TestCaseError> {
        let flow = flows.iter().find(|flow| number(flow) == pivot.number).expect("it was told");
        // The wall clock is read again now and then; packets are a second apart at least.
        let second = jiff::SignedDuration::from_millis(500);
        let since = Some(flow.moment() - second);
        let since = self.ask(Request { since, ..Request::default() }).await;
        prop_assert_eq!(since, self.expected(|told| told.seconds >= pivot.seconds), "since");
        let until = Some(flow.moment() + second);
        let until = self.ask(Request { until, ..Request::default() }).await;
        prop_assert_eq!(until, self.expected(|told| told.seconds <= pivot.seconds), "until");
        Ok(())
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let fate =
        prop_oneof![5 => Just(Fate::Forwarded), 1 => Just(Fate::Dropped), 1 => Just(Fate::Denied)];
    let count = prop_oneof![10 => 1..30_usize, 1 => 400..700_usize];
    prop_oneof![
        6 => (count, fate).prop_map(|(count, fate)| Step::Push(count, fate)),
        2 => Just(Step::Write),
        1 => Just(Step::WriteBlocks),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_flow_is_told_once_and_in_order(
        steps in prop::collection::vec(any_step(), 1..30), count in 0..40_usize, at in any::<usize>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::new(dir.path());
        write(&model.observer, Portion::Blocks);
        for step in &steps {
            model.act(step);
        }
        runtime().block_on(model.check(count, at, false))?;
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing(
        steps in prop::collection::vec(
            prop_oneof![8 => any_step(), 1 => (1..200_u64).prop_map(Step::Back)], 1..24,
        ),
        count in 0..40_usize, at in any::<usize>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::new(dir.path());
        write(&model.observer, Portion::Blocks);
        for step in &steps {
            model.act(step);
        }
        runtime().block_on(model.check(count, at, true))?;
    }
}

#[test]
fn a_follower_gets_the_past_and_then_what_comes() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new(dir.path());
    model.act(&Step::Push(40, Fate::Forwarded));
    model.act(&Step::Write);
    model.act(&Step::Push(20, Fate::Denied));
    runtime().block_on(async {
        let request = Request { follow: true, ..Request::default() };
        let mut reader = model.observer.subscribe(&request).unwrap();
        // It has not begun to read when these come, and are written.
        model.act(&Step::Push(10, Fate::Forwarded));
        model.act(&Step::Write);
        let mut told = Vec::new();
        for _ in 0..40 + 20 * 2 + 10 {
            // A reader that is interrupted loses nothing.
            let _ = reader.next().now_or_never().map(|observed| told.extend(observed));
            if told.len() < 90 {
                told.extend(reader.next().await);
            }
            if told.len() == 90 {
                break;
            }
        }
        let told: Vec<_> = told
            .into_iter()
            .map(|observed| match observed {
                Observed::Flow(flow) => number(&flow),
                Observed::Lost(lost) => panic!("{lost:?}"),
            })
            .collect();
        assert_eq!(told, model.expected(|_| true));
        assert!(reader.next().now_or_never().is_none(), "there is no more");
    });
}

#[test]
fn a_reader_whose_past_makes_room_is_told_what_it_missed() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::new(dir.path());
    model.act(&Step::Push(100, Fate::Forwarded));
    model.act(&Step::Write);
    model.act(&Step::Push(6, Fate::Forwarded));
    runtime().block_on(async {
        let mut reader = model.observer.subscribe(&Request::default()).unwrap();
        // As far as the shelf knows the blocks are there, as for a reader who has chosen them already.
        for file in std::fs::read_dir(dir.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        let Some(Observed::Lost(lost)) = reader.next().await else { panic!("nothing is said") };
        assert_eq!(lost.num_events_lost, 100);
        let Some(Observed::Flow(flow)) = reader.next().await else { panic!("it goes on") };
        assert_eq!(number(&flow), 101);
    });
    assert_eq!(model.observer.history().unwrap().stats().damaged, 0, "that is no fault");
}
