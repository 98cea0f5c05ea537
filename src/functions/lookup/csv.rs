//! Lines of CSV (RFC 4180): fields between commas, in quotes where they hold commas, quotes or ends of lines.

/// The fields of each line that has any; a mark of the byte order at the start is left out.
///
/// # Errors
/// The line, from 1, with a quote that nothing closes.
pub fn lines(text: &str) -> Result<Vec<Vec<String>>, usize> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = Vec::new();
    while !rest.is_empty() {
        let mut line = Vec::new();
        loop {
            let (field, after) = match rest.strip_prefix('"') {
                Some(quoted) => quoted_field(quoted).ok_or(1 + newlines(text, rest))?,
                None => plain_field(rest),
            };
            line.push(field);
            rest = after;
            match rest.strip_prefix(',') {
                Some(after) => rest = after,
                None => break,
            }
        }
        rest = rest.strip_prefix('\r').unwrap_or(rest);
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        if line != [""] {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// How many lines end before `rest`, the end of `text`.
fn newlines(text: &str, rest: &str) -> usize {
    text[..text.len() - rest.len()].matches('\n').count()
}

fn plain_field(text: &str) -> (String, &str) {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let end = if text[..end].ends_with('\r') { end - 1 } else { end };
    (text[..end].to_string(), &text[end..])
}

/// The field after its first quote; what stands between its last quote and the comma belongs to it as well.
fn quoted_field(text: &str) -> Option<(String, &str)> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"')?;
        field.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => {
                let (tail, after) = plain_field(rest);
                field.push_str(&tail);
                return Some((field, after));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_unquoted() {
        assert_eq!(lines("a,\"b\"\"\n,c\",\r\n\n,d").unwrap(), [vec!["a", "b\"\n,c", ""], vec!["", "d"]]);
        assert_eq!(lines("a\nb,\"c"), Err(2));
    }

    proptest! {
        #[test]
        fn fields_are_read_as_they_are_written(table in proptest::collection::vec(proptest::collection::vec("\\PC{1,5}|[\",\r\n]{1,3}", 1..4), 1..4)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |line: &Vec<String>| line.iter().map(quoted).collect::<Vec<_>>().join(",");
            let text = table.iter().map(line).collect::<Vec<_>>().join("\r\n");
            prop_assert_eq!(lines(&text), Ok(table));
        }

        #[test]
        fn any_text_ends(text in "[a\",\r\n]{0,20}") {
            let _ = lines(&text);
        }
    }
}
