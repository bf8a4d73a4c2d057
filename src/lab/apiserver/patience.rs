//! Ends the connections of watchers that never read.
//!
//! Such a watcher costs little memory, as events wait in the shared history; but it holds a connection, and its client is
//! better off when it notices.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// When a line was handed to the connection that has not asked for the next one yet.
type Handed = Mutex<Option<Instant>>;

/// Watches over one reader.
pub(super) struct Patience {
    handed: Arc<Handed>,
}

impl Patience {
    /// Starts watching: `hang_up` is cancelled when a line is not taken for so long.
    pub(super) fn new(limit: Duration, hang_up: CancellationToken) -> Self {
        let handed = Arc::new(Mutex::new(None));
        tokio::spawn(observe(Arc::downgrade(&handed), limit, hang_up));
        Self { handed }
    }

    /// The connection asks for a line.
    pub(super) fn asked(&self) {
        *self.handed.lock().expect("no holder panics") = None;
    }

    /// The connection gets a line.
    pub(super) fn handed(&self) {
        *self.handed.lock().expect("no holder panics") = Some(Instant::now());
    }
}

async fn observe(handed: Weak<Handed>, limit: Duration, hang_up: CancellationToken) {
    loop {
        tokio::time::sleep(limit / 2).await;
        let Some(handed) = handed.upgrade() else { return };
        let since = *handed.lock().expect("no holder panics");
        if since.is_some_and(|since| since.elapsed() >= limit) {
            tracing::info!("a watcher that does not read is disconnected");
            hang_up.cancel();
            return;
        }
    }
}
