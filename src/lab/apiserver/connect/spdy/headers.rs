//! Header blocks: names and values, compressed with one zlib stream per direction and a dictionary that both sides know.

use std::collections::HashMap;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Words of the dictionary that are written with their length, section 2.6.10.1 of the draft.
const WORDS: &str = "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow \
authorization cache-control connection content-base content-encoding content-language content-length content-location content-md5 \
content-range content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since \
last-modified location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer \
transfer-encoding upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public \
set-cookie keep-alive origin";
/// The rest of it.
const TEXT: &str = "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative \
Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal Server Error501 Not \
Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, \
GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-\
age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
/// Largest block, uncompressed.
const LARGEST: usize = 64 * 1024;

/// Headers that cannot be read; the session cannot go on, for later blocks depend on them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("headers are not compressed as SPDY says")]
    Compression,
    #[error("headers are too long")]
    TooLong,
    #[error("headers end early")]
    Short,
}

fn dictionary() -> Vec<u8> {
    let mut all = Vec::new();
    for word in WORDS.split(' ') {
        let word = word.replace('_', " ");
        all.extend(u32::try_from(word.len()).expect("words are short").to_be_bytes());
        all.extend(word.as_bytes());
    }
    all.extend(TEXT.as_bytes());
    all
}

/// Reads the blocks that one side sends.
pub(super) struct Reader {
    zlib: Decompress,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { zlib: Decompress::new(true) }
    }

    /// Reads the next block; names are in lower case.
    pub(super) fn read(&mut self, block: &[u8]) -> Result<HashMap<String, String>, HeaderError> {
        parse(&self.inflate(block)?).ok_or(HeaderError::Short)
    }

    fn inflate(&mut self, mut block: &[u8]) -> Result<Vec<u8>, HeaderError> {
        let mut out = Vec::with_capacity(1024);
        loop {
            let (read, written) = (self.zlib.total_in(), out.len());
            let result = self.zlib.decompress_vec(block, &mut out, FlushDecompress::Sync);
            let taken = usize::try_from(self.zlib.total_in() - read).unwrap_or(block.len());
            block = &block[taken.min(block.len())..];
            match result {
                Ok(Status::StreamEnd) => return Ok(out),
                Ok(_) if block.is_empty() && out.len() < out.capacity() => return Ok(out),
                Ok(_) if taken == 0 && out.len() == written && out.len() < out.capacity() => {
                    return Err(HeaderError::Compression);
                }
                Ok(_) if out.len() >= LARGEST => return Err(HeaderError::TooLong),
                Ok(_) => out.reserve(1024),
                Err(error) if error.needs_dictionary().is_some() => {
                    let set = self.zlib.set_dictionary(&dictionary());
                    set.map_err(|_| HeaderError::Compression)?;
                }
                Err(_) => return Err(HeaderError::Compression),
            }
        }
    }
}

fn parse(mut block: &[u8]) -> Option<HashMap<String, String>> {
    fn text(block: &mut &[u8]) -> Option<String> {
        let length = usize::try_from(number(block)?).ok()?;
        let (text, rest) = block.split_at_checked(length)?;
        *block = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }
    fn number(block: &mut &[u8]) -> Option<u32> {
        let (number, rest) = block.split_first_chunk()?;
        *block = rest;
        Some(u32::from_be_bytes(*number))
    }
    let count = number(&mut block)?;
    (0..count)
        .map(|_| {
            let name = text(&mut block)?.to_ascii_lowercase();
            Some((name, text(&mut block)?))
        })
        .collect()
}

/// Writes the blocks of the other side: replies, which have no headers.
pub(super) struct Writer {
    zlib: Compress,
}

impl Writer {
    pub(super) fn new() -> Self {
        let mut zlib = Compress::new(Compression::fast(), true);
        // Fails only for a stream that has begun.
        zlib.set_dictionary(&dictionary()).ok();
        Self { zlib }
    }

    /// Writes a block without headers.
    pub(super) fn empty(&mut self) -> Vec<u8> {
        self.write(&[])
    }

    fn write(&mut self, headers: &[(&str, &str)]) -> Vec<u8> {
        let length = |text: &str| u32::try_from(text.len()).expect("headers are short");
        let count = u32::try_from(headers.len()).expect("headers are few");
        let mut plain = count.to_be_bytes().to_vec();
        for text in headers.iter().flat_map(|(name, value)| [name, value]) {
            plain.extend(length(text).to_be_bytes());
            plain.extend(text.as_bytes());
        }
        // Headers of the lab's own are short, and a flush adds a few bytes.
        let mut out = Vec::with_capacity(plain.len() + 256);
        self.zlib.compress_vec(&plain, &mut out, FlushCompress::Sync).ok();
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_session_share_their_compression() {
        let (mut writer, mut reader) = (Writer::new(), Reader::new());
        for port in ["80", "8080", "80"] {
            let block = writer.write(&[("Streamtype", "data"), ("port", port)]);
            let read = reader.read(&block).unwrap();
            assert_eq!(read["streamtype"], "data");
            assert_eq!(read["port"], port);
        }
        assert_eq!(reader.read(&writer.empty()), Ok(HashMap::new()));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Reader::new().read(b"\x00\x01nonsense"), Err(HeaderError::Compression));
        let mut writer = Writer::new();
        let mut out = Vec::with_capacity(512);
        writer.zlib.compress_vec(&[0, 0, 0, 9], &mut out, FlushCompress::Sync).unwrap();
        assert_eq!(Reader::new().read(&out), Err(HeaderError::Short));
    }

    #[test]
    fn the_dictionary_is_the_one_of_the_draft() {
        // A zlib stream names its dictionary by checksum, after two bytes of its head.
        assert_eq!(Writer::new().empty()[2..6], 0xe3c6_a7c2_u32.to_be_bytes());
    }
}
