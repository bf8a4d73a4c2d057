//! A collector for tests, which answers as it is told.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use prost::Message;
use tokio::{
    net::TcpListener,
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{
    Code, Request, Response, Status,
    transport::{Server, server::TcpIncoming},
};

use super::logs::{
    ExportRequest, ExportResponse, LogRecord, PartialSuccess,
    logs_service_server::{LogsService, LogsServiceServer},
};

/// What a collector answers; without orders it takes everything.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// So many records are not wanted.
    Reject(i64),
    /// No, and perhaps a time after which it may be asked again.
    Fail(Code, Option<Duration>),
    /// Nothing, ever.
    Hang,
}

/// Codes by name, for those who do not know gRPC.
impl Answer {
    pub(crate) const AWAY: Self = Self::Fail(Code::Unavailable, None);
    pub(crate) const INVALID: Self = Self::Fail(Code::InvalidArgument, None);

    pub(crate) const fn full(after: Duration) -> Self {
        Self::Fail(Code::ResourceExhausted, Some(after))
    }
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) request: ExportRequest,
}

impl Got {
    pub(crate) fn records(&self) -> &[LogRecord] {
        &self.request.resource_logs[0].scope_logs[0].log_records
    }
}

/// A collector.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    got: UnboundedReceiver<Got>,
    _end: DropGuard,
}

impl Receiver {
    /// Starts at an address, with orders for the first requests.
    pub(crate) async fn start(address: SocketAddr, orders: &[Answer]) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("it is bound");
        let (sender, got) = mpsc::unbounded_channel();
        let orders = Arc::new(Mutex::new(orders.iter().copied().collect()));
        let (stop, service) = (CancellationToken::new(), Service { sender, orders });
        let ended = stop.clone().cancelled_owned();
        tokio::spawn(
            Server::builder()
                .add_service(LogsServiceServer::new(service))
                .serve_with_incoming_shutdown(TcpIncoming::from(listener), ended),
        );
        Self { address, got, _end: stop.drop_guard() }
    }

    /// Starts where there is room.
    pub(crate) async fn anywhere(orders: &[Answer]) -> Self {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), orders).await
    }

    /// Returns the next request, whatever was answered to it.
    pub(crate) async fn next(&mut self) -> Got {
        let next = tokio::time::timeout(Duration::from_secs(20), self.got.recv()).await;
        next.expect("a request comes").expect("the service is there")
    }
}

struct Service {
    sender: UnboundedSender<Got>,
    orders: Arc<Mutex<VecDeque<Answer>>>,
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportRequest>,
    ) -> Result<Response<ExportResponse>, Status> {
        let headers = request.metadata().clone().into_headers();
        let headers = headers.iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let got = Got { headers: headers.collect(), request: request.into_inner() };
        drop(self.sender.send(got));
        let order = self.orders.lock().expect("no panic").pop_front();
        let partial_success = match order {
            None => None,
            Some(Answer::Reject(rejected_log_records)) => {
                let error_message = "too many attributes".to_owned();
                Some(PartialSuccess { rejected_log_records, error_message })
            }
            Some(Answer::Fail(code, after)) => {
                let details = after.map(retry_info).unwrap_or_default();
                return Err(Status::with_details(code, "as told", details.into()));
            }
            Some(Answer::Hang) => std::future::pending().await,
        };
        Ok(Response::new(ExportResponse { partial_success }))
    }
}

/// Encodes `google.rpc.Status` with a `google.rpc.RetryInfo`.
fn retry_info(after: Duration) -> Vec<u8> {
    #[derive(Clone, PartialEq, Message)]
    struct Wait {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }
    #[derive(Clone, PartialEq, Message)]
    struct RetryInfo {
        #[prost(message, tag = "1")]
        retry_delay: Option<Wait>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Details {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(message, repeated, tag = "3")]
        details: Vec<prost_types::Any>,
    }
    let seconds = after.as_secs().try_into().expect("it is short");
    let nanos = after.subsec_nanos().try_into().expect("less than a second");
    let info = RetryInfo { retry_delay: Some(Wait { seconds, nanos }) };
    let any = prost_types::Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: info.encode_to_vec(),
    };
    Details { code: 8, details: vec![any] }.encode_to_vec()
}
