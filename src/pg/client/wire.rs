//! Messages of the frontend/backend protocol, version 3.0, over a transport.
//!
//! A message is a byte that tells its kind, its length in four bytes that count themselves, and its content
//! (PostgreSQL's documentation, "Message Formats").

use std::io::{self, Read, Write};

use zeroize::Zeroize;

use super::failure::{Failure, Result};
use super::transport::Transport;

/// How much is read at once.
const READ_BYTES: usize = 256 << 10;

/// Smaller messages are gathered before they are sent.
const WRITE_BYTES: usize = 64 << 10;

/// The kind and the length of a message.
const HEAD_BYTES: usize = 5;

/// The longest message that PostgreSQL sends: a row may have 1 GiB.
const MAX_MESSAGE_BYTES: usize = 0x7fff_fff0;

/// A message of the server.
pub struct Message<'a> {
    /// Its kind.
    pub kind: u8,
    /// Its content.
    pub content: &'a [u8],
}

/// Reads and writes messages.
pub struct Wire {
    transport: Transport,
    input: Vec<u8>,
    /// What of the input is not taken yet.
    start: usize,
    end: usize,
    output: Vec<u8>,
}

impl Wire {
    /// Messages over `transport`.
    pub fn new(transport: Transport) -> Wire {
        Wire { transport, input: vec![0; READ_BYTES], start: 0, end: 0, output: Vec::new() }
    }

    /// What the messages go through.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The next message; it is taken.
    pub fn receive(&mut self) -> Result<Message<'_>> {
        let bytes = loop {
            match self.buffered()? {
                Some(bytes) => break bytes,
                None => self.fill()?,
            }
        };
        let start = self.start;
        self.start += bytes;
        let message = &self.input[start..start + bytes];
        Ok(Message { kind: message[0], content: &message[HEAD_BYTES..] })
    }

    /// Takes the next message if it is of `kind` and its content `fits`, and appends the content to `out`; else leaves
    /// it where it is, and gives its kind.
    pub fn take_into(
        &mut self,
        kind: u8,
        out: &mut Vec<u8>,
        fits: impl Fn(usize) -> bool,
    ) -> Result<Option<u8>> {
        let bytes = loop {
            match self.buffered()? {
                Some(bytes) => break bytes,
                None => self.fill()?,
            }
        };
        let message = &self.input[self.start..self.start + bytes];
        let content = &message[HEAD_BYTES..];
        if message[0] != kind || !fits(content.len()) {
            return Ok(Some(message[0]));
        }
        out.extend_from_slice(content);
        self.start += bytes;
        Ok(None)
    }

    /// Whether the server has said something that is not taken yet; does not wait.
    pub fn has_input(&mut self) -> Result<bool> {
        if self.start < self.end {
            return Ok(true);
        }
        let socket = self.transport.socket();
        socket.set_nonblocking(true).map_err(|error| Failure::lost(&error))?;
        let filled = self.fill_once();
        let blocking = self.transport.socket().set_nonblocking(false);
        blocking.map_err(|error| Failure::lost(&error))?;
        match filled {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Failure::lost(&error)),
        }
    }

    /// How many bytes the next message takes, if it is there whole.
    fn buffered(&mut self) -> Result<Option<usize>> {
        let input = &self.input[self.start..self.end];
        let Some(head) = input.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if !(4..=MAX_MESSAGE_BYTES).contains(&length) {
            return Err(Failure::protocol("the server sends what is no message of PostgreSQL"));
        }
        Ok((input.len() > length).then_some(length + 1))
    }

    fn fill(&mut self) -> Result<()> {
        loop {
            match self.fill_once() {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::lost(&error)),
            }
        }
    }

    /// Reads what there is, after what is left of the input. The buffer grows with what arrives, whatever length a
    /// message claims, and shrinks again after a long one.
    fn fill_once(&mut self) -> io::Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.input.len() > READ_BYTES {
                self.input.truncate(READ_BYTES);
                self.input.shrink_to_fit();
            }
        } else if self.start > 0 {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.input.len() {
            self.input.resize(self.input.len() * 2, 0);
        }
        match self.transport.read(&mut self.input[self.end..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.end += count;
                Ok(())
            }
        }
    }

    /// Gathers a message of `kind` whose content `write` appends.
    pub fn put(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.output.len();
        self.output.push(kind);
        self.put_content(start + 1, write);
    }

    /// Gathers a message without a kind: those before a session has begun.
    pub fn put_first(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.output.len();
        self.put_content(start, write);
    }

    fn put_content(&mut self, start: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.output.extend_from_slice(&[0; 4]);
        write(&mut self.output);
        let length = (self.output.len() - start) as u32;
        self.output[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// Sends `content` as a message of `kind`, of its own or with others, at the latest with the next [`Wire::flush`].
    pub fn stream(&mut self, kind: u8, content: &[u8]) -> Result<()> {
        self.output.push(kind);
        self.output.extend_from_slice(&(content.len() as u32 + 4).to_be_bytes());
        if content.len() < WRITE_BYTES {
            self.output.extend_from_slice(content);
            return if self.output.len() < WRITE_BYTES { Ok(()) } else { self.send() };
        }
        self.send()?;
        self.transport.write_all(content).map_err(|error| Failure::lost(&error))
    }

    /// Sends what is gathered.
    pub fn flush(&mut self) -> Result<()> {
        self.send()?;
        self.transport.flush().map_err(|error| Failure::lost(&error))
    }

    /// Sends what is gathered, and forgets it: it may have been a password.
    fn send(&mut self) -> Result<()> {
        let sent = self.transport.write_all(&self.output);
        if self.output.len() <= 1024 {
            self.output.zeroize();
        }
        self.output.clear();
        sent.map_err(|error| Failure::lost(&error))
    }
}

/// Reads the parts of a message's content.
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.0.split_at_checked(count) {
            Some((bytes, rest)) => {
                self.0 = rest;
                Ok(bytes)
            }
            None => Err(Failure::protocol("the server sends a message that is cut short")),
        }
    }

    /// An integer of two bytes.
    pub fn int16(&mut self) -> Result<i16> {
        self.bytes(2).map(|bytes| i16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// An integer of four bytes.
    pub fn int32(&mut self) -> Result<i32> {
        self.bytes(4).map(|bytes| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A string, which ends with a zero byte.
    pub fn string(&mut self) -> Result<&'a [u8]> {
        let end = memchr::memchr(0, self.0).unwrap_or(self.0.len());
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Ok(text)
    }
}
