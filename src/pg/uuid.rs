//! UUIDs as Postgres writes them: 32 lower-case hex digits in five groups.

use super::values::parse_uuid;

/// The bytes of a UUID's text.
pub const TEXT_BYTES: usize = 36;

/// The places of the hyphens.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads the UUID that `bytes` begins with; `None` if Postgres would not write it so.
pub fn leading_uuid(bytes: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; TEXT_BYTES] = bytes.first_chunk()?;
    let is_canonical =
        HYPHENS.iter().all(|&place| text[place] == b'-') && !text.iter().any(u8::is_ascii_uppercase);
    if is_canonical { parse_uuid(text).ok() } else { None }
}

/// The text of `uuid`.
pub fn uuid_text(uuid: &[u8; 16]) -> [u8; TEXT_BYTES] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; TEXT_BYTES];
    let mut place = 0;
    for byte in uuid {
        if HYPHENS.contains(&place) {
            place += 1;
        }
        text[place] = DIGITS[usize::from(byte >> 4)];
        text[place + 1] = DIGITS[usize::from(byte & 15)];
        place += 2;
    }
    text
}

/// Appends the text of `uuid`.
pub fn push_uuid(uuid: &[u8; 16], out: &mut Vec<u8>) {
    out.extend_from_slice(&uuid_text(uuid));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_postgres_would_write_otherwise_is_not_read() {
        let uuid = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(leading_uuid(format!("{uuid}\tx").as_bytes()).unwrap()[15], 0xff);
        for other in [
            "",
            "00112233-4455-6677-8899-aabbccddeef",
            "00112233-4455-6677-8899-aabbccddeefF",
            "00112233-4455-6677-8899-aabbccddeefg",
            "0011223-34455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabb-cddeeff",
            "{0112233-4455-6677-8899-aabbccddeeff}",
            "00112233445566778899aabbccddeeff",
        ] {
            assert_eq!(leading_uuid(other.as_bytes()), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(uuid: [u8; 16]) {
            let mut text = Vec::new();
            push_uuid(&uuid, &mut text);
            prop_assert_eq!(leading_uuid(&text), Some(uuid));
        }
    }
}
