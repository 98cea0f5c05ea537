//! `placeholder`: an empty file of the same kind.

use super::{Build, Built, Example, Function, Refusal, TextMask, Uniqueness};
use crate::schema::PgType;

pub static PLACEHOLDER: Function = Function {
    name: "placeholder",
    summary: "Replace the bytes of a file by a small one of the same kind that shows nothing (PNG, JPEG, GIF, PDF, told by \
              its first bytes), and any other bytes by as many zeros",
    parameters: &[],
    example: Example {
        rule: r#""placeholder""#,
        ty: PgType::Bytea,
        input: r"\x416e61",
        output: Some(r"\x000000"),
    },
    domain: "placeholder",
    domain_by: None,
    takes: |ty| *ty.base() == PgType::Bytea,
    takes_text: "`bytea`",
    build,
};

struct Placeholder {
    pdf: Vec<u8>,
}

/// A transparent picture of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63, 0,
    1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A transparent picture of one pixel (GIF89a).
const GIF: &[u8] = &[
    b'G', b'I', b'F', b'8', b'9', b'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4, 1,
    0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// A grey picture of one pixel (ITU-T T.81, baseline): tables of one code each, and one block of them.
const JPEG: &[u8] = &{
    const BEFORE: [u8; 27] = [
        0xff, 0xd8, 0xff, 0xe0, 0, 0x10, b'J', b'F', b'I', b'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0xff, 0xdb, 0,
        0x43, 0, 1, 1,
    ];
    const AFTER: [u8; 67] = [
        0xff, 0xc0, 0, 0x0b, 8, 0, 1, 0, 1, 1, 1, 0x11, 0, 0xff, 0xc4, 0, 0x14, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xc4, 0, 0x14, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0,
    ];
    let mut jpeg = [1; 27 + 62 + 67 + 3];
    let mut at = 0;
    while at < BEFORE.len() {
        jpeg[at] = BEFORE[at];
        at += 1;
    }
    at = 0;
    while at < AFTER.len() {
        jpeg[27 + 62 + at] = AFTER[at];
        at += 1;
    }
    jpeg[27 + 62 + 67] = 0x3f;
    jpeg[27 + 62 + 68] = 0xff;
    jpeg[27 + 62 + 69] = 0xd9;
    jpeg
};

/// A document of one empty page (ISO 32000-1, section 7.5).
fn pdf() -> Vec<u8> {
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    ];
    let mut text = String::from("%PDF-1.4\n");
    let mut table = String::from("xref\n0 4\n0000000000 65535 f \n");
    for (index, object) in objects.into_iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", text.len()));
        text.push_str(&format!("{} 0 obj{object}endobj\n", index + 1));
    }
    let start = text.len();
    text.push_str(&format!("{table}trailer<</Size 4/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n"));
    text.into_bytes()
}

impl TextMask for Placeholder {
    fn mask(&self, value: &str, _subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        let digits = value.strip_prefix("\\x").ok_or("is not in the hex form of `bytea`")?;
        if digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("is not in the hex form of `bytea`");
        }
        let starts_with = |signature: &str| {
            digits.get(..signature.len()).is_some_and(|start| start.eq_ignore_ascii_case(signature))
        };
        out.push_str("\\x");
        let file = match () {
            () if starts_with("89504e470d0a1a0a") => PNG,
            () if starts_with("ffd8ff") => JPEG,
            () if starts_with("474946383761") || starts_with("474946383961") => GIF,
            () if starts_with("255044462d") => &self.pdf,
            () => {
                out.extend(std::iter::repeat_n('0', digits.len()));
                return Ok(());
            }
        };
        for byte in file {
            out.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)])),
            );
        }
        Ok(())
    }
}

fn build(_build: &Build<'_>) -> Result<Built, Refusal> {
    Ok(Built::text(Placeholder { pdf: pdf() }, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    fn masked(value: &str) -> Result<String, &'static str> {
        Tester::new(&PLACEHOLDER, "", PgType::Bytea).masked(value)
    }

    #[test]
    fn a_file_stays_of_its_kind() {
        for start in ["89504e470d0a1a0a", "ffd8ffe1", "474946383761", "255044462d312e37"] {
            let result = masked(&format!("\\x{start}5365637265746c79")).unwrap();
            assert!(
                result.starts_with(&format!("\\x{}", &start[..6])) && !result.contains("5365637265746c79")
            );
            assert_eq!(masked(&result).unwrap(), result);
        }
        assert_eq!(masked(r"\xDEAD").unwrap(), r"\x0000");
        assert_eq!(masked(r"\x").unwrap(), r"\x");
    }

    #[test]
    fn the_checksums_of_the_png_are_right() {
        let mut at = 8;
        while at < PNG.len() {
            let length = u32::from_be_bytes(PNG[at..at + 4].try_into().unwrap()) as usize;
            let mut crc = flate2::Crc::new();
            crc.update(&PNG[at + 4..at + 8 + length]);
            let stored = u32::from_be_bytes(PNG[at + 8 + length..at + 12 + length].try_into().unwrap());
            assert_eq!(crc.sum(), stored);
            at += 12 + length;
        }
    }

    #[test]
    fn what_is_not_in_hex_is_refused() {
        for value in ["", "abc", r"\x0", r"\xzz", r"\\000"] {
            assert!(masked(value).is_err(), "{value}");
        }
    }
}
