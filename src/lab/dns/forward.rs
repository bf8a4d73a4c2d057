//! Asking others: the servers of the node's resolv.conf.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpStream, UdpSocket},
    time::timeout,
};

use super::{
    answer::{Answer, Outcome},
    message::{self, Query},
    record::Kind,
    server::{Reply, Transport, read_framed, write_framed},
};

/// How long one server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Port of name servers.
const PORT: u16 = 53;
/// Largest datagram read.
const LARGEST: usize = 4096;

/// The servers that are asked about everything that is not the cluster's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upstream {
    servers: Vec<SocketAddr>,
}

impl Upstream {
    /// Reads the servers of a resolv.conf.
    pub(super) fn from_resolv_conf(text: &str) -> Self {
        let address = |line: &str| line.strip_prefix("nameserver")?.trim().parse::<IpAddr>().ok();
        let servers = text.lines().filter_map(address);
        Self::at(servers.map(|ip| SocketAddr::new(ip, PORT)).collect())
    }

    /// Returns servers that are asked in this order.
    pub(super) const fn at(servers: Vec<SocketAddr>) -> Self {
        Self { servers }
    }

    /// Passes a query on, and the reply back.
    pub(super) async fn pass(&self, query: &Query, transport: Transport) -> Reply {
        let mut octets = query.octets().to_vec();
        let id = [octets[0], octets[1]];
        // The client's own id could be guessed by who made it ask.
        octets[..2].copy_from_slice(&rand::random::<u16>().to_be_bytes());
        for server in &self.servers {
            let reply = match transport {
                Transport::Udp => timeout(PATIENCE, by_udp(*server, &octets)).await,
                Transport::Tcp => timeout(PATIENCE, by_tcp(*server, &octets)).await,
            };
            if let Ok(Ok(mut reply)) = reply {
                reply[..2].copy_from_slice(&id);
                return Reply::Passed(reply);
            }
        }
        Answer::empty(Outcome::Failed).into()
    }

    /// Looks the addresses of a name up.
    pub(super) async fn look_up(&self, name: &str, kind: Kind) -> Answer {
        let Some(query) = message::ask(rand::random(), name, kind) else {
            return Answer::empty(Outcome::Found);
        };
        for server in &self.servers {
            let Ok(Ok(mut reply)) = timeout(PATIENCE, by_udp(*server, &query)).await else {
                continue;
            };
            if message::is_truncated(&reply) {
                let Ok(Ok(whole)) = timeout(PATIENCE, by_tcp(*server, &query)).await else {
                    continue;
                };
                reply = whole;
            }
            if let Some(answer) = message::read_reply(&reply) {
                return answer;
            }
        }
        Answer::empty(Outcome::Failed)
    }
}

/// Asks by a datagram from a port of its own, and ignores what answers something else.
async fn by_udp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; LARGEST];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if message::is_reply(&buffer[..length], query) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn by_tcp(server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    write_framed(&mut stream, query).await?;
    let reply = read_framed(&mut stream).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    if message::is_reply(&reply, query) {
        Ok(reply)
    } else {
        Err(io::ErrorKind::InvalidData.into())
    }
}
