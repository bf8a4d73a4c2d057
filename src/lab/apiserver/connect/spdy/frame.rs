//! Frames, read and written.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The protocol's version, in every control frame.
const VERSION: u16 = 3;
/// Length of a frame's head.
const HEAD: usize = 8;
/// Largest frame that a client may send.
const LARGEST: usize = 1 << 20;
/// The flag that a stream's sender has finished.
const FIN: u8 = 1;

/// A frame that clients send, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// Bytes of a stream.
    Data { stream: u32, fin: bool, bytes: Bytes },
    /// A new stream, with its headers still compressed.
    Open { stream: u32, fin: bool, headers: Bytes },
    /// More headers of a stream; they must be read, for compression spans frames.
    Headers { stream: u32, fin: bool, headers: Bytes },
    /// A stream has been given up.
    Reset { stream: u32 },
    /// To be sent back.
    Ping { id: u32 },
    /// The client goes.
    GoAway,
    /// Something that needs no answer.
    Other,
}

/// A client that does not speak SPDY/3.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    #[error("a frame of {0} bytes is too long")]
    TooLong(usize),
    #[error("version {0} is not spoken")]
    Version(u16),
    #[error("a control frame of type {0} is too short")]
    Short(u16),
}

impl Frame {
    /// Takes one frame from the start of `buffer`, if it is there to its end.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, FrameError> {
        let Some(head) = buffer.get(..HEAD) else { return Ok(None) };
        let length = usize::from(head[5]) << 16 | usize::from(head[6]) << 8 | usize::from(head[7]);
        if length > LARGEST {
            return Err(FrameError::TooLong(length));
        }
        if buffer.len() < HEAD + length {
            return Ok(None);
        }
        let mut frame = buffer.split_to(HEAD + length).freeze();
        let first = frame.get_u32();
        let fin = frame.get_u8() & FIN != 0;
        frame.advance(3);
        if first & 1 << 31 == 0 {
            return Ok(Some(Self::Data { stream: first, fin, bytes: frame }));
        }
        let [version, kind] = [first >> 16 & 0x7fff, first & 0xffff]
            .map(|half| u16::try_from(half).expect("masked to 16 bits"));
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        Self::control(kind, fin, frame).ok_or(FrameError::Short(kind)).map(Some)
    }

    fn control(kind: u16, fin: bool, mut body: Bytes) -> Option<Self> {
        let mut word = || (body.remaining() >= 4).then(|| body.get_u32());
        Some(match kind {
            1 => {
                let stream = word()? & !(1 << 31);
                word()?;
                body.get(..2)?;
                body.advance(2);
                Self::Open { stream, fin, headers: body }
            }
            3 => Self::Reset { stream: word()? & !(1 << 31) },
            6 => Self::Ping { id: word()? },
            7 => Self::GoAway,
            8 => Self::Headers { stream: word()? & !(1 << 31), fin, headers: body },
            _ => Self::Other,
        })
    }
}

fn control(kind: u16, body: &[&[u8]]) -> Bytes {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(HEAD + length);
    frame.put_u16(1 << 15 | VERSION);
    frame.put_u16(kind);
    frame.put_u32(u32::try_from(length).expect("control frames are short"));
    body.iter().for_each(|part| frame.put_slice(part));
    frame.freeze()
}

/// Accepts a stream.
pub(super) fn reply(stream: u32, headers: &[u8]) -> Bytes {
    control(2, &[&stream.to_be_bytes(), headers])
}

/// Refuses a stream; `status` is 1 for an error of the client and 3 for one that cannot be served.
pub(super) fn reset(stream: u32, status: u32) -> Bytes {
    control(3, &[&stream.to_be_bytes(), &status.to_be_bytes()])
}

/// Answers a ping.
pub(super) fn pong(id: u32) -> Bytes {
    control(6, &[&id.to_be_bytes()])
}

/// Sends bytes on a stream.
pub(super) fn data(stream: u32, bytes: &[u8]) -> Bytes {
    with_flags(stream, 0, bytes)
}

/// Sends the last bytes of a stream.
pub(super) fn end(stream: u32, bytes: &[u8]) -> Bytes {
    with_flags(stream, FIN, bytes)
}

fn with_flags(stream: u32, flags: u8, bytes: &[u8]) -> Bytes {
    let length = u32::try_from(bytes.len()).expect("pieces are short");
    let mut frame = BytesMut::with_capacity(HEAD + bytes.len());
    frame.put_u32(stream);
    frame.put_u32(u32::from(flags) << 24 | length);
    frame.put_slice(bytes);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
        Frame::take(&mut BytesMut::from(bytes))
    }

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        let frame = end(5, b"abc");
        for cut in 0..frame.len() {
            assert_eq!(read(&frame[..cut]), Ok(None), "{cut}");
        }
        let expected = Frame::Data { stream: 5, fin: true, bytes: Bytes::from_static(b"abc") };
        assert_eq!(read(&frame), Ok(Some(expected)));
        assert_eq!(read(&pong(7)), Ok(Some(Frame::Ping { id: 7 })));
        assert_eq!(read(&reset(9, 3)), Ok(Some(Frame::Reset { stream: 9 })));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(read(b"GET / HTTP/1.1\r\n"), Err(FrameError::TooLong(0x20_48_54)));
        assert_eq!(read(&[0x80, 2, 0, 1, 0, 0, 0, 0]), Err(FrameError::Version(2)));
        assert_eq!(read(&[0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1]), Err(FrameError::Short(1)));
    }
}
