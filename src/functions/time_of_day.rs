//! `time_of_day`: another time on the same day.

use super::draws::place;
use super::{Build, Built, Example, Function, Parameter, Refusal, TextMask, Uniqueness};
use crate::key::DomainKey;
use crate::pg::datetime::{parse_time, push_time, push_timestamp, split_date};
use crate::schema::PgType;

pub static TIME_OF_DAY: Function = Function {
    name: "time_of_day",
    summary: "Replace the time of day by a drawn one of whole seconds; the date, the offset from UTC and the \
              infinities stay",
    parameters: &[
        Parameter { name: "from", help: "the earliest time, such as \"09:00:00\"; default \"00:00:00\"" },
        Parameter {
            name: "to",
            help: "the time before which all are, such as \"17:30:00\"; default \"24:00:00\"",
        },
    ],
    example: Example {
        rule: r#"{ fn = "time_of_day", from = "09:00:00", to = "17:00:00" }"#,
        ty: PgType::Timestamp(None),
        input: "2024-02-29 23:45:12.5",
        output: Some("2024-02-29 13:23:09"),
    },
    domain: "time_of_day",
    domain_by: Some("time_of_day"),
    takes: |ty| {
        matches!(
            ty.base(),
            PgType::Time(_) | PgType::TimeTz(_) | PgType::Timestamp(_) | PgType::TimestampTz(_)
        )
    },
    takes_text: "`time`, `timetz`, `timestamp`, `timestamptz`",
    build,
};

const SECOND: i64 = 1_000_000;

struct TimeOfDay {
    key: DomainKey,
    from_seconds: i64,
    /// How many times there are to draw from.
    seconds: usize,
    dated: bool,
}

impl TextMask for TimeOfDay {
    fn mask(&self, value: &str, subject: &[u8], out: &mut String) -> Result<(), &'static str> {
        if self.dated && matches!(value, "infinity" | "-infinity") {
            out.push_str(value);
            return Ok(());
        }
        let (day, rest) = match self.dated {
            true => {
                let split = split_date(value.as_bytes()).ok_or("is not a timestamp in ISO form")?;
                (Some(split.0), split.1.strip_prefix(b" ").ok_or("is not a timestamp in ISO form")?)
            }
            false => (None, value.as_bytes()),
        };
        let (time, zone) =
            rest.split_at(rest.iter().position(|byte| b"+-".contains(byte)).unwrap_or(rest.len()));
        let old = parse_time(time).ok_or("is not a time in ISO form")?;
        let zone =
            std::str::from_utf8(zone).ok().filter(|zone| is_zone(zone)).ok_or("is not a time in ISO form")?;
        let drawn = place(&self.key.prf(subject), 0, self.seconds) as i64;
        let mut seconds = self.from_seconds + drawn;
        if seconds * SECOND == old && self.seconds > 1 {
            seconds = self.from_seconds + (drawn + 1) % self.seconds as i64;
        }
        match day {
            None => {
                push_time(seconds * SECOND, out);
                out.push_str(zone);
            }
            Some(day) => {
                push_timestamp(day, seconds * SECOND, zone, out);
            }
        }
        Ok(())
    }
}

/// Whether `text` is empty, or an offset such as `+02`, `-03:30` or `+05:53:28`.
fn is_zone(text: &str) -> bool {
    matches!(text.len(), 0 | 3 | 6 | 9)
        && text.bytes().enumerate().all(|(at, byte)| match at % 3 {
            0 if at == 0 => b"+-".contains(&byte),
            0 => byte == b':',
            _ => byte.is_ascii_digit(),
        })
}

fn build(build: &Build<'_>) -> Result<Built, Refusal> {
    let seconds = |name: &str, default: i64| match build.parameters.0.get(name) {
        None => Ok(default),
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let padded = if text.len() == 5 { format!("{text}:00") } else { text };
            parse_time(padded.as_bytes())
                .filter(|time| time % SECOND == 0)
                .map(|time| time / SECOND)
                .ok_or_else(|| {
                    Refusal::new(format!("`{name}` is no time of whole seconds"))
                        .hint(format!("write `{name} = \"09:00:00\"`"))
                })
        }
    };
    let (from, to) = (seconds("from", 0)?, seconds("to", 86_400)?);
    if from >= to {
        return Err(Refusal::new("`from` is not before `to`").hint("swap the two"));
    }
    let dated = matches!(build.ty.base(), PgType::Timestamp(_) | PgType::TimestampTz(_));
    let mask = TimeOfDay { key: build.key.clone(), from_seconds: from, seconds: (to - from) as usize, dated };
    Ok(Built::text(mask, Uniqueness::None, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::test_support::Tester;

    #[test]
    fn the_date_and_the_offset_stay() {
        let mask = Tester::new(&TIME_OF_DAY, "from = '09:00'\nto = 17:00:00", PgType::TimestampTz(None));
        for minute in 0..60 {
            let result = mask.masked(&format!("0044-03-15 12:{minute:02}:00.5+05:30 BC")).unwrap();
            let time = result.strip_prefix("0044-03-15 ").unwrap().strip_suffix("+05:30 BC").unwrap();
            assert!(("09:00:00".."17:00:00").contains(&time), "{result}");
        }
        assert_eq!(mask.masked("infinity").unwrap(), "infinity");
    }

    #[test]
    fn a_time_becomes_another() {
        let mask = Tester::new(&TIME_OF_DAY, "from = '09:00'\nto = '09:00:02'", PgType::TimeTz(None));
        for value in ["09:00:00-03", "09:00:01-03"] {
            let result = mask.masked(value).unwrap();
            assert!(result != value && result.ends_with("-03"), "{result}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let timestamp = Tester::new(&TIME_OF_DAY, "", PgType::Timestamp(None));
        for value in ["", "2024-02-29", "2024-02-29T10:00:00", "2024-02-29 25:00:00", "2024-02-29 10:00:00+2"]
        {
            assert!(timestamp.masked(value).is_err(), "{value}");
        }
        assert!(
            Tester::refused(&TIME_OF_DAY, "from = '12:00'\nto = '12:00'", PgType::Time(None))
                .contains("before")
        );
        assert!(Tester::refused(&TIME_OF_DAY, "from = 'noon'", PgType::Time(None)).contains("no time"));
    }
}
