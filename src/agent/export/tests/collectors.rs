//! Collectors that are away, slow, full, or do not want flows.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Strangers, event};
use crate::{
    agent::export::{
        board::{Board, Counts},
        collector::{Patience, Sender},
        task::Exporters,
    },
    api::otlp::{
        Collector, Target,
        logs::{LogRecord, Resource},
        receiver::{Answer, Receiver},
    },
    flows::{Observer, Settings},
};

/// Waits are short, so that only a test that fails takes long.
const PATIENCE: Patience = Patience {
    batch: 3,
    gather: Duration::from_millis(20),
    pause: Duration::from_millis(2),
    longest: Duration::from_millis(20),
    give_up: Duration::from_secs(60),
};
/// A wait that no test survives.
const EVER: Duration = Duration::from_secs(3600);

/// A sender that works, and what it gets.
struct Sending {
    records: mpsc::Sender<LogRecord>,
    counts: Arc<Counts>,
    stop: CancellationToken,
    done: JoinHandle<()>,
}

impl Sending {
    fn start(to: SocketAddr, patience: Patience, timeout: Duration) -> Self {
        let target = Target::new(format!("http://{to}"), Default::default(), timeout, None);
        let collector = Collector::new(&target.expect("a target"), Resource::default());
        let (records, queue) = mpsc::channel(100);
        let (counts, stop) = (Arc::<Counts>::default(), CancellationToken::new());
        let (own, until) = (Arc::clone(&counts), stop.clone());
        let done = tokio::spawn(async move {
            let name = "test";
            let (lost, told, stop) = (0, false, until);
            let counts = &own;
            Sender { name, collector, patience, counts, stop, lost, told }.send(queue).await;
        });
        Self { records, counts, stop, done }
    }

    /// Hands over records, which are told apart by their times.
    async fn push(&self, times: impl IntoIterator<Item = u64>) {
        for time_unix_nano in times {
            let record = LogRecord { time_unix_nano, ..LogRecord::default() };
            self.records.send(record).await.expect("the sender works");
        }
    }

    /// Ends it; returns how many records were sent, and how many lost.
    async fn end(self) -> (u64, u64) {
        drop(self.records);
        let done = tokio::time::timeout(Duration::from_secs(20), self.done).await;
        done.expect("it ends").expect("it does not break");
        let count = |count: &std::sync::atomic::AtomicU64| count.load(Ordering::Relaxed);
        (count(&self.counts.exported), count(&self.counts.lost))
    }
}

async fn times(receiver: &mut Receiver) -> Vec<u64> {
    receiver.next().await.records().iter().map(|record| record.time_unix_nano).collect()
}

#[tokio::test]
async fn records_travel_together_and_none_is_missing() {
    let mut receiver = Receiver::anywhere(&[]).await;
    let sending = Sending::start(receiver.address, PATIENCE, EVER);
    sending.push(1..=7).await;
    let mut all = Vec::new();
    while all.len() < 7 {
        let batch = times(&mut receiver).await;
        assert!(batch.len() <= 3, "{batch:?}");
        all.extend(batch);
    }
    assert_eq!(all, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(sending.end().await, (7, 0));
}

#[tokio::test]
async fn a_collector_that_comes_back_gets_what_waited() {
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = away.local_addr().unwrap();
    let sending = Sending::start(address, PATIENCE, EVER);
    sending.push(1..=3).await;
    for _ in 0..2 {
        drop(away.accept().await.expect("it is tried again and again"));
    }
    drop(away);
    let mut receiver = Receiver::start(address, &[Answer::AWAY, Answer::AWAY]).await;
    for _ in 0..3 {
        assert_eq!(times(&mut receiver).await, [1, 2, 3], "the same again");
    }
    assert_eq!(sending.end().await, (3, 0));
}

#[tokio::test]
async fn what_a_collector_does_not_want_is_lost_and_the_rest_goes_on() {
    let mut receiver = Receiver::anywhere(&[Answer::INVALID, Answer::Reject(2)]).await;
    let sending = Sending::start(receiver.address, PATIENCE, EVER);
    for first in [1, 4, 7] {
        sending.push(first..first + 3).await;
        assert_eq!(times(&mut receiver).await[0], first, "nothing is sent twice");
    }
    assert_eq!(sending.end().await, (1 + 3, 3 + 2));
}

#[tokio::test]
async fn a_collector_that_says_nothing_is_asked_again() {
    let mut receiver = Receiver::anywhere(&[Answer::Hang]).await;
    let sending = Sending::start(receiver.address, PATIENCE, Duration::from_millis(200));
    sending.push([1]).await;
    for _ in 0..2 {
        assert_eq!(times(&mut receiver).await, [1]);
    }
    assert_eq!(sending.end().await, (1, 0));
}

#[tokio::test]
async fn a_collector_that_is_full_says_when_to_come_again() {
    let orders = [Answer::full(Duration::from_millis(5))];
    let mut receiver = Receiver::anywhere(&orders).await;
    let patience = Patience { pause: EVER, longest: EVER, ..PATIENCE };
    let sending = Sending::start(receiver.address, patience, EVER);
    sending.push([1]).await;
    for _ in 0..2 {
        assert_eq!(times(&mut receiver).await, [1]);
    }
    assert_eq!(sending.end().await, (1, 0));
}

#[tokio::test]
async fn a_batch_is_given_up_when_it_is_too_old() {
    let mut receiver = Receiver::anywhere(&[Answer::AWAY]).await;
    let patience = Patience { give_up: Duration::ZERO, ..PATIENCE };
    let sending = Sending::start(receiver.address, patience, EVER);
    for first in [1, 4] {
        sending.push(first..first + 3).await;
        assert_eq!(times(&mut receiver).await[0], first);
    }
    assert_eq!(sending.end().await, (3, 3));
}

#[tokio::test]
async fn an_export_that_ends_waits_for_nobody() {
    let mut receiver = Receiver::anywhere(&[Answer::AWAY, Answer::AWAY]).await;
    let patience = Patience { pause: EVER, longest: EVER, ..PATIENCE };
    let sending = Sending::start(receiver.address, patience, EVER);
    sending.push([1]).await;
    times(&mut receiver).await;
    sending.stop.cancel();
    // One more try, and that was it.
    assert_eq!(sending.end().await, (0, 1));
}

fn plan(to: &Receiver, more: &str) -> Result<String, String> {
    Ok(format!("flowLogs: [{{name: a, otlp: {{endpoint: \"http://{}\"{more}}}}}]", to.address))
}

/// Pushes flows until the collector gets some.
async fn gets(observer: &Observer, receiver: &mut Receiver) -> LogRecord {
    let push = async {
        loop {
            observer.push([event(53)]);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        got = receiver.next() => got.records()[0].clone(),
        () = push => unreachable!("it never ends"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_to_collectors_follow_their_plan() {
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let mut exporters = Exporters::new(Arc::clone(&observer), Arc::default());
    let (mut one, mut two) = (Receiver::anywhere(&[]).await, Receiver::anywhere(&[]).await);
    exporters.apply(Path::new("plan"), &plan(&one, ""));
    let record = gets(&observer, &mut one).await;
    assert_eq!(record.event_name, "hubble.flow");
    assert!(record.attributes.iter().any(|pair| pair.key == "destination.port"), "{record:?}");
    exporters.apply(Path::new("plan"), &plan(&two, ", headers: {x-tenant: blue}"));
    gets(&observer, &mut two).await;
    assert_eq!(two.next().await.headers["x-tenant"], "blue");
    exporters.apply(Path::new("plan"), &Err("no such file".into()));
    assert!(exporters.running.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_nobody_and_what_it_misses_is_counted() {
    let observer = Observer::new(Settings::new("default", "n1"), Arc::new(Strangers));
    let board = Arc::<Board>::default();
    let mut exporters = Exporters::new(Arc::clone(&observer), Arc::clone(&board));
    let mut hangs = Receiver::anywhere(&[Answer::Hang]).await;
    exporters.apply(Path::new("plan"), &plan(&hangs, ", timeout: 1h"));
    gets(&observer, &mut hangs).await;
    let end = Instant::now() + Duration::from_secs(60);
    while board.counts("a").lost.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < end, "what does not fit is lost");
        observer.push((0..100).map(event));
        tokio::task::yield_now().await;
    }
}
