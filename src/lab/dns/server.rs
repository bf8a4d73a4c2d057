//! Serving over UDP and TCP.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use rand::seq::SliceRandom;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    answer::Answer,
    message::{Arrival, Query},
};

/// Datagrams answered at once; more are dropped, and asked again by their clients.
const DATAGRAMS: usize = 1024;
/// Connections served at once; more wait.
const CONNECTIONS: usize = 256;
/// How long a connection may be silent.
const SILENCE: Duration = Duration::from_secs(10);
/// Largest datagram read.
const LARGEST: usize = 4096;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// In a datagram.
    Udp,
    /// Over a connection.
    Tcp,
}

/// What a responder says.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer of its own.
    Own(Box<Answer>),
    /// Someone else's reply, with the query's id.
    Passed(Vec<u8>),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Own(Box::new(answer))
    }
}

/// Knows what names mean.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Answers a query.
    fn respond<'a>(&'a self, query: &'a Query, transport: Transport) -> BoxFuture<'a, Reply>;
}

/// A port cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for DNS")]
pub struct ServerError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// Running servers; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Servers(JoinSet<()>);

impl Servers {
    /// Serves every address of the namespace.
    pub(crate) async fn serve_everywhere(
        &mut self,
        responder: &Arc<dyn Responder>,
        port: u16,
    ) -> Result<(), ServerError> {
        // One IPv6 socket serves both families; kernels without IPv6 get an IPv4 one.
        match self.serve(responder, SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)).await {
            Err(error) if error.source.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                self.serve(responder, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)).await
            }
            other => other,
        }
    }

    /// Serves one address.
    pub(crate) async fn serve(
        &mut self,
        responder: &Arc<dyn Responder>,
        address: SocketAddr,
    ) -> Result<(), ServerError> {
        let failed = |source| ServerError { address, source };
        let socket = UdpSocket::bind(address).await.map_err(failed)?;
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        self.0.spawn(datagrams(Arc::clone(responder), socket));
        self.0.spawn(connections(Arc::clone(responder), listener));
        Ok(())
    }
}

async fn datagrams(responder: Arc<dyn Responder>, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let places = Arc::new(Semaphore::new(DATAGRAMS));
    let mut buffer = vec![0; LARGEST];
    loop {
        // Errors are about earlier datagrams that could not be delivered; the socket goes on.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let arrival = match Query::read(&buffer[..length]) {
            None => continue,
            Some(Arrival::Refusal(octets)) => {
                socket.send_to(&octets, client).await.ok();
                continue;
            }
            Some(Arrival::Query(query)) => query,
        };
        let (responder, socket) = (Arc::clone(&responder), Arc::clone(&socket));
        tokio::spawn(async move {
            let octets = match responder.respond(&arrival, Transport::Udp).await {
                Reply::Passed(octets) => octets,
                Reply::Own(answer) => arrival.datagram(&shuffled(*answer)),
            };
            // A client that has gone needs no answer.
            socket.send_to(&octets, client).await.ok();
            drop(place);
        });
    }
}

async fn connections(responder: Arc<dyn Responder>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let responder = Arc::clone(&responder);
                tokio::spawn(async move {
                    // A connection that breaks is the client's business.
                    converse(responder.as_ref(), stream).await.ok();
                    drop(place);
                });
            }
            // Out of descriptors: those in use must end first.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Answers queries until the client ends or is silent for too long.
async fn converse(responder: &dyn Responder, mut stream: TcpStream) -> io::Result<()> {
    loop {
        let Some(octets) = timeout(SILENCE, read_framed(&mut stream)).await?? else {
            return Ok(());
        };
        let reply = match Query::read(&octets) {
            None => return Ok(()),
            Some(Arrival::Refusal(octets)) => octets,
            Some(Arrival::Query(query)) => match responder.respond(&query, Transport::Tcp).await {
                Reply::Passed(octets) => octets,
                Reply::Own(answer) => query.stream(&shuffled(*answer)),
            },
        };
        timeout(SILENCE, write_framed(&mut stream, &reply)).await??;
    }
}

/// Reads a message and the length before it; none at the end of the stream.
pub(super) async fn read_framed(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let length = match stream.read_u16().await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let mut octets = vec![0; length.into()];
    stream.read_exact(&mut octets).await?;
    Ok(Some(octets))
}

/// Writes a message and the length before it.
pub(super) async fn write_framed(stream: &mut TcpStream, octets: &[u8]) -> io::Result<()> {
    let length = u16::try_from(octets.len()).map_err(io::Error::other)?;
    let framed = [&length.to_be_bytes(), octets].concat();
    stream.write_all(&framed).await
}

/// Clients that take the first address share the load. An alias stays before what it stands for.
fn shuffled(mut answer: Answer) -> Answer {
    let aliases =
        answer.records.iter().take_while(|one| one.data.kind() == super::Kind::Cname).count();
    answer.records[aliases..].shuffle(&mut rand::rng());
    answer
}
