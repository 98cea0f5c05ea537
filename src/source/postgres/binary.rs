//! Rows of `COPY … (FORMAT binary)` as COPY text, for the few types whose binary form is as good as their text: it costs
//! the server less, above all for the place of a row, which comes before its columns.

use super::places::Places;
use crate::pg::escape::escape_into;
use crate::pg::integer::push_integer;

/// What a stream begins with, before its flags and an extension of so many bytes as it says.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The column count that ends a stream.
const END: u16 = u16::MAX;

/// The length of NULL.
const NULL: u32 = u32::MAX;

/// How a value is put into text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A whole number of 2, 4 or 8 bytes.
    Integer,
    /// A byte, 0 or 1.
    Boolean,
    /// 16 bytes.
    Uuid,
    /// Its text.
    Text,
}

impl Form {
    /// The form of the types that the function `send` sends; `None` for others.
    pub fn of(send: &str) -> Option<Form> {
        match send {
            "int2send" | "int4send" | "int8send" => Some(Form::Integer),
            "boolsend" => Some(Form::Boolean),
            "uuid_send" => Some(Form::Uuid),
            "textsend" | "varcharsend" | "bpcharsend" | "enum_send" => Some(Form::Text),
            _ => None,
        }
    }

    /// Appends `value` to `out`; `None` where it is none of this form.
    fn write(self, value: &[u8], out: &mut Vec<u8>) -> Option<()> {
        match self {
            Form::Integer => {
                let number = match value.len() {
                    2 => i64::from(i16::from_be_bytes(value.try_into().ok()?)),
                    4 => i64::from(i32::from_be_bytes(value.try_into().ok()?)),
                    _ => i64::from_be_bytes(value.try_into().ok()?),
                };
                push_integer(number, out);
            }
            Form::Boolean => match value {
                [0] => out.push(b'f'),
                [1] => out.push(b't'),
                _ => return None,
            },
            Form::Uuid => {
                let bytes: &[u8; 16] = value.try_into().ok()?;
                for (index, byte) in bytes.iter().enumerate() {
                    if matches!(index, 4 | 6 | 8 | 10) {
                        out.push(b'-');
                    }
                    let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble)];
                    out.extend([digit(byte >> 4), digit(byte & 15)]);
                }
            }
            Form::Text => escape_into(value, out),
        }
        Some(())
    }
}

/// Appends the rows of `bytes`, whole rows of a stream, to `out` as COPY text of `forms`, and their places to `places`.
/// `None` where they are something else.
pub fn to_text(bytes: &[u8], forms: &[Form], places: &mut Places, out: &mut Vec<u8>) -> Option<()> {
    let mut rest = bytes;
    if let Some(header) = rest.strip_prefix(SIGNATURE) {
        let extension = u32::from_be_bytes(*header.get(4..)?.first_chunk()?) as usize;
        rest = header.get(8..)?.get(extension..)?;
    }
    while !rest.is_empty() {
        let columns = u16::from_be_bytes(*take(&mut rest, 2)?.first_chunk()?);
        if columns == END {
            return rest.is_empty().then_some(());
        }
        if usize::from(columns) != forms.len() + 1 {
            return None;
        }
        let place = value(&mut rest)??;
        let (page, line) = place.split_first_chunk::<4>()?;
        let is_next = places.add(u32::from_be_bytes(*page), u16::from_be_bytes(line.try_into().ok()?));
        if !is_next {
            return None;
        }
        for (index, form) in forms.iter().enumerate() {
            if index > 0 {
                out.push(b'\t');
            }
            match value(&mut rest)? {
                Some(value) => form.write(value, out)?,
                None => out.extend_from_slice(b"\\N"),
            }
        }
        out.push(b'\n');
    }
    Some(())
}

/// The next value, or NULL.
fn value<'b>(rest: &mut &'b [u8]) -> Option<Option<&'b [u8]>> {
    match u32::from_be_bytes(*take(rest, 4)?.first_chunk()?) {
        NULL => Some(None),
        length => take(rest, length as usize).map(Some),
    }
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (taken, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn row(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            let length = value.map_or(u32::MAX, |value| value.len() as u32);
            bytes.extend(length.to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        bytes
    }

    fn text(bytes: &[u8], forms: &[Form]) -> Option<String> {
        let mut out = Vec::new();
        to_text(bytes, forms, &mut Places::default(), &mut out)?;
        String::from_utf8(out).ok()
    }

    #[test]
    fn values_have_the_text_that_they_have_in_copy() {
        let forms =
            [Form::Integer, Form::Integer, Form::Integer, Form::Uuid, Form::Text, Form::Text, Form::Boolean];
        let uuid: Vec<u8> = (0..16).collect();
        let mut bytes = [SIGNATURE, &[0; 8]].concat();
        let (small, large) = ((-7_i16).to_be_bytes(), i64::MIN.to_be_bytes());
        bytes.extend(row(&[
            Some(&[0, 0, 0, 3, 0, 1]),
            Some(&small),
            Some(&[0, 0, 1, 0]),
            Some(&large),
            Some(&uuid),
            Some(b"a\tb\\"),
            None,
            Some(&[1]),
        ]));
        bytes.extend([0xff, 0xff]);
        let expected =
            "-7\t256\t-9223372036854775808\t00010203-0405-0607-0809-0a0b0c0d0e0f\ta\\tb\\\\\t\\N\tt\n";
        assert_eq!(text(&bytes, &forms).as_deref(), Some(expected));
    }

    #[test]
    fn rows_of_other_columns_are_refused() {
        let place: &[u8] = &[0, 0, 0, 3, 0, 1];
        assert_eq!(text(&row(&[Some(place), Some(&[1, 2, 3])]), &[Form::Integer]), None);
        assert_eq!(text(&row(&[Some(place)]), &[Form::Integer]), None);
        assert_eq!(text(&row(&[Some(place), Some(&[2])]), &[Form::Boolean]), None);
        assert_eq!(text(&row(&[None, Some(&[0, 1])]), &[Form::Integer]), None);
        assert_eq!(text(&row(&[Some(place)]), &[]).as_deref(), Some("\n"));
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_rust_does(number: i64) {
            let mut out = Vec::new();
            push_integer(number, &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }

        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = text(&bytes, &[Form::Integer, Form::Text]);
            let _ = text(&[SIGNATURE, &bytes].concat(), &[Form::Uuid]);
        }
    }
}
