//! Pseudo-terminals: the near side is read and written here, the far side is a process's.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use tokio::io::unix::AsyncFd;

use crate::{kernel, lab::apiserver::TerminalSize};

/// The near side of a terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    near: AsyncFd<OwnedFd>,
}

impl Terminal {
    /// Opens a terminal; returns the far side too, which only the process may keep open.
    pub(super) fn open() -> io::Result<(Self, OwnedFd)> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let near = openpt(flags)?;
        grantpt(&near)?;
        unlockpt(&near)?;
        let far = ioctl_tiocgptpeer(&near, flags)?;
        rustix::io::ioctl_fionbio(&near, true)?;
        Ok((Self { near: kernel::wait_for(near)? }, far))
    }

    /// Sets columns and rows.
    pub(super) fn resize(&self, size: TerminalSize) -> io::Result<()> {
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        Ok(tcsetwinsize(self.near.get_ref().as_fd(), size)?)
    }

    /// Reads what the process writes; 0 bytes once nobody has the far side open.
    pub(super) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.near.readable().await?;
            match ready.try_io(|near| Ok(rustix::io::read(near.get_ref(), &mut *buffer)?)) {
                Ok(result) => return hung_up(result),
                Err(_would_block) => {}
            }
        }
    }

    /// Reads what is there already, without waiting.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        hung_up(rustix::io::read(self.near.get_ref(), buffer).map_err(io::Error::from))
    }

    /// Types bytes in.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.near.writable().await?;
            if let Ok(written) = ready.try_io(|near| Ok(rustix::io::write(near.get_ref(), bytes)?))
            {
                bytes = &bytes[written?..];
            }
        }
        Ok(())
    }
}

/// The kernel says EIO when the last far side is closed.
fn hung_up(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EIO) => Ok(0),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[tokio::test]
    async fn a_process_sees_a_terminal_of_the_size_that_was_set() {
        let (terminal, far) = Terminal::open().unwrap();
        terminal.resize(TerminalSize { width: 132, height: 43 }).unwrap();
        let mut child = Command::new("sh")
            .args(["-c", "stty size; read line; echo got $line"])
            .stdin(Stdio::from(far.try_clone().unwrap()))
            .stdout(Stdio::from(far.try_clone().unwrap()))
            .stderr(Stdio::from(far))
            .spawn()
            .unwrap();
        terminal.write_all(b"abc\n").await.unwrap();
        let mut all = Vec::new();
        let mut buffer = [0; 256];
        loop {
            let length = terminal.read(&mut buffer).await.unwrap();
            if length == 0 {
                break;
            }
            all.extend_from_slice(&buffer[..length]);
        }
        child.wait().unwrap();
        let text = String::from_utf8(all).unwrap();
        assert!(text.contains("43 132\r\n") && text.contains("got abc\r\n"), "{text:?}");
    }
}
