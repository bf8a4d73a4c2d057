//! The side that answers.

use std::{
    ffi::OsString,
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt};

use super::protocol::{CONGESTION, DATAGRAM_PORT, ECHO_PORT, SINK_PORT};

/// Room for what arrives between two looks, so that datagrams are received and not dropped.
const DATAGRAM_ROOM: usize = 16 << 20;
/// Between two looks at arriving datagrams. A reader that waits would be woken by every packet and
/// the scheduler, not the datapath, would be measured.
const LOOK: Duration = Duration::from_millis(1);
/// Looks without a datagram after which the server waits for the next one.
const IDLE_LOOKS: u32 = 50;

/// Listens in both families, on threads that live as long as the process.
///
/// # Errors
/// When a port is taken. IPv6 sockets take IPv6 only (`net.ipv6.bindv6only` of the namespace).
pub(super) fn start() -> io::Result<()> {
    for any in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let listener = listen((any, ECHO_PORT).into())?;
        thread::spawn(move || accept(&listener, echo));
        let listener = listen((any, SINK_PORT).into())?;
        thread::spawn(move || accept(&listener, sink));
        let socket = UdpSocket::bind((any, DATAGRAM_PORT))?;
        setsockopt(&socket, sockopt::RcvBufForce, &DATAGRAM_ROOM)?;
        thread::spawn(move || swallow(&socket));
    }
    Ok(())
}

/// Connections inherit the listener's congestion control.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    setsockopt(&listener, sockopt::TcpCongestion, &OsString::from(CONGESTION))?;
    Ok(listener)
}

/// Serves one connection after the other: a client has one at a time. A broken one is the client's
/// to report.
fn accept(listener: &TcpListener, serve: fn(TcpStream) -> io::Result<()>) {
    while let Ok((stream, _)) = listener.accept() {
        let _ = serve(stream);
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut byte = [0];
    while stream.read(&mut byte)? > 0 {
        stream.write_all(&byte)?;
    }
    Ok(())
}

fn sink(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 256 << 10];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

fn swallow(socket: &UdpSocket) {
    let mut buffer = [0; 2048];
    while socket.set_nonblocking(false).is_ok() && socket.recv(&mut buffer).is_ok() {
        if socket.set_nonblocking(true).is_err() {
            return;
        }
        let mut idle = 0;
        while idle < IDLE_LOOKS {
            idle += 1;
            while socket.recv(&mut buffer).is_ok() {
                idle = 0;
            }
            thread::sleep(LOOK);
        }
    }
}
