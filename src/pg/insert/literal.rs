//! What the constants of an INSERT are as COPY text.

/// Appends `byte` as COPY text has it (`CopyAttributeOutText` in copyto.c).
fn append_escaped(byte: u8, row: &mut Vec<u8>) {
    let letter = match byte {
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0b => b'v',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            row.push(byte);
            return;
        }
    };
    row.extend_from_slice(&[b'\\', letter]);
}

/// Appends the inside of a plain literal, in which quotes are doubled.
pub fn append_undoubled(mut inside: &[u8], row: &mut Vec<u8>) {
    let is_special = |byte: &u8| matches!(byte, b'\'' | b'\\' | 0x08..=0x0d);
    while let Some(at) = inside.iter().position(is_special) {
        row.extend_from_slice(&inside[..at]);
        append_escaped(inside[at], row);
        let step = if inside[at] == b'\'' { 2 } else { 1 };
        inside = inside.get(at + step..).unwrap_or_default();
    }
    row.extend_from_slice(inside);
}

/// Appends the inside of a literal with backslash escapes.
///
/// Numeric escapes give characters up to 127 or, with `\u`, any; others depend on the client encoding, and `\v` on the
/// version: they give `None`, as what is malformed.
pub fn append_unescaped(inside: &[u8], row: &mut Vec<u8>) -> Option<()> {
    let mut rest = inside;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\'', [b'\'', tail @ ..]) => {
                row.push(b'\'');
                tail
            }
            (b'\\', tail) => append_escape(tail, row)?,
            (byte, tail) => {
                append_escaped(*byte, row);
                tail
            }
        };
    }
    Some(())
}

/// Appends what the escape whose backslash precedes `text` stands for, and gives what follows it.
fn append_escape<'a>(text: &'a [u8], row: &mut Vec<u8>) -> Option<&'a [u8]> {
    let (letter, tail) = text.split_first()?;
    let (radix, digits) = match letter {
        b'b' => return plain_escape(0x08, tail, row),
        b'f' => return plain_escape(0x0c, tail, row),
        b'n' => return plain_escape(b'\n', tail, row),
        b'r' => return plain_escape(b'\r', tail, row),
        b't' => return plain_escape(b'\t', tail, row),
        b'v' => return None,
        b'0'..=b'7' => (8, &text[..text.len().min(3)]),
        b'x' => (16, &tail[..tail.len().min(2)]),
        b'u' => (16, tail.get(..4)?),
        b'U' => (16, tail.get(..8)?),
        other => return plain_escape(*other, tail, row),
    };
    let count = digits.iter().take_while(|digit| char::from(**digit).is_digit(radix)).count();
    let is_unicode = matches!(letter, b'u' | b'U');
    if count == 0 || (is_unicode && count < digits.len()) {
        return None;
    }
    let code = u32::from_str_radix(std::str::from_utf8(&digits[..count]).ok()?, radix).ok()?;
    if code == 0 || (!is_unicode && code > 127) {
        return None;
    }
    let mut buffer = [0; 4];
    for byte in char::from_u32(code)?.encode_utf8(&mut buffer).bytes() {
        append_escaped(byte, row);
    }
    let start = if radix == 8 { text } else { tail };
    Some(&start[count..])
}

fn plain_escape<'a>(byte: u8, tail: &'a [u8], row: &mut Vec<u8>) -> Option<&'a [u8]> {
    append_escaped(byte, row);
    Some(tail)
}

/// Appends the bits of `B'0101'` or `X'1F'`.
pub fn append_bits(digits: &[u8], letter: u8, row: &mut Vec<u8>) -> Option<()> {
    for digit in digits {
        match (letter, digit) {
            (b'b', b'0' | b'1') => row.push(*digit),
            (b'x', _) => {
                let value = char::from(*digit).to_digit(16)?;
                row.extend_from_slice(format!("{value:04b}").as_bytes());
            }
            _ => return None,
        }
    }
    Some(())
}
