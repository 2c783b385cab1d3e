use jiff::civil::{DateTime, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};
use mprov_sdk::{Type, Value};

use super::signature::{Failure, Function, Shape, Surroundings, string};
use super::text::text;

pub const FUNCTIONS: &[Function] = &[
    Function::new(
        "formatdate",
        &[string("spec"), string("timestamp")],
        Shape::String,
        "the time in the form of the specification, such as YYYY-MM-DD",
        formatdate,
    ),
    Function::new(
        "timeadd",
        &[string("timestamp"), string("duration")],
        Shape::String,
        "the time that much later, such as 1h30m",
        timeadd,
    ),
    Function::new(
        "timecmp",
        &[string("timestamp_a"), string("timestamp_b")],
        Shape::Number,
        "-1, 0 or 1, as the first time is before, at or after the second",
        timecmp,
    ),
    Function::new("plantimestamp", &[], Shape::String, "the time of the plan", plantimestamp),
    Function::new("timestamp", &[], Shape::String, "the time of the apply", timestamp),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// A time with the offset that it was written with.
struct Moment {
    local: DateTime,
    offset: Offset,
}

impl Moment {
    fn parse(args: &[Value], at: usize) -> Result<Self, Failure> {
        let given = text(&args[at]);
        Self::read(given).ok_or_else(|| {
            Failure::of(at, format!("{given:?} is no time"))
                .advice("Times are written as in RFC 3339, 2026-11-23T10:00:00Z.")
        })
    }

    fn read(given: &str) -> Option<Self> {
        let shape = given.as_bytes();
        if shape.len() < 20 || shape[10] != b'T' || !given.is_ascii() {
            return None;
        }
        let zone = given.rfind(['Z', '+', '-']).filter(|at| *at >= 19)?;
        let local: DateTime = given[..zone].parse().ok()?;
        let offset = match &given[zone..] {
            "Z" => Offset::UTC,
            written => {
                let (hours, minutes) = written[1..].split_once(':')?;
                let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
                if !(0..24).contains(&hours) || !(0..60).contains(&minutes) {
                    return None;
                }
                let seconds = hours * 3600 + minutes * 60;
                Offset::from_seconds(if written.starts_with('-') { -seconds } else { seconds }).ok()?
            }
        };
        Some(Self { local, offset })
    }

    fn timestamp(&self) -> Result<Timestamp, Failure> {
        self.offset.to_timestamp(self.local).map_err(|e| Failure::new(e.to_string()))
    }

    /// `+hh` and `mm` of the offset, with that between them.
    fn offset(&self, between: &str) -> String {
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }

    fn rfc3339(&self) -> String {
        let d = self.local;
        let zone = if self.offset == Offset::UTC { "Z".to_owned() } else { self.offset(":") };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{zone}",
            d.year(),
            d.month(),
            d.day(),
            d.hour(),
            d.minute(),
            d.second()
        )
    }
}

fn formatdate(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let moment = Moment::parse(args, 1)?;
    let mut output = String::new();
    let mut rest = text(&args[0]);
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            rest = quoted(&rest[1..], &mut output)?;
            continue;
        }
        let end = rest.find(|other| other != c).unwrap_or(rest.len());
        match c.is_ascii_alphabetic() {
            true => output.push_str(&part(&rest[..end], &moment)?),
            false => output.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    Ok(Value::from(output))
}

/// Text in quotes, as it is; two quotes are one. Returns what follows.
fn quoted<'t>(mut rest: &'t str, output: &mut String) -> Result<&'t str, Failure> {
    loop {
        let end = rest.find('\'').ok_or_else(|| Failure::of(0, "a quote is not closed"))?;
        output.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                output.push('\'');
                rest = after;
            }
            None => return Ok(rest),
        }
    }
}

fn part(letters: &str, moment: &Moment) -> Result<String, Failure> {
    let d = moment.local;
    let month = MONTHS[usize::from(d.month().unsigned_abs()) - 1];
    let day = weekday(d.weekday());
    let half = if d.hour() < 12 { "am" } else { "pm" };
    let hour = match d.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let utc = moment.offset == Offset::UTC;
    Ok(match letters {
        "YYYY" => format!("{:04}", d.year()),
        "YY" => format!("{:02}", d.year() % 100),
        "MMMM" => month.to_owned(),
        "MMM" => month[..3].to_owned(),
        "MM" => format!("{:02}", d.month()),
        "M" => d.month().to_string(),
        "DD" => format!("{:02}", d.day()),
        "D" => d.day().to_string(),
        "EEEE" => day.to_owned(),
        "EEE" => day[..3].to_owned(),
        "hh" => format!("{:02}", d.hour()),
        "h" => d.hour().to_string(),
        "HH" => format!("{hour:02}"),
        "H" => hour.to_string(),
        "AA" => half.to_uppercase(),
        "aa" => half.to_owned(),
        "mm" => format!("{:02}", d.minute()),
        "m" => d.minute().to_string(),
        "ss" => format!("{:02}", d.second()),
        "s" => d.second().to_string(),
        "ZZZZZ" => moment.offset(":"),
        "ZZZZ" => moment.offset(""),
        "ZZZ" if utc => "UTC".to_owned(),
        "ZZZ" => moment.offset(""),
        "Z" if utc => "Z".to_owned(),
        "Z" => moment.offset(":"),
        _ => {
            return Err(Failure::of(0, format!("{letters:?} is no part of a time"))
                .advice("Letters that mean themselves stand in single quotes."));
        }
    })
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn timeadd(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let moment = Moment::parse(args, 0)?;
    let written = text(&args[1]);
    let duration = duration(written).ok_or_else(|| {
        Failure::of(1, format!("{written:?} is no duration"))
            .advice("Write numbers with units, such as 1h30m or -10s; the units are h, m, s, ms, us and ns.")
    })?;
    let later = moment.timestamp()?.checked_add(duration);
    let later = later.map_err(|_| Failure::of(1, "the time is too far away"))?;
    let moved = Moment { local: moment.offset.to_datetime(later), offset: moment.offset };
    Ok(Value::from(moved.rfc3339()))
}

fn duration(written: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match written.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, written.strip_prefix('+').unwrap_or(written)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let unit: i128 = match &after[..end] {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || number.len() > 18 {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        nanoseconds += whole * unit + part * unit / 10i128.pow(fraction.len() as u32);
        rest = &after[end..];
    }
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    let nanos = (nanoseconds % 1_000_000_000) as i32;
    let duration = SignedDuration::new(seconds, nanos);
    Some(if negative { -duration } else { duration })
}

fn timecmp(_: &Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (a, b) = (Moment::parse(args, 0)?.timestamp()?, Moment::parse(args, 1)?.timestamp()?);
    Ok(Value::from(a.cmp(&b) as i32))
}

fn plantimestamp(surroundings: &Surroundings<'_>, _: &[Value]) -> Result<Value, Failure> {
    match surroundings.plan_time {
        "" => Err(Failure::new("there is no plan here whose time it could be")),
        time => Ok(Value::from(time)),
    }
}

fn timestamp(surroundings: &Surroundings<'_>, _: &[Value]) -> Result<Value, Failure> {
    match surroundings.apply_time {
        Some(time) => Ok(Value::from(time)),
        None => Ok(Value::unknown(Type::String)),
    }
}
