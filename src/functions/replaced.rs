//! A value in which characters of ASCII are replaced and all others stay in place.

/// Values of so many bytes or fewer are written on the stack.
const SHORT_BYTES: usize = 128;

/// Appends `value` with each character of ASCII as `replace` gives it, which gives characters of ASCII.
///
/// All are written at once, which is faster than one by one.
pub fn push_replaced(value: &str, out: &mut String, mut replace: impl FnMut(u8) -> u8) {
    let (mut short, mut long) = ([0; SHORT_BYTES], Vec::new());
    let bytes = match short.get_mut(..value.len()) {
        Some(bytes) => bytes,
        None => {
            long.resize(value.len(), 0);
            &mut long[..]
        }
    };
    bytes.copy_from_slice(value.as_bytes());
    bytes.iter_mut().filter(|byte| byte.is_ascii()).for_each(|byte| *byte = replace(*byte));
    out.push_str(std::str::from_utf8(bytes).expect("characters of ASCII are replaced by others"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_characters_stay_however_long_the_value_is() {
        for times in [0, 1, 40] {
            let mut out = String::from("before ");
            push_replaced(&"aé-山".repeat(times), &mut out, |byte| byte.to_ascii_uppercase());
            assert_eq!(out, format!("before {}", "Aé-山".repeat(times)));
        }
    }
}
