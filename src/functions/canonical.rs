//! The canonical form of a value: values that Postgres holds equal have the same, so that they mask alike.

use crate::schema::PgType;

/// The canonical form of `value`, a value of the type `ty` in text form; `scratch` holds it where it is not borrowed.
///
/// Blanks at the end of a `character(n)` do not count, nor the case of a `citext`, nor the zeros at the end of a
/// numeric's fraction or the sign of its zero. A value of any other type is its own canonical form.
pub fn canonical<'a>(ty: &PgType, value: &'a [u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    match ty.base() {
        PgType::Bpchar(_) => without_padding(value),
        PgType::Citext => lower_case(value, scratch),
        PgType::Numeric(_) => canonical_numeric(value),
        _ => value,
    }
}

/// `value` without the blanks at its end.
pub fn without_padding(value: &[u8]) -> &[u8] {
    let end = value.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    &value[..end]
}

fn lower_case<'a>(value: &[u8], scratch: &'a mut Vec<u8>) -> &'a [u8] {
    scratch.clear();
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_ascii() => scratch.extend_from_slice(text.to_lowercase().as_bytes()),
        _ => scratch.extend(value.iter().map(u8::to_ascii_lowercase)),
    }
    scratch
}

fn canonical_numeric(value: &[u8]) -> &[u8] {
    let trimmed = if value.contains(&b'.') && !value.contains(&b'e') {
        let end = value.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1);
        value[..end].strip_suffix(b".").unwrap_or(&value[..end])
    } else {
        value
    };
    if trimmed == b"-0" { b"0" } else { trimmed }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ty: PgType, value: &str) -> String {
        let mut scratch = Vec::new();
        String::from_utf8(canonical(&ty, value.as_bytes(), &mut scratch).to_vec()).unwrap()
    }

    #[test]
    fn equal_values_have_one_canonical_form() {
        assert_eq!(of(PgType::Bpchar(Some(4)), "ab  "), "ab");
        assert_eq!(of(PgType::Citext, "ÀB"), "àb");
        assert_eq!(of(PgType::Numeric(None), "1.500"), "1.5");
        assert_eq!(of(PgType::Numeric(None), "-0.00"), "0");
        assert_eq!(of(PgType::Numeric(None), "100"), "100");
        assert_eq!(of(PgType::Text, "A "), "A ");
    }
}
