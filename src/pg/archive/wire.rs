//! The primitives of an archive: bytes, integers with a sign byte, counted strings, file offsets.
//!
//! As `ReadInt`, `ReadStr` and `ReadOffset` of pg_backup_archiver.c have them. No length is believed: it must fit in
//! what is left of the file, and memory is taken as the bytes arrive.

use std::io::{BufRead, Read, Write};

use crate::error::{Error, Result};
use crate::pg::stream::{Counted, Position};

/// How wide an archive's integers and offsets are, as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widths {
    /// The bytes of an integer, without its sign byte.
    pub int_bytes: u8,
    /// The bytes of a file offset, without its state byte.
    pub offset_bytes: u8,
}

impl Default for Widths {
    /// What pg_dump writes on every platform of today.
    fn default() -> Self {
        Widths { int_bytes: 4, offset_bytes: 8 }
    }
}

/// Where an entry's data block is, as the table of contents of a custom archive says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// Not known: the archive was written to a pipe.
    NotSet,
    /// At this byte of the file.
    Set(u64),
    /// There is no data block.
    NoData,
}

impl Offset {
    const NOT_SET: u8 = 1;
    const SET: u8 = 2;
    const NO_DATA: u8 = 3;
}

/// Reads primitives.
pub struct WireReader<R> {
    input: Counted<R>,
    /// The length of the file.
    end: u64,
    /// How wide integers and offsets are.
    pub widths: Widths,
}

impl<R: BufRead> WireReader<R> {
    /// Reads `input`, which starts at `position` of a file of `end` bytes.
    pub fn new(input: R, position: Position, end: u64, widths: Widths) -> Self {
        WireReader { input: Counted::new(input, position), end, widths }
    }

    /// The place of the next byte.
    pub fn position(&self) -> &Position {
        self.input.position()
    }

    /// The bytes from here to the end of the file.
    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.position().byte())
    }

    /// The input itself.
    pub fn input(&mut self) -> &mut Counted<R> {
        &mut self.input
    }

    /// The next byte; `None` at the end of the input.
    ///
    /// # Errors
    /// If the input cannot be read.
    pub fn byte_or_end(&mut self) -> Result<Option<u8>> {
        let byte = self.input.by_ref().bytes().next().transpose();
        byte.map_err(|failure| Error::read(&failure).at(self.position()))
    }

    /// The next byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn byte(&mut self) -> Result<u8> {
        let byte = self.byte_or_end()?;
        byte.ok_or_else(|| self.position().cut_short("the archive ends early"))
    }

    /// The next bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Ok(bytes)
    }

    /// The number of `width` bytes, the lowest first.
    fn number(&mut self, width: u8) -> Result<u64> {
        let mut number = 0;
        for index in 0..u32::from(width) {
            let byte = u64::from(self.byte()?);
            if byte != 0 && index >= 8 {
                return Err(self.position().damaged("the archive holds a number out of range"));
            }
            number |= byte.checked_shl(8 * index).unwrap_or(0);
        }
        Ok(number)
    }

    /// The next integer.
    ///
    /// # Errors
    /// If the archive ends, or the integer has more than 32 bits.
    pub fn int(&mut self) -> Result<i32> {
        let negative = self.byte()? != 0;
        let magnitude = self.number(self.widths.int_bytes)?;
        let value = i64::try_from(magnitude).ok().map(|value| if negative { -value } else { value });
        value
            .and_then(|value| i32::try_from(value).ok())
            .ok_or_else(|| self.position().damaged("the archive holds a number out of range"))
    }

    /// The next integer, which is an oid: all 32 bits count.
    ///
    /// # Errors
    /// If the archive ends, or the integer has more than 32 bits.
    pub fn oid(&mut self) -> Result<u32> {
        // pg_dump writes oids as signed integers, so those over 2³¹ come as negative ones.
        let negative = self.byte()? != 0;
        let magnitude = self.number(self.widths.int_bytes)?;
        u32::try_from(magnitude)
            .map(|oid| if negative { oid.wrapping_neg() } else { oid })
            .map_err(|_| self.position().damaged("the archive holds a number out of range"))
    }

    /// The next length of bytes, which must be there.
    ///
    /// # Errors
    /// If it is negative or larger than what is left of the file.
    pub fn length(&mut self) -> Result<u64> {
        let length = self.int()?;
        match u64::try_from(length) {
            Err(_) => Err(self.position().damaged("the archive holds a negative length")),
            Ok(length) if length > self.left() => {
                Err(self.position().cut_short("the archive holds a length that goes past its end"))
            }
            Ok(length) => Ok(length),
        }
    }

    /// The next string; `None` for NULL.
    ///
    /// # Errors
    /// If the archive ends within it.
    pub fn string(&mut self) -> Result<Option<Vec<u8>>> {
        let length = self.int()?;
        if length == -1 {
            return Ok(None);
        }
        let length = u64::try_from(length)
            .map_err(|_| self.position().damaged("the archive holds a string of negative length"))?;
        if length > self.left() {
            return Err(self.position().cut_short("the archive ends inside a string"));
        }
        let mut text = Vec::new();
        let read = self.input.by_ref().take(length).read_to_end(&mut text);
        read.map_err(|failure| Error::read(&failure).at(self.position()))?;
        if (text.len() as u64) < length {
            return Err(self.position().cut_short("the archive ends inside a string"));
        }
        Ok(Some(text))
    }

    /// The next offset of a data block.
    ///
    /// # Errors
    /// If its state is none of the three.
    pub fn offset(&mut self) -> Result<Offset> {
        let state = self.byte()?;
        let byte = self.number(self.widths.offset_bytes)?;
        match state {
            Offset::NOT_SET => Ok(Offset::NotSet),
            Offset::SET => Ok(Offset::Set(byte)),
            Offset::NO_DATA => Ok(Offset::NoData),
            _ => Err(self.position().damaged("the archive holds an offset of unknown kind")),
        }
    }
}

/// Writes primitives, as wide as [`Widths::default`].
pub struct WireWriter<W>(pub W);

impl<W: Write> WireWriter<W> {
    /// Writes bytes as they are.
    ///
    /// # Errors
    /// If the output cannot be written; so for all of these.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).map_err(|failure| Error::write(&failure))
    }

    /// Writes an integer.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn int(&mut self, value: i32) -> Result<()> {
        self.bytes(&[u8::from(value < 0)])?;
        self.bytes(&value.unsigned_abs().to_le_bytes())
    }

    /// Writes a length.
    ///
    /// # Errors
    /// If it has more than 31 bits, or the output cannot be written.
    pub fn length(&mut self, length: usize) -> Result<()> {
        let length = i32::try_from(length)
            .map_err(|_| Error::staging("a text of 2 GiB or more does not fit in an archive"))?;
        self.int(length)
    }

    /// Writes a string, or NULL.
    ///
    /// # Errors
    /// If it is 2 GiB long or longer, or the output cannot be written.
    pub fn string(&mut self, text: Option<&str>) -> Result<()> {
        match text {
            None => self.int(-1),
            Some(text) => {
                self.length(text.len())?;
                self.bytes(text.as_bytes())
            }
        }
    }

    /// Writes an offset.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn offset(&mut self, offset: Offset) -> Result<()> {
        let (state, byte) = match offset {
            Offset::NotSet => (Offset::NOT_SET, 0),
            Offset::Set(byte) => (Offset::SET, byte),
            Offset::NoData => (Offset::NO_DATA, 0),
        };
        self.bytes(&[state])?;
        self.bytes(&byte.to_le_bytes())
    }
}
